"""The command line: what can be typed after ``python -m grader``.

Exit status: 0 graded, whatever the verdict, or fit; 1 unfit; 2 something could not be graded or checked, or
the command is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from . import checking, content, importing, report, starter
from .confinement import EngineSettings, Spec
from .errors import EngineUnavailable, GraderError
from .models import Limits
from .pairs import Challenges, Pair, grade_pairs, read_pairs, result_line
from .pool import Pool
from .settings import read_images

OK, NOT_GRADED, INTERRUPTED, TERMINATED = 0, 2, 130, 143


class Unusable(Exception):
    """Why a command cannot be carried out, for the person who typed it."""


def main(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the command that the words say; returns the exit status.

    ``environment``: SANDBOX_IMAGE, SANDBOX_IMAGES, SANDBOX_RUNTIME and COMPOSE_PROJECT_NAME count, as for
    the service, and CHALLENGEHUB_URL and CHALLENGEHUB_TOKEN for what goes to an installation.
    """
    _replace_what_cannot_be_written()
    arguments = _parser(environment).parse_args(words)
    try:
        images = read_images(environment.get("SANDBOX_IMAGES", ""))
    except ValueError as error:
        print(f"error: SANDBOX_IMAGES {error}", file=sys.stderr)
        return NOT_GRADED
    arguments.engine = EngineSettings(
        image=environment.get("SANDBOX_IMAGE") or "challengehub/sandbox:latest",
        images=images,
        runtime=environment.get("SANDBOX_RUNTIME") or "auto",
        project=environment.get("COMPOSE_PROJECT_NAME") or "challengehub",
    )
    logging.basicConfig(level=logging.DEBUG if arguments.verbose else logging.WARNING, format="%(message)s")
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
        return status
    except (GraderError, Unusable) as error:
        print(f"error: {report.plain(str(error))}", file=sys.stderr)
        return NOT_GRADED
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # whoever read the output wants no more of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOT_GRADED


def _replace_what_cannot_be_written() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m grader", description="Grade and check challenge notebooks."
    )
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="also say what happens behind the scenes"
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    grade = commands.add_parser(
        "grade",
        help="grade submissions",
        description="Grade notebooks in the real sandbox. Needs the Docker engine and the sandbox image "
        "(make up), but no Hub and no database.",
        epilog="Exit status: 0 all were graded, whatever the verdicts; 2 something could not be graded.",
    )
    grade.add_argument(
        "challenge", nargs="?", metavar="CHALLENGE", help="the challenge as its author wrote it"
    )
    grade.add_argument(
        "submissions", nargs="*", metavar="SUBMISSION", help="notebooks that learners handed in"
    )
    grade.add_argument(
        "--pairs",
        metavar="FILE",
        help='grade many: a file with one {"challenge": PATH, "submission": PATH} a line; relative paths '
        "count from its folder, other keys are carried over into the result; - reads standard input",
    )
    grade.add_argument(
        "--jobs",
        type=_jobs,
        metavar="N",
        help="submissions graded at the same time (default: one a processor)",
    )
    grade.add_argument("--json", action="store_true", help="one line of JSON a submission, for programs")
    grade.set_defaults(run=_grade)

    checking.add_command(commands, _jobs).set_defaults(run=_check)
    importing.add_command(commands, _jobs).set_defaults(run=_import)
    starter.add_command(commands)
    content.add_commands(commands, environment)

    serve = commands.add_parser("serve", help="run the grading service (configured by the environment)")
    serve.set_defaults(run=_serve)
    return parser


def _jobs(text: str) -> int:
    try:
        jobs = int(text)
    except ValueError:
        jobs = 0
    if jobs < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return jobs


def _serve(arguments: argparse.Namespace) -> int:
    from .app import serve  # needs what no other command needs: a web server, a database

    return serve()


def _check(arguments: argparse.Namespace) -> int:
    jobs = arguments.jobs or os.cpu_count() or 1
    return _until_terminated(
        checking.check(arguments.paths, arguments.engine, jobs=jobs, as_json=arguments.json)
    )


