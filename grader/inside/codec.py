"""Values to and from the wire's grammar, and the containers that both sides keep in step."""

from __future__ import annotations

import sys
from collections import deque
from typing import Any

import msgpack

from .names import FUNCTION_NAMES, KNOWN_TYPES, LAZY_TYPES, SAFE_FUNCTIONS, TYPE_NAMES
from .values import DECODED, DECODERS, ENCODERS, SCALARS, SHARED_TYPES, dict_of, hashable, is_flat
from .wire import (
    DEPTH_MAX,
    INT_MAX_BYTES,
    LENGTH_MAX,
    NODES_MAX,
    SHARED_BYTES_MAX,
    SHARED_MAX,
    Tag,
    ValueTooLarge,
    WireError,
)


class Shared:
    """The mutable containers that both sides hold, kept in step (see wire)."""

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
        self.touched: set[int] = set()
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
        if kind in SCALARS:
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
        encoder = ENCODERS.get(kind)
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
                        self.touched.add(number)
                        return [Tag.REF, number]
                    number = self.shared.add(value)
                    self.touched.add(number)
                    return [Tag.ARRAY, number, found]
                return [Tag.ARRAY, 0, found]
        if isinstance(value, type):
            name = TYPE_NAMES.get(value)
            if name is None and value.__module__.partition(".")[0] in LAZY_TYPES:
                root = value.__module__.partition(".")[0]
                if value.__name__ in LAZY_TYPES[root]:
                    name = (root, value.__name__)
            if name is not None:
                return [Tag.TYPE, *name]
        function = FUNCTION_NAMES.get(id(value))
        if function is not None:
            return [Tag.FUNCTION, *function]
        return self.encode_object(value, depth)

    def encode_object(self, value: Any, depth: int) -> Any:
        raise NotImplementedError

    def content(self, value: Any, depth: int) -> list[Any]:
        """What a shared container holds now, without its number."""
        encode = self.encode
        if type(value) is list and is_flat(value):
            return value.copy()
        if isinstance(value, dict):
            flat: list[Any] = []
            for key, item in dict_of(value).items(value):
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
            self.touched.add(number)
            return [Tag.REF, number]
        number = self.shared.add(value)
        content = self.content(value, depth)
        if tag is Tag.LIST and is_flat(value):
            self.shared.synced[number] = msgpack.packb(content, unicode_errors="surrogatepass")
        else:
            self.touched.add(number)
        return [tag, number, *extra, *content]

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
            todo = [n for n in self.touched if n not in seen] or [n for n in idle if n not in seen][:1]
            if not todo:
                break
            for number in todo:
                seen.add(number)
                value = shared.by_number.get(number)
                before = shared.synced.get(number)
                if value is None or (number not in self.touched and (before is None or len(before) > budget)):
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
            self.touched.add(entry[0])
            try:
                self.refill(value, entry[1])
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
            if number not in shared.synced or number in self.touched:
                self._nodes = 0
                packed = msgpack.packb(
                    self.content(shared.by_number[number], 1), unicode_errors="surrogatepass"
                )
                shared.synced[number] = packed
        self._take_back(marks, shared_before)  # this was for us alone

    def refill(self, value: Any, content: list[Any]) -> None:
        if not isinstance(value, SHARED_TYPES):
            from . import arrays

            arrays.refill(self, value, content)
            return
        flat = DECODED.issuperset(map(type, content))
        decoded = content if flat else [self.decode(item, 1) for item in content]
        if isinstance(value, dict):
            if len(decoded) % 2:
                raise WireError("odd dict")
            kind = dict_of(value)
            kind.clear(value)
            for key, item in zip(decoded[::2], decoded[1::2], strict=True):
                kind.__setitem__(value, hashable(key), item)
        elif isinstance(value, list):
            list.__setitem__(value, slice(None), decoded)
        elif isinstance(value, set):
            set.clear(value)
            set.update(value, [hashable(item) for item in decoded])
        elif isinstance(value, deque):
            deque.clear(value)
            deque.extend(value, decoded)
        elif isinstance(value, bytearray):
            if len(decoded) != 1 or type(decoded[0]) is not bytes:
                raise WireError("bad bytearray")
            value[:] = decoded[0]

    def decode(self, item: Any, depth: int = 0) -> Any:
        kind = type(item)
        if kind in SCALARS or kind is int or kind is str:
            return item
        if kind is not list or not item:
            raise WireError("not a value")
        if depth > DEPTH_MAX + 2:
            raise WireError("too deep")
        tag = item[0]
        if type(tag) is not int:
            raise WireError("no tag")
        decoder = DECODERS.get(tag)
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
        self.touched.add(item)
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
