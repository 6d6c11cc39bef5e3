"""A check's objects, as the learner's code may use them.

What both processes have (modules, functions of libraries) goes out by its name, everything else by a
handle. What may be asked of it is each a method ``for_`` and the operation's name.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
import types
from typing import Any
from unittest import mock

from .names import KNOWN_TYPES
from .peer import Peer
from .proxies import SPECIAL
from .wire import Tag, WireError

_FUNCTIONS = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    functools.partial,
    types.MethodWrapperType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
)
# Of an object that a check hands over, the learner's code may use what is public, and this.
_SHOWN_DUNDERS = frozenset("__name__ __doc__ __qualname__ __len__ __iter__ __next__ __call__".split())
_HIDDEN_PREFIXES = ("_", "f_", "tb_", "gi_", "cr_", "ag_", "co_", "func_", "im_")
_MOCK_RECORDS = frozenset(
    "called call_count call_args call_args_list mock_calls method_calls return_value side_effect "
    "configure_mock reset_mock attach_mock mock_add_spec".split()
)
_OBJECTS_MAX = 200_000


class Exports:
    """What one submission's checks have handed over."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self.objects: dict[int, Any] = {}
        self._handle_of: dict[int, int] = {}  # id(object) -> handle; ``objects`` keeps the object alive
        self._described: set[int] = set()  # handles that the learner's process knows
        self._waiting: dict[int, asyncio.Future[Any]] = {}  # what a coroutine waits for

    def forget(self) -> None:
        """After an interruption: the learner's process may have missed a description."""
        self._described.clear()

    def encode(self, value: Any, depth: int) -> Any:
        """What goes to the learner's process for ``value``, which is no data."""
        if isinstance(value, types.ModuleType):
            return [Tag.MODULE, value.__name__]
        by_name = _importable(value)
        return [Tag.FUNCTION, *by_name] if by_name is not None else self.by_handle(value, depth)

    def by_handle(self, value: Any, depth: int) -> Any:
        """The handle, and the first time what is needed for something that behaves like ``value``."""
        handle = self._handle_of.get(id(value))
        if handle is None:
            handle = len(self.objects) + 1
            if handle > _OBJECTS_MAX:
                raise RuntimeError("a check handed over too many objects")
            self.objects[handle] = value
            self._handle_of[id(value)] = handle
        elif handle in self._described:
            return [Tag.JUDGE, handle]
        self._described.add(handle)
        self._peer.marked.append((self._described, handle))
        if isinstance(value, BaseException):
            base = next(cls for cls in type(value).__mro__ if cls in KNOWN_TYPES.values())
            try:
                args = self._peer.encode_whole(tuple(value.args), depth + 1)
            except Exception:
                args = self._peer.encode(tuple(str(each) for each in value.args), depth + 1)
            return [Tag.JUDGE, handle, "exception", type(value).__name__, self._peer.encode(base), args]
        if isinstance(value, type) and issubclass(value, BaseException):
            base = next(cls for cls in value.__mro__ if cls in KNOWN_TYPES.values())
            return [Tag.JUDGE, handle, "exception-class", value.__name__, self._peer.encode(base), []]
        mirror = next((k for k in type(value).__mro__ if "_ch_cls" in vars(k)), None)
        base_item = None if mirror is None else self._peer.encode(mirror, depth + 1)
        if isinstance(value, type):
            return [Tag.JUDGE, handle, "class", value.__name__, None, ["__call__"]]
        if isinstance(value, _FUNCTIONS):
            name = getattr(value, "__name__", "function")
            return [Tag.JUDGE, handle, "function", str(name), base_item, ["__call__"]]
        dunders = [name for name in SPECIAL if hasattr(type(value), name)]
        return [Tag.JUDGE, handle, "object", type(value).__name__, base_item, dunders]

    def resolve(self, handle: Any) -> Any:
        """The object behind a handle that came over the wire."""
        if type(handle) is not int or handle not in self.objects:
            raise WireError("bad handle")
        return self.objects[handle]

    # -- what the learner's code may ask -----------------------------------------------------------------

    def for_call(self, handle: int, /, *args: Any, **kwargs: Any) -> Any:
        return self.resolve(handle)(*args, **kwargs)

    def for_getattr(self, handle: int, name: str) -> Any:
        target = self.resolve(handle)
        hidden = type(name) is not str or name.startswith(_HIDDEN_PREFIXES)
        if isinstance(target, _FUNCTIONS):
            hidden = name not in ("__name__", "__doc__", "__qualname__")
        if hidden and name not in _SHOWN_DUNDERS:
            raise AttributeError(name)
        _refuse_tampering(target, name)
        return getattr(target, name)

    def for_setattr(self, handle: int, name: str, value: Any) -> None:
        target = self.resolve(handle)
        _refuse_changing(target, name)
        setattr(target, name, value)

    def for_delattr(self, handle: int, name: str) -> None:
        target = self.resolve(handle)
        _refuse_changing(target, name)
        delattr(target, name)

    def for_repr(self, handle: int) -> str:
        target = self.resolve(handle)
        if isinstance(target, _FUNCTIONS):
            return f"<function {getattr(target, '__name__', '')}>"
        return repr(target)

    def for_str(self, handle: int) -> str:
        return str(self.resolve(handle))

    def for_hash(self, handle: int) -> int:
        return hash(self.resolve(handle))

    def for_bool(self, handle: int) -> bool:
        return bool(self.resolve(handle))

    def for_operator(self, handle: int, name: str, *args: Any) -> Any:
        target = self.resolve(handle)
        if type(name) is not str or (name not in SPECIAL and name not in ("__eq__", "__ne__")):
            raise TypeError("unsupported operation")
        method = getattr(type(target), name, None)
        if method is None:
            raise TypeError(f"'{type(target).__name__}' object does not support this operation")
        return method(target, *args)

    def for_step(self, handle: int) -> tuple[bool, Any]:
        """One step of a check's coroutine that the learner's code awaits: (whether it is done, its value)."""
        coroutine = self.resolve(handle)
        if not inspect.iscoroutine(coroutine):
            raise TypeError(f"object {type(coroutine).__name__} can't be used in 'await' expression")
        waiting = self._waiting.pop(handle, None)
        if waiting is None or waiting.done():
            try:
                waiting = coroutine.send(None)
            except StopIteration as stop:
                return True, stop.value
        if isinstance(waiting, asyncio.Future):
            waiting._asyncio_future_blocking = False  # as a Task does
            self._waiting[handle] = waiting
        return False, None


