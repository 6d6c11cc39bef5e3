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

import datetime
import decimal
import fractions
import pathlib
import re
import socket
import struct
import sys
import uuid
from collections import Counter, OrderedDict, defaultdict, deque
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


# Classes that both sides know by name. Only data types, abstract ones and exceptions: calling or
# subclassing one of them with hostile arguments builds plain data and runs nobody's code.
def _known_types() -> dict[tuple[str, str], type]:
    import abc
    import array
    import builtins
    import collections
    import collections.abc
    import enum
    import functools
    import io
    import itertools
    import json
    import numbers
    import queue
    import types

    found: dict[tuple[str, str], type] = {}
    skip = {"super", "property", "classmethod", "staticmethod", "memoryview", "__loader__"}
    for name, value in vars(builtins).items():
        if isinstance(value, type) and name not in skip:
            found["builtins", value.__qualname__] = value
    for module in (collections, collections.abc, datetime, decimal, fractions, numbers, enum, uuid, array):
        for value in vars(module).values():
            if isinstance(value, type) and not value.__name__.startswith("_"):
                found[value.__module__, value.__qualname__] = value
    for value in (
        *(getattr(types, n) for n in types.__all__ if isinstance(getattr(types, n), type)),
        pathlib.Path, pathlib.PosixPath, pathlib.PurePath, pathlib.PurePosixPath,
        io.StringIO, io.BytesIO, re.Pattern, re.Match, json.JSONDecodeError, queue.Empty, queue.Full,
        functools.partial, abc.ABC, socket.timeout, struct.error, UnicodeError,
        *(v for v in vars(itertools).values() if isinstance(v, type)),
    ):  # fmt: skip
        found[value.__module__, value.__qualname__] = value
    # What a call of these would do is not data: they have no business on the wire.
    for value in (types.FunctionType, types.CodeType, types.ModuleType, types.FrameType, types.TracebackType,
                  types.GenericAlias, types.SimpleNamespace, type):  # fmt: skip
        if value not in (type, types.SimpleNamespace, types.FunctionType, types.ModuleType):
            found.pop((value.__module__, value.__qualname__), None)
    return found


KNOWN_TYPES = _known_types()
_TYPE_NAMES = {cls: name for name, cls in KNOWN_TYPES.items()}
LAZY_TYPES = {
    # modules that are not loaded before somebody needs them: (module, names)
    "numpy": (
        "ndarray generic number integer floating bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 "
        "float16 float32 float64 complex64 complex128 str_ bytes_ datetime64 timedelta64 dtype matrix object_"
    ).split(),
    "pandas": (
        "DataFrame Series Index RangeIndex MultiIndex DatetimeIndex Timestamp Timedelta Categorical "
        "CategoricalDtype Interval Period"
    ).split(),
}


def _safe_functions() -> dict[tuple[str, str], Any]:
    """Functions that may come from the learner by name: pure, and none that runs or finds code."""
    import builtins
    import cmath
    import math
    import operator

    pure = (
        "abs all any ascii bin chr divmod format hash hex isinstance issubclass iter len max min next oct "
        "ord pow repr round sorted sum callable"
    )
    found: dict[tuple[str, str], Any] = {("builtins", name): getattr(builtins, name) for name in pure.split()}
    for module in (math, cmath, operator):
        for name, value in vars(module).items():
            if (
                not name.startswith("_")
                and callable(value)
                and not isinstance(value, type)
                and name != "call"
            ):
                found[module.__name__, name] = value
    for cls in (str, bytes, int, float, complex, bool, list, tuple, dict, set, frozenset, bytearray):
        for name, value in vars(cls).items():
            if not name.startswith("_") and callable(value):
                found["builtins", f"{cls.__name__}.{name}"] = value
    return found


SAFE_FUNCTIONS = _safe_functions()
_FUNCTION_NAMES = {id(value): name for name, value in SAFE_FUNCTIONS.items()}

