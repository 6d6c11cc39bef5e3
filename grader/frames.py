"""How the grader and a sandbox's judge talk: frames of a 4-byte big-endian length and one msgpack map.

What comes from a sandbox is bytes of a stranger: its length is capped before it is read, its shape is
checked before anybody looks into it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import msgpack

FRAME_MAX = 4 * 1024 * 1024  # bytes of one frame from a sandbox

_LENGTH = struct.Struct(">I")


class FrameError(Exception):
    """What a sandbox sent is no frame of ours."""


class Frames:
    """Bytes in, events out; never holds more than one frame."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > FRAME_MAX:
                raise FrameError(f"a frame of {length} bytes")
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_LENGTH.size : end])
            del self._buffer[:end]
            try:
                # A learner's text may hold lone surrogates; a replacement character is good enough.
                event = msgpack.unpackb(body, raw=False, unicode_errors="replace", max_ext_len=0)
            except (ValueError, msgpack.UnpackException) as error:
                raise FrameError(f"not msgpack: {error}") from error
            if not isinstance(event, dict) or not isinstance(event.get("event"), str):
                raise FrameError("not an event")
            yield event


def encode(message: dict[str, Any]) -> bytes:
    """One frame for a sandbox."""
    body: bytes = msgpack.packb(message, unicode_errors="surrogatepass")
    return _LENGTH.pack(len(body)) + body