def _refuse_changing(target: Any, name: Any) -> None:
    """An attribute may be set where the learner's own code would set one: on an object, and not what makes
    it what it is (``_ch_…`` says whose it is, where its class derives from a learner's)."""
    if isinstance(target, (*_FUNCTIONS, type)) or type(name) is not str or name.startswith(("__", "_ch_")):
        raise AttributeError(name)
    _refuse_tampering(target, name)


def _refuse_tampering(target: Any, name: Any) -> None:
    """What a mock remembers of its calls is evidence, and not the learner's to read or to write."""
    if isinstance(target, mock.NonCallableMock) and type(name) is str:
        if name.startswith("assert_") or name in _MOCK_RECORDS:
            raise AttributeError(name)


def _importable(value: Any) -> tuple[str, str] | None:
    """(module, qualified name) of a function or class of an installed library."""
    if not isinstance(value, (*_FUNCTIONS[:2], type, types.MethodDescriptorType)):
        # numpy's ufuncs and the like are functions by another name
        if not (callable(value) and type(value).__module__.partition(".")[0] == "numpy"):
            return None
    module = getattr(value, "__module__", None) or getattr(
        getattr(value, "__objclass__", None), "__module__", None
    )
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    if type(module) is not str or type(name) is not str or module == "__main__" or "<" in name:
        return None
    if module.partition(".")[0] in ("grader_inside", "grader"):
        return None
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return (module, name) if found is value else None
