"""Mutants: wrong answers made of the right one, to see whether a challenge's checks notice.

Only what a learner would have to write is changed: the SOLUTION regions of the answer cells, or the whole
cell where none is marked. What compiles to the same code is no mutant. The same challenge has the same
mutants every time, and one edit elsewhere hardly changes which are chosen.

``python -m grader.mutants`` does it for one JSON request on standard input, in a process that an author's
hostile source can hurt without hurting anybody else; ``grow`` calls that.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import difflib
import dis
import hashlib
import json
import re
import resource
import sys
import types
import warnings
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .operators import Change, Source, apply

CEILING = 60  # mutants of one challenge, so that a check takes tens of seconds
CHILD_S = 60  # seconds, and processor seconds, that making them may take
CHILD_BYTES = 2 * 1024**3
ROOT = Path(__file__).resolve().parent.parent
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
BY_VALUE = ("LOAD_CONST", "RETURN_CONST", "KW_NAMES", "LOAD_SMALL_INT")
FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


@dataclass(frozen=True, slots=True)
class Answer:
    """The reference's source of one answer cell."""

    id: str
    source: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """``source``: the whole cell, changed in one place, at ``line`` (from 1)."""

    cell: str
    operator: str
    line: int
    source: str
    diff: str


@dataclass(frozen=True, slots=True)
class Mutants:
    """``possible``: changes that there are, before those that change nothing are sorted out and the
    ceiling is applied; ``unreadable``: by cell, why nothing could be changed there."""

    chosen: tuple[Mutant, ...] = ()
    possible: int = 0
    unreadable: tuple[tuple[str, str], ...] = ()


def mutate(answers: Iterable[Answer], context: str = "", ceiling: int = CEILING) -> Mutants:
    """At most ``ceiling`` mutants of the answers, every kind of change among them, in the order of the text.

    ``context``: the checks' sources; a word of an error is changed only where a check reads it.
    """
    found: list[tuple[Answer, Source, Change]] = []
    unreadable = []
    answers = list(answers)
    for answer in answers:
        try:
            source = Source(plain_python(answer.source), context)
            lines = solution_lines(answer.source)
            found += [(answer, source, each) for each in source.changes() if _within(source, each, lines)]
        except UNREADABLE as error:
            unreadable.append((answer.id, str(error).split("\n")[0] or type(error).__name__))
    order = {answer.id: number for number, answer in enumerate(answers)}
    chosen = _choose(found, ceiling)
    chosen.sort(key=lambda each: (order[each.cell], each.line, each.operator, each.source))
    return Mutants(tuple(chosen), len(found), tuple(unreadable))


def plain_python(source: str) -> str:
    """The source with line ends of one kind, and IPython's magics and shell lines as ``pass``, so that it
    parses; as many lines as before."""
    text = source.replace("\r\n", "\n").replace("\r", "\n")
    if re.match(r"\s*%%", text):
        raise ValueError("the cell begins with a magic (%%)")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except SyntaxError:
        return re.sub(r"^([ \t]*)([%!].*)$", r"\1pass  # \2", text, flags=re.M)
    return text


def solution_lines(source: str) -> set[int]:
    """The lines (from 1) that a learner has to write: those in SOLUTION regions, or all."""
    lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not any("BEGIN SOLUTION" in line for line in lines):
        return set(range(1, len(lines) + 1))
    within, found = False, set()
    for number, line in enumerate(lines, 1):
        if "BEGIN SOLUTION" in line or "END SOLUTION" in line:
            within = "BEGIN SOLUTION" in line
        elif within:
            found.add(number)
    return found


def _within(source: Source, change: Change, lines: set[int]) -> bool:
    return all(
        line in lines
        for edit in change.edits
        for line in range(source.line(edit.start), source.line(max(edit.start, edit.end - 1)) + 1)
    )


