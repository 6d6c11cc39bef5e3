"""Frames between the two processes: a socket, and beside it a mailbox in memory that both have mapped.

The socket alone would do. Waking a process that sleeps in it is most of what a call costs, though, and under
gVisor several times all the rest; so a small frame is left in the mailbox, where a side that has only just
begun to wait looks for it first.
"""

from __future__ import annotations

import array
import fcntl
import mmap
import os
import select
import socket
import struct
import termios
from typing import Any

import msgpack

from .wire import FRAME_MAX, Gone, ValueTooLarge, WireError, unpack

LANE_BYTES = 64 * 1024  # the largest frame that a mailbox takes
SPINS, LOOKS = 4, 2000  # some 0.2 ms: how long a side that begins to wait keeps looking
VAIN_MAX = 20  # after so many waits in vain, sleep at once …
VAIN_REST = 50  # … for so many waits, then try again
_NAP_MS = 50

_LENGTH = struct.Struct(">I")
_BELL = _LENGTH.pack(0)
# Words at the beginning of a lane: the writer's count of frames and the length of this one; the reader's
# count of frames, and whether it sleeps; and the most memory that the writer says it has held, in KiB.
_SENT, _SIZE, _TAKEN, _ASLEEP, _HELD = range(5)
_HEAD = 32  # bytes


class Lane:
    """One direction of a mailbox: room for one frame. Each side writes its own words only, one at a time.

    The learner's code may write anything here at any moment: what is read is copied first and then looked at,
    and the counts decide only where a frame is looked for.
    """

    def __init__(self, memory: memoryview) -> None:
        self.words = memory[:_HEAD].cast("I")
        self.bytes = memory[_HEAD:]
        self.sent = 0  # frames that the writer has sent, by either way
        self.seen = 0  # the count of the last frame that the reader took from here

    def put(self, data: bytes) -> bool:
        """Leave a frame, if everything before it was taken; whether it was."""
        words = self.words
        if len(data) > len(self.bytes) or words[_TAKEN] != self.sent & 0xFFFFFFFF:
            return False
        self.bytes[: len(data)] = data
        words[_SIZE] = len(data)
        self.sent += 1
        words[_SENT] = self.sent & 0xFFFFFFFF
        return True

    def take(self) -> bytes | None:
        count = self.words[_SENT]
        if count == self.seen:
            return None
        data = bytes(self.bytes[: self.words[_SIZE]])
        self.seen = count
        self.took()
        return data

    def took(self) -> None:
        self.words[_TAKEN] = (self.words[_TAKEN] + 1) & 0xFFFFFFFF


