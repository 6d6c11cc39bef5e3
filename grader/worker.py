"""The tasks that take submissions from the queue, grade them and record the verdicts."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ParamSpec, TypeVar

from .catalogue import Catalogue
from .errors import DatabaseUnavailable, EngineUnavailable, GraderError
from .events import Events
from .grading import grade, not_judged, run
from .models import Challenge, Job, Result, State, Status
from .pool import Pool
from .store import Store, Work
from .verdict import SORRY

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

TICK_S = 5.0  # how often leases are renewed and forgotten work is looked for; never what a learner waits for
ENGINE_PAUSE_S = (1.0, 2.0, 5.0, 10.0)
DATABASE_PAUSE_S = (0.2, 0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True, slots=True)
class Handed:
    """A submission that begins to run while it is being accepted. ``work`` becomes the claim on it, or None:
    it was not accepted, or is another's to grade, and nobody hears of the run."""

    work: asyncio.Future[Work | None]
    challenge: Challenge
    job: Job


class _Early:
    """A run that began before its submission was accepted: what it tells waits until somebody may hear it."""

    def __init__(self, handed: Handed, pool: Pool) -> None:
        self.challenge = handed.challenge
        self._told: list[dict[str, Any]] = []
        self._tell: Callable[[dict[str, Any]], None] = self._told.append
        self._run = asyncio.create_task(run(handed.challenge, handed.job, pool, lambda e: self._tell(e)))

    async def result(self, tell: Callable[[dict[str, Any]], None]) -> Result:
        for event in self._told:
            tell(event)
        self._tell = tell
        return await self._run

    async def drop(self) -> None:
        self._run.cancel()
        await asyncio.gather(self._run, return_exceptions=True)


