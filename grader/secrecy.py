"""What a challenge hides, and whether it stands in what learners receive."""

from __future__ import annotations

import ast
import base64
import binascii
import bisect
import io
import re
import tokenize
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .findings import Finding
from .models import Cell, Challenge, Role

TELLING = 10  # characters without blanks that a hidden test must have before finding it elsewhere says much
TELLING_ANSWER = 40  # the same for a whole answer: "return a+b" may well stand in an example

HINTS = "the hints"
FARTHEST = 20  # statements on which a test depends that are looked at
MOST_TESTS = 1_000  # of a cell
MAGIC = re.compile(r"^([ \t]*)[%!].*$", re.M)


@dataclass(frozen=True, slots=True)
class Test:
    """What one assertion tests. ``given``: how the names in it come about, as far as its cell says."""

    text: str
    shape: str
    given: frozenset[str]
    telling: bool  # there is a literal in it; without any it gives nothing away
    line: int


@dataclass(frozen=True, slots=True)
class Place:
    """Something that reaches learners, without blanks. ``said``: what of it is no code that is run."""

    name: str
    text: str
    said: str


def secrets_told(challenge: Challenge, release: Mapping[str, Any]) -> Iterator[Finding]:
    """Hidden tests and answers that learners can read, and hidden tests that are no secret."""
    places = list(_places(challenge, release))
    shown = {
        f"cell {check.id}": list(_tests(check.release_source, comparisons=True))
        for check in challenge.checks
        if check.release_source is not None
    }
    for cell in challenge.cells:
        if cell.role is Role.SOLUTION:
            yield from _answer_told(cell, places)
        elif cell.role is Role.CHECK and cell.hidden:
            yield from _tests_told(cell, places, shown)


def _answer_told(cell: Cell, places: list[Place]) -> Iterator[Finding]:
    answer = _dense("\n".join(_regions(cell.source, "SOLUTION") or [cell.source]))
    if len(answer) >= TELLING_ANSWER:
        for place in places:
            # the last of the hints may well give the answer
            if place.name != HINTS and answer in place.text:
                yield _leak("Its answer", answer, place, cell)
                return


def _tests_told(cell: Cell, places: list[Place], shown: Mapping[str, list[Test]]) -> Iterator[Finding]:
    shapes = {place: {test.shape for test in tests} for place, tests in shown.items()}
    same = {place: {(test.shape, test.given) for test in tests} for place, tests in shown.items()}
    repeated: list[tuple[Test, str]] = []
    leaked: tuple[str, Place] | None = None
    for test in _hidden_tests(cell):
        # "result == 3" of another result is another test
        again = next((place for place in same if (test.shape, test.given) in same[place]), None)
        if again is not None:
            if test.telling or test.given:
                repeated.append((test, again))
        elif test.telling and leaked is None and len(dense := _dense(test.text)) >= TELLING:
            # that text of that check's is about its own values
            others = [each for each in places if test.shape not in shapes.get(each.name, ())]
            leaked = next(((dense, each) for each in others if _stands_in(dense, each.said)), None)
    if leaked:
        yield _leak("What its hidden part tests", *leaked, cell)
    if repeated:
        test, where = repeated[0]
        more = f" (and {len(repeated) - 1} more)" if len(repeated) > 1 else ""
        yield Finding(
            "hidden_repeats_visible",
            f"Its hidden part tests what {where} tests in the open: {short(_dense(test.text))}{more}. An "
            "answer that knows only what it was shown passes that; test another value, or leave it out.",
            cell.id,
        )


def _stands_in(secret: str, text: str) -> bool:
    """A 1 at its end is not the beginning of a 10."""
    return secret in text and re.search(re.escape(secret) + r"(?!\d|\.\d)", text) is not None


def _leak(what: str, secret: str, place: Place, cell: Cell) -> Finding:
    return Finding(
        "hidden_text_leaks",
        f"{what} stands in what learners receive, in {place.name}: {short(secret)}",
        cell.id,
    )


# -- what learners receive --------------------------------------------------------------------------


def _places(challenge: Challenge, release: Mapping[str, Any]) -> Iterator[Place]:
    """Every text that reaches a learner."""
    kept = [cell for cell in challenge.cells if cell.release_source is not None]
    for cell, released in zip(kept, release["cells"], strict=True):
        text = _lines(released)
        said = text
        if cell.role is Role.CHECK:
            # what it tests is compared as code
            said = _lines(released | {"source": ""}) + "".join(map(_line, _said(cell.release_source or "")))
        yield Place(f"cell {cell.id}", text, said)
    words = [
        ("the notebook's metadata", _lines(release["metadata"])),
        ("the title", _dense(challenge.title)),
        ("the summary", _dense(challenge.summary)),
        (HINTS, _dense("\n".join([*challenge.hints, *(cell.hint for cell in challenge.cells)]))),
    ]
    for name, text in words:
        yield Place(name, text, text)


def _lines(value: Any) -> str:
    return "".join(map(_line, _texts(value)))


