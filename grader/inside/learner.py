"""The learner's process: an IPython shell that runs the learner's cells and does what the judge asks.

It has no check, no expected value and no verdict. Everything here can be changed by the learner's code,
which shares the process: nothing that it says decides anything.
"""

from __future__ import annotations

import abc
import builtins
import functools
import importlib
import os
import signal
import sys
import time
import types
import warnings
from _signal import getsignal  # type: ignore[import-not-found]  # signal.getsignal makes an enum of it
from resource import RUSAGE_SELF, getrusage
from time import monotonic
from typing import Any

from .channel import Channel
from .operations import Operations
from .peer import REQUEST, Overtime
from .remote import FORWARDED, OBJECT_DUNDERS, AskingInput, Remote, ask
from .shell import CELL_FILES, frames_of
from .values import SHARED_TYPES
from .wire import Gone, Tag, WireError

# What of a class the judge must know by name: which of these it defines itself, so that its mirror
# answers ``callable``, ``iter``, ``len`` … exactly when the original does.
_TOLD_DUNDERS = frozenset(
    "__eq__ __ne__ __lt__ __le__ __gt__ __ge__ __str__ __repr__ __format__ __init__".split()
)  # of these, those that a class defines itself
_MIRRORED_BASES: tuple[Any, ...] = (int, float, complex, str, bytes, tuple, list, dict, set, frozenset)
MEASURE_S = 0.001  # so much later at least the memory that this process has held is looked at again
_OWN_FRAMES = 700  # of one callback and all it may call in here, a value nested to the limit included
_COUNTED = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, functools.partial)


