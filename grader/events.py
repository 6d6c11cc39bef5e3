"""What happens to a submission, told live to whoever watches it, and told again to whoever comes late.

A channel keeps the events of one submission while it is graded. Every watcher reads the same list at its
own pace, so a slow one costs no memory. The record is in the database: a channel ends once its result
stands there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

MAX_EVENTS = 4000  # of one submission: a cell or check gives two, and a notebook has at most 1000 cells


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    data: dict[str, Any]


@dataclass(slots=True)
class _Channel:
    live: bool = False  # being graded in this process …
    learner: str = ""  # … for this one
    ended: bool = False
    watchers: int = 0
    restarts: int = 0
    history: list[Event] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def notify(self) -> None:
        # whoever waits holds the old event object, so one set() wakes all of them
        self.changed.set()
        self.changed = asyncio.Event()

    def restart(self) -> None:
        self.history = []
        self.restarts += 1


class Events:
    """All channels of this process. To be used from one event loop only."""

    def __init__(self) -> None:
        self._channels: dict[str, _Channel] = {}
        self._closed = False

    def __len__(self) -> int:
        return len(self._channels)

    def begin(self, submission: str, learner: str) -> None:
        """Grading starts; what was told of an earlier start is not told again."""
        channel = self._channels.setdefault(submission, _Channel())
        channel.live, channel.learner = True, learner
        channel.restart()

    def publish(self, submission: str, name: str, data: dict[str, Any]) -> None:
        channel = self._channels.get(submission)
        if channel and len(channel.history) < MAX_EVENTS:
            channel.history.append(Event(name, data))
            channel.notify()

    def put_off(self, submission: str) -> None:
        """Grading broke off and will begin again, here or in another grader."""
        channel = self._channels.get(submission)
        if channel:
            channel.live = False
            channel.restart()
            channel.notify()
            self._forget_if_idle(submission, channel)

    def end(self, submission: str, result: dict[str, Any] | None = None) -> None:
        """The last event. Without a ``result`` watchers just end, and should look at the record."""
        channel = self._channels.pop(submission, None)
        if channel:
            if result is not None:
                channel.history.append(Event("result", result))
            channel.ended = True
            channel.notify()

    def close(self) -> None:
        """End every watch, and each that somebody begins from now on: the service stops."""
        self._closed = True
        for submission in list(self._channels):
            self.end(submission)

    @contextmanager
    def watch(self, submission: str) -> Iterator[Watch]:
        """From here on no event is missed; so look at the record only after this."""
        channel = self._channels.setdefault(submission, _Channel(ended=self._closed))
        channel.watchers += 1
        try:
            yield Watch(channel)
        finally:
            channel.watchers -= 1
            self._forget_if_idle(submission, channel)

    def _forget_if_idle(self, submission: str, channel: _Channel) -> None:
        if not channel.live and not channel.watchers and self._channels.get(submission) is channel:
            del self._channels[submission]


class Watch:
    def __init__(self, channel: _Channel) -> None:
        self._channel = channel

    def is_graded_for(self, learner: str) -> bool:
        """Whether this process is grading it, and it is that learner's."""
        return self._channel.live and self._channel.learner == learner

    async def events(self, quiet_s: float) -> AsyncIterator[list[Event]]:
        """Every event since grading began, until the end: those that are there together. An empty list
        whenever ``quiet_s`` passed without one.

        A submission that is graded elsewhere, or is finished, gives only empty lists.
        """
        channel = self._channel
        told, restarts = 0, channel.restarts
        while True:
            if restarts != channel.restarts:
                told, restarts = 0, channel.restarts
            if told < len(channel.history):
                new = channel.history[told:]
                told += len(new)
                yield new
            elif channel.ended:
                return
            else:
                try:
                    await asyncio.wait_for(channel.changed.wait(), quiet_s)
                except TimeoutError:
                    yield []
