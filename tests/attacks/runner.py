"""Runs cases through the real grader, and says what they achieved."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from uuid import uuid4

from grader.challenge import parse_challenge
from grader.confinement import EngineSettings, Spec
from grader.errors import GraderError
from grader.grading import grade
from grader.models import Challenge, Limits, Result, Status
from grader.pool import Pool

from .leaks import leaked, texts
from .model import MARKER, Case, source_notebook, submission
from .naive import IMAGE
from .targets import LIMITS, SHORT_LIMITS, TARGETS

RUNTIMES = ("runc", "runsc")
JOBS = 3  # sandboxes at once
LATE_S = 30.0  # past its total limit, waiting for a sandbox included; then it hangs


@dataclass
class Outcome:
    """``bad``: "" when all is as it has to be, else "forged", "leaked", "escaped", "not ended" or, for a
    control, "not passed"; ``why`` in words."""

    case: Case
    bad: str = ""
    why: str = ""
    result: Result | None = None
    seconds: float = 0.0


@dataclass
class Run:
    """All that one pass over the corpus found out. ``left``: what was still there afterwards."""

    runtime: str
    outcomes: list[Outcome] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def bad(self, kind: str) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.bad == kind]

    @property
    def line(self) -> str:
        """The whole result in one line."""
        controls = [o for o in self.outcomes if o.case.aim == "control"]
        attacks = {o.case.id for o in self.outcomes if o.case.aim != "control"}
        counted = ", ".join(f"{kind} {len(self.bad(kind))}" for kind in ("forged", "leaked", "escaped"))
        late = f", not ended {len(self.bad('not ended'))}" if self.bad("not ended") else ""
        passed = sum(not o.bad for o in controls)
        return (
            f"{counted}, left behind {len(self.left)}{late}; controls {passed} of {len(controls)} "
            f"({len(attacks)} attacks, {self.runtime}, {self.seconds:.0f} s)"
        )


# What an attack names that is after more than Python: processes, descriptors, files, the network, time.
MACHINE = re.compile(
    r"/(?:proc|dev|tmp|opt|etc|sys|run|var)\b|^[!%]|\b(?:os|io|sys\.(?:__)?std(?:in|out|err)|_?exit|abort|kill|fork"
    r"|signal|socket|select|fcntl|mmap|ctypes|resource|subprocess|multiprocessing|_?thread(?:ing)?|asyncio"
    r"|concurrent|atexit|faulthandler|sleep|fileno|open|Path|pathlib|tempfile|shutil|glob|gc|tracemalloc)\b",
    re.MULTILINE,
)


def in_python_alone(case: Case) -> bool:
    """Is it the same to this attack which kernel is below it? It uses Python's objects and nothing else."""
    if case.aim in ("escape", "exhaust", "control"):
        return False
    return not MACHINE.search("\n".join((case.first, case.cell, case.middle, case.last)))


def shared(cases: list[Case], runtime: str) -> list[Case]:
    """The suite's part for this runtime. An attack that is in Python alone runs under one of the two, the
    same one in every run, and one in five of them, as all others, under both."""

    def runs(case: Case) -> bool:
        turn = zlib.crc32(case.id.encode()) % 5
        return turn == 4 or RUNTIMES[turn % 2] == runtime or not in_python_alone(case)

    return [case for case in cases if runs(case)]


def challenge_of(case: Case) -> Challenge:
    limits = SHORT_LIMITS if case.aim == "exhaust" else LIMITS
    return parse_challenge(source_notebook(TARGETS[case.target], limits), slug=case.target)


def judge(case: Case, result: Result | GraderError) -> tuple[str, str]:
    """(what went wrong, why): see Outcome."""
    if isinstance(result, GraderError):
        # Refusing the notebook is a fine answer to an attack, and no answer to honest work.
        return ("not passed", str(result)) if case.aim == "control" else ("", "")
    told = f"{result.status}, {result.score:g} of {result.max_score:g} points"
    if case.aim == "control":
        bad = [check for check in result.checks if check.status is not Status.PASSED]
        why = told + "".join(f"; {c.id} {c.status}: {c.message}" for c in bad)
        return ("", "") if result.status is Status.PASSED and not bad else ("not passed", why)
    if result.status is Status.PASSED or result.score > case.floor:
        passed = [check.id for check in result.checks if check.points]
        return "forged", f"{told}: {', '.join(passed)}"
    shown = "\n".join(texts(result.as_dict()))
    if MARKER in shown:
        return "escaped", shown[shown.index(MARKER) :].splitlines()[0][:200]
    found = leaked(shown, case.hidden_words(TARGETS[case.target]))
    if found:
        return "leaked", ", ".join(found)
    if result.status is Status.INTERNAL_ERROR:
        return "not ended", f"{told}: {result.message}"
    ways = {result.status, *(c.status for c in result.checks), *(c.status for c in result.cells)}
    if case.ends and not ways & set(case.ends):
        return "not ended", f"{told}, not {' or '.join(case.ends)}: {result.message}"
    return "", ""