class Learner(Operations):
    """Serves the judge's requests on the objects of the learner's namespace."""

    is_lenient = True

    def __init__(self, channel: Channel, shell: Any) -> None:
        super().__init__(channel, 1)
        self.shell = shell
        self.namespace: dict[str, Any] = shell.user_ns
        self.objects: dict[int, Any] = {}
        self.handle_of: dict[int, int] = {}  # id(object) -> handle; ``objects`` keeps the object alive
        self.sent: dict[int, int] = {}  # how often a handle went out and was not given back
        self.described: set[int] = set()
        self.remotes: dict[int, Any] = {}
        self.loop: Any = None
        self.tasks: dict[int, Any] = {}
        self.measured = 0.0
        self.in_cell = False
        self.filters_for_check = False
        self.originals: dict[tuple[str, str], Any] = {}
        self._next_handle = 0
        self.watched: dict[str, Any] = {}  # names that the judge remembers, and what they stood for
        self.armed_for: Any = None
        self.performing = False
        self.operations = {
            name.removeprefix("do_"): getattr(self, name) for name in dir(self) if name.startswith("do_")
        }

    # -- to the judge --------------------------------------------------------------------------------

    def ask(self, operation: str, /, *args: Any, **kwargs: Any) -> Any:
        if not self.nesting:
            raise RuntimeError("the check that this belongs to is over")
        limit = sys.getrecursionlimit()
        try:
            # The conversation's own frames must not count against the learner's recursion, let alone be
            # cut short by it.
            sys.setrecursionlimit(limit + _OWN_FRAMES)
            return self.request(operation, *args, **kwargs)
        finally:
            sys.setrecursionlimit(limit)

    def _handle(self, value: Any) -> int:
        handle = self.handle_of.get(id(value))
        if handle is None:
            self._next_handle += 1
            handle = self._next_handle
            self.objects[handle] = value
            self.handle_of[id(value)] = handle
        self.sent[handle] = self.sent.get(handle, 0) + 1
        return handle

    def extra_state(self) -> list[Any]:
        """The names that the judge may no longer remember."""
        if not self.watched:
            return []
        get = self.namespace.get
        changed = [name for name, value in self.watched.items() if get(name, self) is not value]
        for name in changed:
            del self.watched[name]
        return changed

    def apply_extra(self, extra: list[Any]) -> None:
        for handle, count in extra:
            left = self.sent.get(handle, 0) - count
            if left > 0:
                self.sent[handle] = left
            else:
                self.sent.pop(handle, None)
                value = self.objects.pop(handle, None)
                self.handle_of.pop(id(value), None)

    def encode_object(self, value: Any, depth: int) -> Any:
        if Remote in type(value).__mro__:
            return [Tag.JUDGE, object.__getattribute__(value, "_ch")[1]]
        if isinstance(value, type):
            return self._encode_class(value, depth)
        if isinstance(value, types.ModuleType):
            return [Tag.LEARNER, self._handle(value), 7, value.__name__]
        if isinstance(value, _COUNTED):
            name = getattr(value, "__name__", None) or type(value).__name__
            return [Tag.LEARNER, self._handle(value), 2, str(name), type(value).__name__]
        if isinstance(value, types.GeneratorType):
            return [Tag.LEARNER, self._handle(value), 3, value.__name__]
        if isinstance(value, types.CoroutineType):
            return [Tag.LEARNER, self._handle(value), 4, value.__name__]
        if isinstance(value, types.AsyncGeneratorType):
            return [Tag.LEARNER, self._handle(value), 5, value.__name__]
        if isinstance(value, BaseException):
            return self.encode_error(value, depth)
        return [
            Tag.LEARNER,
            self._handle(value),
            0,
            self._encode_class(type(value), depth),
            self._encode_content(value, depth),
        ]

    def _encode_content(self, value: Any, depth: int) -> Any:
        """What a subclass of a plain type holds, as plain data: [share number, base, content], or None."""
        for base in _MIRRORED_BASES:
            if isinstance(value, base):
                break
        else:
            return None
        if base in SHARED_TYPES:
            number = self.shared.number_of.get(id(value))
            if number is None:
                number = self.shared.add(value)
                self.touched.add(number)
                return [number, base.__name__, self.content(value, depth)]
            self.touched.add(number)
            return [number, base.__name__, None]
        if base is tuple:
            plain: Any = tuple(tuple.__iter__(value))
        elif base is frozenset:
            plain = frozenset(frozenset.__iter__(value))
        elif base is str:
            plain = str.__str__(value)
            plain = "".join([plain]) if type(plain) is not str else plain
        elif base is bytes:
            plain = bytes.__getitem__(value, slice(None))
        else:
            plain = base.__pos__(value) if base is not int else int.__index__(value)
        return [0, base.__name__, self.encode(plain, depth)]

    def _encode_class(self, cls: type, depth: int) -> Any:
        handle = self._handle(cls)
        if handle in self.described:
            return [Tag.LEARNER, handle, 1, None]
        self.described.add(handle)
        self.marked.append((self.described, handle))
        bases = [
            self.encode(base, depth)
            for base in cls.__bases__
            if base not in (object, Remote) and (base is abc.ABC or base.__module__ not in ("abc", "typing"))
        ]
        methods: list[Any] = []
        dunders: set[str] = set()
        has_hash = 0  # 0: the default of object, 1: its own, 2: unhashable
        for klass in cls.__mro__:
            if klass is object or (klass in _MIRRORED_BASES and klass is not cls):
                break  # the mirror has the plain type itself as a base
            if klass.__module__ == "builtins" and klass is not cls:
                break
            for name, value in list(vars(klass).items()):
                if not isinstance(name, str):
                    continue
                if name == "__hash__":
                    has_hash = has_hash or (2 if value is None else 1)
                elif name.startswith("__") and name.endswith("__"):
                    if value is not None and (name not in OBJECT_DUNDERS or name in _TOLD_DUNDERS):
                        dunders.add(name)
                elif klass is cls:
                    kind = type(value).__name__
                    if isinstance(value, types.FunctionType | types.MethodDescriptorType):
                        kind = "function"
                    if type(value) is property:
                        kind = "read-only property" if value.fset is None else "property"
                        methods.append([name, kind, value.__doc__ if type(value.__doc__) is str else None])
                    elif kind in ("function", "staticmethod", "classmethod"):
                        methods.append([name, kind])
        meta: Any = type(cls)
        meta_dunders = [
            name
            for name in (
                "__iter__",
                "__len__",
                "__getitem__",
                "__contains__",
                "__call__",
                "__instancecheck__",
                "__subclasscheck__",
            )
            if any(name in vars(klass) for klass in meta.__mro__ if klass not in (type, object))
        ]
        abstract = sorted(getattr(cls, "__abstractmethods__", ()) or ())
        return [
            Tag.LEARNER,
            handle,
            1,
            [
                str(cls.__name__),
                str(cls.__qualname__),
                str(cls.__module__),
                cls.__doc__ if isinstance(cls.__doc__, str) else None,
                bases,
                sorted(dunders),
                methods,
                abstract,
                has_hash,
                meta_dunders,
            ],
        ]

    def encode_error(self, error: BaseException, depth: int = 0) -> Any:
        remote = getattr(error, "_ch_remote", None)
        if isinstance(remote, int):
            return [Tag.JUDGE, remote]
        cause = error.__cause__
        context = None if error.__suppress_context__ else error.__context__
        try:
            text = str(error)
        except BaseException as second:
            text = f"<str() of it raised {type(second).__name__}>"
        try:
            args = self.encode_whole(tuple(error.args), depth + 1)
        except Exception:
            args = self.encode((text,), depth + 1)
        chain = [
            self.encode_error(each, depth + 1) if isinstance(each, BaseException) and depth < 8 else None
            for each in (cause, context)
        ]
        kind = self.encode(type(error), depth + 1)
        extra = []
        for name, value in list(getattr(error, "__dict__", {}).items()):
            if isinstance(name, str) and name != "args" and not name.startswith("_ch"):
                try:
                    extra.append([name, self.encode_whole(value, depth + 1)])
                except Exception:  # what does not cross is asked for when somebody looks at it
                    continue
        return [
            Tag.LEARNER,
            self._handle(error),
            6,
            kind,
            args,
            text[:20_000],
            frames_of(error),
            *chain,
            extra,
        ]

    def raise_error(self, item: Any) -> None:
        raise item

    # -- from the judge ------------------------------------------------------------------------------

    def resolve_learner(self, item: list[Any], depth: int) -> Any:
        return self.objects[item[1]]

    def resolve_judge(self, item: list[Any], depth: int) -> Any:
        """[JUDGE, handle, kind, name, class of the learner's that it derives from, dunders]"""
        handle = item[1]
        known = self.remotes.get(handle)
        if known is not None:
            return known
        kind, name = item[2], item[3]
        if kind == "exception":
            base = self.decode(item[4], depth)
            cls: Any = type(str(name), (base,), {})
            error = cls.__new__(cls)
            error.args = self.decode(item[5], depth)
            error._ch_remote = handle
            self.remotes[handle] = error
            return error
        if kind == "exception-class":
            found: Any = type(str(name), (self.decode(item[4], depth),), {"_ch_handle": handle})
        else:
            body: dict[str, Any] = {"__slots__": (), "__module__": "__main__"}
            body["__doc__"] = property(lambda self: ask(self, "getattr", "__doc__"))
            if item[4] is not None:
                base = self.decode(item[4], depth)
                body["__class__"] = property(lambda self: base)
            # Only what the check's object really has: callable(), iter() and the like must be honest.
            for verb in FORWARDED - set(item[5]):
                body[verb] = None
            if kind == "class":
                body["__class__"] = property(lambda self: type)
            elif kind == "function":
                body["__class__"] = property(lambda self: types.FunctionType)
                body["__get__"] = lambda self, instance, owner=None: (
                    self if instance is None else types.MethodType(self, instance)
                )
            found = type(str(name), (Remote,), body)(self, handle, str(name))
        self.remotes[handle] = found
        return found

    def resolve_type(self, module: str, name: str) -> Any:
        try:
            return super().resolve_type(module, name)
        except WireError:
            return self.resolve_function(module, name)

    def resolve_function(self, module: str, name: str) -> Any:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
        return found

    def resolve_module(self, name: str) -> Any:
        return importlib.import_module(name)

    def perform(self, operation: str, arguments: list[Any], named: dict[str, Any], budget: Any) -> Any:
        outermost = self.nesting == 1
        if outermost:
            self._filter_warnings(for_check=operation != "run_cell")
            if sys.stdout is not sys.__stdout__:
                sys.stdout = sys.__stdout__
            if self.armed_for != budget or getsignal(signal.SIGALRM) != self._overtime:
                self._arm(budget)
            self.performing = True
        try:
            return super().perform(operation, arguments, named, budget)
        finally:
            if outermost:
                self.performing = False
                self._measure()
            for stream in (sys.stdout, sys.stderr):
                try:
                    stream.flush()
                except Exception:  # the learner's own stream may do anything
                    pass

    def _measure(self) -> None:
        """Where only this process can say how much memory it holds, the judge finds it said already."""
        now = monotonic()
        if now > self.measured + MEASURE_S:
            self.measured = now
            self.channel.say_held(getrusage(RUSAGE_SELF).ru_maxrss)

    def _arm(self, deadline: Any) -> None:
        """Raise Overtime in what is performed from ``deadline`` on (seconds of the monotonic clock). Once for
        all calls of a check: three system calls in each would be half of what it costs under gVisor."""
        signal.signal(signal.SIGALRM, self._overtime)
        signal.setitimer(signal.ITIMER_REAL, max(float(deadline) - time.monotonic(), 0.01), 0.2)
        self.armed_for = deadline

    def _overtime(self, signum: int, frame: Any) -> None:
        if self.performing:
            raise Overtime
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.armed_for = None

    def _filter_warnings(self, for_check: bool) -> None:
        """While a check runs, its own filters say which warnings count: Python's defaults stand aside here.
        What the learner's code filters itself comes first, as ever."""
        if for_check is self.filters_for_check:
            return
        self.filters_for_check = for_check
        own = [each for each in warnings.filters if each not in _DEFAULT_FILTERS and each != _ALWAYS]
        warnings.resetwarnings()  # the public way to make Python forget which ones it has shown
        warnings.filters.extend([*own, _ALWAYS] if for_check else [*own, *_DEFAULT_FILTERS])  # type: ignore[attr-defined]


