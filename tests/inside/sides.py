"""Two ends of the wire in one process, for tests of what crosses it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgpack

from grader.inside.author import Author
from grader.inside.channel import Channel
from grader.inside.judge import Judge
from grader.inside.peer import Peer
from grader.inside.wire import Tag, WireError, unpack


class Side(Peer):
    """One end that has handles for whatever does not go by value, and no operations."""

    def __init__(self, first_number: int) -> None:
        super().__init__(None, first_number)  # type: ignore[arg-type]
        self.handles: list[Any] = []
        self.other: Side

    def encode_object(self, value: Any, depth: int) -> Any:
        self.handles.append(value)
        return [Tag.LEARNER, len(self.handles) - 1]

    def resolve_learner(self, item: list[Any], depth: int) -> Any:
        if type(item[1]) is not int or item[1] >= len(self.other.handles):
            raise WireError("bad handle")
        return Handle(self.other.handles[item[1]])

    def send(self, value: Any = None) -> Any:
        """``value`` as the other end receives it, with all that rides on the frame."""
        return self.other.receive(self.frame(value))

    def frame(self, value: Any = None) -> bytes:
        message = self._message([], lambda: [self.encode(value)])
        return bytes(msgpack.packb(message, unicode_errors="surrogatepass"))

    def receive(self, frame: bytes) -> Any:
        item, state = unpack(frame)
        return self._take(state, lambda: self.decode(item))


class Handle:
    """What came as a handle, and of what."""

    def __init__(self, of: Any) -> None:
        self.of = of


def pair() -> tuple[Side, Side]:
    here, there = Side(2), Side(1)
    here.other, there.other = there, here
    return here, there


def crossed(value: Any) -> Any:
    """``value`` after one crossing."""
    return pair()[0].send(value)


@contextmanager
def judge(author: Author | None = None) -> Iterator[tuple[Judge, socket.socket]]:
    """A judge, and the socket at which its learner's process would be."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(10)
        yield Judge(Channel(ours), author or Author()), theirs


def framed(*messages: Any) -> bytes:
    """Messages as bytes on the socket."""
    packed = (msgpack.packb(message, unicode_errors="surrogatepass") for message in messages)
    return b"".join(len(data).to_bytes(4, "big") + data for data in packed)
