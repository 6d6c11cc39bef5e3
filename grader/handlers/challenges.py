"""Published challenges, as learners see them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from ..store import Version
from .base import ApiHandler


class ChallengesHandler(ApiHandler):
    async def get(self) -> None:
        store = self.parts.store
        versions, progress, _ = await asyncio.gather(
            self.parts.catalogue.published(),
            store.database.run(store.progress, self.caller.name),
            # pages ask for the list when they open and after each verdict: often enough to know the classes
            store.database.run(store.see_classes, self.caller.name, self.caller.classes),
        )
        self.send({"challenges": [summary(version, progress) for version in versions]})


class ChallengeHandler(ApiHandler):
    async def get(self, slug: str) -> None:
        version = await self.parts.catalogue.current(slug)
        store = self.parts.store
        progress = await store.database.run(store.progress, self.caller.name)
        about = version.overview
        self.send({**summary(version, progress), "checks": about["checks"], "limits": about["limits"]})


class ReleaseHandler(ApiHandler):
    async def get(self, slug: str) -> None:
        version = await self.parts.catalogue.current(slug)
        notebook = await self.parts.catalogue.release(version.id)
        # the notebook is JSON text already
        self.write(f'{{"slug": {json.dumps(slug)}, "version": {version.number}, "notebook": {notebook}}}')


def summary(version: Version, progress: dict[int, dict[str, Any]]) -> dict[str, Any]:
    about = version.overview
    names = ("title", "summary", "difficulty", "tags", "track", "prerequisites", "max_score")
    untouched = {"state": "new", "best_score": None, "attempts": 0}
    return {
        "slug": version.slug,
        "version": version.number,
        **{name: about[name] for name in names},
        **progress.get(version.challenge_id, untouched),
    }


ROUTES: list[tuple[str, type[ApiHandler]]] = [
    ("challenges", ChallengesHandler),
    ("challenges/([^/]+)", ChallengeHandler),
    ("challenges/([^/]+)/release", ReleaseHandler),
]
