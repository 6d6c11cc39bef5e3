"""What helps a learner on: hints in steps, and the author's solution once theirs has passed."""

from __future__ import annotations

from typing import Any

from ..errors import HintUnknown, RequestMalformed, SolutionWithheld
from ..models import Role
from ..release import without_markers
from ..store import Version
from .base import ApiHandler

# Failed attempts since the last hint after which the next one is offered; asked for it is there at any time.
OFFER_AFTER = 2


class HintsHandler(ApiHandler):
    body_limit = 1024

    async def get(self, slug: str) -> None:
        await self._tell(await self.parts.catalogue.current(slug))

    async def post(self, slug: str) -> None:
        """The next hint, or one that was taken before: to ask twice for a number takes one hint."""
        version = await self.parts.catalogue.current(slug)
        number = self.json_body().get("number")
        if type(number) is not int:
            raise RequestMalformed("number must say which hint: 1 for the first.")
        hints = (await self.parts.catalogue.challenge(version.id)).hints
        store = self.parts.store
        taken = await store.database.run(store.hints, self.caller.name, version.challenge_id)
        if not 1 <= number <= min(len(hints), len(taken["hints"]) + 1):
            raise HintUnknown(
                "Hints are taken one after the other, and there is none of that number to take now.",
                details={"taken": len(taken["hints"]), "total": len(hints)},
            )
        await store.database.run(store.take_hint, self.caller.name, version.challenge_id, number)
        await self._tell(version)

    async def _tell(self, version: Version) -> None:
        hints = (await self.parts.catalogue.challenge(version.id)).hints
        store = self.parts.store
        found = await store.database.run(store.hints, self.caller.name, version.challenge_id)
        # an author may have taken hints away since
        taken = [hint for hint in found["hints"] if hint["number"] <= len(hints)]
        left = len(taken) < len(hints)
        self.send(
            {
                "total": len(hints),
                "taken": [{**hint, "text": hints[hint["number"] - 1]} for hint in taken],
                "offered": left and found["failed_since"] >= OFFER_AFTER,
                "offer_after": OFFER_AFTER,
                "solution": await _withheld(self, version) is None,
            }
        )


class SolutionHandler(ApiHandler):
    async def get(self, slug: str) -> None:
        version = await self.parts.catalogue.current(slug)
        if reason := await _withheld(self, version):
            raise SolutionWithheld(reason)
        challenge = await self.parts.catalogue.challenge(version.id)
        cells = [
            {"id": cell.id, "source": without_markers(cell.source)}
            for cell in challenge.cells
            if cell.role is Role.SOLUTION
        ]
        self.send({"slug": slug, "version": version.number, "cells": cells})


async def _withheld(handler: ApiHandler, version: Version) -> str | None:
    """Why the caller may not see the author's solution now; None if they may."""
    challenge = await handler.parts.catalogue.challenge(version.id)
    if not challenge.show_solution:
        return "The author of this challenge keeps the solution back."
    store = handler.parts.store
    progress = await store.database.run(store.progress, handler.caller.name)
    mine: dict[str, Any] = progress.get(version.challenge_id, {})
    if mine.get("state") != "passed":
        return "The author's solution is shown once yours has passed with all points."
    return None


ROUTES: list[tuple[str, type[ApiHandler]]] = [
    ("challenges/([^/]+)/hints", HintsHandler),
    ("challenges/([^/]+)/solution", SolutionHandler),
]
