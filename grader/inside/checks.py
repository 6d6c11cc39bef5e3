"""Running one check in the judge: what counts as passing, and what its author sees of it."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import functools
import inspect
import io
import math
import signal
import sys
import time
import types
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from . import proxies
from .author import transform
from .judge import Broken, Judge
from .libraries import teach
from .namespace import CheckNamespace, Main
from .peer import Overtime

SLOW_S = 0.05  # a check that takes longer is one whose beginning somebody may want to see

_MESSAGE_MAX = 4_000  # characters
NO_MEMORY_LEFT = "Your code needed more memory than there is."


class CheckTimeout(Overtime):
    """The check's own time is over."""


@dataclass
class Outcome:
    status: str
    message: str = ""
    credit: float | None = None


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
        self.on_slow: Callable[[], None] = lambda: None  # a check takes longer than SLOW_S
        sys.modules["__main__"] = Main(self.namespace)
        teach(judge)

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
            except (Broken, Overtime):
                raise
            except BaseException:
                continue  # then the learner's is asked, as for any other name
            finally:
                self.namespace.adopting = False
            if not isinstance(statement, ast.Import | ast.ImportFrom):
                self.namespace.given |= set(dict.keys(self.namespace)) - before

    @contextlib.contextmanager
    def _timer(self, seconds: float) -> Iterator[None]:
        # A little after the learner's own alarm, so that an endless loop of theirs ends as an answer.
        ends = time.monotonic() + seconds + 0.3

        def alarm(signum: int, frame: Any) -> None:
            left = ends - time.monotonic()
            if left > 0:
                signal.setitimer(signal.ITIMER_REAL, left, 0.5)
                self.on_slow()
            else:
                self.timed_out = True
                self.judge.interrupt(CheckTimeout)

        signal.signal(signal.SIGALRM, alarm)
        signal.setitimer(signal.ITIMER_REAL, SLOW_S, 0.5)
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
            outcome = outcome_of(value, points)
        except Broken:
            raise
        except Overtime:
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
        statements, last = _compiled(source, hidden)
        if not hidden:
            dict.__setitem__(self.namespace, "__explain__", _explain)
        self._evaluate(statements)
        return last and self._evaluate(last)

    def read_ahead(self, source: str, *, hidden: bool) -> None:
        """Compile a check that is going to run. One that cannot be compiled fails in its turn."""
        with contextlib.suppress(Exception), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a check's author meets them in the notebook
            _compiled(source, hidden)

    def _evaluate(self, code: types.CodeType) -> Any:
        value = eval(code, self.namespace)
        if code.co_flags & inspect.CO_COROUTINE:
            return asyncio.run(value)
        return value


@functools.lru_cache(maxsize=1024)  # of one submission; a notebook has at most 1000 cells
def _compiled(source: str, hidden: bool) -> tuple[types.CodeType, types.CodeType | None]:
    """A check's statements, and its last line where that is an expression with something to say."""
    text = transform(source)
    tree = ast.parse(text)
    if not hidden:
        tree = _Assertions(text).visit(tree)
    last: ast.expr | None = None
    if tree.body and isinstance(tree.body[-1], ast.Expr) and not text.rstrip().endswith(";"):
        last = tree.body.pop().value  # type: ignore[attr-defined]
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    statements = compile(tree, "<check>", "exec", flags)
    if last is None or (isinstance(last, ast.Constant) and isinstance(last.value, str)):
        return statements, None  # a text that stands there is the author's remark
    return statements, compile(ast.Expression(last), "<check>", "eval", flags)


def outcome_of(value: Any, points: float) -> Outcome:
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
        return Outcome("memory_exceeded", NO_MEMORY_LEFT)
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
