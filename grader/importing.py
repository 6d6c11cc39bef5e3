"""``python -m grader import``: an nbgrader course taken as it is, and what would be judged differently here.

A course is a folder with ``source/ASSIGNMENT/….ipynb``, as nbgrader lays it out. Each notebook becomes a
challenge of its own: the file as its author wrote it, with ``metadata.challenge`` (slug, title, track) added
where it has none. The course itself is only read.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import contextlib
import json
import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from . import grading, report
from .challenge import build_job, parse_challenge, release_notebook
from .errors import ChallengeInvalid, ChallengeUnknown
from .grading import Sandboxes
from .metadata import SCHEMA_VERSION
from .models import Cell, Challenge, CheckResult, Role, Status
from .nbgrader import read_marks
from .notebook import MAX_CHALLENGE_BYTES, Notebook, read_notebook
from .pool import Pool
from .variants import in_one_process

SHELL = frozenset({"get_ipython", "In", "Out", "_ih", "_oh", "_i", "_ii", "_iii"})
# What a check can do that leaves a line on stderr, where nbgrader takes all of its points.
STDERR = re.compile(r"\bsys\.stderr\b|\bwarnings\.warn\b|\blogging\.(warning|error|critical|exception)\b")

# Why a check may be judged differently from nbgrader; docs/authoring.md says more of each.
DIFFERENCES = {
    "graded_by_hand": "a person grades it in nbgrader; here it earns no points",
    "last_value_decides": "nbgrader gives full points whatever the last line's truth value; here False fails",
    "stderr_costs_points": "nbgrader takes all points for a line on stderr; here it costs nothing",
    "reads_the_shell": "it reads IPython's own state, which the judge's process does not have",
    "files_missing": "it names a file of the course's folder, which a sandbox does not have",
    "reference_fails": "the author's own solution does not pass it",
    "judged_differently": "the judge and grading in one process disagree",
}


class Outcome(StrEnum):
    IMPORTED = "imported"
    UNCHANGED = "unchanged"  # it was there already, the same
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Difference:
    """A cell that nbgrader would judge differently, or might; ``code`` is one of DIFFERENCES."""

    code: str
    cell: str
    message: str

    def as_dict(self) -> dict[str, str]:
        return {"code": self.code, "cell": self.cell, "message": self.message}


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one notebook. ``compared``: whether it ran in the sandbox, both ways."""

    notebook: str
    outcome: Outcome
    path: str = ""
    slug: str = ""
    checks: int = 0
    points: float = 0.0
    differences: tuple[Difference, ...] = ()
    compared: bool = False
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The JSON line; keys and their order are part of the command line's interface."""
        return {
            "notebook": self.notebook,
            "outcome": self.outcome.value,
            "path": self.path or None,
            "slug": self.slug or None,
            "checks": self.checks,
            "points": self.points,
            "compared": self.compared,
            "differences": [each.as_dict() for each in self.differences],
            "reason": self.reason or None,
        }


@dataclass(frozen=True, slots=True)
class CourseNotebook:
    path: Path
    name: str  # as people call it: ps1/problem1.ipynb
    track: str
    slug: str


def course_notebooks(course: Path, source: str = "source") -> list[CourseNotebook]:
    """The notebooks of a course in their order, each with its track and a slug made from its place.

    ``source``: the folder of the authors' notebooks, nbgrader's ``source_directory``; a folder of assignments
    without one is a course too. Raises ChallengeUnknown where there is none.
    """
    root = course / source if (course / source).is_dir() else course
    if not root.is_dir():
        raise ChallengeUnknown(f"{course} is no folder. Give the folder that holds the course's {source}/.")
    found = [
        path
        for path in sorted(root.glob("*/**/*.ipynb"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(root).parts)
    ]
    if not found:
        raise ChallengeUnknown(f"There is no notebook in {root}/ASSIGNMENT/. Is {course} an nbgrader course?")
    return [_placed(path, root) for path in found]


def _placed(path: Path, root: Path) -> CourseNotebook:
    relative = path.relative_to(root)
    track = _slug(relative.parts[0], 64)
    name = _slug(path.stem, 64)
    slug = name if not track or name == track or name.startswith(f"{track}-") else f"{track}-{name}"
    return CourseNotebook(path, relative.as_posix(), track, slug[:64].strip("-"))


def _slug(text: str, longest: int) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:longest].strip("-")


