"""Grading submissions once more, against another version: to see what it would change, and for the record."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .background import Background
from .catalogue import Catalogue
from .errors import DatabaseUnavailable, EngineUnavailable, GraderError
from .grading import grade
from .models import Challenge, Result, Status
from .store import CHANGES_SHOWN, RegradingItem, Store, Target

log = logging.getLogger(__name__)

TICK_S = 5.0  # between two looks for work that nobody announced, or that somebody lost
PAUSE_S = 5.0  # while the engine or the database is away

Tell = Callable[[str, dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Again:
    """A verdict beside the one that stands. ``steady`` is False when two runs did not agree."""

    result: Result
    changed: bool
    steady: bool = True


async def grade_again(
    challenge: Challenge, notebook: str, before: Target, sandboxes: Background
) -> Again | None:
    """A verdict that differs is asked for twice: a change that a second run does not show is none.

    None: it could not be graded, for reasons of ours. Raises what ``grade`` raises.
    """
    first = await grade(challenge, notebook, sandboxes)
    if first.status is Status.INTERNAL_ERROR:
        return None
    if _same(first, before):
        return Again(first, changed=False)
    second = await grade(challenge, notebook, sandboxes)
    if second.status is Status.INTERNAL_ERROR:
        return None
    if (second.status, second.score) == (first.status, first.score):
        return Again(first, changed=True)
    if _same(second, before):
        return Again(second, changed=False, steady=False)
    return Again(first, changed=True, steady=False)


def _same(result: Result, before: Target) -> bool:
    return (result.status.value, result.score) == (before.status, before.score)


@dataclass
class Impact:
    """What publishing a version would do to the verdicts that stand; nothing is recorded."""

    total: int
    done: int = 0
    changed: int = 0
    now_passed: int = 0
    no_longer_passed: int = 0
    unsteady: int = 0
    failed: int = 0
    changes: list[dict[str, Any]] = field(default_factory=list)

    def add(self, before: Target, again: Again | None, why_not: str = "") -> dict[str, Any] | None:
        """Count one; returns what is to be told of it, if anything."""
        self.done += 1
        told: dict[str, Any] = {"submission": before.uuid, "learner": before.username}
        told |= {"before_status": before.status, "before_score": before.score}
        if again is None:
            self.failed += 1
            return self._keep(told | {"after_status": None, "after_score": None, "message": why_not})
        self.unsteady += not again.steady
        if not again.changed:
            return None
        self.changed += 1
        passed = again.result.status is Status.PASSED
        self.now_passed += passed and before.status != Status.PASSED
        self.no_longer_passed += before.status == Status.PASSED and not passed
        after = {"after_status": again.result.status.value, "after_score": again.result.score, "message": ""}
        return self._keep(told | after)

    def _keep(self, told: dict[str, Any]) -> dict[str, Any]:
        if len(self.changes) < CHANGES_SHOWN:
            self.changes.append(told)
        return told

    def counts(self) -> dict[str, int]:
        names = ("total", "done", "changed", "now_passed", "no_longer_passed", "unsteady", "failed")
        return {name: int(getattr(self, name)) for name in names}

    def as_dict(self) -> dict[str, Any]:
        verdicts = "verdict" if self.total == 1 else "verdicts"
        message = f"This changes {self.changed} of {self.total} {verdicts}."
        if self.failed:
            message += f" {self.failed} could not be graded against it and would keep theirs."
        return {**self.counts(), "message": message, "changes": self.changes}


class Regrading:
    """Carries out what regradings ask for, beside the learners' own submissions and after them."""

    def __init__(
        self,
        store: Store,
        catalogue: Catalogue,
        background: Background,
        *,
        name: str,
        lease_s: float,
        attempts_max: int,
    ) -> None:
        self._store, self._catalogue, self._background = store, catalogue, background
        self._name, self._lease_s, self._attempts_max = name, lease_s, attempts_max
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        await self._store.database.run(self._store.take_back_regrading_items, self._name)
        self._tasks = [
            asyncio.create_task(self._work(), name=f"regrading {number}")
            for number in range(self._background.slots)
        ]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def wake(self) -> None:
        self._news.set()

    async def impact(self, challenge: Challenge, challenge_id: int | None, tell: Tell) -> dict[str, Any]:
        """Grade each learner's latest submission against ``challenge``. May be cancelled at any time.

        Tells ``progress`` (counts) after each, and ``change`` for each that ends differently.
        """
        run, store = self._store.database.run, self._store
        targets = await run(store.latest, challenge_id) if challenge_id is not None else []
        impact = Impact(len(targets))
        tell("progress", impact.counts())

        async def worker(waiting: Iterator[Target]) -> None:
            for target in waiting:
                notebook = await run(store.notebook_of, target)
                again, why_not = None, "It could not be graded, for reasons of the grader's own."
                try:
                    again = await grade_again(challenge, notebook, target, self._background)
                except EngineUnavailable:
                    raise
                except GraderError as error:
                    why_not = error.message
                if told := impact.add(target, again, why_not):
                    tell("change", told)
                tell("progress", impact.counts())

        waiting = iter(targets)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._background.slots):
                    group.create_task(worker(waiting))
        except* GraderError as errors:
            raise errors.exceptions[0] from None
        return impact.as_dict()

    # --- for the record

    async def _work(self) -> None:
        while True:
            try:
                if not await self._one():
                    self._news.clear()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._news.wait(), TICK_S)
            except (DatabaseUnavailable, EngineUnavailable) as error:
                log.warning("regrading waits: %s", error.log_message or error.message)
                await asyncio.sleep(PAUSE_S)
            except Exception:
                log.exception("regrading stumbled and goes on")
                await asyncio.sleep(PAUSE_S)

    async def _one(self) -> bool:
        run, store = self._store.database.run, self._store
        await run(store.take_back_regrading_items, None)
        item = await run(store.claim_regrading_item, self._name, self._lease_s, self._attempts_max)
        if item is None:
            return False
        keeper = asyncio.create_task(self._keep(item))
        try:
            await self._carry_out(item)
        except (EngineUnavailable, asyncio.CancelledError):
            with contextlib.suppress(DatabaseUnavailable):
                await run(store.hand_back_regrading_item, item)
            raise
        finally:
            keeper.cancel()
        return True

    async def _carry_out(self, item: RegradingItem) -> None:
        run, store = self._store.database.run, self._store
        challenge = await self._catalogue.challenge(item.version_id)
        try:
            again = await grade_again(challenge, item.notebook, item.target, self._background)
        except EngineUnavailable:
            raise
        except GraderError as error:
            await run(store.fail_regrading, item, error.message)
            return
        if again is None:
            await run(store.fail_regrading, item, "It could not be graded, for reasons of the grader's own.")
        else:
            await run(store.record_regrading, item, again.result)

    async def _keep(self, item: RegradingItem) -> None:
        while True:
            await asyncio.sleep(self._lease_s / 3)
            with contextlib.suppress(DatabaseUnavailable):
                await self._store.database.run(self._store.keep_regrading_item, item, self._lease_s)