def _import(arguments: argparse.Namespace) -> int:
    return _until_terminated(importing.import_course(arguments, jobs=arguments.jobs or os.cpu_count() or 1))


def _grade(arguments: argparse.Namespace) -> int:
    if arguments.pairs is not None:
        if arguments.challenge is not None:
            raise Unusable("give either --pairs FILE or CHALLENGE and SUBMISSION, not both")
        with _open_pairs(arguments.pairs) as (file, folder, count):
            return _until_terminated(_grade_all(read_pairs(file, folder), count, arguments))
    if arguments.challenge is None or not arguments.submissions:
        raise Unusable(
            "what is to be graded? Give CHALLENGE and SUBMISSION, or --pairs FILE (see grade --help)"
        )
    pairs = [Pair(arguments.challenge, submission) for submission in arguments.submissions]
    return _until_terminated(_grade_all(pairs, len(pairs), arguments))


@contextlib.contextmanager
def _open_pairs(name: str) -> Iterator[tuple[BinaryIO, Path, int | None]]:
    """The file, the folder that its paths count from, and how many pairs it has where that can be known."""
    if name == "-":
        yield sys.stdin.buffer, Path(), None
        return
    path = Path(name)
    try:
        with path.open("rb") as lines:
            count = sum(1 for line in lines if line.strip()) if path.is_file() else None
        file = path.open("rb")
    except OSError as error:
        raise Unusable(f"{name} cannot be read: {error.strerror or error}") from error
    with file:
        yield file, path.parent, count


async def _grade_all(pairs: Iterable[Pair], count: int | None, arguments: argparse.Namespace) -> int:
    """Grade and print them all. Raises EngineUnavailable when not even the first one found an engine."""
    jobs = min(arguments.jobs or os.cpu_count() or 1, count or sys.maxsize)
    challenges = Challenges()
    pairs = iter(pairs)
    first = list(islice(pairs, 1))
    console = report.console()
    all_ok, engine_seen = True, False
    # sandboxes made ahead pay only where another submission follows
    ahead = jobs if count is None or count > jobs else 0
    usual = _usual(first, challenges)
    async with Pool.for_command(arguments.engine, jobs, usual=usual, ahead=ahead) as pool:
        with _progress(count, shown=arguments.pairs is not None) as advance:
            async with contextlib.aclosing(
                grade_pairs(chain(first, pairs), pool, challenges, jobs=jobs)
            ) as results:
                async for graded in results:
                    engine_seen |= graded.result is not None
                    if isinstance(graded.error, EngineUnavailable) and not engine_seen:
                        raise graded.error
                    all_ok &= graded.ok
                    if arguments.json:
                        print(json.dumps(result_line(graded)), flush=True)
                    else:
                        report.show(graded, console)
                    advance()
    return OK if all_ok else NOT_GRADED


def _usual(first: list[Pair], challenges: Challenges) -> Spec:
    """What most submissions will need: what the first one does."""
    limits = Limits()
    if first and first[0].error is None:
        with contextlib.suppress(GraderError):
            limits = challenges.get(first[0].folder / first[0].challenge).limits
    return Spec.of(limits)


@contextlib.contextmanager
def _progress(count: int | None, *, shown: bool) -> Iterator[Callable[[], None]]:
    """A bar on stderr while the results go to a file or a pipe; results on the screen are progress enough."""
    if not shown or not sys.stderr.isatty() or sys.stdout.isatty():
        yield lambda: None
        return
    columns = (TextColumn("grading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), redirect_stdout=False, redirect_stderr=True)
    with bar:
        task = bar.add_task("grading", total=count)
        yield lambda: bar.advance(task)


def _until_terminated(work: Coroutine[Any, Any, int]) -> int:
    """Run to the end; a polite kill (SIGTERM) removes the sandboxes first, as Ctrl-C does."""

    async def supervised() -> int:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    try:
        return asyncio.run(supervised())
    except asyncio.CancelledError:
        return TERMINATED
