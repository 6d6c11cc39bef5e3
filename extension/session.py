"""When a learner's session ends: some time after the last interaction, or after the browser was closed.

Pages say when somebody typed, clicked or ran something, and each holds a stream open while it is there.
Nothing else counts: JupyterLab's own traffic never ceases while a tab is open. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

NEVER = float("inf")
#: How long pages have for saving what is unsaved, once the session is over.
SAVING_S = 20.0
#: A page tells of interactions at most this often, and of the last one in each such time.
REPORT_S = 30.0

#: For one page; None is the end of all.
Messages = asyncio.Queue[dict[str, Any] | None]


@dataclass(frozen=True)
class Rules:
    """In seconds; ``NEVER`` switches one off. ``idle_s`` and ``warning_s`` count from the last act."""

    idle_s: float = 3600.0
    warning_s: float = 1800.0
    closed_s: float = 1800.0

    @classmethod
    def from_environ(cls, env: Mapping[str, str] = os.environ) -> Rules:
        """What the Hub says, in minutes. What it does not say is off."""

        def seconds(name: str) -> float:
            try:
                minutes = float(env.get(f"CHALLENGEHUB_SESSION_{name}_MINUTES", "0"))
            except ValueError:
                return NEVER
            return 60 * minutes if minutes > 0 else NEVER

        return cls(seconds("IDLE"), seconds("WARNING"), seconds("CLOSED"))


@dataclass(frozen=True)
class Standing:
    """``state`` is active, warning or over; it changes in ``next_s`` unless somebody does something."""

    state: str
    remaining_s: float
    next_s: float


class Session:
    """One learner's session over all their pages. ``clock`` is the seam for time: seconds that only grow."""

    def __init__(self, rules: Rules, clock: Callable[[], float] = time.monotonic) -> None:
        self.rules = rules
        self._clock = clock
        # a server that nobody ever looks at ends like one whose browser was closed
        self._touched = self._closed = clock()
        self._pages: dict[str, Messages] = {}
        self._unsaved: set[str] = set()
        self._changed = asyncio.Event()
        self._saved = asyncio.Event()
        self.over = False

    @property
    def report_s(self) -> float:
        return min(REPORT_S, self.rules.idle_s / 20, self.rules.warning_s / 10)

    def touch(self) -> None:
        """Somebody typed, clicked or ran something, in whichever page."""
        self._touched = self._clock()
        self._changed.set()

    @contextlib.contextmanager
    def page(self, name: str) -> Iterator[Messages]:
        """A page is there; ``name`` is its own. What it is to be told comes through the queue."""
        queue: Messages = asyncio.Queue()
        self._pages[name] = queue
        queue.put_nowait(self.told(self.look()))
        self._changed.set()
        try:
            yield queue
        finally:
            # unless the page has connected anew before its old stream was known to be gone
            if self._pages.get(name) is queue:
                del self._pages[name]
                self.saved(name)
            if not self._pages:
                self._closed = self._clock()
            self._changed.set()

    def look(self) -> Standing:
        now = self._clock()
        idle_s = now - self._touched
        left_s = self.rules.idle_s - idle_s
        if not self._pages:
            left_s = min(left_s, self.rules.closed_s - (now - self._closed))
        if self.over or left_s <= 0:
            return Standing("over", 0.0, NEVER)
        warning_in_s = self.rules.warning_s - idle_s
        if warning_in_s > 0:
            return Standing("active", left_s, min(left_s, warning_in_s))
        return Standing("warning", left_s, left_s)

    def told(self, standing: Standing) -> dict[str, Any]:
        remaining = None if standing.remaining_s == NEVER else round(standing.remaining_s, 1)
        return {"state": standing.state, "remaining_s": remaining, "report_s": self.report_s}

    def saved(self, name: str) -> None:
        """This page has nothing unsaved any more, or has gone."""
        self._unsaved.discard(name)
        if not self._unsaved:
            self._saved.set()

    async def run(self, end: Callable[[], Awaitable[None]], saving_s: float = SAVING_S) -> None:
        """Until the session is over: tells the pages what changes, has them save, then calls ``end``."""
        state = ""
        while True:
            self._changed.clear()
            standing = self.look()
            if standing.state != state:
                state = standing.state
                self._tell(self.told(standing))
            if state == "over":
                break
            with contextlib.suppress(TimeoutError):
                wait_s = None if standing.next_s == NEVER else standing.next_s
                await asyncio.wait_for(self._changed.wait(), wait_s)
        self.over = True
        self._unsaved = set(self._pages)
        self._saved.clear()
        if self._unsaved:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._saved.wait(), saving_s)
        self._tell(None)
        await end()

    def _tell(self, message: dict[str, Any] | None) -> None:
        for queue in self._pages.values():
            queue.put_nowait(message)
