"""What changed between two states of a challenge, cell by cell, for people to read.

Cells are matched by their id, not by their place, so that one new cell does not make all that follow it look
changed. Text in, text out: nothing here knows a database.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from .models import Cell, Challenge

ABOUT = (
    "title",
    "summary",
    "difficulty",
    "tags",
    "track",
    "prerequisites",
    "hints",
    "image",
    "limits",
)
OF_CELL = ("role", "points", "hidden", "title", "hint", "compare", "judge", "locked")


@dataclass(frozen=True, slots=True)
class Change:
    """One cell, or the challenge's own description (``cell`` is then "").

    ``what``: added, removed, changed, moved. ``diff`` is a unified diff without file names.
    """

    cell: str
    role: str
    what: str
    diff: str


def changes(before: Challenge | None, after: Challenge) -> list[Change]:
    """In the order of ``after``, the cells that are gone at the end. ``before`` None: all is new."""
    found = list(_description(before, after))
    old = {cell.id: cell for cell in before.cells} if before else {}
    new = {cell.id: cell for cell in after.cells}
    stayed = [name for name in old if name in new]
    moved = set(stayed) - set(_in_order(stayed, [name for name in new if name in old]))
    for name, cell in new.items():
        diff = _diff(_written(old[name]) if name in old else "", _written(cell))
        if name not in old:
            found.append(Change(name, cell.role.value, "added", diff))
        elif diff:
            found.append(Change(name, cell.role.value, "changed", diff))
        elif name in moved:
            found.append(Change(name, cell.role.value, "moved", ""))
    found += [
        Change(name, cell.role.value, "removed", _diff(_written(cell), ""))
        for name, cell in old.items()
        if name not in new
    ]
    return found


def as_text(found: list[Change]) -> str:
    """All of it as one text, each cell under a line with its name."""
    parts = []
    for change in found:
        name = f"cell {change.cell} ({change.role})" if change.cell else "the challenge itself"
        parts.append(f"=== {name}: {change.what}\n{change.diff}")
    return "\n".join(parts)


def as_dicts(found: list[Change]) -> list[dict[str, Any]]:
    return [asdict(change) for change in found]


def _in_order(before: list[str], after: list[str]) -> Iterator[str]:
    """The most names that stand in the same order on both sides: those need not have moved."""
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for block in matcher.get_matching_blocks():
        yield from before[block.a : block.a + block.size]


def _description(before: Challenge | None, after: Challenge) -> Iterator[Change]:
    diff = _diff(_about(before) if before else "", _about(after))
    if diff:
        yield Change("", "", "changed" if before else "added", diff)


def _about(challenge: Challenge) -> str:
    values = {name: getattr(challenge, name) for name in ABOUT}
    values |= asdict(values.pop("limits"))
    values |= {name: ", ".join(values[name]) for name in ("tags", "prerequisites")}
    hints = values.pop("hints")
    lines = [f"{name}: {value}" for name, value in values.items()]
    return "\n".join([*lines, *(f"hint {number}: {hint}" for number, hint in enumerate(hints, 1))])


def _written(cell: Cell) -> str:
    """A cell's text, under the marks that also decide what it does."""
    usual = Cell(cell.id, cell.role, "", None)
    marks = [
        f"[{name}: {getattr(cell, name)}]"
        for name in OF_CELL
        if name == "role" or getattr(cell, name) != getattr(usual, name)
    ]
    return "\n".join([*marks, cell.source])


def _diff(before: str, after: str) -> str:
    # without the two lines that would name files
    return "\n".join(
        list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=3))[2:]
    )
