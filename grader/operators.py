"""Mutation operators: the small changes that turn a right answer into a wrong one, as edits of its text.

An edit replaces some bytes of the source, so that a changed answer looks as its author wrote it, but for one
place. Nothing here says whether a change still parses or changes anything: ``mutants`` looks at that.
Where a change could hardly be seen by any check (annotations, docstrings, ``__name__`` guards, words of an
error that no check reads, caches), none is made.

Needs the standard library only: it runs in a process of its own.
"""

from __future__ import annotations

import ast
import contextlib
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

ARITHMETIC: dict[type[ast.operator], tuple[str, tuple[str, ...]]] = {
    ast.Add: ("+", ("-",)),
    ast.Sub: ("-", ("+",)),
    ast.Mult: ("*", ("+",)),
    ast.Div: ("/", ("*", "//")),
    ast.FloorDiv: ("//", ("/",)),
    ast.Mod: ("%", ("//",)),
    ast.Pow: ("**", ("*",)),
    ast.LShift: ("<<", (">>",)),
    ast.RShift: (">>", ("<<",)),
    ast.BitAnd: ("&", ("|",)),
    ast.BitOr: ("|", ("&",)),
    ast.BitXor: ("^", ("&",)),
    ast.MatMult: ("@", ("*",)),
}
BOUNDARY: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
}
COMPARISON: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.In: ("in", "not in"),
    ast.NotIn: (r"not\s+in", "in"),
    ast.Is: ("is", "is not"),
    ast.IsNot: (r"is\s+not", "is"),
}
# Names of functions and methods, each for one that is easily taken for it.
MISTAKEN = {
    "min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list", "lower": "upper",
    "upper": "lower", "strip": "lstrip", "lstrip": "strip", "rstrip": "strip", "startswith": "endswith",
    "endswith": "startswith", "ljust": "rjust", "rjust": "ljust", "keys": "values", "values": "keys",
    "floor": "ceil", "ceil": "floor", "popleft": "pop", "appendleft": "append", "argmin": "argmax",
    "argmax": "argmin", "head": "tail", "tail": "head", "idxmax": "idxmin", "idxmin": "idxmax",
    "nlargest": "nsmallest", "nsmallest": "nlargest", "mean": "sum", "title": "capitalize",
}  # fmt: skip
EITHER_WAY_ROUND = {
    "max",
    "min",
    "gcd",
    "lcm",
    "hypot",
    "isclose",
    "print_exception",
    "union",
    "intersection",
}
ENDLESS = {"count", "cycle", "repeat", "iter"}
NAMES_FIRST = {"TypeVar", "NewType", "ParamSpec", "namedtuple", "NamedTuple", "make_dataclass", "getLogger"}
# What these are told can hardly be seen from outside.
UNSEEN_CALLS = {
    "sleep", "seed", "setrecursionlimit", "warn", "debug", "info", "warning", "simplefilter",
    "filterwarnings", "lru_cache", "cache",
}  # fmt: skip
UNSEEN_KEYWORDS = {
    "encoding", "flush", "newline", "maxsize", "stacklevel", "strict", "slots", "check", "copy",
}  # fmt: skip
UNSEEN_DECORATORS = {"cache", "lru_cache", "override", "overload", "final", "runtime_checkable", "njit"}
UNSEEN_NAMES = {"__slots__", "__all__", "__match_args__", "__author__", "__version__"}


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the bytes from ``start`` to ``end`` of the source (UTF-8)."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    operator: str
    edits: tuple[Edit, ...]