_DEFAULT_FILTERS = list(warnings.filters)
_ALWAYS = ("always", None, Warning, None, 0)


def _forward_logs(peer: Learner) -> None:
    """What is logged while a check runs reaches the check's own handlers too (``assertLogs``)."""
    import logging

    is_enabled, call_handlers = logging.Logger.isEnabledFor, logging.Logger.callHandlers
    in_check = lambda: peer.nesting and not peer.in_cell  # noqa: E731

    def enabled(self: Any, level: int) -> bool:
        return is_enabled(self, level) or bool(in_check() and peer.ask("logs", self.name, level))

    def handlers(self: Any, record: Any) -> None:
        if in_check() and peer.ask("log", self.name, record.levelno, str(record.getMessage())):
            return
        if is_enabled(self, record.levelno):
            call_handlers(self, record)

    logging.Logger.isEnabledFor = enabled  # type: ignore[method-assign]
    logging.Logger.callHandlers = handlers  # type: ignore[method-assign]


def serve(channel: Channel, shell: Any) -> None:
    """Serve the judge until it hangs up."""
    peer = Learner(channel, shell)
    cells = CELL_FILES
    cache_name = shell.compile.cache

    def named(transformed_code: str, *args: Any, **kwargs: Any) -> str:
        name = str(cache_name(transformed_code, *args, **kwargs))
        if peer.in_cell:
            cells[name] = peer.cell_name
        return name

    shell.compile.cache = named
    stdin = sys.stdin = AskingInput(peer)
    plain_input = builtins.input

    def ask_input(prompt: object = "", /) -> str:
        if sys.stdin is not stdin:  # somebody put a file there for input() to read
            return plain_input(prompt)
        sys.stdout.flush()
        return str(peer.ask("input", str(prompt)))

    builtins.input = ask_input

    show_warning = warnings.showwarning

    def forward_warning(message: Any, category: Any, filename: str, lineno: int, *rest: Any) -> None:
        if peer.nesting and not peer.in_cell:
            peer.ask("warn", str(message), category, lineno)
        else:
            show_warning(message, category, filename, lineno, *rest)

    warnings.showwarning = forward_warning  # type: ignore[assignment]
    _forward_logs(peer)
    try:
        while True:
            message = peer.channel.receive()
            if message[0] == REQUEST:
                peer.serve(message)
    except (Gone, OSError):
        os._exit(0)