def _line(text: str) -> str:
    return _dense(text) + "\n"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        if len(value) > TELLING:
            try:  # an attachment
                yield base64.b64decode(value, validate=True).decode()
            except (binascii.Error, ValueError):
                return
    elif isinstance(value, dict):
        for key, each in value.items():
            yield str(key)
            yield from _texts(each)
    elif isinstance(value, list):
        if all(isinstance(each, str) for each in value):
            yield "".join(value)
        else:
            for each in value:
                yield from _texts(each)


def _said(source: str) -> list[str]:
    """Comments and strings of a cell's code, each by itself; all of it, if it is no Python."""
    kinds = ("COMMENT", "STRING", "FSTRING_MIDDLE")
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(MAGIC.sub(r"\1pass", source)).readline))
    except (tokenize.TokenError, SyntaxError):
        return [source]
    return [each.string for each in tokens if tokenize.tok_name[each.type] in kinds]


# -- what is hidden ---------------------------------------------------------------------------------


def _hidden_tests(cell: Cell) -> list[Test]:
    hidden, inside = set[int](), False
    for number, line in enumerate(code_lines(cell.source), 1):
        inside = (inside or "BEGIN HIDDEN TESTS" in line) and "END HIDDEN TESTS" not in line
        if inside:
            hidden.add(number)
    return [test for test in _tests(cell.source) if not hidden or test.line in hidden]


def _regions(source: str, name: str) -> list[str]:
    return re.findall(rf"^[^\n]*BEGIN {name}[^\n]*\n(.*?)^[^\n]*END {name}", source, re.M | re.S)


def _tests(source: str, *, comparisons: bool = False) -> Iterator[Test]:
    """What a check asserts, or compares at all."""
    source = MAGIC.sub(r"\1pass", source)
    tree = parsed(source)
    if tree is None:
        return
    bound, lines, count = _bindings(tree), code_lines(source), 0
    for node in ast.walk(tree):
        part: ast.expr | None = None
        if isinstance(node, ast.Assert):
            part = node.test
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            part = node if node.func.attr.startswith("assert") else None
        elif comparisons and isinstance(node, ast.Compare):
            part = node
        if part is not None:
            count += 1
            if count > MOST_TESTS:
                return
            yield Test(
                _segment(lines, part),
                ast.dump(part),
                frozenset(_given(part, bound)),
                any(isinstance(each, ast.Constant) for each in ast.walk(part)),
                part.lineno,
            )


def _segment(lines: list[str], node: ast.expr) -> str:
    """As ast.get_source_segment, which divides the whole source anew for each."""
    assert node.end_lineno is not None
    mine = [line.encode() for line in lines[node.lineno - 1 : node.end_lineno]]
    mine[-1] = mine[-1][: node.end_col_offset]
    mine[0] = mine[0][node.col_offset :]
    return b"\n".join(mine).decode()


@dataclass(frozen=True, slots=True)
class Binding:
    """A statement that gives a name its value: ``said`` is what of it tells which."""

    line: int
    said: tuple[ast.AST, ...]
    shape: str


def _bindings(tree: ast.Module) -> dict[str, list[Binding]]:
    """By name, in the order of their lines."""
    found: dict[str, list[Binding]] = {}

    def add(line: int, names: Iterable[str], *said: ast.AST) -> None:
        binding = Binding(line, said, " ".join(map(ast.dump, said)))
        for name in names:
            found.setdefault(name, []).append(binding)

    for node in ast.walk(tree):
        if isinstance(node, ast.For | ast.AsyncFor):
            add(node.lineno, _stored(node.target), node.target, node.iter)
        elif isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
            add(node.lineno, _stored(node), node)
        elif isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                add(node.lineno, _stored(item), item)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            add(node.lineno, [node.name], node)
    for bindings in found.values():
        bindings.sort(key=lambda each: each.line)
    return found


def _stored(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _given(part: ast.expr, bound: Mapping[str, list[Binding]]) -> Iterator[str]:
    """How the names of a test come about: the last statement before it for each, and so on from there."""
    waiting: list[tuple[ast.AST, int]] = [(part, part.lineno)]
    seen: set[Binding] = set()
    while waiting and len(seen) < FARTHEST:
        node, line = waiting.pop()
        for name in {each.id for each in ast.walk(node) if isinstance(each, ast.Name)} & bound.keys():
            here = bisect.bisect_right(bound[name], line, key=lambda each: each.line)
            if here and (binding := bound[name][here - 1]) not in seen:
                seen.add(binding)
                yield binding.shape
                waiting += [(each, binding.line) for each in binding.said]


def parsed(source: str) -> ast.Module | None:
    """The source as a syntax tree; None if it is no Python."""
    try:
        with warnings.catch_warnings():  # of an author's backslashes
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def code_lines(source: str) -> list[str]:
    """As the parser counts them."""
    return re.split(r"\r\n|\r|\n", source)


def _dense(text: str) -> str:
    return re.sub(r"\s+", "", text)


def short(text: str) -> str:
    """At most 80 characters of it."""
    return text if len(text) <= 80 else text[:77] + "…"