class Mailbox:
    """Memory for both directions, to be made before the fork; each side then has its own view of it."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 2 * (_HEAD + LANE_BYTES))

    def lanes(self) -> tuple[memoryview, memoryview]:
        whole = memoryview(self._memory)
        return whole[: _HEAD + LANE_BYTES], whole[_HEAD + LANE_BYTES :]


class Channel:
    """Frames to and from the other side, with its printed output read in the meantime.

    ``outputs`` maps a readable descriptor to a function that is given each chunk (bytes) read from it.
    What was written to it before a frame was sent is always delivered before that frame. ``lanes``: the
    mailbox's memory for what is sent and for what is received; None: the socket alone.
    """

    def __init__(
        self,
        sock: socket.socket,
        outputs: dict[int, Any] | None = None,
        lanes: tuple[memoryview, memoryview] | None = None,
    ) -> None:
        self.sock = sock
        self._buffer = bytearray()
        self._frames = self._bells = 0
        # Waits in vain, one after the other. Looking pays for checks that call thousands of times. With the
        # few frames of an ordinary submission it keeps processors from all that carries the verdict.
        self._vain = VAIN_MAX
        self._napped = False  # since something last came
        self._spins = lanes is not None and len(os.sched_getaffinity(0)) > 1
        self._to = Lane(lanes[0]) if lanes else None
        self._from = Lane(lanes[1]) if lanes else None
        self.outputs = outputs or {}
        self._fd = sock.fileno()
        self._held = array.array("i", [0])
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)
        for fd in self.outputs:
            self._poll.register(fd, select.POLLIN)

    def send(self, message: list[Any], blocked: Any = None) -> None:
        """Send one frame; ValueTooLarge when it breaks the cap, OSError when the peer is gone.

        ``blocked`` is called about every 10 ms while the peer does not read. What it raises leaves half a
        frame behind: nothing can be said to that peer any more.
        """
        data = msgpack.packb(message, unicode_errors="surrogatepass")
        if len(data) > FRAME_MAX:
            raise ValueTooLarge(f"a value of {len(data) >> 20} MB is too large to be checked")
        lane = self._to
        if lane is not None:
            if lane.put(data):
                if lane.words[_ASLEEP]:
                    self._write(_BELL, blocked)
                return
            lane.sent += 1
        self._write(_LENGTH.pack(len(data)) + data, blocked)

    def _write(self, data: bytes, blocked: Any) -> None:
        if blocked is None and not self.outputs:
            self.sock.sendall(data)
            return
        # The peer may be blocked on its output pipe: keep reading it while a large frame goes out.
        view = memoryview(data)
        while view:
            try:
                view = view[self.sock.send(view, socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                self.drain()
                if blocked is not None:
                    blocked()
                select.select([], [self.sock], [], 0.01)

    def say_held(self, kib: int) -> None:
        """Let the other side know how much memory this one has held."""
        if self._to is not None:
            self._to.words[_HELD] = kib & 0xFFFFFFFF

    def held(self) -> int | None:
        """The most memory that the other side says it has held, in bytes; None when it has not said."""
        return self._from.words[_HELD] * 1024 or None if self._from is not None else None

    def drain(self) -> None:
        """Deliver what the outputs hold now, without waiting."""
        for fd, deliver in list(self.outputs.items()):
            while True:
                try:
                    chunk = os.read(fd, 65536)
                except BlockingIOError:
                    break
                if not chunk:
                    self._poll.unregister(fd)
                    del self.outputs[fd]
                    break
                deliver(chunk)

    def receive(self, idle: Any = None) -> list[Any]:
        """The next frame, decoded by msgpack only. Gone when the peer is, WireError on bad bytes.

        ``idle`` is called about every 50 ms of waiting.
        """
        lane = self._from
        frame = self._spin(lane) if lane is not None else None
        try:
            while frame is None:
                frame = self._next(lane)
                if frame is None:
                    self._wait(lane, idle)
        finally:
            if lane is not None:
                lane.words[_ASLEEP] = 0
        if self.outputs and self._printed():
            self.drain()
        self._frames += 1
        if idle is not None and self._frames % 64 == 0:
            idle()  # a flood of frames must not keep the clock from being looked at
        return unpack(frame)

    def _spin(self, lane: Lane) -> bytes | None:
        """Look for a frame in the mailbox for a moment, where that has been of use lately."""
        if not self._spins or self._buffer:
            return None
        if self._vain >= VAIN_MAX:
            self._vain += 1
            if self._vain < VAIN_MAX + VAIN_REST:
                return lane.take()
            self._vain = VAIN_MAX - 1
        words, seen = lane.words, lane.seen
        for _ in range(SPINS):
            for _ in range(LOOKS):
                if words[_SENT] != seen:
                    self._vain = 0
                    return lane.take()
            # On a busy machine the other side may be waiting for this processor. Seldom, for under gVisor
            # this call costs more than all the looks.
            os.sched_yield()
        self._vain += 1
        return None

    def _printed(self) -> bool:
        """Whether an output holds anything: by far the cheapest question of its kind under gVisor."""
        for fd in self.outputs:
            fcntl.ioctl(fd, termios.FIONREAD, self._held)
            if self._held[0]:
                return True
        return False

    def _next(self, lane: Lane | None) -> bytes | None:
        """A frame that is there already. The mailbox first: it is used only while the socket is empty."""
        if lane is not None:
            frame = lane.take()
            if frame is not None:
                return frame
        buffer = self._buffer
        if len(buffer) < 4:
            return None
        (size,) = _LENGTH.unpack_from(buffer)
        if size > FRAME_MAX:
            raise WireError("frame too long")
        if len(buffer) < 4 + size:
            return None
        frame = bytes(memoryview(buffer)[4 : 4 + size])
        del buffer[: 4 + size]
        if lane is not None:
            lane.took()
        return frame

    def _wait(self, lane: Lane | None, idle: Any) -> None:
        """Sleep until something comes in, at most 50 ms."""
        if lane is not None and not lane.words[_ASLEEP]:
            lane.words[_ASLEEP] = 1
            return  # look once more: it may have come before anybody could know that we sleep
        if lane is not None or self.outputs or idle is not None:
            # Without an ``idle`` one nap is enough, in case the last look and the other side's crossed: after
            # it the other side has long seen that we sleep, and rings.
            ready = self._poll.poll(_NAP_MS if idle is not None or not self._napped else None)
            self._napped = not ready
            if len(ready) > 1 or (ready and ready[0][0] != self._fd):
                self.drain()
            if all(fd != self._fd for fd, _ in ready):
                if idle is not None:
                    idle()
                return
        chunk = self.sock.recv(262144)
        if not chunk:
            if self.outputs:
                self.drain()
            raise Gone
        self._buffer += chunk
        if lane is not None:
            while self._buffer.startswith(_BELL):
                del self._buffer[:4]  # the mailbox is looked into before the next sleep
                self._bells += 1
                if idle is not None and self._bells % 64 == 0:
                    idle()  # nor must a flood of these
