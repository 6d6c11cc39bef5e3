"""``python -m grader check``: the notebooks that are meant, each examined, and the outcome on the screen."""

from __future__ import annotations

import argparse
import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.syntax import Syntax
from rich.text import Text

from . import report
from .challenge import notebooks, parse_challenge
from .confinement import EngineSettings, Spec
from .errors import ChallengeInvalid, ChallengeUnknown, EngineUnavailable, GraderError
from .findings import Finding, FitnessReport, Severity
from .fitness import examine, refusal
from .models import Challenge
from .notebook import MAX_CHALLENGE_BYTES
from .pool import Pool
from .proofreading import neighbours

FIT, UNFIT, NOT_CHECKED = 0, 1, 2
LOOKS = {Severity.ERROR: ("✗", "red"), Severity.WARNING: ("!", "yellow")}


@dataclass
class Found:
    """One notebook that is to be checked, or why it cannot be read."""

    path: Path
    name: str  # the path as it was typed, or as it was found
    whole: bool = False  # whether all that it stands beside is known too
    challenge: Challenge | None = None
    error: GraderError | None = None
    beside: list[Finding] = field(default_factory=list)  # what is wrong between it and the others


@dataclass(frozen=True)
class Checked:
    found: Found
    report: FitnessReport | None = None
    error: GraderError | None = None

    def as_line(self) -> dict[str, Any]:
        """The JSON line of this notebook; keys and order are part of the command line's interface."""
        line: dict[str, Any] = {"path": self.found.name}
        if self.report is not None:
            return line | self.report.as_dict()
        assert self.error is not None
        slug = self.found.challenge.slug if self.found.challenge else ""
        return line | {"slug": slug, "fit": None} | self.error.as_dict()


