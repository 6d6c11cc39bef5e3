"""Results for people, in a terminal."""

from __future__ import annotations

import contextlib
import re
import sys
import textwrap
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from .models import CellResult, CheckResult, Result, Status
from .pairs import Graded

# status: sign, colour, word
LOOKS = {
    Status.PASSED: ("✓", "green", "passed"),
    Status.FAILED: ("✗", "red", "failed"),
    Status.ERROR: ("✗", "red", "error"),
    Status.TIMEOUT: ("⧖", "red", "timeout"),
    Status.MEMORY_EXCEEDED: ("✗", "red", "memory exceeded"),
    Status.OUTPUT_EXCEEDED: ("✗", "red", "output exceeded"),
    Status.CRASHED: ("✗", "red", "crashed"),
    Status.NOT_RUN: ("·", "yellow", "not run"),
    Status.INTERNAL_ERROR: ("!", "magenta", "internal error"),
}
WIDEST_WORD = max(len(word) for _, _, word in LOOKS.values())
STDOUT_LINES = 20

# what a learner's code prints must not steer the terminal of whoever grades it
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def console() -> Console:
    """Where the report goes: coloured when somebody looks, as it is into a file."""
    return Console(highlight=False, markup=False, emoji=False, soft_wrap=True)


def plain(text: str) -> str:
    """The text with control characters, bidirectional marks and half characters made visible."""
    return CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text.replace("\r\n", "\n"))


@contextlib.contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr, where somebody looks at it; to be told how many are done, and of how many."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as shown:
        task = shown.add_task(plain(what), total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


def show(graded: Graded, console: Console) -> None:
    """One submission: its checks a line each, with what helps below, and the sum."""
    console.print(_headline(graded))
    if graded.error is not None:
        indented(console, graded.error.message, "red")
    elif graded.ok and graded.result is not None:
        for cell in graded.result.cells:
            _show_cell(cell, console)
        width = max((len(plain(check.title)) for check in graded.result.checks), default=0)
        for check in graded.result.checks:
            _show_check(check, min(width, 60), console)
        _show_sum(graded.result, console)
    elif graded.result is not None:
        indented(console, graded.result.message, "red")
    console.print()


def _headline(graded: Graded) -> Text:
    title = graded.challenge.title if graded.challenge else graded.pair.challenge
    return Text.assemble((plain(title), "bold"), " · ", plain(graded.pair.submission))


def _show_cell(cell: CellResult, console: Console) -> None:
    if cell.status is Status.PASSED:
        return
    sign, colour, word = LOOKS[cell.status]
    console.print(Text.assemble("  ", (sign, colour), f" cell {plain(cell.id)}: ", (word, colour)))
    if cell.error:
        line = f" (line {cell.error['line']})" if cell.error.get("line") else ""
        indented(console, f"{cell.error.get('name', '')}: {cell.error.get('message', '')}{line}", colour)


def _show_check(check: CheckResult, width: int, console: Console) -> None:
    sign, colour, word = LOOKS[check.status]
    points = f"{check.points:g}/{check.max_points:g}"
    hidden = "  hidden" if check.hidden else ""
    console.print(
        Text.assemble(
            "  ",
            (sign, colour),
            " ",
            (f"{word:<{WIDEST_WORD}}", colour),
            f"  {plain(check.title):<{width}}  {points:>7}",
            (f"  {check.duration_ms:.0f} ms{hidden}", "dim"),
        )
    )
    if check.status in (Status.PASSED, Status.NOT_RUN):
        return
    if check.message:
        indented(console, check.message)
    if check.stdout:
        indented(console, "it printed:", "dim")
        lines = check.stdout.splitlines()
        more = [f"… and {len(lines) - STDOUT_LINES} lines more"] if len(lines) > STDOUT_LINES else []
        indented(console, "\n".join(lines[:STDOUT_LINES] + more), "dim", indent=6)
    if check.hint:
        indented(console, f"hint: {check.hint}", "cyan")


def _show_sum(result: Result, console: Console) -> None:
    _, colour, word = LOOKS[result.status]
    parts = [f"{result.score:g} of {result.max_score:g} points", f"{result.timings.run_ms / 1000:.2f} s"]
    if result.peak_memory_bytes is not None:
        parts.append(f"{result.peak_memory_bytes / 1024 / 1024:.0f} MB")
    console.print(Text.assemble("  ", (word, f"bold {colour}"), ": ", ", ".join(parts)))
    if result.message:
        indented(console, result.message, colour)


def indented(console: Console, text: str, style: str = "", *, indent: int = 4) -> None:
    """Print text that may be anybody's, wrapped to the terminal's width."""
    width = console.width - indent - 1 if console.is_terminal else sys.maxsize
    for line in plain(text).rstrip("\n").split("\n"):
        for part in textwrap.wrap(line, max(width, 20), replace_whitespace=False) or [""]:
            console.print(Text(" " * indent + part, style=style))