_SINGLETONS = (Ellipsis, NotImplemented)
_VIEW_TYPES: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))
_SCALARS = frozenset({type(None), bool, float, bytes})
_WORDS = frozenset({*_SCALARS, str})
_DECODED = frozenset({*_WORDS, int})  # what is its own encoding and needs no look
_PLAIN_TYPES = {dict: Tag.DICT, OrderedDict: Tag.ORDEREDDICT, Counter: Tag.COUNTER}
SHARED_TYPES = (list, dict, set, bytearray, deque, defaultdict, OrderedDict, Counter)


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


class Shared:
    """The mutable containers that both sides hold, kept in step (see the module's docstring)."""

    def __init__(self, first: int) -> None:
        self.next = first
        self.by_number: dict[int, Any] = {}
        self.number_of: dict[int, int] = {}  # id(object) -> number
        self.synced: dict[int, bytes] = {}  # number -> content at the last crossing
        self.dropped: list[int] = []

    def add(self, value: Any, number: int | None = None) -> int:
        if number is None:
            number = self.next
            self.next += 2
        self.by_number[number] = value
        self.number_of[id(value)] = number
        return number

    def drop(self, number: int) -> None:
        value = self.by_number.pop(number, None)
        if value is not None:
            self.number_of.pop(id(value), None)
        self.synced.pop(number, None)

    def prune(self) -> None:
        """Forget what only this table still holds: nobody can see it change any more."""
        for number in list(self.by_number):
            # one reference from the table, one for the argument of getrefcount
            if sys.getrefcount(self.by_number[number]) <= 2:
                self.drop(number)
                self.dropped.append(number)
        while len(self.by_number) > SHARED_MAX:
            number = next(iter(self.by_number))
            self.drop(number)
            self.dropped.append(number)


