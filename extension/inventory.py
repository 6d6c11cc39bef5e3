"""What the sandbox has, as the grader told it last: asked for ahead, so that no submission waits for it."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from .client import GraderClient
from .errors import Refusal

FRESH_S = 600.0  # an answer that is older is asked for anew, and stands until the new one is there
AGAIN_S = 20.0  # after a failure

log = logging.getLogger(__name__)


class Inventory:
    """The grader's answer to ``GET sandbox``, remembered."""

    def __init__(self, grader: GraderClient) -> None:
        self._grader = grader
        self._told: dict[str, Any] | None = None
        self._modules: frozenset[str] = frozenset()
        self._ask_at = float("-inf")
        self._asking: asyncio.Task[dict[str, Any]] | None = None

    def look(self) -> None:
        """Ask in the background, if it is time to."""
        if time.monotonic() >= self._ask_at and (self._asking is None or self._asking.done()):
            self._ask_at = time.monotonic() + AGAIN_S
            self._asking = asyncio.create_task(self._ask())
            self._asking.add_done_callback(_heard)

    def modules(self, language: str) -> frozenset[str] | None:
        """Names that code in this language can import in the sandbox; None while that is not known. Waits
        for nothing."""
        self.look()
        if self._told is None or self._told["language"].lower() != language.lower():
            return None
        return self._modules

    async def read(self) -> dict[str, Any]:
        """The grader's answer. Raises Refusal if there never was one and there is none now."""
        if self._told is None:
            if self._asking is None or self._asking.done():
                self._asking = asyncio.create_task(self._ask())
                self._asking.add_done_callback(_heard)
            return await asyncio.shield(self._asking)
        self.look()
        return self._told

    async def _ask(self) -> dict[str, Any]:
        told = await self._grader.request("GET", "sandbox")
        if not isinstance(told.get("language"), str) or not isinstance(told.get("modules"), list):
            raise Refusal("internal", "The grader did not say what its sandbox has.", http_status=502)
        self._told, self._modules = told, frozenset(map(str, told["modules"]))
        self._ask_at = time.monotonic() + FRESH_S
        return told


def _heard(asking: asyncio.Task[dict[str, Any]]) -> None:
    """An error that nobody waits for is no more than a reason to ask again."""
    if not asking.cancelled() and asking.exception() is not None:
        log.info("ChallengeHub: what the sandbox has is not known: %s", asking.exception())
