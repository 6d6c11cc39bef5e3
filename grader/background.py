"""Sandboxes for work that can wait: checks of challenges, and grading again. Learners come first.

They come from a pool of their own, so that none that is kept ready for learners is ever taken, and a run
begins only while a worker has nothing to do, which means that nobody waits and a processor is free.
"""

from __future__ import annotations

import asyncio
from typing import Any

from .confinement import Spec
from .grading import OnEvent
from .models import Job
from .pool import Pool
from .sandbox import Ending, Sandbox
from .worker import Workers

LOOK_S = 0.1


class Background:
    """``grading.Sandboxes`` that wait for a quiet moment; at most ``slots`` are out at a time."""

    def __init__(self, pool: Pool, workers: Workers, slots: int) -> None:
        self.pool = pool
        self.slots = slots
        self._workers = workers
        self._free = asyncio.Semaphore(slots)

    async def take(self, spec: Spec) -> Lent:
        await self._free.acquire()
        try:
            while not self._workers.spare:  # noqa: ASYNC110 - to what can wait a tenth of a second is nothing
                await asyncio.sleep(LOOK_S)
            return Lent(await self.pool.take(spec), self._free)
        except BaseException:
            self._free.release()
            raise


class Lent:
    """A sandbox, and the place that it takes."""

    def __init__(self, sandbox: Sandbox, place: asyncio.Semaphore) -> None:
        self._sandbox = sandbox
        self._place: asyncio.Semaphore | None = place

    async def run(self, job: Job, on_event: OnEvent) -> Ending:
        return await self._sandbox.run(job, on_event)

    async def inventory(self) -> tuple[str, dict[str, Any]]:
        return await self._sandbox.inventory()

    async def close(self) -> None:
        place, self._place = self._place, None
        try:
            await self._sandbox.close()
        finally:
            if place:
                place.release()
