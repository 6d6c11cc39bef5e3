"""What an attack is, as data, and how it becomes a notebook that a learner could submit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .leaks import leaked

AIMS = ("forge", "leak", "escape", "exhaust", "control")
MARKER = "ESCAPED"

# An escape probe calls found(...). The marker is put together at run time, so that a traceback
# which quotes this source is not taken for a hit.
PROBE = f"""
def found(what):
    print("{MARKER[:3]}" + "{MARKER[3:]}: " + str(what), flush=True)
"""


@dataclass(frozen=True)
class Target:
    """A small challenge to attack: its author's cells and the words that must stay hidden.

    ``checks``: (id, points, hidden, source). ``wrong``: an answer without any trick that must earn
    nothing, neither here nor from the naive grader, and show nothing hidden.
    """

    slug: str
    reference: str
    wrong: str
    checks: tuple[tuple[str, float, bool, str], ...]
    secrets: tuple[str, ...]
    setup: str = ""


@dataclass(frozen=True)
class Case:
    """One attack or one honest control.

    ``cell`` is what the learner wrote into the solution cell; ``first``, ``middle`` and ``last`` are cells
    of their own before all others, between the visible and the hidden checks, and after all others.
    ``edits`` are changes to the notebook file: ("replace", id, source), ("remove", id),
    ("duplicate", id), ("metadata", id, mapping), ("swap", id, id). ``ends``: statuses with which an
    exhaustion may end. ``naive``: which naive grader it bites, "kernel" or "script" (cells joined and run
    as one file). ``floor``: points that the answer earns honestly.
    """

    id: str
    family: str
    target: str
    aim: str
    cell: str
    first: str = ""
    middle: str = ""
    last: str = ""
    edits: tuple[tuple[Any, ...], ...] = ()
    ends: tuple[str, ...] = ()
    naive: str = "kernel"
    floor: float = 0.0
    secrets: tuple[str, ...] = ()
    runtimes: tuple[str, ...] = ("runc", "runsc")

    def hidden_words(self, target: Target) -> tuple[str, ...]:
        """What must not be shown, less what the learner's own text holds and may well quote."""
        own = "\n".join((self.first, self.cell, self.middle, self.last))
        words = target.secrets + self.secrets
        return tuple(word for word in words if word not in leaked(own, words))


def _cell(kind: str, source: str, grade_id: str = "", **nbgrader: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    if grade_id:
        metadata["nbgrader"] = {
            "schema_version": 3,
            "grade_id": grade_id,
            "grade": False,
            "solution": False,
            "locked": False,
            "task": False,
            **nbgrader,
        }
    cell: dict[str, Any] = {"cell_type": kind, "metadata": metadata, "source": source}
    if kind == "code":
        cell |= {"outputs": [], "execution_count": None}
    return cell


def _notebook(cells: list[dict[str, Any]], metadata: dict[str, Any]) -> dict[str, Any]:
    return {
        "nbformat": 4,
        "nbformat_minor": 4,
        "metadata": {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            **metadata,
        },
        "cells": cells,
    }


def source_notebook(target: Target, limits: dict[str, float]) -> str:
    """The author's notebook (nbgrader's format), as JSON."""
    cells = [_cell("markdown", f"# {target.slug.title()}")]
    if target.setup:
        cells.append(_cell("code", target.setup, "setup", locked=True))
    solution = f"### BEGIN SOLUTION\n{target.reference.strip()}\n### END SOLUTION"
    cells.append(_cell("code", solution, "answer", solution=True))
    for name, points, hidden, source in target.checks:
        if hidden:
            source = f"### BEGIN HIDDEN TESTS\n{source.strip()}\n### END HIDDEN TESTS"
        cells.append(_cell("code", source.strip(), name, grade=True, locked=True, points=points))
    challenge = {"schema_version": 1, "slug": target.slug, "title": target.slug.title(), "limits": limits}
    return json.dumps(_notebook(cells, {"challenge": challenge}))


def submission(case: Case, target: Target) -> str:
    """The learner's notebook for this case: what the release shows, the answer, their own cells."""
    probe = PROBE if case.aim == "escape" else ""
    cells = [_cell("markdown", f"# {target.slug.title()}")]
    if case.first:
        cells.append(_cell("code", probe + case.first))
    if target.setup:
        cells.append(_cell("code", target.setup, "setup", locked=True))
    cells.append(_cell("code", probe + case.cell, "answer", solution=True))
    shown = [check for check in target.checks if not check[2]]
    hidden = [check for check in target.checks if check[2]]
    for name, points, _, source in shown:
        cells.append(_cell("code", source.strip(), name, grade=True, locked=True, points=points))
    if case.middle:
        cells.append(_cell("code", case.middle))
    for name, points, _, _ in hidden:
        cells.append(_cell("code", "", name, grade=True, locked=True, points=points))
    if case.last:
        cells.append(_cell("code", case.last))
    for edit in case.edits:
        _edit(cells, edit)
    return json.dumps(_notebook(cells, {"challenge": {"slug": target.slug, "version": 1}}))


def _edit(cells: list[dict[str, Any]], edit: tuple[Any, ...]) -> None:
    def at(grade_id: str) -> int:
        return next(
            i for i, c in enumerate(cells) if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id
        )

    match edit:
        case ("replace", grade_id, source):
            cells[at(grade_id)]["source"] = source
        case ("remove", grade_id):
            del cells[at(grade_id)]
        case ("duplicate", grade_id):
            cells.append(json.loads(json.dumps(cells[at(grade_id)])))
        case ("metadata", grade_id, values):
            cells[at(grade_id)]["metadata"]["nbgrader"] |= values
        case ("swap", one, other):
            i, j = at(one), at(other)
            cells[i], cells[j] = cells[j], cells[i]
        case _:
            raise ValueError(f"unknown edit {edit!r}")