def _choose(found: Sequence[tuple[Answer, Source, Change]], ceiling: int) -> list[Mutant]:
    """Kinds of change take turns, so that a common kind does not crowd out a rare one."""
    kinds: dict[str, list[tuple[Answer, Source, Change]]] = {}
    for each in sorted(found, key=_lot):
        kinds.setdefault(each[2].operator, []).append(each)
    turns = deque(deque(kinds[name]) for name in sorted(kinds))
    before: dict[str, Any] = {}
    chosen: list[Mutant] = []
    seen: set[Any] = set()
    while turns and len(chosen) < ceiling:
        kind = turns.popleft()
        answer, source, change = kind.popleft()
        if kind:
            turns.append(kind)
        if answer.id not in before:
            before[answer.id] = _essence_of(source.data.decode())
        text = apply(source.data, change.edits)
        essence = _essence_of(text)
        if essence is None or essence == before[answer.id] or (answer.id, essence) in seen:
            continue
        seen.add((answer.id, essence))
        chosen.append(_mutant(answer, source, change))
    return chosen


def _lot(found: tuple[Answer, Source, Change]) -> bytes:
    """Drawn by what a change does and the text around it, not by its place in the cell."""
    answer, source, change = found
    around = [source.data[max(0, edit.start - 40) : edit.end + 40] for edit in change.edits]
    told = repr((answer.id, change.operator, around, [edit.text for edit in change.edits]))
    return hashlib.sha256(told.encode()).digest()


def _mutant(answer: Answer, source: Source, change: Change) -> Mutant:
    # made in the author's own text, whose magics the parsed one lacks, line by line
    written = answer.source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    parsed = source.data.decode().split("\n")
    changed = apply(source.data, change.edits).split("\n")
    magics = {ours: theirs for ours, theirs in zip(parsed, written, strict=True) if ours != theirs}
    text = "\n".join(magics.get(line, line) for line in changed) if magics else "\n".join(changed)
    diff = difflib.unified_diff(written, text.split("\n"), answer.id, answer.id, lineterm="", n=2)
    line = source.line(change.edits[0].start)
    return Mutant(answer.id, change.operator, line, text, "\n".join(diff))


def _essence_of(text: str) -> Any:
    """What a source compiles to, without its places in the text; None when it does not compile."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _essence(compile(text, "answer", "exec", flags=FLAGS, dont_inherit=True))
    except UNREADABLE:
        return None


def _essence(value: Any) -> Any:
    if isinstance(value, types.CodeType):
        # by instruction, for what is never loaded makes no difference
        steps = [
            (each.opname, each.arg, _essence(each.argval))
            if each.opname not in BY_VALUE
            else (each.opname, _essence(each.argval))
            for each in dis.get_instructions(value)
        ]
        return (
            tuple(steps),
            value.co_exceptiontable,
            value.co_varnames,
            value.co_argcount,
            value.co_posonlyargcount,
            value.co_kwonlyargcount,
            value.co_flags,
            value.co_name,
        )
    if isinstance(value, tuple):
        return "tuple", tuple(map(_essence, value))
    if isinstance(value, frozenset):
        return "frozenset", tuple(sorted(repr(_essence(each)) for each in value))
    # 1, 1.0 and True are equal, and -0.0 is 0.0
    return type(value).__name__, repr(value)


# -- in a process of its own ------------------------------------------------------------------------


async def grow(answers: Iterable[Answer], context: str = "", ceiling: int = CEILING) -> Mutants:
    """``mutate`` in a process of its own, within limits; what breaks it leaves no mutants, and says so."""
    answers = list(answers)
    request = {"answers": [asdict(each) for each in answers], "context": context, "ceiling": ceiling}
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "grader.mutants",
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(CHILD_S):
            told, _ = await child.communicate(json.dumps(request).encode())
        made = json.loads(told)
    except (TimeoutError, ValueError):
        reason = "its source is too much for the program that makes mutants"
        return Mutants(unreadable=tuple((answer.id, reason) for answer in answers))
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await asyncio.shield(child.wait())
    return Mutants(
        tuple(Mutant(**each) for each in made["chosen"]),
        made["possible"],
        tuple((cell, reason) for cell, reason in made["unreadable"]),
    )


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (CHILD_BYTES, CHILD_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CHILD_S, CHILD_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    request = json.load(sys.stdin)
    answers = [Answer(**each) for each in request["answers"]]
    json.dump(asdict(mutate(answers, request["context"], request["ceiling"])), sys.stdout)


if __name__ == "__main__":
    main()
