"""What a learner receives: answers replaced by stubs, hidden tests taken out, the author's cells locked.

The markers and what they do are nbgrader's (ClearSolutions, ClearHiddenTests and ClearMarkScheme of
nbgrader 0.9): a line that contains the marker begins or ends a region, and both lines go with it. One rule
is stricter: an END without its BEGIN is refused, because what should have been cut would be published.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import nbformat

from .errors import ChallengeInvalid, GraderError
from .models import Cell, Challenge, Role
from .nbgrader import read_marks
from .notebook import MAX_CHALLENGE_BYTES, Notebook, NotebookCell, read_notebook

CODE_STUB = "# YOUR CODE HERE\nraise NotImplementedError()"
TEXT_STUB = "YOUR ANSWER HERE"
HIDDEN_STUB = "# Hidden check: it runs when you submit."

KEPT_METADATA = ("tags", "slideshow", "jupyter")  # of a cell; anything else could carry an author's secret
CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")  # as in nbformat 4.5's schema


class MarkerMisplaced(ValueError):
    """A region that is nested, never ends, never began, or stands in a cell of the wrong kind."""


def release_source(source: str, *, code: bool, solution: bool, check: bool, task: bool, hidden: bool) -> str:
    """The text of a cell as the learner receives it.

    ``solution``, ``check`` and ``task`` say which regions the cell may hold; ``hidden`` that all of a check
    is hidden. Raises MarkerMisplaced.
    """
    stub = CODE_STUB if code else TEXT_STUB
    if solution and not _begins(source, "SOLUTION"):
        text = stub
    else:
        text = _cut(source, "SOLUTION", stub, allowed=solution, where="an answer cell (solution)")
    text = _cut(text, "HIDDEN TESTS", "", allowed=check, where="a cell with points (grade)")
    text = _cut(text, "MARK SCHEME", "", allowed=task, where="a task cell")
    return HIDDEN_STUB if code and check and not solution and (hidden or not text.strip()) else text


def without_markers(source: str) -> str:
    """The author's answer as it is shown to those who have passed: all of it but the marker lines."""
    lines = source.split("\n")
    return "\n".join(line for line in lines if "BEGIN SOLUTION" not in line and "END SOLUTION" not in line)


def has_hidden_tests(source: str) -> bool:
    return _begins(source, "HIDDEN TESTS")


def _begins(source: str, region: str) -> bool:
    return any(f"BEGIN {region}" in line for line in source.split("\n"))


def _cut(source: str, region: str, stub: str, *, allowed: bool, where: str) -> str:
    begin, end = f"BEGIN {region}", f"END {region}"
    kept: list[str] = []
    inside = False
    for number, line in enumerate(source.split("\n"), start=1):
        if begin in line or end in line:
            if not allowed:
                raise MarkerMisplaced(f"line {number} has a marker ({region}) that belongs only into {where}")
            if inside == (begin in line):
                problem = "begins inside another one" if inside else "ends without having begun"
                raise MarkerMisplaced(f"the {region} region at line {number} {problem}")
            inside = begin in line
            if inside and stub:
                indent = line[: len(line) - len(line.lstrip())]
                kept += [indent + stub_line for stub_line in stub.split("\n")]
        elif not inside:
            kept.append(line)
    if inside:
        raise MarkerMisplaced(f"a {region} region begins but never ends (### END {region} is missing)")
    return "\n".join(kept)


def release_notebook(challenge: Challenge, source_nb_text: str | bytes, version: int) -> dict[str, Any]:
    """The release of ``challenge`` as a notebook (nbformat 4.5) that can be written with ``json.dump``.

    ``source_nb_text`` is the file that ``challenge`` was parsed from. No output, hint or metadata of the
    author's goes with it but tags and the like; cell ids do not change from one version to the next.
    """
    try:
        source = read_notebook(source_nb_text, max_bytes=MAX_CHALLENGE_BYTES)
    except GraderError as error:
        raise ChallengeInvalid(error.message, details=error.details) from error
    notebook: dict[str, Any] = {
        "cells": _release_cells(challenge, source),
        "metadata": {
            "challenge": {"slug": challenge.slug, "title": challenge.title, "version": version}
            | ({"image": challenge.image} if challenge.image else {}),
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    try:
        nbformat.validate(nbformat.from_dict(notebook))
    except nbformat.ValidationError as error:
        raise ChallengeInvalid(
            f"The notebook for learners would not be valid: {str(error).splitlines()[0]}."
        ) from error
    return notebook


def _release_cells(challenge: Challenge, source: Notebook) -> list[dict[str, Any]]:
    identities: set[str] = set()
    released = []
    for cell, written in zip(challenge.cells, source.cells, strict=True):
        if cell.release_source is not None:
            identity = _cell_id(cell, written, identities)
            identities.add(identity)
            released.append(_release_cell(cell, cell.release_source, written, identity))
    return released


def _cell_id(cell: Cell, written: NotebookCell, taken: Collection[str]) -> str:
    """nbformat's cell id: the author's where there is one, else one that is the same at every release."""
    base = written.id if CELL_ID.fullmatch(written.id) else cell.id[:48]
    identity, number = base, 1
    while identity in taken:
        number += 1
        identity = f"{base[:48]}-{number}"
    return identity


def _release_cell(cell: Cell, text: str, written: NotebookCell, identity: str) -> dict[str, Any]:
    marks = read_marks(written)
    metadata = {key: written.metadata[key] for key in KEPT_METADATA if key in written.metadata}
    if cell.locked or (cell.role is Role.TEXT and not marks.solution):
        metadata |= {"deletable": False, "editable": False}
    elif marks.solution:
        metadata["deletable"] = False
    if marks.grade_id:
        metadata["nbgrader"] = marks.as_metadata()
    if cell.role is Role.CHECK:
        metadata["challenge"] = {"title": cell.title} | ({"hidden": True} if cell.hidden else {})
    released: dict[str, Any] = {
        "cell_type": written.kind,
        "id": identity,
        "metadata": metadata,
        "source": text,
    }
    if written.kind == "code":
        return released | {"execution_count": None, "outputs": []}
    # a picture that only the author's own words showed stays with the author
    pictures = {name: data for name, data in written.attachments.items() if f"attachment:{name}" in text}
    return released | ({"attachments": pictures} if pictures else {})