class Workers:
    """A fixed number of tasks that take submissions from the queue and grade them.

    An idle one can be given a submission that is just being accepted: the run and the writing down then go on
    side by side, and the run counts for nothing unless the submission stands in the record. The others look
    into the queue when they are done, when ``wake`` is called, and every TICK_S.
    """

    def __init__(
        self,
        *,
        store: Store,
        catalogue: Catalogue,
        events: Events,
        pool: Pool,
        name: str,
        count: int,
        lease_s: float = 30.0,
        attempts_max: int = 3,
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._events = events
        self._pool = pool
        self.name = name
        self._count = count
        self.lease_s = lease_s
        self._attempts_max = attempts_max
        self._tasks: list[asyncio.Task[None]] = []
        self._ticker: asyncio.Task[None] | None = None
        self._inbox: asyncio.Queue[Handed | None] = asyncio.Queue()
        self._idle = 0  # tasks that wait at the inbox and have nothing in it coming to them
        self._wakes = 0
        self._in_hand: dict[int, Work] = {}
        self._engine_faults = 0
        self._engine_again = 0.0
        self._stopping = asyncio.Event()

    @property
    def engine_away(self) -> bool:
        """Whether the last try to get a sandbox found no engine."""
        return self._engine_faults > 0

    @property
    def spare(self) -> bool:
        """Whether a worker has nothing to do, so that nobody waits either."""
        return self._idle > 0

    async def start(self) -> None:
        """Take back what an earlier life of this grader left unfinished, and begin."""
        await self._database(self._store.take_back, (), self.name)
        self._tasks = [asyncio.create_task(self._work(), name=f"worker {i}") for i in range(self._count)]
        self._ticker = asyncio.create_task(self._tick(), name="workers' ticker")

    async def stop(self, drain_s: float) -> None:
        """Let running submissions end for ``drain_s``; the rest goes back to the queue."""
        self._stopping.set()
        for _ in range(self._idle):
            self.wake()
        if self._tasks:
            _, pending = await asyncio.wait(self._tasks, timeout=drain_s)
            for task in pending:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._ticker:
            self._ticker.cancel()
            await asyncio.gather(self._ticker, return_exceptions=True)

    # --- for request handlers

    def begin(self, challenge: Challenge, job: Job) -> Handed | None:
        """Have an idle worker begin; None when there is none. Call ``settle`` with what comes back, once."""
        if self._stopping.is_set() or not self._idle:
            return None
        self._idle -= 1
        handed = Handed(asyncio.get_running_loop().create_future(), challenge, job)
        self._inbox.put_nowait(handed)
        return handed

    def settle(self, handed: Handed, work: Work | None) -> None:
        if not handed.work.done():  # its worker may have been stopped; then the lease runs out
            if work is not None:
                self._in_hand[work.id] = work
            handed.work.set_result(work)

    def wake(self) -> None:
        """There is something in the queue."""
        self._wakes += 1
        if self._idle:
            self._idle -= 1
            self._inbox.put_nowait(None)

    # --- the tasks

    async def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                await self._one()
            except Exception:
                log.exception("a worker stumbled and goes on")
                await asyncio.sleep(1.0)

    async def _one(self) -> None:
        if (wait_s := self._engine_again - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), wait_s)
            return
        wakes = self._wakes
        work = await self._database(self._store.claim, self.name, self.lease_s)
        if work is not None:
            await self._carry_out(work)
        elif wakes == self._wakes and not self._stopping.is_set():
            self._idle += 1
            handed = await self._inbox.get()
            if handed is not None:
                await self._begun(handed)

    async def _begun(self, handed: Handed) -> None:
        early, work = _Early(handed, self._pool), None
        try:
            work = await handed.work
        finally:
            if work is None:
                await early.drop()
        if work is not None:
            await self._carry_out(work, early)

    async def _carry_out(self, work: Work, early: _Early | None = None) -> None:
        self._in_hand[work.id] = work
        try:
            self._begin(work)
            result = await self._result(work, early)
            await self._record(work, result)
        except EngineUnavailable as error:
            await self._put_off(work)
            pause_s = ENGINE_PAUSE_S[min(self._engine_faults, len(ENGINE_PAUSE_S) - 1)]
            self._engine_faults += 1
            self._engine_again = time.monotonic() + pause_s
            log.warning(
                "the engine is away, work waits %.0f s: %s", pause_s, error.log_message or error.message
            )
        except asyncio.CancelledError:
            await self._put_off(work)
            raise
        except Exception:
            # the lease runs out, and the attempt counts
            self._events.put_off(work.uuid)
            raise
        finally:
            self._in_hand.pop(work.id, None)

    def _begin(self, work: Work) -> None:
        self._events.begin(work.uuid, work.username)
        self._events.publish(work.uuid, "state", {"state": State.RUNNING, "position": 0})

    async def _result(self, work: Work, early: _Early | None) -> Result:
        try:
            challenge = early.challenge if early else await self._challenge(work)
        except GraderError as error:
            log.error("submission %s: its challenge cannot be read any more: %s", work.uuid, error)
            return Result(Status.INTERNAL_ERROR, 0.0, 0.0, (), (), message=SORRY)

        def tell(event: dict[str, Any]) -> None:
            if event["event"] == "restart":
                self._begin(work)
            else:
                self._events.publish(work.uuid, event["event"], event["data"])

        try:
            if work.attempts > self._attempts_max:
                log.error("submission %s: grading broke off %d times, given up", work.uuid, work.attempts - 1)
                result = not_judged(challenge)
            elif early:
                result = await early.result(tell)
            else:
                result = await grade(challenge, work.notebook, self._pool, tell)
            self._engine_faults = 0
        except EngineUnavailable:
            raise
        except GraderError as error:
            # it was looked at when it was accepted, so this is a change of ours
            log.error("submission %s cannot be graded any more: %s", work.uuid, error)
            result = not_judged(challenge, error.message)
        except Exception:
            log.exception("submission %s could not be graded", work.uuid)
            result = not_judged(challenge)
        queue_ms = round(work.queue_ms, 3)
        total_ms = round(result.timings.total_ms + queue_ms, 3)
        return replace(result, timings=replace(result.timings, queue_ms=queue_ms, total_ms=total_ms))

    async def _challenge(self, work: Work) -> Challenge:
        for pause_s in _pauses(DATABASE_PAUSE_S):
            try:
                return await self._catalogue.challenge(work.version_id)
            except DatabaseUnavailable:
                await asyncio.sleep(pause_s)
        raise AssertionError("the pauses never end")

    async def _record(self, work: Work, result: Result) -> None:
        shown = await self._database(self._store.record, work, result)
        if shown is None:
            log.warning("submission %s was taken over by another grader; its result counts", work.uuid)
        # what a watcher sees as the result is what stands in the record, and only once it does
        self._events.end(work.uuid, shown)

    async def _put_off(self, work: Work) -> None:
        """Back into the queue. Should the database be away, the lease runs out instead."""
        try:
            async with asyncio.timeout(5):
                await self._store.database.run(self._store.hand_back, work)
        except (DatabaseUnavailable, TimeoutError):
            log.warning("submission %s returns to the queue when its lease runs out", work.uuid)
        self._events.put_off(work.uuid)

    async def _database(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask the database until it answers."""
        for pause_s in _pauses(DATABASE_PAUSE_S):
            try:
                return await self._store.database.run(call, *args, **kwargs)
            except DatabaseUnavailable as error:
                log.warning("the database is away, next try in %.1f s: %s", pause_s, error.log_message)
                await asyncio.sleep(pause_s)
        raise AssertionError("the pauses never end")

    async def _tick(self) -> None:
        """Renew, take back, look: the net under everything that wakes workers at once."""
        while True:
            await asyncio.sleep(min(TICK_S, self.lease_s / 3))
            try:
                database, store = self._store.database, self._store
                await database.run(store.keep, list(self._in_hand.values()), self.lease_s)
                for uuid in await database.run(store.take_back, list(self._in_hand.values())):
                    log.warning("submission %s: its grader stopped answering, it is graded again", uuid)
                for _ in range(min(self._idle, await database.run(store.waiting))):
                    self.wake()
            except DatabaseUnavailable:
                pass  # the workers log it
            except Exception:
                log.exception("the workers' ticker stumbled and goes on")


def _pauses(steps: tuple[float, ...]) -> Iterator[float]:
    yield from steps
    while True:
        yield steps[-1]
