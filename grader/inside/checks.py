"""Running one check in the judge: its namespace, what counts as passing, and what its author sees of it."""

from __future__ import annotations

import ast
import asyncio
import builtins
import contextlib
import dataclasses
import enum
import importlib.machinery
import inspect
import io
import math
import signal
import sys
import time
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast
from unittest import mock

from . import proxies
from .author import Author, find_source, transform
from .judge import Broken, Judge, import_name
from .peer import Overtime

_MISSING = object()
_MESSAGE_MAX = 4_000  # characters


class CheckTimeout(Overtime):
    """The check's own time is over."""


@dataclass
class Outcome:
    status: str
    message: str = ""
    credit: float | None = None


class CheckNamespace(dict[str, Any]):
    """The globals of the check cells: their own names, and behind them the learner's, asked for one by one.

    ``exec`` honours ``__missing__`` for every name that is not a dict entry, before the builtins.
    """

    def __init__(self, judge: Judge) -> None:
        super().__init__()
        self.judge = judge
        self.adopting = False  # what a setup cell defines is in the learner's namespace already
        dict.update(self, {"__name__": "__main__", "__builtins__": builtins, "__doc__": None})
        dict.__setitem__(self, "get_ipython", lambda: _Shell(judge))
        dict.__setitem__(self, "display", lambda *values, **_: print(*values, sep="\n"))
        self.given = set(dict.keys(self))
        self.taken: set[str] = set()  # names that a check has deleted in the learner's namespace

    def __missing__(self, name: str) -> Any:
        remembered = self.judge.remembered
        if name in remembered:
            return remembered[name]
        value = self.learners(name)
        if value is _MISSING:
            raise KeyError(name)
        if _is_lasting(value):
            remembered[name] = value
        return value

    def learners(self, name: str) -> Any:
        """The value of ``name`` in the learner's namespace, or the author's own where it is an import."""
        author = self.judge.author
        if not author.shadows_builtin(name):
            return _MISSING
        wanted = author.import_of(name)
        if wanted is None and author.star_imports and name not in author.defined:
            wanted = _star_import(author, name)
        if wanted is not None:
            # In the learner's namespace anything may stand behind the name of a library.
            if not self.judge.request("has", name):
                return _MISSING
            with contextlib.suppress(ImportError):
                return import_name(*wanted)
        found, value = self.judge.request("get", name)
        if type(value) is proxies.Function:
            object.__setattr__(value, "_ch_asked_as", name)
        elif isinstance(value, proxies.Mirror):
            self.judge.asked_as[value] = name
        return value if found else _MISSING

    def _is_learners(self, name: str) -> bool:
        """Whether a check that binds ``name`` means the learner's own: a name that solutions define, or a
        builtin that the learner's code would look up (``input = lambda _: "5"``)."""
        return name in self.judge.author.defined or (hasattr(builtins, name) and not name.startswith("_"))

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        self.judge.remembered.pop(name, None)
        if self.adopting or not isinstance(name, str) or not self._is_learners(name):
            return
        if name not in self.judge.author.defined:
            # A stand-in for a builtin (``input = lambda _: "5"``); data under such a name is the check's own.
            if callable(value):
                self.judge.request("set", name, value)
        elif name in self.taken or self.judge.request("has", name):
            self.judge.request("set", name, value)

    def __delitem__(self, name: str) -> None:
        mine = name in dict.keys(self)
        theirs = self._is_learners(name) and self.judge.request("delete", name)
        if theirs:
            self.taken.add(name)
        if mine:
            super().__delitem__(name)
        elif not theirs:
            raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (isinstance(name, str) and self.learners(name) is not _MISSING)

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default

    def pop(self, name: str, *default: Any) -> Any:
        try:
            value = self[name]
            del self[name]
            return value
        except KeyError:
            if default:
                return default[0]
            raise

    def keys(self) -> Any:
        return dict.fromkeys([*dict.keys(self), *self.judge.request("names")]).keys()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def items(self) -> Any:
        return {name: self[name] for name in self.keys()}.items()

    def is_spoken_of(self, name: str) -> bool:
        author = self.judge.author
        return dict.__contains__(self, name) or name in author.defined or name in author.spoken

    def forget(self, names: set[str]) -> None:
        """A solution cell that binds these has just run: what checks before it made of them is over."""
        for name in names - self.given:
            if dict.__contains__(self, name):
                dict.__delitem__(self, name)


