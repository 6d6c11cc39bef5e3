"""The judge's end of the conversation: the learner's objects come in as proxies, a check's go out as handles.

Everything that the learner's process sends is data. What breaks the grammar ends the job (``Broken``), and
no check passes after it.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import inspect
import logging
import sys
import types
import warnings
import weakref
from collections.abc import Callable
from typing import Any
from unittest import mock

from . import proxies
from .author import Author
from .channel import Channel
from .names import KNOWN_TYPES
from .peer import Overtime, Peer
from .wire import Gone, Tag, WireError

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
_EXPORTS_MAX = 200_000


class Broken(BaseException):
    """The learner's process is gone or spoke nonsense. Nothing that it would say can be used any more.

    A BaseException, and remembered by the judge, so that no ``except`` of a check can hide it.
    """


class Judge(Peer):
    by_handle = frozenset({proxies.Function})

    def __init__(self, channel: Channel, author: Author) -> None:
        super().__init__(channel, 2)
        proxies.judge = self
        self.author = author
        self.released: list[list[int]] = []
        self.driven: weakref.WeakKeyDictionary[Any, proxies.Ref] = weakref.WeakKeyDictionary()
        self.refs: weakref.WeakValueDictionary[int, proxies.Ref] = weakref.WeakValueDictionary()
        self.instances: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
        self.classes: dict[int, proxies.Mirror] = {}
        self.exports: dict[int, Any] = {}
        self.waiting: dict[int, asyncio.Future[Any]] = {}  # what an exported coroutine waits for
        self.export_of: dict[int, int] = {}
        self.described: set[int] = set()
        self.cells: list[str] = []  # the sources of the learner's cells that have run
        self.asked_as: dict[Any, str] = {}  # a mirror class -> the name by which a check got hold of it
        self.deadline = 0.0
        # What names of the learner's namespace stand for, until that says that they changed. A lie about
        # it can only show a check what the same name stood for a moment ago.
        self.remembered: dict[str, Any] = {}
        self.compare_learner = False
        self.in_check = False
        self.broken: BaseException | None = None
        self.overtime = False
        self.busy = False  # between frames: an interruption must wait (see ``interrupt``)
        self.interrupted: type[BaseException] | None = None
        self.on_idle: Callable[[], None] = lambda: None
        self.operations = {
            name.removeprefix("for_"): getattr(self, name) for name in dir(self) if name.startswith("for_")
        }

    # -- asking ------------------------------------------------------------------------------------

    def request(self, operation: str, /, *arguments: Any, **named: Any) -> Any:
        if self.broken is not None:
            raise Broken from self.broken
        outer, self.busy = self.busy, True
        try:
            answer = super().request(operation, *arguments, **named)
            if self.interrupted is not None and not outer:
                raise self._interruption()
            return answer
        except Overtime:
            self.overtime = True
            raise
        except StopIteration as stop:
            # It would silently end a loop of the check that this is part of (``all(map(f, …))``). It comes
            # through only where the check itself asks for a next item by name.
            if self._asks_for_next(operation, arguments):
                raise
            raise RuntimeError("the learner's code raised StopIteration") from stop
        except (WireError, Gone, OSError) as error:
            if isinstance(error, OSError) and not isinstance(error, BrokenPipeError | ConnectionError):
                raise  # a learner's own OSError, raised again here
            if isinstance(error, BrokenPipeError | ConnectionError) and hasattr(error, "_ch_where"):
                raise
            self.broken = error
            raise Broken from error
        finally:
            self.busy = outer

    def interrupt(self, error: type[BaseException]) -> None:
        """From a signal handler: raise ``error`` now, or, in the middle of a frame, at the next point where
        nothing of the conversation gets lost."""
        if not self.busy:
            raise error
        self.interrupted = error

    def _interruption(self) -> BaseException:
        assert self.interrupted is not None
        error, self.interrupted = self.interrupted(), None
        return error

    def perform(self, operation: str, arguments: list[Any], named: dict[str, Any], budget: Any) -> Any:
        self.busy = False  # a check's own code runs now
        try:
            return super().perform(operation, arguments, named, budget)
        finally:
            self.busy = True

    def budget(self) -> float:
        return self.deadline

    def blocked(self) -> None:
        self.on_idle()

    def idle(self) -> None:
        if self.interrupted is not None:
            raise self._interruption()
        self.on_idle()

    @staticmethod
    def _asks_for_next(operation: str, arguments: tuple[Any, ...]) -> bool:
        if operation == "method":
            return "next" in arguments[1] or arguments[1] in ("send", "throw")
        # The name that the check used: the function's own is the learner's to choose.
        return operation == "call" and "next" in getattr(arguments[0], "_ch_asked_as", "")

    def call(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.request("call", target, *args, **kwargs)

    def call_method(self, target: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.request("method", target, name, *args, **kwargs)

    def arithmetic(self, name: str, *operands: Any) -> Any:
        try:
            return self.request("operator", name, *operands)
        except TypeError as error:
            where = getattr(error, "_ch_where", None)
            if not where:  # nobody's method failed: Python itself found none; let the other operand try
                return NotImplemented
            raise

    def inherited(self, name: str, instance: Any, *args: Any, attribute: str = "", **named: Any) -> Any:
        """What ``instance``, of a class that a check derives from a learner's one, has from that one: a
        special method, or the ``attribute`` ("fget", "fset") of a property, called in the learner's process
        with the instance as a check's own object."""
        for klass in type(instance).__mro__:
            own = type.__getattribute__(klass, "__dict__")
            if "_ch_cls" in own and (attribute or name in own["_ch_own"] or name == "__hash__"):
                found = self.request("getattr", klass, name)
                return self.call(getattr(found, attribute) if attribute else found, (instance, *args), named)
        raise TypeError(f"'{type(instance).__name__}' object has no {name}")

    def allows(self, cls: type, method: str) -> bool:
        return self.compare_learner or self.author.allows(_names(cls), method)

    def knows(self, cls: type) -> bool:
        return self.author.knows(_names(cls))

    def signature(self, target: Any) -> inspect.Signature:
        parameters, has_return, returns = self.request("signature", target)
        empty = inspect.Parameter.empty
        kinds = list(type(inspect.Parameter("x", inspect.Parameter.POSITIONAL_ONLY).kind))
        return inspect.Signature(
            [
                inspect.Parameter(
                    name,
                    kinds[kind],
                    default=default if has_default else empty,
                    annotation=annotation if has_annotation else empty,
                )
                for name, kind, has_default, default, has_annotation, annotation in parameters
            ],
            return_annotation=returns if has_return else inspect.Signature.empty,
        )

    def resynchronise(self) -> None:
        """After an interruption: wait for the learner's process to come back from what it was asked, then
        start with empty tables on both sides. Broken when it does not come back (see ``idle``)."""
        self.nesting = 0
        self.busy = False
        self.interrupted = None
        if self.pending is not None:
            number, self.pending = self.pending, None
            try:
                self.discard_until(number)
            except (WireError, Gone, OSError) as error:
                self.broken = error
                raise Broken from error
            self.described.clear()
            self.remembered.clear()
            self.request("forget")
        self.overtime = False

    # -- the codec's hooks -----------------------------------------------------------------------------

    def extra_state(self) -> list[Any]:
        given_back, self.released = self.released, []
        return given_back

    def apply_extra(self, extra: list[Any]) -> None:
        for name in extra:
            if type(name) is not str:
                raise WireError("bad name")
            self.remembered.pop(name, None)

    def _ref(self, handle: Any) -> proxies.Ref:
        if type(handle) is not int:
            raise WireError("bad handle")
        ref = self.refs.get(handle)
        if ref is None:
            ref = self.refs[handle] = proxies.Ref(handle)
        ref.arrivals += 1
        return ref

    def resolve_learner(self, item: list[Any], depth: int) -> Any:
        ref, kind = self._ref(item[1]), item[2]
        if kind == 1:
            known = self.classes.get(ref.handle)
            if known is None:
                known = self.classes[ref.handle] = proxies.make_class(ref, item[3])
            return known
        existing = self.instances.get(ref.handle)
        if existing is not None and kind != 6:
            return existing
        if kind == 0:
            cls = self.decode(item[3], depth)
            value = proxies.make_object(cls, ref, item[4])
        elif kind == 2:
            value = proxies.Function(ref, str(item[3]), str(item[4]))
        elif kind == 3:
            value = proxies.drive_generator(ref, str(item[3]))
        elif kind == 4:
            value = proxies.drive_coroutine(ref, str(item[3]))
        elif kind == 5:
            value = proxies.drive_async_generator(ref, str(item[3]))
        elif kind == 6:
            return proxies.make_error(self.decode(item[3], depth), ref, item, depth)
        elif kind == 7:
            value = _RemoteModule(ref, str(item[3]))
        else:
            raise WireError("bad kind")
        try:
            self.instances[ref.handle] = value
        except TypeError:  # tuples and integers cannot be referred to weakly
            pass
        return value

    def resolve_judge(self, item: list[Any], depth: int) -> Any:
        if type(item[1]) is not int or item[1] not in self.exports:
            raise WireError("bad handle")
        return self.exports[item[1]]

    def encode_object(self, value: Any, depth: int) -> Any:
        ref = proxies.ref_of(value)
        if ref is None and isinstance(value, BaseException):
            ref = getattr(value, "__dict__", {}).get("_ch_ref")
        if ref is None and type(value) is _RemoteModule:
            ref = object.__getattribute__(value, "_ch_ref")
        if ref is not None:
            return [Tag.LEARNER, ref.handle]
        if isinstance(value, types.ModuleType):
            return [Tag.MODULE, value.__name__]
        by_name = _importable(value)
        if by_name is not None:
            return [Tag.FUNCTION, *by_name]
        return self._export(value, depth)

    def _export(self, value: Any, depth: int) -> Any:
        handle = self.export_of.get(id(value))
        if handle is None:
            handle = len(self.exports) + 1
            if handle > _EXPORTS_MAX:
                raise RuntimeError("a check handed over too many objects")
            self.exports[handle] = value
            self.export_of[id(value)] = handle
        elif handle in self.described:
            return [Tag.JUDGE, handle]
        self.described.add(handle)
        self.marked.append((self.described, handle))
        if isinstance(value, BaseException):
            base = next(cls for cls in type(value).__mro__ if cls in KNOWN_TYPES.values())
            try:
                args = self.encode_whole(tuple(value.args), depth + 1)
            except Exception:
                args = self.encode(tuple(str(each) for each in value.args), depth + 1)
            return [Tag.JUDGE, handle, "exception", type(value).__name__, self.encode(base), args]
        if isinstance(value, type) and issubclass(value, BaseException):
            base = next(cls for cls in value.__mro__ if cls in KNOWN_TYPES.values())
            return [Tag.JUDGE, handle, "exception-class", value.__name__, self.encode(base), []]
        mirror = next((k for k in type(value).__mro__ if "_ch_cls" in vars(k)), None)
        base_item = None if mirror is None else self.encode(mirror, depth + 1)
        if isinstance(value, type):
            return [Tag.JUDGE, handle, "class", value.__name__, None, ["__call__"]]
        if isinstance(value, _FUNCTIONS):
            name = getattr(value, "__name__", "function")
            return [Tag.JUDGE, handle, "function", str(name), base_item, ["__call__"]]
        dunders = [name for name in proxies._SPECIAL if hasattr(type(value), name)]
        return [Tag.JUDGE, handle, "object", type(value).__name__, base_item, dunders]

    def encode_error(self, error: BaseException) -> Any:
        ref = getattr(error, "__dict__", {}).get("_ch_ref")
        if isinstance(ref, proxies.Ref):
            return [Tag.LEARNER, ref.handle]
        return self._export(error, 1)

    def decode_error(self, item: Any) -> Any:
        error = self.decode(item)
        if not isinstance(error, BaseException):
            raise WireError("not an exception")
        return error

    def raise_error(self, item: Any) -> None:
        raise item

    def is_fatal(self, error: BaseException) -> bool:
        return isinstance(error, Broken | Overtime) or self.broken is not None

    # -- what the learner's code may ask of a check's objects --------------------------------------------

    def for_call(self, handle: int, /, *args: Any, **kwargs: Any) -> Any:
        return self._exported(handle)(*args, **kwargs)

    def _exported(self, handle: Any) -> Any:
        if type(handle) is not int or handle not in self.exports:
            raise WireError("bad handle")
        return self.exports[handle]

    def for_getattr(self, handle: int, name: str) -> Any:
        target = self._exported(handle)
        hidden = type(name) is not str or name.startswith(_HIDDEN_PREFIXES)
        if isinstance(target, _FUNCTIONS):
            hidden = name not in ("__name__", "__doc__", "__qualname__")
        if hidden and name not in _SHOWN_DUNDERS:
            raise AttributeError(name)
        self._refuse_tampering(target, name)
        return getattr(target, name)

    def _refuse_tampering(self, target: Any, name: Any) -> None:
        """What a mock remembers of its calls is evidence, and not the learner's to read or to write."""
        if isinstance(target, mock.NonCallableMock) and type(name) is str:
            if name.startswith("assert_") or name in _MOCK_RECORDS:
                raise AttributeError(name)

    def for_setattr(self, handle: int, name: str, value: Any) -> None:
        target = self._exported(handle)
        if isinstance(target, (*_FUNCTIONS, type)) or type(name) is not str or name.startswith("__"):
            raise AttributeError(name)
        self._refuse_tampering(target, name)
        setattr(target, name, value)

    def for_delattr(self, handle: int, name: str) -> None:
        target = self._exported(handle)
        if isinstance(target, (*_FUNCTIONS, type)) or type(name) is not str or name.startswith("__"):
            raise AttributeError(name)
        self._refuse_tampering(target, name)
        delattr(target, name)

    def for_repr(self, handle: int) -> str:
        target = self._exported(handle)
        if isinstance(target, _FUNCTIONS):
            return f"<function {getattr(target, '__name__', '')}>"
        return repr(target)

    def for_str(self, handle: int) -> str:
        return str(self._exported(handle))

    def for_hash(self, handle: int) -> int:
        return hash(self._exported(handle))

    def for_bool(self, handle: int) -> bool:
        return bool(self._exported(handle))

    def for_operator(self, handle: int, name: str, *args: Any) -> Any:
        target = self._exported(handle)
        if type(name) is not str or (name not in proxies._SPECIAL and name not in ("__eq__", "__ne__")):
            raise TypeError("unsupported operation")
        method = getattr(type(target), name, None)
        if method is None:
            raise TypeError(f"'{type(target).__name__}' object does not support this operation")
        return method(target, *args)

    def for_step(self, handle: int) -> tuple[bool, Any]:
        """One step of a check's coroutine that the learner's code awaits: (whether it is done, its value)."""
        coroutine = self._exported(handle)
        if not inspect.iscoroutine(coroutine):
            raise TypeError(f"object {type(coroutine).__name__} can't be used in 'await' expression")
        waiting = self.waiting.pop(handle, None)
        if waiting is None or waiting.done():
            try:
                waiting = coroutine.send(None)
            except StopIteration as stop:
                return True, stop.value
        if isinstance(waiting, asyncio.Future):
            waiting._asyncio_future_blocking = False  # as a Task does
            self.waiting[handle] = waiting
        return False, None

    def for_input(self, prompt: str) -> str:
        if not self.in_check:
            raise EOFError("input() has nobody to ask while your notebook is graded")
        import builtins

        return builtins.input(prompt)

    def for_readline(self) -> str:
        return str(sys.stdin.readline()) if self.in_check else ""

    def for_read(self) -> str:
        return str(sys.stdin.read()) if self.in_check else ""

    def for_logs(self, name: str, level: int) -> bool:
        """Whether a handler of the check's wants to be told of such a record."""
        logger = logging.getLogger(str(name))
        return self.in_check and logger.hasHandlers() and logger.isEnabledFor(int(level))

    def for_log(self, name: str, level: int, message: str) -> bool:
        if not self.for_logs(name, level):
            return False
        logger = logging.getLogger(str(name))
        logger.handle(logger.makeRecord(logger.name, int(level), "notebook", 0, str(message), (), None))
        return True

    def for_warn(self, message: str, category: Any, line: int) -> None:
        if not (isinstance(category, type) and issubclass(category, Warning)):
            category = UserWarning
        warnings.warn_explicit(category(str(message)), None, "notebook", int(line), registry={})


def _names(cls: type) -> list[str]:
    """A mirror's name and those of its bases."""
    names: list[str] | None = type.__getattribute__(cls, "__dict__").get("_ch_names")
    return names if names is not None else [klass.__name__ for klass in cls.__mro__]


class _RemoteModule(types.ModuleType):
    """A module that only the learner's process has."""

    def __init__(self, ref: proxies.Ref, name: str) -> None:
        super().__init__(name)
        object.__setattr__(self, "_ch_ref", ref)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_ch_") or name in ("__path__", "__file__", "__spec__", "__loader__"):
            raise AttributeError(name)
        return proxies.judge.request(
            "getattr", proxies.Handle(object.__getattribute__(self, "_ch_ref")), name
        )


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


def import_name(module: str, attribute: str | None) -> Any:
    """What ``import module`` or ``from module import attribute`` binds, of this process's own libraries."""
    found: Any = importlib.import_module(module)
    if attribute is None:
        return found
    try:
        return getattr(found, attribute)
    except AttributeError:
        return importlib.import_module(f"{module}.{attribute}")