class Source:
    """One cell's text and tree; ``context`` is what its checks say, to tell which words they look at."""

    def __init__(self, text: str, context: str = "") -> None:
        """Raises SyntaxError, ValueError, RecursionError or MemoryError for what cannot be parsed."""
        self.data = text.encode()
        with warnings.catch_warnings():  # of an author's backslashes
            warnings.simplefilter("ignore")
            self.tree = ast.parse(text)
        self.context = context
        self._starts = [0]
        for line in self.data.split(b"\n"):
            self._starts.append(self._starts[-1] + len(line) + 1)

    def span(self, node: ast.expr | ast.stmt | ast.excepthandler) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self._starts[node.lineno - 1] + node.col_offset
        return start, self._starts[node.end_lineno - 1] + node.end_col_offset

    def line(self, offset: int) -> int:
        """The line (from 1) of a byte."""
        return self.data.count(b"\n", 0, offset) + 1

    def text(self, node: ast.expr | ast.stmt) -> str:
        start, end = self.span(node)
        return self.data[start:end].decode()

    def replaced(self, node: ast.expr | ast.stmt, text: str) -> tuple[Edit, ...]:
        return (Edit(*self.span(node), text),)

    def between(
        self, left: ast.expr | ast.stmt, right: ast.expr, sign: str, text: str, *, pattern: bool = False
    ) -> tuple[Edit, ...]:
        """Replace the first ``sign`` between two neighbours; none where it cannot be found."""
        start, end = self.span(left)[1], self.span(right)[0]
        gap = re.sub(rb"#[^\n]*", lambda comment: b" " * len(comment[0]), self.data[start:end])
        found = re.search((sign if pattern else re.escape(sign)).encode(), gap)
        return (Edit(start + found.start(), start + found.end(), text),) if found else ()

    def changes(self) -> Iterator[Change]:
        """All changes, in the order of the tree."""
        for change in self._of_body(self.tree.body):
            if change.edits:
                yield change

    # -- where to look --------------------------------------------------------------------------------

    def _of_body(self, body: list[ast.stmt]) -> Iterator[Change]:
        for statement in body:
            remark = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            if not remark and not _guarded(statement):
                yield from self._of_statement(statement)
                if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    yield from self._decorators(statement)

    def _of_statement(self, node: ast.stmt) -> Iterator[Change]:
        match node:
            case ast.Import() | ast.ImportFrom() | ast.Global() | ast.Nonlocal() | ast.Pass():
                return
            case ast.Assign(targets=[ast.Name(id=name)]) if name in UNSEEN_NAMES:
                return
            case ast.Return():
                yield from self._return(node)
            case ast.Break():
                yield Change("break", self.replaced(node, "continue"))
            case ast.Continue():
                yield Change("continue", self.replaced(node, "break"))
            case ast.AugAssign():
                yield from self._augmented(node)
            case ast.Expr(value=ast.Call() as call) if _name(call.func) in UNSEEN_CALLS:
                return
            case ast.Expr(value=ast.Call() | ast.Await()) | ast.Delete() | ast.Raise() | ast.Assert():
                yield Change("statement", self.replaced(node, "pass"))
            case ast.Assign(targets=targets) if any(not isinstance(each, ast.Name) for each in targets):
                yield Change("statement", self.replaced(node, "pass"))
            case ast.If() | ast.While():
                yield Change("condition", self._negated(node.test))
            case ast.For():
                yield from self._loop(node.iter)
            case _:
                pass
        yield from self._of_parts(node)

    def _of_parts(self, node: ast.AST) -> Iterator[Change]:
        """The changes within a node's children, each of its own kind."""
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list", "type_params", "type_comment"):
                continue
            if isinstance(node, ast.Raise) and name == "exc":
                yield from self._raised(node)
                continue
            if isinstance(node, ast.Assert) and name == "msg":
                continue
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, ast.stmt):
                    # a list of statements is looked at as a body, with its docstring and guards
                    yield from self._of_body(value)
                    break
                if isinstance(each, ast.AST):
                    yield from self._of_part(each)

    def _of_part(self, node: ast.AST) -> Iterator[Change]:
        match node:
            case ast.ExceptHandler():
                if node.type is not None:
                    yield from self._exception(node.type)
                yield from self._of_body(node.body)
                return
            case ast.match_case(guard=ast.expr() as guard):
                yield Change("condition", self._negated(guard))
            case ast.arguments():
                yield from self._arguments(node)
                return
            case ast.comprehension():
                for test in node.ifs:
                    yield Change("condition", self._negated(test))
                if not node.is_async:
                    yield from self._loop(node.iter)
            case ast.JoinedStr():
                yield from self._joined(node)
                return
            case ast.Call():
                yield from self._call(node)
                return
            case ast.expr():
                yield from self._expression(node)
            case _:
                pass
        yield from self._of_parts(node)

    # -- statements -----------------------------------------------------------------------------------

    def _negated(self, test: ast.expr) -> tuple[Edit, ...]:
        if isinstance(test, ast.Constant):
            return self.replaced(test, "False" if test.value else "True")
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            return self.replaced(test, f"({self.text(test.operand)})")
        return self.replaced(test, f"not ({self.text(test)})")

    def _return(self, node: ast.Return) -> Iterator[Change]:
        if node.value is None:
            yield Change("return", self.replaced(node, "pass"))
        elif not (isinstance(node.value, ast.Constant) and node.value.value is None):
            yield Change("return", self.replaced(node, "return None"))

    def _augmented(self, node: ast.AugAssign) -> Iterator[Change]:
        sign, others = ARITHMETIC[type(node.op)]
        textual = isinstance(node.op, ast.Add) and _is_collection(node.value)
        for other in () if textual else others:
            edits = self.between(node.target, node.value, f"{sign}=", f"{other}=")
            yield Change("arithmetic", edits)
        yield Change("arithmetic", self.between(node.target, node.value, f"{sign}=", "="))
        yield Change("statement", self.replaced(node, "pass"))

    def _loop(self, over: ast.expr) -> Iterator[Change]:
        """Stop one short of the end."""
        name = _name(over.func) if isinstance(over, ast.Call) else ""
        if name == "range" and isinstance(over, ast.Call) and len(over.args) in (1, 2):
            yield Change("loop", self.replaced(over.args[-1], f"({self.text(over.args[-1])}) - 1"))
        elif name not in ENDLESS | {"range"} and not isinstance(over, ast.GeneratorExp):
            yield Change("loop", self.replaced(over, f"[*{self.text(over)}][:-1]"))

    def _decorators(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> Iterator[Change]:
        for decorator in node.decorator_list:
            name = _name(decorator.func if isinstance(decorator, ast.Call) else decorator)
            seen = name != "wraps" or "__name__" in self.context or "__doc__" in self.context
            if name not in UNSEEN_DECORATORS and seen:
                start, end = self.span(decorator)
                start = self.data.rindex(b"@", 0, start)
                # the line goes as a whole, or an empty one would be left between decorator and function
                while end < len(self.data) and self.data[end : end + 1].isspace():
                    end += 1
                yield Change("decorator", (Edit(start, end, ""),))

    def _arguments(self, node: ast.arguments) -> Iterator[Change]:
        for default in [*node.defaults, *node.kw_defaults]:
            for change in self._of_part(default) if default is not None else ():
                yield Change("default", change.edits)

    def _raised(self, node: ast.Raise) -> Iterator[Change]:
        raised = node.exc
        if isinstance(raised, ast.Call):
            yield from self._exception(raised.func)
            for each in raised.args:
                # the words of an error are the author's affair, unless a check reads them
                words = each.value if isinstance(each, ast.Constant) else None
                if isinstance(words, str) and words.strip() and words.strip() in self.context:
                    yield Change("text", self.replaced(each, repr(f"XX{words}XX")))
        elif raised is not None:
            yield from self._exception(raised)

    def _exception(self, node: ast.expr) -> Iterator[Change]:
        if isinstance(node, ast.Name | ast.Attribute) and _name(node)[:1].isupper():
            other = "ArithmeticError" if _name(node) != "ArithmeticError" else "LookupError"
            yield Change("exception", self.replaced(node, other))
        elif isinstance(node, ast.Tuple):
            for each in node.elts:
                yield from self._exception(each)

    # -- expressions ----------------------------------------------------------------------------------

    def _expression(self, node: ast.expr) -> Iterator[Change]:
        match node:
            case ast.BinOp():
                yield from self._binary(node)
            case ast.Compare():
                yield from self._compare(node)
            case ast.BoolOp():
                old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
                pairs = zip(node.values, node.values[1:], strict=False)
                edits = [self.between(a, b, rf"\b{old}\b", new, pattern=True) for a, b in pairs]
                yield Change("boolean", tuple(edit for each in edits for edit in each))
            case ast.UnaryOp(op=ast.Not()):
                yield Change("boolean", self.replaced(node, f"({self.text(node.operand)})"))
            case ast.UnaryOp(op=ast.USub()):
                yield Change("sign", self.replaced(node, f"({self.text(node.operand)})"))
            case ast.IfExp():
                yield Change("condition", self._negated(node.test))
            case ast.Constant():
                yield from self._constant(node)
            case ast.Slice():
                for bound in (node.lower, node.upper, node.step):
                    if bound is not None:
                        yield Change("slice", self.replaced(bound, ""))
            case ast.Yield(value=ast.expr() as value) if not isinstance(value, ast.Constant):
                yield Change("yield", self.replaced(value, "None"))
            case ast.Lambda(body=body) if not isinstance(body, ast.Constant):
                yield Change("return", self.replaced(body, "None"))
            case _:
                pass

    def _binary(self, node: ast.BinOp) -> Iterator[Change]:
        sign, others = ARITHMETIC[type(node.op)]
        if isinstance(node.op, ast.Add | ast.Mod | ast.Mult) and (
            _is_collection(node.left) or (_is_collection(node.right) and not isinstance(node.op, ast.Mod))
        ):
            # another sign would only raise TypeError, which any check sees
            if isinstance(node.op, ast.Add):
                left, right = self.span(node.left), self.span(node.right)
                yield Change(
                    "operands",
                    (Edit(*left, f"({self.text(node.right)})"), Edit(*right, f"({self.text(node.left)})")),
                )
            return
        for other in others:
            yield Change("arithmetic", self.between(node.left, node.right, sign, other))

    def _compare(self, node: ast.Compare) -> Iterator[Change]:
        left = node.left
        for operator, right in zip(node.ops, node.comparators, strict=True):
            if type(operator) in BOUNDARY:
                old, new = BOUNDARY[type(operator)]
                yield Change("boundary", self.between(left, right, old, new))
            elif len(node.ops) > 1 or isinstance(operator, ast.Eq | ast.NotEq | ast.In | ast.NotIn):
                old, new = COMPARISON[type(operator)]
                yield Change("comparison", self.between(left, right, old, new, pattern=True))
            left = right

    def _constant(self, node: ast.Constant) -> Iterator[Change]:
        value = node.value
        if isinstance(value, bool):
            yield Change("constant", self.replaced(node, str(not value)))
        elif isinstance(value, int):
            if len(str(abs(value)) if abs(value) < 10**60 else "long" * 16) > 60:
                return
            yield Change("constant", self.replaced(node, str(value + 1)))
            if value > 0:
                yield Change("constant", self.replaced(node, str(value - 1)))
        elif isinstance(value, float):
            yield Change("constant", self.replaced(node, repr(value + 1)))
        elif isinstance(value, str):
            yield Change("text", self.replaced(node, self._quoted(node, f"XX{value}XX")))
        elif isinstance(value, bytes):
            yield Change("text", self.replaced(node, repr(b"XX" + value)))

    def _quoted(self, node: ast.Constant, value: str) -> str:
        """The text with the quotes that its author chose, where that says the same."""
        quotes = re.match(r"[uU]?(\"|')", self.text(node))
        written = f"{quotes[1]}{value}{quotes[1]}" if quotes and "\\" not in value else ""
        with contextlib.suppress(SyntaxError, ValueError):
            if written and ast.literal_eval(written) == value:
                return written
        return repr(value)

    def _joined(self, node: ast.JoinedStr) -> Iterator[Change]:
        """An f-string: before Python 3.12 there are no places inside it, so it is written anew as a whole."""
        for number, part in enumerate(node.values):
            for operator, new in self._of_joined_part(part):
                changed = ast.JoinedStr([*node.values[:number], new, *node.values[number + 1 :]])
                try:
                    text = ast.unparse(changed)
                except ValueError:  # quotes and backslashes that it cannot write down
                    continue
                yield Change(operator, self.replaced(node, text))

    def _of_joined_part(self, part: ast.expr) -> Iterator[tuple[str, ast.expr]]:
        if isinstance(part, ast.Constant):
            yield "text", ast.Constant(f"{part.value!s}XX")
        if not isinstance(part, ast.FormattedValue):
            return
        if part.format_spec is not None:
            yield "format", ast.FormattedValue(part.value, part.conversion, None)
        if part.conversion != -1:
            yield "format", ast.FormattedValue(part.value, -1, part.format_spec)
        try:
            inner = Source(ast.unparse(part.value), self.context)
            for change in inner.changes():
                value = ast.parse(apply(inner.data, change.edits), mode="eval").body
                yield change.operator, ast.FormattedValue(value, part.conversion, part.format_spec)
        except (SyntaxError, ValueError):
            return

    def _call(self, node: ast.Call) -> Iterator[Change]:
        name = _name(node.func)
        if name in UNSEEN_CALLS:
            return
        if name in MISTAKEN and not (name == "sorted" and node.keywords):
            end = self.span(node.func)[1]
            yield Change("call", (Edit(end - len(name), end, MISTAKEN[name]),))
        plain = not any(isinstance(each, ast.Starred) for each in node.args)
        if plain and len(node.args) > 1 and name not in EITHER_WAY_ROUND | {"isinstance", "issubclass"}:
            first, second = node.args[:2]
            swapped = (
                Edit(*self.span(first), self.text(second)),
                Edit(*self.span(second), self.text(first)),
            )
            yield Change("arguments", swapped if self.text(first) != self.text(second) else ())
        for number, keyword in enumerate(node.keywords):
            if keyword.arg is not None and keyword.arg not in UNSEEN_KEYWORDS:
                yield Change("keyword", self._without(node, number))
        yield from self._of_part(node.func)
        for number, each in enumerate(node.args):
            if not (name in NAMES_FIRST and number == 0):
                yield from self._of_part(each)
        for keyword in node.keywords:
            if keyword.arg not in UNSEEN_KEYWORDS:
                yield from self._of_part(keyword.value)

    def _without(self, node: ast.Call, number: int) -> tuple[Edit, ...]:
        """The call without one of its keywords, and without the comma that goes with it."""
        keyword = node.keywords[number]
        start = self._starts[keyword.lineno - 1] + keyword.col_offset
        end = self.span(keyword.value)[1]
        rest = self.data[end : self.span(node)[1]]
        closing = re.match(rb"[\s)]*?,\s*", rest)
        if closing and b")" not in closing[0]:
            return (Edit(start, end + closing.end(), ""),)
        before = re.search(rb",\s*$", self.data[:start])
        return (Edit(before.start() if before else start, end, ""),)


def apply(data: bytes, edits: tuple[Edit, ...]) -> str:
    """The text with the edits made."""
    for edit in sorted(edits, key=lambda each: each.start, reverse=True):
        data = data[: edit.start] + edit.text.encode() + data[edit.end :]
    return data.decode()


def _name(node: ast.expr) -> str:
    """The last part of a name: ``b`` of ``a.b``."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _is_collection(node: ast.expr) -> bool:
    """Whether it is text or a list as written down."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str | bytes)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _is_collection(node.left) or _is_collection(node.right)
    return isinstance(node, ast.JoinedStr | ast.List | ast.ListComp | ast.Tuple)


def _guarded(node: ast.stmt) -> bool:
    """``if __name__ == "__main__":`` and ``if TYPE_CHECKING:`` hold nothing that a check could see."""
    return isinstance(node, ast.If) and any(
        isinstance(each, ast.Name | ast.Attribute) and _name(each) in ("__name__", "TYPE_CHECKING")
        for each in ast.walk(node.test)
    )
