"""What the judge and the learner may say to each other: frames, and values in a closed grammar.

A frame is a 4-byte big-endian length and one msgpack array. Inside it None, bool, 64-bit int, float, str
and bytes stand for themselves; everything else is an array whose first item is a ``Tag``. There is no tag
that names code to run: decoding builds plain data, or asks the receiving side's ``resolve_*`` hooks,
each of which decides for itself. docs/judge.md has the table of what goes by value.

Mutable containers are *shared*: each gets a number when it first crosses, and every later frame carries
the new content of those that changed since, so that sorting in place, or a list kept by a learner's
object, is seen on the other side. Judge's numbers are even, the learner's odd.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import msgpack

FRAME_MAX = 16 * 1024 * 1024  # bytes; a longer frame is refused unread
NODES_MAX = 1_000_000  # containers and other composed values in one frame
LENGTH_MAX = 4_000_000  # items of one container
DEPTH_MAX = 120  # nesting; a linked list of nested tuples longer than this goes by handle
INT_MAX_BYTES = 128 * 1024  # an int of a million bits; Python itself is quadratic beyond
SHARED_MAX = 512  # shared containers kept in step at once
SHARED_BYTES_MAX = 256 * 1024  # bytes re-encoded at most to keep idle containers in step


class WireError(Exception):
    """What came over the wire is not in the grammar, or breaks a cap. Never says more than that."""


class Gone(BaseException):
    """The other side closed its end. Not an EOFError, which a learner's code may raise itself."""


class ValueTooLarge(Exception):
    """A value of our own side does not fit through the wire."""


class Tag(IntEnum):
    LIST = 1
    TUPLE = 2
    DICT = 3
    SET = 4
    FROZENSET = 5
    BIGINT = 6
    COMPLEX = 7
    RANGE = 8
    BYTEARRAY = 9
    SLICE = 10
    SINGLETON = 11
    DATETIME = 12
    DECIMAL = 13
    FRACTION = 14
    UUID = 15
    DEQUE = 16
    DEFAULTDICT = 17
    ORDEREDDICT = 18
    COUNTER = 19
    TYPE = 20
    FUNCTION = 21
    MODULE = 22
    REF = 23
    LEARNER = 24
    JUDGE = 25
    VIEW = 26
    PATH = 27
    ARRAY = 28


class Kind(IntEnum):
    """What a handle of the learner's stands for: the third item after ``Tag.LEARNER``."""

    OBJECT = 0
    CLASS = 1
    FUNCTION = 2
    GENERATOR = 3
    COROUTINE = 4
    ASYNC_GENERATOR = 5
    ERROR = 6
    MODULE = 7


def unpack(frame: bytes) -> list[Any]:
    """msgpack's own decoding with every cap on; no maps, no extension types, arrays only."""
    try:
        message = msgpack.unpackb(
            frame,
            raw=False,
            use_list=True,
            unicode_errors="surrogatepass",
            max_map_len=0,
            max_ext_len=0,
            max_array_len=LENGTH_MAX + 8,
            strict_map_key=True,
        )
    except Exception as error:  # msgpack raises half a dozen unrelated types
        raise WireError("not a frame") from error
    if type(message) is not list:
        raise WireError("not a message")
    return message
