"""Ready sandboxes, so that a submission never waits for a container to start.

A few *builders* make sandboxes one after the other: first for those who wait, then to keep ``size`` of the
kind that most submissions ask for and one of each other kind lately asked for. Nothing here calls the engine
while a job is handed over, nor while its verdict is on its way.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter, deque
from collections.abc import Coroutine
from typing import Any

from .confinement import EngineSettings, Spec
from .errors import EngineUnavailable, GraderError, SandboxFailed
from .sandbox import Engine, Sandbox

READY_AGE_S = 1800.0  # a ready sandbox older than this is replaced
UNUSED_S = 900.0  # another kind than the usual one is kept ready for so long after it was asked for
ROUND_S = 30.0  # between two looks at age and leftovers
BACK_OFF_S = (0.5, 15.0)  # after a failure: first and longest pause
QUIET_S = 0.2  # a job that has just begun is left alone for so long; most are done by then
REMOVE_AFTER_S = 0.1  # the engine's work for a used one waits until the verdict is with the learner
CLOSE_S = 20.0  # for builders to finish, and then for the last removals
GIVE_UP_S = 2.0  # when closing, no longer pause than this between two tries: the engine is away for good
REMEMBERED = 32  # of so many submissions' kinds the most frequent is the one to keep a stock of
HEAD_START = 8  # by so many another kind must be ahead of the one that the challenges let expect

_log = logging.getLogger(__name__)


class Pool:
    """At most ``max_total`` sandboxes exist at a time, ``size`` of them ready for what is asked for most:
    ``usual`` at first, or what ``expect`` says."""

    def __init__(
        self,
        settings: EngineSettings | None = None,
        *,
        size: int = 4,
        max_total: int | None = None,
        usual: Spec | None = None,
        builders: int = 2,
        kinds: int = 2,
    ) -> None:
        """``builders``: sandboxes made at the same time; more than two take the processor away from
        submissions that run. ``kinds``: other specs than the usual one of which one is kept ready."""
        self.size = size
        self.max_total = max(max_total if max_total is not None else 2 * size + 2, 1)
        self.fault = ""  # why no sandbox can be made at present, in words; "" when all is well
        self._engine = Engine(settings or EngineSettings())
        self._usual = usual or Spec()  # as given; ``_expected`` is the same with its runtime decided
        self._expected: Spec | None = None
        self._lately: deque[Spec] = deque(maxlen=REMEMBERED)  # the kinds of the last submissions
        self._kinds = kinds
        self._builders = builders
        self._ready: dict[Spec, deque[Sandbox]] = {}
        self._waiters: deque[tuple[Spec, asyncio.Future[Sandbox]]] = deque()
        self._building: list[Spec] = []
        self._asked: dict[Spec, float] = {}  # other specs, when last asked for
        self._all: dict[str, Sandbox] = {}  # by container id: ready, running or being removed
        self._running: set[str] = set()
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._removals: set[asyncio.Task[None]] = set()
        self._pause = 0.0
        self._not_before = 0.0
        self._last_taken = 0.0
        self._closing = False

    @classmethod
    def for_command(
        cls, settings: EngineSettings, jobs: int, *, usual: Spec | None = None, ahead: int | None = None
    ) -> Pool:
        """For so many jobs at a time, and nobody else; ``ahead``: how many are kept ready, if not as many."""
        size = jobs if ahead is None else ahead
        return cls(settings, size=size, max_total=3 * jobs + 2, usual=usual, builders=max(2, jobs))

    async def __aenter__(self) -> Pool:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Remove leftovers and begin to make sandboxes. With no engine it tries again until there is one."""
        with contextlib.suppress(GraderError):
            await self.sweep()
        self._spawn(self._rounds(), "rounds")
        for number in range(self._builders):
            self._spawn(self._build(), f"builder {number}")

    def expect(self, usual: Spec) -> None:
        """What most submissions will ask for, as far as the published challenges tell."""
        if usual != self._usual:
            self._usual, self._expected = usual, None
            self._wake.set()

    @property
    def running(self) -> int:
        """How many are with somebody who took them."""
        return len(self._running)

    @property
    def ready(self) -> int:
        """How many sandboxes wait for a job."""
        return sum(len(line) for line in self._ready.values())

    @property
    def total(self) -> int:
        """How many exist: being made, ready, running and being removed."""
        return len(self._all) + len(self._building)

    async def take(self, spec: Spec | None = None) -> Sandbox:
        """A sandbox for one job: a ready one, else one made to order. ``close()`` it in a ``finally``.

        Raises EngineUnavailable when none can be made now, SandboxFailed when the one in the making broke.
        """
        if self._closing:
            raise EngineUnavailable("The grader is stopping.")
        spec = await self._resolve(spec or self._usual)
        self._asked[spec] = time.monotonic()
        self._lately.append(spec)
        line = self._ready.get(spec)
        while line:
            sandbox = line.popleft()
            if sandbox.alive:
                self._taken(sandbox)
                return sandbox
        waiter: asyncio.Future[Sandbox] = asyncio.get_running_loop().create_future()
        entry = (spec, waiter)
        self._waiters.append(entry)
        self._not_before = 0.0  # somebody waits: find out now whether it works again
        self._wake.set()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                await waiter.result().close()
            raise
        finally:
            with contextlib.suppress(ValueError):
                self._waiters.remove(entry)

    async def image(self) -> str:
        """The id of the image that sandboxes are made of now. Raises EngineUnavailable."""
        return await self._engine.image()

    async def sweep(self) -> int:
        """Remove what a former process left behind; returns how many there were."""
        removed = await self._engine.sweep(self._all)
        if removed:
            _log.info("removed %d sandboxes that were left behind", removed)
        return removed

    async def close(self) -> None:
        """Remove every sandbox, running ones too, and wait for it."""
        self._closing = True
        self._wake.set()
        self._fail_waiters(EngineUnavailable("The grader is stopping."))
        for task in self._tasks:
            if task.get_name().endswith("rounds"):
                task.cancel()
        # Builders finish what they began: a call that is broken off may leave a container behind.
        await _settled(self._tasks)
        for sandbox in list(self._all.values()):
            await sandbox.close()
        await _settled(self._removals)
        await self._engine.close()

    # -- making ----------------------------------------------------------------------------------------

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._tasks.add(asyncio.create_task(work, name=f"sandbox pool: {name}"))

    async def _build(self) -> None:
        while not self._closing:
            delay = self._not_before - time.monotonic()
            spec = self._wanted() if delay <= 0 else None
            if spec is None:
                self._wake.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(delay if delay > 0 else None):
                        await self._wake.wait()
                continue
            self._building.append(spec)
            try:
                sandbox = await self._engine.make(await self._resolve(spec), self._discard, self._died)
            except GraderError as error:
                self._failed(spec, error)
            except Exception as error:
                self._failed(spec, SandboxFailed("A sandbox could not be made.", log_message=repr(error)))
            else:
                self.fault, self._pause = "", 0.0
                self._all[sandbox.id] = sandbox
                await self._hand_over(sandbox)
            finally:
                self._building.remove(spec)
                self._wake.set()

    async def _resolve(self, spec: Spec) -> Spec:
        if self._expected is None:
            self._expected = await self._engine.resolve(self._usual)
        return await self._engine.resolve(spec)

    def _stock(self) -> Spec:
        """The kind to keep ``size`` of."""
        counts = Counter(self._lately)
        expected = self._expected or self._usual
        counts[expected] += HEAD_START
        return max(counts, key=counts.__getitem__)

    def _wanted(self) -> Spec | None:
        """What to make next, if there is need and room. Those who wait come first, in their order."""
        room = self.total < self.max_total
        waiting: dict[Spec, int] = {}
        for spec, waiter in self._waiters:
            waiting[spec] = waiting.get(spec, 0) + (not waiter.done())
        for spec, number in waiting.items():
            if number > self._building.count(spec):
                if not room:
                    self._make_room(spec)
                return spec if room else None
        # Stock can wait for a quiet moment; jobs that run now cannot.
        if not room or (self.running and (self._building or time.monotonic() - self._last_taken < QUIET_S)):
            return None
        stock = self._stock()
        if len(self._ready.get(stock, ())) + self._building.count(stock) < self.size:
            return stock
        for spec in self._kept_kinds(stock):
            if not self._ready.get(spec) and spec not in self._building:
                return spec
        return None

    def _kept_kinds(self, stock: Spec) -> list[Spec]:
        """The others of which one each is kept ready."""
        recent = sorted(self._asked.keys() - {stock}, key=self._asked.__getitem__, reverse=True)
        return [s for s in recent[: self._kinds] if time.monotonic() - self._asked[s] < UNUSED_S]

    def _make_room(self, spec: Spec) -> None:
        """Give up a ready sandbox of another kind, unless one is on its way out already."""
        if self._removals:
            return
        lines = [line for kind, line in self._ready.items() if line and kind != spec]
        if lines:
            self._discard_soon(max(lines, key=len).popleft())

    async def _hand_over(self, sandbox: Sandbox) -> None:
        if self._closing or not sandbox.alive:
            await sandbox.close()
            return
        for spec, waiter in self._waiters:
            if spec == sandbox.spec and not waiter.done():
                waiter.set_result(sandbox)
                self._taken(sandbox)
                return
        self._ready.setdefault(sandbox.spec, deque()).append(sandbox)

    def _taken(self, sandbox: Sandbox) -> None:
        self._running.add(sandbox.id)
        self._last_taken = time.monotonic()
        asyncio.get_running_loop().call_later(QUIET_S + 0.01, self._wake.set)

    def _failed(self, spec: Spec, error: GraderError) -> None:
        self.fault = error.message
        self._pause = min(max(2 * self._pause, BACK_OFF_S[0]), BACK_OFF_S[1])
        self._not_before = time.monotonic() + self._pause
        _log.warning("%s %s", error.message, error.log_message)
        if isinstance(error, EngineUnavailable):
            self._fail_waiters(error)
            return
        for wanted, waiter in self._waiters:
            if wanted == spec and not waiter.done():
                waiter.set_exception(error)
                return

    def _fail_waiters(self, error: GraderError) -> None:
        for _, waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(error)

    # -- and removing ----------------------------------------------------------------------------------

    def _died(self, sandbox: Sandbox) -> None:
        """One that nobody had taken has ended by itself, or was killed: replace it."""
        line = self._ready.get(sandbox.spec)
        if line and sandbox in line:
            line.remove(sandbox)
            _log.warning("a ready sandbox ended: %s", sandbox.log.decode(errors="replace").strip()[-500:])
            self._discard_soon(sandbox)

    def _discard_soon(self, sandbox: Sandbox) -> None:
        task = asyncio.create_task(sandbox.close())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _discard(self, sandbox: Sandbox) -> None:
        used = sandbox.id in self._running
        self._running.discard(sandbox.id)
        task = asyncio.create_task(self._remove(sandbox, used), name=f"remove sandbox {sandbox.id[:12]}")
        self._removals.add(task)
        task.add_done_callback(self._removals.discard)

    async def _remove(self, sandbox: Sandbox, used: bool) -> None:
        if used and not self._closing and self.total < self.max_total:
            await asyncio.sleep(REMOVE_AFTER_S)
        pause = BACK_OFF_S[0]
        while True:
            try:
                await self._engine.remove(sandbox)
                break
            except GraderError as error:  # it still counts as existing until the engine says it is gone
                _log.warning("sandbox %s: %s %s", sandbox.id[:12], error.message, error.log_message)
                if self._closing and pause > GIVE_UP_S:
                    return  # gone, or ending as well; what is left the next start sweeps
                await asyncio.sleep(pause)
                pause = min(2 * pause, BACK_OFF_S[1])
        self._all.pop(sandbox.id, None)
        self._wake.set()

    async def _rounds(self) -> None:
        """Now and then: leftovers of others, ready ones that are old, kinds that nobody asks for."""
        while True:
            await asyncio.sleep(ROUND_S)
            now = time.monotonic()
            stock = self._stock()
            keep = {stock: self.size} | dict.fromkeys(self._kept_kinds(stock), 1)
            for spec, line in self._ready.items():
                surplus = list(line)[keep.get(spec, 0) :]
                for sandbox in {*surplus, *(s for s in line if now - s.made_at > READY_AGE_S)}:
                    line.remove(sandbox)
                    await sandbox.close()
            self._asked = {s: t for s, t in self._asked.items() if now - t < UNUSED_S}
            self._wake.set()
            try:
                await self.sweep()
            except GraderError as error:
                self.fault = error.message
            except Exception:
                _log.exception("a look for leftovers stumbled; the next one comes")


async def _settled(tasks: set[asyncio.Task[None]]) -> None:
    """Wait for the tasks, within bounds."""
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=CLOSE_S)
        for task in late:
            task.cancel()