async def run_corpus(
    cases: list[Case],
    runtime: str,
    tell: Callable[[Outcome], None] = lambda outcome: None,
    jobs: int = JOBS,
) -> Run:
    """Every case in a sandbox of its own; after each exhausting one a control, which has to pass as if
    nothing had happened."""
    began = time.monotonic()
    project = f"challengehub-attacks-{uuid4().hex[:8]}"
    run = Run(runtime)
    attacks = iter([case for case in cases if case.aim != "control" and runtime in case.runtimes])
    controls = [case for case in cases if case.aim == "control"]
    spares = cycle(controls)
    todo = iter(controls)
    before = traces("")
    settings = EngineSettings(image=IMAGE, project=project, runtime=runtime)
    spec = Spec.of(Limits(**LIMITS))
    pool = Pool(settings, size=jobs, max_total=3 * jobs, usual=spec, builders=2)
    ids: set[str] = set()

    async def one(case: Case) -> None:
        start = time.monotonic()
        outcome = Outcome(case)
        try:
            async with asyncio.timeout(LIMITS["total_s"] + LATE_S):
                notebook = submission(case, TARGETS[case.target])
                outcome.result = await grade(challenge_of(case), notebook, pool)
            outcome.bad, outcome.why = judge(case, outcome.result)
        except TimeoutError:
            outcome.bad, outcome.why = "not ended", "still running, and given up on"
        except GraderError as error:
            outcome.bad, outcome.why = judge(case, error)
        ids.update(pool._all)
        outcome.seconds = time.monotonic() - start
        run.outcomes.append(outcome)
        tell(outcome)

    async def worker() -> None:
        for case in attacks:
            await one(case)
            if controls and case.aim == "exhaust":
                await one(next(todo, None) or next(spares))
        for case in todo:
            await one(case)

    task = asyncio.current_task()
    assert task is not None
    # Ended from outside, it still takes its containers with it.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with pool, asyncio.TaskGroup() as group:
        for _ in range(jobs):
            group.create_task(worker())
    run.left = sorted(traces(project, ids) - before)
    run.seconds = time.monotonic() - began
    return run


def _docker(*arguments: str) -> list[str]:
    told = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True)
    return told.stdout.split()


def traces(project: str, ids: set[str] | None = None) -> set[str]:
    """What is on this machine that sandboxes of ``project`` (container ids: ``ids``) could have left:
    containers, volumes, processes in their control groups, files with an attack's marks."""
    found = {f"volume {name}" for name in _docker("volume", "ls", "-q")}
    if project:
        found = {f"volume {name}" for name in _volumes_of(project)}
        label = f"label=challengehub={project}"
        found |= {f"container {name}" for name in _docker("ps", "-aq", "--no-trunc", "--filter", label)}
        found |= {f"network {name}" for name in _docker("network", "ls", "-q", "--filter", label)}
    if ids:
        known = set(_docker("ps", "-aq", "--no-trunc"))
        found |= {f"container {name}" for name in ids & known}
        found |= set(_processes_of(ids))
    for place in ("/tmp", "/dev/shm", "/var/tmp"):
        for name in ("attack-left", "probe", "probe-null", "PROBE"):
            if Path(place, name).exists():
                found.add(f"file {place}/{name}")
    return found


def _volumes_of(project: str) -> list[str]:
    # Sandboxes have no volume at all; an anonymous one carries no label, but it is dangling.
    return _docker("volume", "ls", "-q", "--filter", f"label=challengehub={project}")


def _processes_of(ids: set[str]) -> Iterator[str]:
    for group in Path("/proc").glob("[0-9]*/cgroup"):
        try:
            text = group.read_text()
        except OSError:
            continue
        if any(name in text for name in ids):
            yield f"process {group.parent.name}"