def _is_lasting(value: Any) -> bool:
    """Whether what a name stands for can be remembered: it is a value that cannot change, or asks when it
    is used. Containers are not, whose content is brought up to date when they cross."""
    kind = type(value)
    if kind in (proxies.Function, int, float, bool, str, type(None), types.ModuleType, types.FunctionType):
        return True
    return isinstance(value, proxies.Mirror) or (
        isinstance(kind, proxies.Mirror) and kind.__basicsize__ == proxies.LearnerObject.__basicsize__
    )


def _star_import(author: Author, name: str) -> tuple[str, str] | None:
    for module in author.star_imports:
        with contextlib.suppress(ImportError):
            public = import_name(module, None)
            names = getattr(public, "__all__", None) or [each for each in vars(public) if each[0] != "_"]
            if name in names:
                return module, name
    return None


class _Main(types.ModuleType):
    """``__main__`` as a check imports or patches it: the namespace, seen as a module."""

    def __init__(self, namespace: CheckNamespace) -> None:
        super().__init__("__main__")
        object.__setattr__(self, "_namespace", namespace)

    def __getattribute__(self, name: str) -> Any:
        if name in ("__class__", "__spec__", "__name__", "__loader__", "__file__"):
            return super().__getattribute__(name)
        namespace = object.__getattribute__(self, "_namespace")
        if name == "__dict__":
            return namespace
        # Libraries look here for names with a meaning (``load_tests``): the learner's count only where the
        # author's notebook speaks of them.
        try:
            if namespace.is_spoken_of(name):
                return namespace[name]
            raise KeyError(name)
        except KeyError:
            if name.startswith("__"):
                return super().__getattribute__(name)
            raise AttributeError(f"module '__main__' has no attribute {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        object.__getattribute__(self, "_namespace")[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del object.__getattribute__(self, "_namespace")[name]
        except KeyError:
            raise AttributeError(name) from None

    def __dir__(self) -> list[str]:
        namespace = object.__getattribute__(self, "_namespace")
        return [name for name in namespace.keys() if namespace.is_spoken_of(name)]


class _Shell:
    """``get_ipython()`` in a check: magics run where the learner's code runs."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self.user_ns = sys.modules["__main__"].__dict__

    def run_line_magic(self, name: str, line: str, **_: Any) -> None:
        self._judge.request("run_cell", "check", f"%{name} {line}")

    def run_cell_magic(self, name: str, line: str, cell: str) -> None:
        self._judge.request("run_cell", "check", f"%%{name} {line}\n{cell}")

    def system(self, command: str) -> None:
        self._judge.request("run_cell", "check", f"!{command}")


class _Limited(io.StringIO):
    """What a check prints, up to a cap."""

    def __init__(self, cap: int) -> None:
        super().__init__()
        self.left = cap

    def write(self, text: str) -> int:
        if self.left > 0:
            super().write(text[: self.left])
        self.left -= len(text)
        return len(text)


class _Assertions(ast.NodeTransformer):
    """Gives a bare ``assert a == b`` a message that shows both sides. For visible checks only."""

    def __init__(self, source: str) -> None:
        self.source = source

    def visit_Assert(self, node: ast.Assert) -> Any:
        if node.msg is not None or not isinstance(node.test, ast.Compare) or len(node.test.ops) != 1:
            return node
        if not isinstance(
            node.test.ops[0], ast.Eq | ast.NotEq | ast.Lt | ast.LtE | ast.Gt | ast.GtE | ast.Is | ast.In
        ):
            return node
        text = ast.get_source_segment(self.source, node) or "assert …"
        left, right = "__left__", "__right__"
        test = ast.Compare(
            ast.NamedExpr(ast.Name(left, ast.Store()), node.test.left),
            node.test.ops,
            [ast.NamedExpr(ast.Name(right, ast.Store()), node.test.comparators[0])],
        )
        message = ast.Call(
            ast.Name("__explain__", ast.Load()),
            [ast.Constant(text), ast.Name(left, ast.Load()), ast.Name(right, ast.Load()),
             ast.Constant(isinstance(node.test.comparators[0], ast.Constant))],
            [],
        )  # fmt: skip
        return ast.fix_missing_locations(ast.copy_location(ast.Assert(test, message), node))

    def _leave(self, node: Any) -> Any:
        return node  # in a comprehension or lambda the names above would be somebody else's

    visit_Lambda = visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _leave
    visit_ClassDef = visit_FunctionDef = visit_AsyncFunctionDef = _leave


def _explain(text: str, left: Any, right: Any, expected_is_right: bool) -> str:
    def show(value: Any) -> str:
        try:
            shown = repr(value)
        except Exception as error:
            shown = f"<{type(error).__name__} in repr()>"
        return shown if len(shown) <= 500 else shown[:500] + "…"

    names = ("got     ", "expected") if expected_is_right else ("left    ", "right   ")
    return f"{text}\n{names[0]} {show(left)}\n{names[1]} {show(right)}"


class CheckRunner:
    """Runs the check cells of one submission, one after the other, in one namespace."""

    def __init__(self, judge: Judge, output_bytes: int) -> None:
        self.judge = judge
        self.output_bytes = output_bytes
        self.namespace = CheckNamespace(judge)
        self.stdout = _Limited(output_bytes)
        self.timed_out = False
        sys.modules["__main__"] = _Main(self.namespace)
        _teach_libraries(judge)

    def forget_output(self) -> None:
        self.stdout = _Limited(self.output_bytes)

    def adopt(self, definitions: ast.Module) -> None:
        """Make a setup cell's own definitions here (see author.definitions)."""
        for statement in definitions.body:
            module = ast.fix_missing_locations(ast.Module([statement], []))
            try:
                code = compile(module, "<setup>", "exec")
                before = set(dict.keys(self.namespace))
                self.namespace.adopting = True
                exec(code, self.namespace)
            except (Broken, Overtime, CheckTimeout):
                raise
            except BaseException:
                continue  # then the learner's is asked, as for any other name
            finally:
                self.namespace.adopting = False
            if not isinstance(statement, ast.Import | ast.ImportFrom):
                self.namespace.given |= set(dict.keys(self.namespace)) - before

    @contextlib.contextmanager
    def _timer(self, seconds: float) -> Iterator[None]:
        def over(signum: int, frame: Any) -> None:
            self.timed_out = True
            self.judge.interrupt(CheckTimeout)

        # A little after the learner's own alarm, so that an endless loop of theirs ends as an answer.
        signal.signal(signal.SIGALRM, over)
        signal.setitimer(signal.ITIMER_REAL, seconds + 0.3, 0.5)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def run(self, source: str, *, points: float, hidden: bool, compare: str, seconds: float) -> Outcome:
        """Run one check for at most ``seconds``; Broken when the learner's process can answer no more."""
        judge = self.judge
        self.forget_output()
        self.timed_out = judge.overtime = False
        judge.compare_learner = compare == "learner"
        judge.deadline = time.monotonic() + seconds
        judge.in_check = True
        judge.remembered.clear()
        streams = sys.stdout, sys.stderr, sys.stdin
        sys.stdout, sys.stderr, sys.stdin = self.stdout, _Limited(self.output_bytes), io.StringIO()
        try:
            try:
                with self._timer(seconds):
                    value = self._execute(source, hidden)
            finally:
                (sys.stdout, sys.stderr, sys.stdin) = streams
            outcome = _credit(value, points)
        except Broken:
            raise
        except (Overtime, CheckTimeout):
            outcome = Outcome("timeout")
        except BaseException as error:
            outcome = _describe(error)
        finally:
            judge.in_check = False
        if judge.broken is not None:
            raise Broken from judge.broken
        if self.timed_out or judge.overtime:
            # However the check ended: an ``except`` of its own may have swallowed the interruption.
            return Outcome("timeout")
        return outcome

    def _execute(self, source: str, hidden: bool) -> Any:
        """Run the cell; the value of its last line when that is an expression, else None."""
        text = transform(source)
        tree = ast.parse(text)
        if not hidden:
            tree = _Assertions(text).visit(tree)
            dict.__setitem__(self.namespace, "__explain__", _explain)
        last: ast.expr | None = None
        if tree.body and isinstance(tree.body[-1], ast.Expr) and not text.rstrip().endswith(";"):
            last = tree.body.pop().value  # type: ignore[attr-defined]
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        self._evaluate(compile(tree, "<check>", "exec", flags))
        if last is None or (isinstance(last, ast.Constant) and isinstance(last.value, str)):
            return None  # a text that stands there is the author's remark
        return self._evaluate(compile(ast.Expression(last), "<check>", "eval", flags))

    def _evaluate(self, code: types.CodeType) -> Any:
        value = eval(code, self.namespace)
        if code.co_flags & inspect.CO_COROUTINE:
            return asyncio.run(value)
        return value


def _credit(value: Any, points: float) -> Outcome:
    """What a check's last value says: a number is partial credit within [0, points], False is a failure
    (``f(2) == 4`` stands there), and anything else says nothing: the check ran to its end.

    nbgrader takes False, nan and infinity for all of the points: not copied.
    """
    if isinstance(value, int | float) and type(value) is not bool:
        # Also of a class of the learner's: what it holds counts, not what it says of itself.
        value = int.__index__(value) if isinstance(value, int) else float.__pos__(value)
    if (
        type(value).__module__ == "numpy"
        and not proxies.is_learners(value)
        and getattr(value, "shape", None) == ()
        and hasattr(value, "item")
    ):
        value = value.item()
    if value is False:
        return Outcome("failed", "This check ended with False.", 0.0)
    if type(value) not in (int, float):
        return Outcome("passed")
    if not math.isfinite(value):
        return Outcome("failed", f"This check ended with {value!r}, which is not a number of points.", 0.0)
    earned = min(max(float(value), 0.0), points)
    if earned >= points:
        return Outcome("passed", "", earned)
    return Outcome("failed", f"{earned:g} of {points:g} points", earned)


def _describe(error: BaseException) -> Outcome:
    where = getattr(error, "__dict__", {}).get("_ch_where")
    if isinstance(error, SystemExit) and where is None and error.code in (None, 0, False):
        return Outcome("passed")  # ``unittest.main()`` of a check says so when all is well
    name = type(error).__name__
    if isinstance(error, MemoryError) and where is not None:
        return Outcome("memory_exceeded", "Your code needed more memory than there is.")
    try:
        text = str(error)
    except BaseException as second:
        text = f"<{type(second).__name__} in str()>"
    failed = isinstance(error, AssertionError) or name == "Failed"
    message = text if failed and text else f"{name}: {text}" if text else name
    for frame in where[-1:] if isinstance(where, list) else []:
        if isinstance(frame, list) and len(frame) == 4:
            message += f"\n  in {frame[0]}, line {frame[1]}: {frame[2]}"
    return Outcome("failed" if failed and where is None else "error", message[:_MESSAGE_MAX])


def _teach_libraries(judge: Judge) -> None:
    """Make the library functions that look inside objects, or change what both processes use, do it in the
    learner's process as well. Called once; the judge's process serves one submission."""
    for name in ("isgeneratorfunction", "iscoroutinefunction", "isasyncgenfunction"):
        original = getattr(inspect, name)

        def ask(target: Any, *args: Any, _name: str = name, _original: Any = original) -> Any:
            if proxies.is_learners(target):
                return judge.request("inspect", _name, target)
            return _original(target, *args)

        setattr(inspect, name, ask)
    get_source, get_lines = inspect.getsource, inspect.getsourcelines

    def getsource(target: Any) -> str:
        return _source(judge, target) if proxies.is_learners(target) else get_source(target)

    def getsourcelines(target: Any) -> tuple[list[str], int]:
        if proxies.is_learners(target):
            return _source(judge, target).splitlines(keepends=True), 1
        return get_lines(target)

    inspect.getsource = getsource  # type: ignore[assignment]
    inspect.getsourcelines = getsourcelines  # type: ignore[assignment]
    for name in ("asdict", "astuple", "replace", "fields"):
        original = getattr(dataclasses, name)

        def convert(
            target: Any, *args: Any, _name: str = name, _original: Any = original, **named: Any
        ) -> Any:
            if proxies.is_learners(target):
                return judge.request("module_call", "dataclasses", _name, target, *args, **named)
            return _original(target, *args, **named)

        setattr(dataclasses, name, convert)

    # Called for all of Enum's relatives; a genuine one is asked first, as ever.
    def has_instance(cls: Any, value: Any) -> bool:
        return type.__instancecheck__(cls, value) or proxies.is_enum_like(type(value), cls)

    def has_subclass(cls: Any, other: Any) -> bool:
        return type.__subclasscheck__(cls, other) or proxies.is_enum_like(other, cls)

    enum.EnumType.__instancecheck__ = has_instance  # type: ignore[method-assign]
    enum.EnumType.__subclasscheck__ = has_subclass  # type: ignore[method-assign]

    import os
    import random

    for module, name in ((random, "seed"), (os, "chdir")):
        _do_both(judge, module, name)
    sys.meta_path.append(_LearnersModules(judge))
    _keep_texts_from_running(judge)
    _forward_patches(judge)
    judge.before_request = _NumpySeed(judge)


def _keep_texts_from_running(judge: Judge) -> None:
    """Libraries that run text would run the learner's here: docstrings, annotations in quotation marks."""
    import doctest
    import typing

    run = doctest.DocTestRunner.run

    def run_known(self: Any, test: Any, *args: Any, **named: Any) -> Any:
        for example in test.examples:
            if example.source.strip() not in judge.author.text:
                raise RuntimeError("a docstring of the learner's is not run where checks are")
        return run(self, test, *args, **named)

    doctest.DocTestRunner.run = run_known  # type: ignore[method-assign]
    for module, name in ((typing, "get_type_hints"), (inspect, "get_annotations")):
        original = getattr(module, name)

        def hints(
            target: Any, *args: Any, _of: str = module.__name__, _ask: Any = original, **more: Any
        ) -> Any:
            if proxies.is_learners(target):
                return judge.request("module_call", _of, _ask.__name__, target)
            return _ask(target, *args, **more)

        setattr(module, name, hints)


def _source(judge: Judge, target: Any) -> str:
    """The source of something of the learner's: out of the submitted cells, by the name that the check used,
    because the learner's process may say anything. What has no name of its own is asked for there."""
    if isinstance(target, proxies.Mirror):
        name = judge.asked_as.get(target, "")
    elif type(target) is proxies.Method:
        name = f"{type(target._ch_target).__name__}.{target._ch_name}"
    else:
        name = getattr(target, "_ch_asked_as", "")
    found = find_source(judge.cells, name) if name else None
    if found is None and name and "." not in name:
        raise OSError("could not get source code")
    return str(judge.request("inspect", "getsource", target)) if found is None else found


def _do_both(judge: Judge, module: types.ModuleType, name: str, path: str | None = None) -> None:
    original = getattr(module, name)

    def both(*args: Any, **named: Any) -> Any:
        result = original(*args, **named)
        judge.request("module_call", path or module.__name__, name, *args, **named)
        return result

    setattr(module, name, both)


class _LearnersModules:
    """``import calc`` in a check: a file that the learner was told to write (``%%writefile calc.py``)."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        # Only what the author's source speaks of: an optional library that is not installed stays away.
        if not self.judge.in_check or name not in self.judge.author.files:
            return None
        try:
            module = self.judge.request("import", name)
        except Exception:
            return None
        return importlib.machinery.ModuleSpec(name, cast(Any, _Found(module)))


class _Found:
    def __init__(self, module: Any) -> None:
        self.module = module

    def create_module(self, spec: Any) -> Any:
        return self.module

    def exec_module(self, module: Any) -> None:
        return None


class _NumpySeed:
    """Teaches ``numpy.random.seed`` once numpy is loaded, which only some checks do."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge

    def __call__(self) -> None:
        if "numpy.random" in sys.modules:
            self.judge.before_request = lambda: None
            _do_both(self.judge, sys.modules["numpy.random"], "seed")


def _forward_patches(judge: Judge) -> None:
    """``mock.patch("random.randint", …)`` must be seen by the learner's code, in its own process."""
    patcher: Any = mock._patch
    enter, leave = patcher.__enter__, patcher.__exit__

    def path_of(self: Any) -> tuple[str, str] | None:
        target: Any = self.target
        name, attribute = str(getattr(target, "__name__", "")), str(self.attribute)
        if isinstance(target, type):
            home: Any = sys.modules.get(target.__module__)
            if proxies.is_learners(target) or getattr(home, name, None) is not target:
                return None
            return target.__module__, f"{name}.{attribute}"
        # input() and the streams are asked of the check anyway.
        if (name, attribute) == ("builtins", "input") or (name == "sys" and attribute.startswith("std")):
            return None
        return (name, attribute) if isinstance(target, types.ModuleType) and name != "__main__" else None

    def entered(self: Any) -> Any:
        made = enter(self)
        found = path_of(self)
        if found is not None:
            judge.request("patch", *found, getattr(self.target, self.attribute))
        return made

    def left(self: Any, *details: Any) -> Any:
        found = path_of(self)
        try:
            return leave(self, *details)
        finally:
            if found is not None:
                judge.request("unpatch", *found)

    patcher.__enter__, patcher.__exit__ = entered, left
