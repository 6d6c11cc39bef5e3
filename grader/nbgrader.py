"""nbgrader's cell metadata, read once and brought to its schema version 3.

The rules are those of nbgrader 0.9 (nbgraderformat v1 to v3): what version 0 may leave out, which values
are refused, and ``is_locked`` = not solution and (grade or locked).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .notebook import NotebookCell

SCHEMA_VERSION = 3
GRADE_ID = re.compile(r"[a-zA-Z0-9_-]+")  # as in nbgrader's schema
MAX_GRADE_ID = 128
MAX_POINTS = 100_000
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?")


class MetadataInvalid(ValueError):
    """What is wrong with one cell's metadata, as the end of the sentence "Cell 3: …"."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What nbgrader's metadata say of a cell; a cell without any has no grade_id and no mark."""

    grade_id: str = ""
    grade: bool = False
    solution: bool = False
    locked: bool = False  # as is_locked decides, not as written
    task: bool = False
    points: float = 0.0

    def as_metadata(self) -> dict[str, Any]:
        """The metadata to write, without a checksum; {} for a cell that nbgrader has nothing to say of."""
        if not self.grade_id:
            return {}
        written = {
            "schema_version": SCHEMA_VERSION,
            "grade_id": self.grade_id,
            "grade": self.grade,
            "solution": self.solution,
            "locked": self.locked,
            "task": self.task,
        }
        return written | ({"points": self.points} if self.grade else {})


def read_marks(cell: NotebookCell) -> Marks:
    """Raises MetadataInvalid."""
    written = cell.metadata.get("nbgrader")
    if written is None:
        return Marks()
    if not isinstance(written, dict):
        raise MetadataInvalid("metadata.nbgrader is not an object")
    version = written.get("schema_version", 0)
    if isinstance(version, bool) or not isinstance(version, int) or version < 0:
        raise MetadataInvalid("schema_version in metadata.nbgrader is not a whole number")
    if version > SCHEMA_VERSION:
        raise MetadataInvalid(
            f"schema_version {version} of metadata.nbgrader is newer than {SCHEMA_VERSION}, "
            "the newest that is understood"
        )
    grade, solution, locked, task = (
        _flag(written, name, version) for name in ("grade", "solution", "locked", "task")
    )
    if not (grade or solution or locked or task):
        return Marks()
    marks = Marks(
        grade_id=_grade_id(written),
        grade=grade,
        solution=solution,
        locked=not solution and (grade or locked),
        task=task,
        points=_points(written, version) if grade else 0.0,
    )
    _require_fitting_kind(marks, cell.kind)
    return marks


def _flag(written: Mapping[str, Any], name: str, version: int) -> bool:
    # versions 1 to 3 require the first three; a notebook that leaves one out plainly means "no"
    value = written.get(name, False)
    if not isinstance(value, bool):
        if version == 0 and value is None:
            return False
        raise MetadataInvalid(f"{name!r} in metadata.nbgrader is not true or false")
    return value


def _grade_id(written: Mapping[str, Any]) -> str:
    grade_id = written.get("grade_id")
    if grade_id is None or grade_id == "":
        raise MetadataInvalid("it has no grade_id; give it a name that no other cell has")
    if not isinstance(grade_id, str) or not GRADE_ID.fullmatch(grade_id) or len(grade_id) > MAX_GRADE_ID:
        raise MetadataInvalid(
            f"its grade_id {str(grade_id)[:40]!r} may hold only letters a-z, digits, _ and -, "
            f"at most {MAX_GRADE_ID} of them"
        )
    return grade_id


def _points(written: Mapping[str, Any], version: int) -> float:
    value = written.get("points")
    if version == 0:
        # version 0 kept what the author typed
        if value is None or value == "":
            return 0.0
        if isinstance(value, str) and NUMBER.fullmatch(value.strip()):
            value = float(value)
    if value is None:
        raise MetadataInvalid("it has no points")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MetadataInvalid(f"its points ({str(value)[:40]!r}) are not a number")
    if value < 0 and version > 0:
        raise MetadataInvalid(f"its points ({value}) are negative")
    if not value <= MAX_POINTS:  # so that not-a-number is refused too
        raise MetadataInvalid(f"its points ({value}) are not a number from 0 to {MAX_POINTS}")
    return max(0.0, float(value))


def _require_fitting_kind(marks: Marks, kind: str) -> None:
    if marks.task:
        if kind != "markdown":
            raise MetadataInvalid("a task cell must be a markdown cell")
    elif kind == "markdown" and marks.grade != marks.solution:
        raise MetadataInvalid(
            "a markdown cell cannot be graded by a program; for an answer that a person reads, "
            "mark it as grade and solution"
        )