@dataclass
class Importer:
    """Takes notebooks one after the other into ``target``; ``sandboxes`` None: without running them."""

    target: Path
    sandboxes: Sandboxes | None = None
    _slugs: dict[str, str] = field(default_factory=dict)

    async def take(self, notebook: CourseNotebook) -> Imported:
        """Raises EngineUnavailable; what is wrong with the notebook itself is an outcome."""
        try:
            text = notebook.path.read_bytes()
            challenge, written, adorned = _adorned(notebook, text)
            self._require_new(challenge.slug, notebook.name)
            path, outcome = self._place(notebook, challenge, adorned)
        except ChallengeInvalid as error:
            return Imported(notebook.name, Outcome.REFUSED, reason=error.message)
        except OSError as error:
            return Imported(notebook.name, Outcome.REFUSED, reason=f"It cannot be read or written: {error}.")
        differences = [*_by_reading(challenge, written, notebook.path)]
        if self.sandboxes is not None:
            differences += await _by_running(challenge, written, adorned, self.sandboxes)
        return Imported(
            notebook.name,
            outcome,
            path=str(path),
            slug=challenge.slug,
            checks=len(challenge.checks),
            points=challenge.max_score,
            differences=tuple(differences),
            compared=self.sandboxes is not None,
        )

    def _require_new(self, slug: str, name: str) -> None:
        other = self._slugs.setdefault(slug, name)
        if other != name:
            raise ChallengeInvalid(
                f"Its slug {slug} is that of {other} already. Rename one of them, or write another slug into "
                "metadata.challenge.slug."
            )

    def _place(self, notebook: CourseNotebook, challenge: Challenge, text: bytes) -> tuple[Path, Outcome]:
        path = self.target / (challenge.track or notebook.track or "imported") / f"{challenge.slug}.ipynb"
        if path.exists():
            if path.read_bytes() == text:
                return path, Outcome.UNCHANGED
            raise ChallengeInvalid(
                f"{path} is there already and is different. It may have been worked on since, so it stays as "
                "it is: remove it to import the notebook anew."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
        return path, Outcome.IMPORTED


def _adorned(notebook: CourseNotebook, text: bytes) -> tuple[Challenge, Notebook, bytes]:
    """The challenge, its notebook, and the file with what a challenge needs to be told apart from others."""
    challenge = parse_challenge(text, filename=notebook.path.name)
    root = json.loads(text.decode("utf-8-sig"))
    about = root.setdefault("metadata", {}).get("challenge") or {}
    usual = {"schema_version": SCHEMA_VERSION, "slug": notebook.slug, "title": challenge.title}
    root["metadata"]["challenge"] = usual | {"track": notebook.track} | about
    adorned = json.dumps(root, ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass") + b"\n"
    return (
        parse_challenge(adorned, filename=notebook.path.name),
        read_notebook(adorned, max_bytes=MAX_CHALLENGE_BYTES),
        adorned,
    )


# -- what differs -----------------------------------------------------------------------------------


def _difference(code: str, cell: str, more: str = "") -> Difference:
    return Difference(code, cell, DIFFERENCES[code] + (f": {more}" if more else ""))


def _by_reading(challenge: Challenge, written: Notebook, path: Path) -> Iterator[Difference]:
    """What the source shows without being run."""
    beside = {each.name for each in path.parent.iterdir() if each.is_file() and each.suffix != ".ipynb"}
    for cell, as_written in zip(challenge.cells, written.cells, strict=True):
        marks = read_marks(as_written)
        if marks.task or (marks.grade and marks.solution):
            yield _difference("graded_by_hand", cell.id, f"{marks.points:g} points")
        if cell.role is Role.TEXT:
            continue
        named = sorted(name for name in beside if f"{name}'" in cell.source or f'{name}"' in cell.source)
        if named:
            yield _difference("files_missing", cell.id, ", ".join(named))
        if cell.role is Role.CHECK:
            yield from _by_reading_check(cell)


def _by_reading_check(cell: Cell) -> Iterator[Difference]:
    if STDERR.search(cell.source):
        yield _difference("stderr_costs_points", cell.id)
    try:
        tree = ast.parse(cell.source)
    except (SyntaxError, ValueError, RecursionError):
        return  # a magic, most likely; running it shows more
    last = tree.body[-1].value if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    if isinstance(last, ast.Compare | ast.BoolOp) or (
        isinstance(last, ast.UnaryOp) and isinstance(last.op, ast.Not)
    ):
        yield _difference("last_value_decides", cell.id)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    if names & SHELL:
        yield _difference("reads_the_shell", cell.id, ", ".join(sorted(names & SHELL)))


async def _by_running(
    challenge: Challenge, written: Notebook, text: bytes, sandboxes: Sandboxes
) -> list[Difference]:
    """What shows when the reference and the stub are graded by the judge and in one process."""
    stub = read_notebook(json.dumps(release_notebook(challenge, text, 1)), max_bytes=MAX_CHALLENGE_BYTES)
    found: list[Difference] = []
    for name, notebook in (("the reference", written), ("the stub", stub)):
        job = build_job(challenge, notebook)
        ours, theirs = await asyncio.gather(
            *(grading.run(challenge, each, sandboxes) for each in (job, in_one_process(job)))
        )
        for check, other in zip(ours.checks, theirs.checks, strict=True):
            if not _same(check, other):
                more = f"for {name} the judge says {_told(check)}, one process {_told(other)}"
                found.append(_difference("judged_differently", check.id, more))
            elif name == "the reference" and check.status is not Status.PASSED:
                found.append(_difference("reference_fails", check.id, _told(check)))
    return found


def _same(one: CheckResult, other: CheckResult) -> bool:
    passed = (one.status is Status.PASSED) == (other.status is Status.PASSED)
    return passed and math.isclose(one.points, other.points)


def _told(check: CheckResult) -> str:
    reason = f", {check.message.splitlines()[0][:200]}" if check.message else ""
    return f"{check.status.value} ({check.points:g} of {check.max_points:g} points{reason})"


# -- the command ------------------------------------------------------------------------------------


def add_command(commands: Any, jobs: Callable[[str], int]) -> argparse.ArgumentParser:
    """Describe ``import`` to the command line; returns its parser, which still lacks what to run."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "import",
        help="take an nbgrader course as it is",
        description="Make a challenge of every notebook in COURSE_FOLDER/source/ASSIGNMENT/, and report "
        "which tests would be judged differently from nbgrader, and why. The course is only read.",
        epilog="Exit status: 0 all were imported; 1 some were refused; 2 none could be.",
    )
    parser.add_argument("course", metavar="COURSE_FOLDER", help="the folder that holds the course's source/")
    parser.add_argument(
        "--to", metavar="FOLDER", help="where the challenges go (default: COURSE_FOLDER/challenges)"
    )
    parser.add_argument(
        "--source", default="source", metavar="NAME", help="nbgrader's source_directory (default: source)"
    )
    parser.add_argument(
        "--no-run",
        action="store_true",
        help="only read the notebooks: needs no engine, and misses what shows only when they run",
    )
    parser.add_argument(
        "--jobs", type=jobs, metavar="N", help="sandboxes kept ready (default: one a processor)"
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON a notebook, for programs")
    return parser


async def import_course(arguments: argparse.Namespace, *, jobs: int) -> int:
    """Import and print; returns the exit status. Raises ChallengeUnknown and EngineUnavailable."""
    course = Path(arguments.course)
    target = Path(arguments.to) if arguments.to else course / "challenges"
    notebooks = course_notebooks(course, arguments.source)
    console = report.console()
    taken: list[Imported] = []
    async with contextlib.AsyncExitStack() as stack:
        pool: Pool | None = None
        if not arguments.no_run:
            pool = await stack.enter_async_context(Pool.for_command(arguments.engine, jobs))
        importer = Importer(target, pool)
        for notebook in notebooks:
            taken.append(await importer.take(notebook))
            if arguments.json:
                print(json.dumps(taken[-1].as_dict()), flush=True)
            else:
                _show(taken[-1], console)
    refused = sum(each.outcome is Outcome.REFUSED for each in taken)
    if not arguments.json:
        _show_sum(taken, refused, target, console)
    return 2 if refused == len(taken) else 1 if refused else 0


def _show(taken: Imported, console: Console) -> None:
    sign, colour = ("✗", "red") if taken.outcome is Outcome.REFUSED else ("✓", "green")
    told = f"  {taken.slug}, {taken.checks} checks, {taken.points:g} points" if taken.slug else ""
    console.print(
        Text.assemble(
            (sign, colour), f" {report.plain(taken.notebook)}  ", (taken.outcome.value, colour), (told, "dim")
        )
    )
    if taken.reason:
        report.indented(console, taken.reason, "red")
    for each in taken.differences:
        console.print(
            Text.assemble("    ", (each.code, "yellow"), (f"  cell {report.plain(each.cell)}", "dim"))
        )
        report.indented(console, each.message, indent=6)


def _show_sum(taken: Sequence[Imported], refused: int, target: Path, console: Console) -> None:
    differing = {(each.notebook, one.cell) for each in taken for one in each.differences}
    checks = sum(each.checks for each in taken)
    console.print()
    console.print(
        f"{len(taken) - refused} of {len(taken)} notebooks are challenges in {report.plain(str(target))} "
        f"now, with {checks} checks; {len(differing)} cells may be judged differently from nbgrader."
    )
    if len(taken) > refused:
        console.print(f"Next: python -m grader check {report.plain(str(target))}")