def add_command(commands: Any, jobs: Callable[[str], int]) -> argparse.ArgumentParser:
    """Describe ``check`` to the command line; returns its parser, which still lacks what to run."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "check",
        help="is this challenge fit to publish?",
        description="Run a challenge's reference, what learners receive of it, and many slightly wrong "
        "answers in the real sandbox, and say what is wrong with it. docs/authoring.md explains it all.",
        epilog="Exit status: 0 all are fit; 1 one is not; 2 something could not be checked.",
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="challenge notebooks, or folders of them")
    parser.add_argument(
        "--jobs", type=jobs, metavar="N", help="sandboxes used at the same time (default: one a processor)"
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON a challenge, for programs")
    return parser


async def check(paths: Sequence[str], engine: EngineSettings, *, jobs: int, as_json: bool) -> int:
    """Check and print them all; returns the exit status. Raises EngineUnavailable."""
    console = report.console()
    found = list(find(paths))
    compare(found)
    status = FIT
    for number, each in enumerate(found, 1):
        what = each.name if len(found) == 1 else f"{number}/{len(found)} {each.path.stem}"
        with report.bar(what) as tell:
            checked = await _check(each, engine, jobs, tell)
        if as_json:
            print(json.dumps(checked.as_line()), flush=True)
        else:
            show(checked, console)
        if checked.report is None:
            status = NOT_CHECKED
        elif not checked.report.fit:
            status = max(status, UNFIT)
    return status


async def _check(
    found: Found, engine: EngineSettings, jobs: int, tell: Callable[[int, int], None]
) -> Checked:
    if isinstance(found.error, ChallengeInvalid):
        return Checked(found, FitnessReport("", found.path.name, (refusal(found.error),)))
    if found.challenge is None:
        return Checked(found, error=found.error)
    usual = Spec.of(found.challenge.limits)
    try:
        # a pool for each: what one challenge needs is of no use to the next
        async with Pool.for_command(engine, jobs, usual=usual) as pool:
            told = await examine(
                _text(found.path),
                pool,
                filename=found.path.name,
                folder=found.path.parent,
                jobs=jobs,
                on_progress=lambda now: tell(now.done, now.total),
            )
    except EngineUnavailable:
        raise
    except GraderError as error:
        return Checked(found, error=error)
    except OSError as error:
        return Checked(found, error=ChallengeUnknown(f"{found.name} cannot be read: {error.strerror}."))
    return Checked(found, told.with_findings(found.beside))


# -- which notebooks --------------------------------------------------------------------------------


def find(paths: Iterable[str]) -> Iterator[Found]:
    """The notebooks that are meant, each once, read and parsed as far as that goes."""
    seen: set[Path] = set()
    for name in paths:
        path = Path(name)
        within = notebooks(path) if _is_folder(path) else [path]
        if not within:
            error = ChallengeUnknown(f"There is no notebook (*.ipynb) in the folder {name}.")
            yield Found(path, name, error=error)
        for each in within:
            with contextlib.suppress(OSError, RuntimeError, ValueError):
                real = each.resolve()
                if real in seen:
                    continue
                seen.add(real)
            yield _read(Found(each, str(each), whole=each is not path))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a name that no file system could have
        return False


def _read(found: Found) -> Found:
    try:
        if not found.path.is_file():
            raise FileNotFoundError(0, "there is no such file")
        found.challenge = parse_challenge(_text(found.path), filename=found.path.name)
    except ChallengeInvalid as error:
        found.error = error
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        found.error = ChallengeUnknown(f"{found.name} cannot be read: {reason}.")
    return found


def _text(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_CHALLENGE_BYTES + 1)


def compare(found: Sequence[Found]) -> None:
    """Put down what is wrong between them, and between them and the library that they stand in."""
    known = [*found, *_around(found)]
    parsed = [(each, each.challenge) for each in known if each.challenge is not None]
    by_slug: dict[str, list[str]] = {}
    for each, challenge in parsed:
        by_slug.setdefault(challenge.slug, []).append(each.name)
    wrong = neighbours([challenge for _, challenge in parsed])
    for (each, challenge), findings in zip(parsed, wrong, strict=True):
        paths = by_slug[challenge.slug]
        each.beside = [
            replace(finding, message=f"{finding.message[:-1]}: {', '.join(paths)}.", details={"paths": paths})
            if finding.code == "slug_duplicate"
            else replace(finding, code="prerequisite_unseen")
            if finding.code == "prerequisite_unknown" and not each.whole
            else finding
            for finding in findings
        ]


def _around(found: Iterable[Found]) -> list[Found]:
    """The other challenges of a library of which only some were named: a folder with one for each track."""
    seen = {each.path.resolve() for each in found if each.challenge}
    libraries = set()
    for each in found:
        if (
            each.challenge
            and each.challenge.track
            and each.challenge.track == each.path.resolve().parent.name
        ):
            libraries.add(each.path.resolve().parent.parent)
            each.whole = True
    others = [path for library in sorted(libraries) for path in notebooks(library)]
    return [_read(Found(path, str(path))) for path in others if path.resolve() not in seen]


# -- on the screen ----------------------------------------------------------------------------------


def show(checked: Checked, console: Console) -> None:
    """One challenge: what was found, the wrong answers that passed, and whether it is fit."""
    title = checked.report.title if checked.report else ""
    console.print(
        Text.assemble(
            (report.plain(title or checked.found.path.name), "bold"), " · ", report.plain(checked.found.name)
        )
    )
    if checked.report is None:
        assert checked.error is not None
        report.indented(console, checked.error.message, "red")
        console.print(Text("  could not be checked\n", style="bold red"))
        return
    for finding in sorted(checked.report.findings, key=lambda each: each.severity != Severity.ERROR):
        sign, colour = LOOKS[finding.severity]
        where = f"  cell {report.plain(finding.cell)}" if finding.cell else ""
        console.print(Text.assemble("  ", (sign, colour), " ", (finding.code, colour), (where, "dim")))
        report.indented(console, finding.message)
    if checked.report.survivors:
        console.print(Text("  Wrong answers that pass every check:", style="dim"))
    for survivor in checked.report.survivors:
        diff = report.plain("\n".join(survivor.diff.split("\n")[2:]))
        console.print(Text(f"    {survivor.operator}, line {survivor.line} of {survivor.cell}", style="dim"))
        if console.is_terminal:
            shown = Syntax(diff, "diff", background_color="default", theme="ansi_dark")
            console.print(Padding(shown, (0, 0, 0, 6)))
        else:
            report.indented(console, diff, indent=6)
    _show_sum(checked.report, console)


def _show_sum(told: FitnessReport, console: Console) -> None:
    word, colour = ("fit", "green") if told.fit else ("unfit", "red")
    parts = []
    if told.strength is not None:
        parts.append(f"strength {told.strength:.0%} ({told.killed} of {told.mutants} wrong answers noticed)")
    if told.reference_ms is not None:
        parts.append(f"reference {told.reference_ms / 1000:.2f} s")
    if told.peak_memory_bytes is not None:
        parts.append(f"{told.peak_memory_bytes / 2**20:.0f} MB")
    console.print(Text.assemble("  ", (word, f"bold {colour}"), ": " if parts else "", ", ".join(parts)))
    console.print()
