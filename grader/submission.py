"""From a learner's notebook to the job that a sandbox runs.

A learner's source is only ever carried from one place to another here; nothing on this side compiles it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable

from .errors import CellDuplicated, CellMissing
from .models import Challenge, Job, Role, Step
from .notebook import MAX_SUBMISSION_BYTES, Notebook, NotebookCell, read_notebook

STEP_KINDS = {Role.SETUP: "setup", Role.SOLUTION: "cell", Role.CHECK: "check"}


def parse_submission(text: str | bytes) -> Notebook:
    """Read what a learner sent. Raises NotebookTooLarge, NotebookMalformed or NotebookNotPython."""
    return read_notebook(text, max_bytes=MAX_SUBMISSION_BYTES)


def build_job(challenge: Challenge, submission: Notebook) -> Job:
    """Put the learner's answers between the author's cells.

    Setup and check cells always come from the challenge, each once and in its order, whatever the learner
    did to them. Answers are found by their ``grade_id`` and stand where the challenge has them. Every other
    code cell is the learner's own: it runs right after the challenge cell that precedes it in the submitted
    notebook, and is called ``cell-<index>`` by its place there (from 0). As in nbgrader, an unlocked
    demo cell of the author's runs if the learner kept it, as it was handed in.

    Raises CellMissing for an answer cell that is not there and CellDuplicated for a challenge cell that is
    there twice.
    """
    known = {cell.id: cell for cell in challenge.cells if cell.role in STEP_KINDS}
    answers = {cell.grade_id: cell.source for cell in submission.cells if cell.grade_id in known}
    _require_each_once(known, submission)
    missing = [cell.id for cell in known.values() if cell.role is Role.SOLUTION and cell.id not in answers]
    if missing:
        raise CellMissing(
            f"Your notebook no longer has the answer cell {missing[0]!r}. Undo its deletion, or open a fresh "
            "copy of the challenge and put your answer there.",
            details={"cell": missing[0], "cells": missing},
        )

    own = _own_cells_by_anchor(known, submission)
    steps = own[""]
    for cell in known.values():
        source = answers[cell.id] if cell.role is Role.SOLUTION else cell.source
        if cell.role is Role.CHECK:
            steps.append(Step("check", cell.id, source, cell.points, cell.hidden, cell.compare, cell.judge))
        else:
            steps.append(Step(STEP_KINDS[cell.role], cell.id, source))
        steps += own[cell.id]
    return Job(tuple(steps), challenge.limits, _reference(challenge), challenge.image)


def _require_each_once(known: Iterable[str], submission: Notebook) -> None:
    counts = Counter(cell.grade_id for cell in submission.cells)
    twice = [name for name in known if counts[name] > 1]
    if twice:
        raise CellDuplicated(
            f"Your notebook has the challenge cell {twice[0]!r} {counts[twice[0]]} times, so it is not clear "
            "which one counts. Delete the copies and keep one. To try things out, add a new cell instead of "
            "copying one of the challenge's.",
            details={"cell": twice[0], "cells": twice},
        )


def _own_cells_by_anchor(known: Collection[str], submission: Notebook) -> dict[str, list[Step]]:
    """The learner's own code cells by the id of the challenge cell that they follow ("": none)."""
    own: dict[str, list[Step]] = {"": [], **{name: [] for name in known}}
    anchor = ""
    for cell in submission.cells:
        if cell.grade_id in known:
            anchor = cell.grade_id
        elif cell.kind == "code":
            own[anchor].append(Step("cell", _own_id(cell, known), cell.source))
    return own


def _own_id(cell: NotebookCell, known: Collection[str]) -> str:
    name = f"cell-{cell.index}"
    while name in known:
        name += "-own"
    return name


def _reference(challenge: Challenge) -> str:
    """See models.Job: data for the judge, parsed there."""
    return json.dumps(
        [
            {"id": cell.id, "role": cell.role.value, "source": cell.source}
            for cell in challenge.cells
            if cell.role is not Role.TEXT
        ]
    )
