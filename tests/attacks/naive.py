"""Runs cases through the naive grader of ``naive_inside``, in throw-away containers."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from .leaks import leaked
from .model import MARKER, Case, submission
from .targets import TARGETS

IMAGE = os.environ.get("SANDBOX_IMAGE", "challengehub/sandbox:latest")
INSIDE = Path(__file__).with_name("naive_inside.py")
DEADLINE_S = 30.0  # per case, from outside: the grader itself hangs
# Containers at once, for what hangs and for the rest: what hangs is mostly waited for.
HANGING, OTHERS = 3, 2
TRIES = 3  # an attack that races with what it attacks may lose on a busy machine
# Its own time limit: what is meant to hang need not be waited for long; other cases shall not meet it.
WALL_S, WALL_EXHAUST_S = 15.0, 3.0


@dataclass
class Outcome:
    """What the naive grader made of one case. ``dead``: it died of the case, or hung."""

    passed: list[str] = field(default_factory=list)
    all_passed: bool = False
    text: str = ""
    timed_out: bool = False
    signal: int = 0
    left: int = 0
    output_bytes: int = 0
    files: int = 0
    disk_bytes: int = 0
    rss_kb: int = 0
    trouble: str = ""
    graded: bool = False
    dead: bool = False


def steps(case: Case) -> list[dict[str, Any]]:
    """The learner's file as it was handed in; only hidden checks, which it cannot hold, are put in."""
    target = TARGETS[case.target]
    sources = {name: source for name, _, hidden, source in target.checks if hidden}
    hidden = set(sources)
    result = []
    for cell in json.loads(submission(case, target))["cells"]:
        if cell["cell_type"] != "code":
            continue
        meta = cell["metadata"].get("nbgrader", {})
        name = meta.get("grade_id", "")
        source = cell["source"] or sources.get(name, "")
        kind = "check" if meta.get("grade") else "cell"
        result.append({"kind": kind, "id": name, "source": source, "hidden": name in hidden})
    return result


def run(cases: list[Case]) -> dict[str, Outcome]:
    """All cases, those that hang beside those that do not."""
    slow = [case for case in cases if case.aim == "exhaust"]
    rest = [case for case in cases if case.aim != "exhaust"]
    parts = [slow[n::HANGING] for n in range(HANGING)] + [rest[n::OTHERS] for n in range(OTHERS)]
    with ThreadPoolExecutor(len(parts)) as threads:
        done = threads.map(_run_all, parts)
    return {name: outcome for part in done for name, outcome in part.items()}


def bitten(cases: list[Case]) -> dict[str, str]:
    """What each attack did to the naive grader (``bites``)."""
    found: dict[str, str] = {}
    for _ in range(TRIES):
        again = [case for case in cases if not found.get(case.id)]
        outcomes = run(again)
        found |= {case.id: bites(case, outcomes[case.id]) for case in again}
    return found


def _run_all(cases: list[Case]) -> dict[str, Outcome]:
    """One after another in one container; a new one for the rest where a case killed it."""
    outcomes: dict[str, Outcome] = {}
    waiting = list(cases)
    while waiting:
        done = _run_batch(waiting)
        outcomes |= done
        waiting = waiting[len(done) :]
        if waiting:
            outcomes.setdefault(waiting[0].id, Outcome(dead=True))
            outcomes[waiting[0].id].dead = True
            waiting = waiting[1:]
    return outcomes


def _run_batch(cases: list[Case]) -> dict[str, Outcome]:
    name = f"challengehub-attacks-naive-{uuid4().hex[:8]}"
    # No sandbox on purpose (root, no filter of system calls); what is bounded is what could hurt the machine.
    command = ["docker", "run", "--rm", "-i", "--name", name, "--network", "none", "--user", "0"]
    command += ["--security-opt", "seccomp=unconfined", "--cap-add", "SYS_PTRACE"]
    command += ["--log-driver", "none", "--pids-limit", "100"]
    command += ["--memory", "400m", "--memory-swap", "400m", "--cpus", "1", "--ulimit", "core=0"]
    command += ["--tmpfs", "/tmp:rw,exec,mode=1777,size=96m,nr_inodes=20000", "--workdir", "/tmp"]
    command += ["--entrypoint", "/opt/sandbox/bin/python", IMAGE, "-c", INSIDE.read_text()]
    job = [
        {
            "id": case.id,
            "mode": case.naive,
            "seconds": WALL_EXHAUST_S if case.aim == "exhaust" else WALL_S,
            "steps": steps(case),
        }
        for case in cases
    ]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdin is not None
    assert process.stdout is not None
    outcomes: dict[str, Outcome] = {}
    watchdog = threading.Timer(2 * DEADLINE_S, process.kill)
    watchdog.start()
    stray: list[str] = []
    try:
        process.stdin.write(json.dumps(job).encode())
        process.stdin.close()
        for case in cases:
            outcome = _read(process.stdout, case, stray)
            if outcome is None:
                break
            outcomes[case.id] = outcome
            watchdog.cancel()
            watchdog = threading.Timer(DEADLINE_S, process.kill)
            watchdog.start()
    finally:
        watchdog.cancel()
        process.kill()
        subprocess.run(["docker", "rm", "-f", name], capture_output=True, check=False)
        process.wait()
        process.stdout.close()
    return outcomes


def _read(stream: Any, case: Case, stray: list[str]) -> Outcome | None:
    """The next outcome line. Any other line on the grader's own output is believed to be a report."""
    for raw in stream:
        line = raw.decode("utf-8", "replace").strip()
        try:
            values = json.loads(line)
        except ValueError:
            if line.startswith("PASSED "):
                stray.append(line[7:])
            continue
        if isinstance(values, dict) and values.pop("id", None) == case.id:
            outcome = Outcome(**values)
            outcome.passed += [name for name in stray if name not in outcome.passed]
            stray.clear()
            return outcome
    return None


def bites(case: Case, outcome: Outcome) -> str:
    """Why this case counts: what it did to the naive grader. Empty: it does nothing."""
    target = TARGETS[case.target]
    match case.aim:
        case "forge":
            points = sum(points for name, points, _, _ in target.checks if name in outcome.passed)
            if outcome.all_passed or points > case.floor:
                return f"passed with {', '.join(outcome.passed) or 'nothing graded'}"
        case "leak":
            found = leaked(outcome.text, case.hidden_words(target))
            if found:
                return f"showed {', '.join(found)}"
        case "escape":
            if MARKER in outcome.text:
                return outcome.text[outcome.text.index(MARKER) :].splitlines()[0]
            if outcome.dead:
                return "killed the grader"
        case "exhaust":
            return _exhausted(outcome)
    return ""


def _exhausted(outcome: Outcome) -> str:
    if outcome.dead:
        return "killed or hung the grader"
    if outcome.timed_out:
        return "ran out of time, nothing graded after it"
    if outcome.left:
        return f"left {outcome.left} processes behind"
    if outcome.signal:
        return f"died of signal {outcome.signal}"
    if not outcome.graded:
        return "ended before anything was graded"
    if outcome.trouble:
        return outcome.trouble
    if outcome.output_bytes > 1_000_000:
        return f"wrote {outcome.output_bytes} bytes of output"
    if outcome.disk_bytes > 32 << 20 or outcome.files > 5000:
        return f"left {outcome.files} files with {outcome.disk_bytes} bytes"
    if outcome.rss_kb > 300_000:
        return f"took {outcome.rss_kb} KB of memory"
    return ""
