"""The words of the project as values: what crosses a boundary between two modules is defined here.

Everything is frozen. ``as_dict`` gives the JSON form that the API, the command line and the
database share; units are in the names (``_ms``, ``_s``, ``_mb``, ``_kb``, ``_bytes``).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """Where a submission stands. Work that broke off goes back to queued; finished is for good."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"


class Status(StrEnum):
    """How a cell, a check or a whole submission ended."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    TIMEOUT = "timeout"
    MEMORY_EXCEEDED = "memory_exceeded"
    OUTPUT_EXCEEDED = "output_exceeded"
    CRASHED = "crashed"
    NOT_RUN = "not_run"
    INTERNAL_ERROR = "internal_error"


class Role(StrEnum):
    """The one part that a cell plays; the four booleans of nbgrader are read into it at the door."""

    TEXT = "text"  # markdown or raw; never runs
    SETUP = "setup"  # code, locked, without points: the author's, given to the learner
    SOLUTION = "solution"  # code, for the learner to write
    CHECK = "check"  # code, locked, with points: the author's, never shown to the learner's process
    FREE = "free"  # code of nobody in particular (an unlocked demo cell, the learner's own cells)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one submission may use. Ceilings are in ``metadata.LIMIT_CEILINGS``."""

    wall_s: float = 10.0  # one cell or one check
    total_s: float = 60.0  # the whole submission
    cpu_s: float = 30.0  # processor time of the learner's process
    memory_mb: int = 512  # the whole container
    output_kb: int = 256  # all that the submission prints
    processes: int = 64  # processes and threads in the container


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of an author's notebook.

    ``id`` is the nbgrader ``grade_id`` where there is one, else ``cell-<index>``. ``source`` is what
    the author wrote; ``release_source`` is what the learner receives (None: removed from the release).
    ``compare`` is "judge" or "learner", ``judge`` is "process" or "in-kernel" (see docs/judge.md).
    """

    id: str
    role: Role
    source: str
    release_source: str | None
    locked: bool = False
    points: float = 0.0
    hidden: bool = False
    title: str = ""
    hint: str = ""
    compare: str = "judge"
    judge: str = "process"


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge as its author wrote it, parsed and checked."""

    slug: str
    title: str
    summary: str
    cells: tuple[Cell, ...]
    limits: Limits = field(default_factory=Limits)
    difficulty: int = 1
    tags: tuple[str, ...] = ()
    track: str = ""
    prerequisites: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    show_solution: bool = True
    image: str = ""  # the installation's name for the sandbox image that it needs; "": the usual one

    @property
    def checks(self) -> tuple[Cell, ...]:
        return tuple(cell for cell in self.cells if cell.role is Role.CHECK)

    @property
    def max_score(self) -> float:
        return sum(cell.points for cell in self.checks)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing for the sandbox to run, in notebook order.

    ``kind``: "cell" (the learner's code), "setup" (the author's, run for the learner; its functions and
    imports are also made in the judge) or "check" (run in the judge).
    """

    kind: str
    id: str
    source: str
    points: float = 0.0
    hidden: bool = False
    compare: str = "judge"
    judge: str = "process"


@dataclass(frozen=True, slots=True)
class Job:
    """All that a sandbox is told: the steps, the limits, and the author's code (reference solution
    included), from which the judge reads which names, imports and operators are the author's.

    ``reference`` is a JSON list of {"id", "role", "source"}, one for each of the author's code cells in their
    order; it never leaves the judge's process.
    """

    steps: tuple[Step, ...]
    limits: Limits
    reference: str = ""
    image: str = ""  # which sandbox image, by the installation's name for it; "": the usual one


@dataclass(frozen=True, slots=True)
class CheckResult:
    id: str
    title: str
    status: Status
    points: float
    max_points: float
    hidden: bool
    message: str = ""
    stdout: str = ""
    duration_ms: float = 0.0
    hint: str = ""


@dataclass(frozen=True, slots=True)
class CellResult:
    """``error`` is None or {"name", "message", "traceback", "line"}: text written by a learner's code."""

    id: str
    status: Status
    stdout: str = ""
    error: dict[str, Any] | None = None
    duration_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Timings:
    queue_ms: float = 0.0
    sandbox_ms: float = 0.0
    run_ms: float = 0.0
    total_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """The verdict on one submission. ``message`` says in plain words why a run ended early, else ""."""

    status: Status
    score: float
    max_score: float
    checks: tuple[CheckResult, ...]
    cells: tuple[CellResult, ...]
    timings: Timings = field(default_factory=Timings)
    peak_memory_bytes: int | None = None
    message: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