class Codec:
    """Values to and from the wire's grammar, for one side of it.

    The two sides differ in the hooks: ``encode_object`` for what does not go by value,
    ``resolve_learner``, ``resolve_judge``, ``resolve_type``, ``resolve_function`` and ``resolve_module``
    for what came by name or handle. A hook that does not want what it is given raises WireError.
    """

    def __init__(self, first_number: int) -> None:
        self.shared = Shared(first_number)
        self._touched: set[int] = set()
        self._nodes = 0
        self.marked: list[tuple[set[int], int]] = []  # introduced by what is being encoded

    def _take_back(self, marks: int, shared_before: int) -> None:
        """What was encoded since does not go out: the other side has not heard of what it introduced."""
        for table, key in self.marked[marks:]:
            table.discard(key)
        del self.marked[marks:]
        for number in range(shared_before, self.shared.next, 2):
            self.shared.drop(number)

    # -- to the wire ---------------------------------------------------------------------------------

    def encode(self, value: Any, depth: int = 0) -> Any:
        kind = type(value)
        if kind in _SCALARS:
            return value
        if kind is str:
            return value
        if kind is int:
            if -0x8000000000000000 <= value <= 0xFFFFFFFFFFFFFFFF:
                return value
            size = (value.bit_length() + 8) // 8
            if size > INT_MAX_BYTES:
                raise ValueTooLarge("an integer of that many digits is too large to be checked")
            return [Tag.BIGINT, value.to_bytes(size, "big", signed=True)]
        if depth > DEPTH_MAX:
            raise ValueTooLarge(f"a value nested deeper than {DEPTH_MAX} levels cannot be checked")
        self._nodes += 1
        if self._nodes > NODES_MAX:
            raise ValueTooLarge(f"a value with more than {NODES_MAX} parts cannot be checked")
        if kind in (list, tuple, dict, set) and len(value) > LENGTH_MAX // 2:
            raise ValueTooLarge(f"a value with more than {LENGTH_MAX // 2} items cannot be checked")
        encoder = _ENCODERS.get(kind)
        if encoder is not None:
            return encoder(self, value, depth + 1)
        return self._encode_rare(value, depth + 1)

    by_handle: frozenset[type] = frozenset()  # types that never go by value, known without a look

    def _encode_rare(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind in self.by_handle:
            return self.encode_object(value, depth)
        module = getattr(kind, "__module__", "")
        if isinstance(module, str) and module.partition(".")[0] in ("numpy", "pandas"):
            from . import arrays

            found = arrays.encode(self, value, depth)
            if found is not None:
                if arrays.is_mutable(value):
                    number = self.shared.number_of.get(id(value))
                    if number is not None:
                        self._touched.add(number)
                        return [Tag.REF, number]
                    number = self.shared.add(value)
                    self._touched.add(number)
                    return [Tag.ARRAY, number, found]
                return [Tag.ARRAY, 0, found]
        if isinstance(value, type):
            name = _TYPE_NAMES.get(value)
            if name is None and value.__module__.partition(".")[0] in LAZY_TYPES:
                root = value.__module__.partition(".")[0]
                if value.__name__ in LAZY_TYPES[root]:
                    name = (root, value.__name__)
            if name is not None:
                return [Tag.TYPE, *name]
        function = _FUNCTION_NAMES.get(id(value))
        if function is not None:
            return [Tag.FUNCTION, *function]
        return self.encode_object(value, depth)

    def encode_object(self, value: Any, depth: int) -> Any:
        raise NotImplementedError

    def content(self, value: Any, depth: int) -> list[Any]:
        """What a shared container holds now, without its number."""
        encode = self.encode
        if type(value) is list and _is_flat(value):
            return value.copy()
        if isinstance(value, dict):
            flat: list[Any] = []
            for key, item in _dict_of(value).items(value):
                flat.append(encode(key, depth))
                flat.append(encode(item, depth))
            return flat
        if isinstance(value, list | set | deque):
            base: Any = list if isinstance(value, list) else set if isinstance(value, set) else deque
            return [encode(item, depth) for item in base.__iter__(value)]
        if isinstance(value, bytearray):
            return [bytes(value)]
        from . import arrays

        return [arrays.encode(self, value, depth)]

    def _encode_shared(self, tag: Tag, value: Any, depth: int, extra: tuple[Any, ...] = ()) -> Any:
        number = self.shared.number_of.get(id(value))
        if number is not None:
            self._touched.add(number)
            return [Tag.REF, number]
        number = self.shared.add(value)
        content = self.content(value, depth)
        if tag is Tag.LIST and _is_flat(value):
            self.shared.synced[number] = msgpack.packb(content, unicode_errors="surrogatepass")
        else:
            self._touched.add(number)
        return [tag, number, *extra, *content]

    def begin(self) -> None:
        self._touched.clear()
        self._nodes = 0

    def updates(self) -> list[Any]:
        """The state that rides on each frame: [changed contents, numbers dropped].

        To be called after the frame's own values are encoded. Idle containers are looked at too, as long
        as all of them together stay small; a large one is brought up to date only when it crosses.
        """
        shared = self.shared
        if not shared.by_number and not shared.dropped:
            return [[], []]
        changed: list[Any] = []
        budget = SHARED_BYTES_MAX
        seen: set[int] = set()
        idle = list(reversed(shared.by_number))
        while True:
            # Encoding content may share further containers: go on until nothing new was touched.
            todo = [n for n in self._touched if n not in seen] or [n for n in idle if n not in seen][:1]
            if not todo:
                break
            for number in todo:
                seen.add(number)
                value = shared.by_number.get(number)
                before = shared.synced.get(number)
                if value is None or (
                    number not in self._touched and (before is None or len(before) > budget)
                ):
                    continue
                marks = len(self.marked)
                content = self.content(value, 1)
                packed = msgpack.packb(content, unicode_errors="surrogatepass")
                budget -= len(packed)
                if before is not None and packed != before:
                    changed.append([number, content])
                else:
                    self._take_back(marks, self.shared.next)
                shared.synced[number] = packed
        value = None
        shared.prune()  # not before: what has just been let go of may have changed first
        dropped, shared.dropped = shared.dropped, []
        return [changed, dropped]

    # -- from the wire -------------------------------------------------------------------------------

    def apply(self, state: Any) -> None:
        """Bring our containers in step with what a frame carried. Before its values are decoded, its
        definitions must have been: call ``decode`` first, then this."""
        if (
            type(state) is not list
            or len(state) != 2
            or type(state[0]) is not list
            or type(state[1]) is not list
        ):
            raise WireError("bad state")
        for entry in state[0]:
            if (
                type(entry) is not list
                or len(entry) != 2
                or type(entry[0]) is not int
                or type(entry[1]) is not list
            ):
                raise WireError("bad update")
            value = self.shared.by_number.get(entry[0])
            if value is None:
                continue
            self._touched.add(entry[0])
            try:
                self._refill(value, entry[1])
            except (WireError, MemoryError):
                raise
            except Exception as error:
                raise WireError("malformed update") from error
        for number in state[1]:
            if type(number) is not int:
                raise WireError("bad drop")
            self.shared.drop(number)

    def settle(self) -> None:
        """Note what all small containers hold now as what the other side knows."""
        shared = self.shared
        if not shared.by_number:
            return
        marks, shared_before = len(self.marked), shared.next
        for number in list(shared.by_number):
            if number not in shared.synced or number in self._touched:
                self._nodes = 0
                packed = msgpack.packb(
                    self.content(shared.by_number[number], 1), unicode_errors="surrogatepass"
                )
                shared.synced[number] = packed
        self._take_back(marks, shared_before)  # this was for us alone

    def _refill(self, value: Any, content: list[Any]) -> None:
        if not isinstance(value, SHARED_TYPES):
            from . import arrays

            arrays.refill(self, value, content)
            return
        flat = _DECODED.issuperset(map(type, content))
        decoded = content if flat else [self.decode(item, 1) for item in content]
        if isinstance(value, dict):
            if len(decoded) % 2:
                raise WireError("odd dict")
            kind = _dict_of(value)
            kind.clear(value)
            for key, item in zip(decoded[::2], decoded[1::2], strict=True):
                kind.__setitem__(value, _hashable(key), item)
        elif isinstance(value, list):
            list.__setitem__(value, slice(None), decoded)
        elif isinstance(value, set):
            set.clear(value)
            set.update(value, [_hashable(item) for item in decoded])
        elif isinstance(value, deque):
            deque.clear(value)
            deque.extend(value, decoded)
        elif isinstance(value, bytearray):
            if len(decoded) != 1 or type(decoded[0]) is not bytes:
                raise WireError("bad bytearray")
            value[:] = decoded[0]

    def decode(self, item: Any, depth: int = 0) -> Any:
        kind = type(item)
        if kind in _SCALARS or kind is int or kind is str:
            return item
        if kind is not list or not item:
            raise WireError("not a value")
        if depth > DEPTH_MAX + 2:
            raise WireError("too deep")
        tag = item[0]
        if type(tag) is not int:
            raise WireError("no tag")
        decoder = _DECODERS.get(tag)
        if decoder is None:
            raise WireError("unknown tag")
        self._nodes += 1
        if self._nodes > NODES_MAX:
            raise WireError("too many values")
        try:
            return decoder(self, item, depth + 1)
        except (WireError, MemoryError):
            raise
        except Exception as error:  # what numpy, pandas or zoneinfo raise is beyond listing
            raise WireError("malformed value") from error

    def number(self, item: Any) -> int:
        """A share number that came over the wire, which must be new to us."""
        if type(item) is not int or item in self.shared.by_number:
            raise WireError("bad share number")
        self._touched.add(item)
        return item

    def resolve_learner(self, item: list[Any], depth: int) -> Any:
        raise WireError("no such object")

    def resolve_judge(self, item: list[Any], depth: int) -> Any:
        raise WireError("no such object")

    def resolve_type(self, module: str, name: str) -> Any:
        found = KNOWN_TYPES.get((module, name))
        if found is None and name in LAZY_TYPES.get(module, ()):
            import importlib

            found = getattr(importlib.import_module(module), name, None)
        if found is None:
            raise WireError("unknown type")
        return found

    def resolve_function(self, module: str, name: str) -> Any:
        try:
            return SAFE_FUNCTIONS[module, name]
        except KeyError:
            raise WireError("unknown function") from None

    def resolve_module(self, name: str) -> Any:
        raise WireError("unknown module")


def _is_flat(value: list[Any]) -> bool:
    """Whether every item is its own encoding; most lists of checks are of this kind."""
    kinds = set(map(type, value))
    if kinds == {int}:
        return min(value) >= -0x8000000000000000 and max(value) <= 0xFFFFFFFFFFFFFFFF
    return kinds <= _WORDS


def _dict_of(value: Any) -> Any:
    """The class whose methods are used on a dict: never those of a class of the learner's, and
    OrderedDict's own where dict's would leave its order behind."""
    return OrderedDict if isinstance(value, OrderedDict) else dict


def _hashable(value: Any) -> Any:
    try:
        hash(value)
    except TypeError as error:
        raise WireError("unhashable key") from error
    return value


# -- one encoder and one decoder a type ----------------------------------------------------------------


def _encode_datetime(codec: Codec, value: Any, depth: int) -> Any:
    tzinfo = getattr(value, "tzinfo", None)
    if tzinfo is not None and type(tzinfo) is not datetime.timezone:
        name = getattr(tzinfo, "key", None)  # zoneinfo.ZoneInfo
        if type(tzinfo).__module__.partition(".")[0] != "zoneinfo" or not isinstance(name, str):
            return codec.encode_object(value, depth)
        zone: Any = name
    elif tzinfo is not None:
        zone = tzinfo.utcoffset(None).total_seconds()
    else:
        zone = None
    if type(value) is datetime.datetime:
        return [Tag.DATETIME, "dt", *value.timetuple()[:6], value.microsecond, value.fold, zone]
    return [Tag.DATETIME, "t", value.hour, value.minute, value.second, value.microsecond, value.fold, zone]


def _zone(zone: Any) -> Any:
    if zone is None:
        return None
    if type(zone) is float:
        return datetime.timezone(datetime.timedelta(seconds=zone))
    if type(zone) is str and re.fullmatch(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*", zone):
        import zoneinfo

        return zoneinfo.ZoneInfo(zone)
    raise WireError("bad zone")


def _decode_datetime(codec: Codec, item: list[Any], depth: int) -> Any:
    kind = item[1]
    if kind == "td":
        return datetime.timedelta(item[2], item[3], item[4])
    if kind == "d":
        return datetime.date(item[2], item[3], item[4])
    if kind == "tz":
        return _zone(item[2])
    zone = _zone(item[-1])
    if kind == "t":
        return datetime.time(item[2], item[3], item[4], item[5], zone, fold=item[6])
    if kind == "dt":
        return datetime.datetime(*item[2:9], zone, fold=item[9])  # type: ignore[misc]
    raise WireError("bad date")


def _pairs(codec: Codec, items: list[Any], target: Any, depth: int) -> Any:
    if len(items) % 2:
        raise WireError("odd dict")
    decode, insert = codec.decode, _dict_of(target).__setitem__
    for index in range(0, len(items), 2):
        insert(target, _hashable(decode(items[index], depth)), decode(items[index + 1], depth))
    return target


def _decode_list(codec: Codec, item: list[Any], depth: int) -> Any:
    result: list[Any] = []
    codec.shared.add(result, codec.number(item[1]))
    content = item[2:]
    if not _DECODED.issuperset(map(type, content)):
        decode = codec.decode
        content = [decode(each, depth) for each in content]
    result.extend(content)
    return result


def _decode_dict(codec: Codec, item: list[Any], depth: int) -> Any:
    result: dict[Any, Any] = {Tag.DICT: dict, Tag.ORDEREDDICT: OrderedDict, Tag.COUNTER: Counter}[item[0]]()
    codec.shared.add(result, codec.number(item[1]))
    return _pairs(codec, item[2:], result, depth)


def _decode_defaultdict(codec: Codec, item: list[Any], depth: int) -> Any:
    factory = codec.decode(item[2], depth)
    if factory is not None and not callable(factory):
        raise WireError("bad factory")
    result: defaultdict[Any, Any] = defaultdict(factory)
    codec.shared.add(result, codec.number(item[1]))
    return _pairs(codec, item[3:], result, depth)


def _decode_set(codec: Codec, item: list[Any], depth: int) -> Any:
    result: set[Any] = set()
    codec.shared.add(result, codec.number(item[1]))
    result.update([_hashable(codec.decode(each, depth)) for each in item[2:]])
    return result


def _decode_deque(codec: Codec, item: list[Any], depth: int) -> Any:
    result: deque[Any] = deque(maxlen=item[2])
    codec.shared.add(result, codec.number(item[1]))
    result.extend([codec.decode(each, depth) for each in item[3:]])
    return result


def _decode_bytearray(codec: Codec, item: list[Any], depth: int) -> Any:
    if type(item[2]) is not bytes:
        raise WireError("bad bytearray")
    result = bytearray(item[2])
    codec.shared.add(result, codec.number(item[1]))
    return result


def _decode_array(codec: Codec, item: list[Any], depth: int) -> Any:
    from . import arrays

    result = arrays.decode(codec, item[2], depth)
    if item[1] != 0:
        codec.shared.add(result, codec.number(item[1]))
    return result


def _decode_ref(codec: Codec, item: list[Any], depth: int) -> Any:
    if type(item[1]) is not int or item[1] not in codec.shared.by_number:
        raise WireError("unknown reference")
    codec._touched.add(item[1])
    return codec.shared.by_number[item[1]]


def _decode_view(codec: Codec, item: list[Any], depth: int) -> Any:
    items = [codec.decode(each, depth) for each in item[2:]]
    if item[1] == 0:
        return dict.fromkeys([_hashable(each) for each in items]).keys()
    if item[1] == 1:
        return dict(enumerate(items)).values()
    return {_hashable(key): value for key, value in items}.items()


def _decode_bigint(codec: Codec, item: list[Any], depth: int) -> Any:
    if type(item[1]) is not bytes or len(item[1]) > INT_MAX_BYTES:
        raise WireError("bad integer")
    return int.from_bytes(item[1], "big", signed=True)


def _decode_decimal(codec: Codec, item: list[Any], depth: int) -> Any:
    if type(item[1]) is not str or len(item[1]) > 10_000:
        raise WireError("bad decimal")
    return decimal.Decimal(item[1])


def _decode_fraction(codec: Codec, item: list[Any], depth: int) -> Any:
    top, bottom = codec.decode(item[1], depth), codec.decode(item[2], depth)
    if type(top) is not int or type(bottom) is not int or bottom == 0:
        raise WireError("bad fraction")
    return fractions.Fraction(top, bottom)


def _plain_int(value: Any) -> Any:
    if value is not None and type(value) is not int:
        raise WireError("not an integer")
    return value


def _decode_path(codec: Codec, item: list[Any], depth: int) -> Any:
    if type(item[2]) is not str:
        raise WireError("bad path")
    return (pathlib.PosixPath if item[1] else pathlib.PurePosixPath)(item[2])


def _decode_name(item: list[Any]) -> tuple[str, str]:
    if len(item) != 3 or type(item[1]) is not str or type(item[2]) is not str:
        raise WireError("bad name")
    return item[1], item[2]


def _encode_view(codec: Codec, value: Any, depth: int) -> Any:
    return [Tag.VIEW, _VIEW_TYPES.index(type(value)), *[codec.encode(each, depth) for each in value]]


def _encode_decimal(codec: Codec, value: decimal.Decimal, depth: int) -> Any:
    return [Tag.DECIMAL, str(value)]


_ENCODERS: dict[type, Any] = {
    list: lambda c, v, d: c._encode_shared(Tag.LIST, v, d),
    dict: lambda c, v, d: c._encode_shared(Tag.DICT, v, d),
    set: lambda c, v, d: c._encode_shared(Tag.SET, v, d),
    OrderedDict: lambda c, v, d: c._encode_shared(Tag.ORDEREDDICT, v, d),
    Counter: lambda c, v, d: c._encode_shared(Tag.COUNTER, v, d),
    bytearray: lambda c, v, d: c._encode_shared(Tag.BYTEARRAY, v, d),
    deque: lambda c, v, d: c._encode_shared(Tag.DEQUE, v, d, (v.maxlen,)),
    defaultdict: lambda c, v, d: c._encode_shared(Tag.DEFAULTDICT, v, d, (c.encode(v.default_factory, d),)),
    tuple: lambda c, v, d: [Tag.TUPLE, *[c.encode(each, d) for each in v]],
    frozenset: lambda c, v, d: [Tag.FROZENSET, *[c.encode(each, d) for each in v]],
    complex: lambda c, v, d: [Tag.COMPLEX, v.real, v.imag],
    range: lambda c, v, d: [Tag.RANGE, *[c.encode(each, d) for each in (v.start, v.stop, v.step)]],
    slice: lambda c, v, d: [Tag.SLICE, *[c.encode(each, d) for each in (v.start, v.stop, v.step)]],
    type(Ellipsis): lambda c, v, d: [Tag.SINGLETON, 0],
    type(NotImplemented): lambda c, v, d: [Tag.SINGLETON, 1],
    datetime.datetime: _encode_datetime,
    datetime.time: _encode_datetime,
    datetime.date: lambda c, v, d: [Tag.DATETIME, "d", v.year, v.month, v.day],
    datetime.timedelta: lambda c, v, d: [Tag.DATETIME, "td", v.days, v.seconds, v.microseconds],
    datetime.timezone: lambda c, v, d: [Tag.DATETIME, "tz", v.utcoffset(None).total_seconds()],
    decimal.Decimal: _encode_decimal,
    fractions.Fraction: lambda c, v, d: [Tag.FRACTION, c.encode(v.numerator, d), c.encode(v.denominator, d)],
    uuid.UUID: lambda c, v, d: [Tag.UUID, v.bytes],
    pathlib.PosixPath: lambda c, v, d: [Tag.PATH, True, str(v)],
    pathlib.PurePosixPath: lambda c, v, d: [Tag.PATH, False, str(v)],
    **dict.fromkeys(_VIEW_TYPES, _encode_view),
}

_DECODERS: dict[int, Any] = {
    Tag.LIST: _decode_list,
    Tag.TUPLE: lambda c, i, d: tuple([c.decode(each, d) for each in i[1:]]),
    Tag.DICT: _decode_dict,
    Tag.ORDEREDDICT: _decode_dict,
    Tag.COUNTER: _decode_dict,
    Tag.SET: _decode_set,
    Tag.FROZENSET: lambda c, i, d: frozenset([_hashable(c.decode(each, d)) for each in i[1:]]),
    Tag.BIGINT: _decode_bigint,
    Tag.COMPLEX: lambda c, i, d: complex(float(i[1]), float(i[2])),
    Tag.RANGE: lambda c, i, d: range(*[_plain_int(c.decode(each, d)) for each in i[1:4]]),
    Tag.BYTEARRAY: _decode_bytearray,
    Tag.SLICE: lambda c, i, d: slice(*[c.decode(each, d) for each in i[1:4]]),
    Tag.SINGLETON: lambda c, i, d: _SINGLETONS[bool(i[1])],
    Tag.DATETIME: _decode_datetime,
    Tag.DECIMAL: _decode_decimal,
    Tag.FRACTION: _decode_fraction,
    Tag.UUID: lambda c, i, d: uuid.UUID(bytes=i[1]),
    Tag.DEQUE: _decode_deque,
    Tag.DEFAULTDICT: _decode_defaultdict,
    Tag.TYPE: lambda c, i, d: c.resolve_type(*_decode_name(i)),
    Tag.FUNCTION: lambda c, i, d: c.resolve_function(*_decode_name(i)),
    Tag.MODULE: lambda c, i, d: c.resolve_module(i[1]),
    Tag.REF: _decode_ref,
    Tag.LEARNER: lambda c, i, d: c.resolve_learner(i, d),
    Tag.JUDGE: lambda c, i, d: c.resolve_judge(i, d),
    Tag.VIEW: _decode_view,
    Tag.PATH: _decode_path,
    Tag.ARRAY: _decode_array,
}
