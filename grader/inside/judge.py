"""The judge's end of the conversation: the learner's objects come in as proxies, a check's go out as handles.

Everything that the learner's process sends is data. What breaks the grammar ends the job (``Broken``), and
no check passes after it.
"""

from __future__ import annotations

import builtins
import inspect
import logging
import sys
import warnings
import weakref
from collections.abc import Callable
from typing import Any

from . import proxies
from .author import Author
from .channel import Channel
from .exports import Exports
from .peer import Overtime, Peer
from .wire import Gone, Kind, Tag, WireError


class Broken(BaseException):
    """The learner's process is gone or spoke nonsense. Nothing that it would say can be used any more.

    A BaseException, and remembered by the judge, so that no ``except`` of a check can hide it.
    """


class Judge(Peer):
    by_handle = frozenset({proxies.Function})

    def __init__(self, channel: Channel, author: Author) -> None:
        super().__init__(channel, 2)
        self.author = author
        self.released: list[list[int]] = []
        self.refs: weakref.WeakValueDictionary[int, proxies.Ref] = weakref.WeakValueDictionary()
        self.instances: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
        self.classes: dict[int, proxies.Mirror] = {}
        self.exports = Exports(self)
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
            name.removeprefix("for_"): getattr(whose, name)
            for whose in (self, self.exports)
            for name in dir(whose)
            if name.startswith("for_")
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

    def may_ask(self) -> bool:
        """Whether something may be asked beside what is going on: not in the middle of a frame, nor after a
        request that was given up, whose reply is yet to come."""
        given_up = self.pending is not None and not self.nesting
        return self.in_check and not self.busy and not given_up and self.broken is None

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
            self.exports.forget()
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
            ref = self.refs[handle] = proxies.Ref(self, handle)
        ref.arrivals += 1
        return ref

    def resolve_learner(self, item: list[Any], depth: int) -> Any:
        ref, kind = self._ref(item[1]), item[2]
        if kind == Kind.CLASS:
            known = self.classes.get(ref.handle)
            if known is None:
                known = self.classes[ref.handle] = proxies.make_class(ref, item[3])
            return known
        existing = self.instances.get(ref.handle)
        if existing is not None and kind != Kind.ERROR:
            return existing
        value = proxies.arrived(ref, item, depth)
        if kind == Kind.ERROR:  # an exception: what is raised again is another one
            return value
        try:
            self.instances[ref.handle] = value
        except TypeError:  # tuples and integers cannot be referred to weakly
            pass
        return value

    def resolve_judge(self, item: list[Any], depth: int) -> Any:
        return self.exports.resolve(item[1])

    def encode_object(self, value: Any, depth: int) -> Any:
        # A module of the learner's is a module for all that looks at it.
        ref = value._ch_ref if type(value) is proxies.RemoteModule else proxies.ref_of(value)
        return self.exports.encode(value, depth) if ref is None else [Tag.LEARNER, ref.handle]

    def encode_error(self, error: BaseException) -> Any:
        ref = proxies.ref_of(error)
        return self.exports.by_handle(error, 1) if ref is None else [Tag.LEARNER, ref.handle]

    def decode_error(self, item: Any) -> Any:
        error = self.decode(item)
        if not isinstance(error, BaseException):
            raise WireError("not an exception")
        return error

    def raise_error(self, item: Any) -> None:
        raise item

    def is_fatal(self, error: BaseException) -> bool:
        return isinstance(error, Broken | Overtime) or self.broken is not None

    # -- what the learner's code may ask; of a check's objects: see ``Exports`` ---------------------------

    def for_input(self, prompt: str) -> str:
        if not self.in_check:
            raise EOFError("input() has nobody to ask while your notebook is graded")
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
