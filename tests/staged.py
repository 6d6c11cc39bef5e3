"""Sandboxes that are none: jobs run in this process, and a test may say how a step ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from grader.confinement import Spec
from grader.findings import FitnessReport
from grader.fitness import examine
from grader.models import Job, Step
from grader.sandbox import Ending

from .notebooks import check, notebook, solution

ANSWER = "def double(n):\n    ### BEGIN SOLUTION\n    return n * 2\n    ### END SOLUTION"
TEST = "[double(n) for n in (0, 1, 10)] == [0, 2, 20]"
GOOD = [
    solution("answer", ANSWER),
    check("seen", "assert double(4) == 8"),
    check("unseen", f"assert {TEST}", about={"hidden": True}),
]
Outcome = tuple[str, float]  # a status and the milliseconds that it took


class Staged:
    """Sandboxes that run a job right here; ``stage`` may say that a step ended in another way."""

    def __init__(self, stage: Callable[[int, Step], Outcome | None] = lambda run, step: None) -> None:
        self.stage = stage
        self.taken = self.closed = 0

    async def take(self, spec: Spec) -> Staged:
        self.taken += 1
        return self

    async def run(self, job: Job, on_event: Callable[[dict[str, Any]], None]) -> Ending:
        number, names, passed = self.taken, dict[str, Any](), 0
        await asyncio.sleep(0)
        for step in job.steps:
            on_event({"event": "start", "id": step.id})
            status, took = self.stage(number, step) or (run_here(step, names), 1.0)
            kind = "check" if step.kind == "check" else "cell"
            passed += kind == "check" and status == "passed"
            on_event({"event": kind, "id": step.id, "status": status, "stdout": "", "duration_ms": took})
        on_event({"event": "end", "checks_passed": passed, "peak_memory_bytes": 2**26, "reason": ""})
        return Ending("done")

    async def close(self) -> None:
        self.closed += 1


def run_here(step: Step, names: dict[str, Any]) -> str:
    try:
        exec(compile(step.source, step.id, "exec"), names)
    except AssertionError:
        return "failed"
    except Exception:
        return "error"
    return "passed"


async def examined(
    *cells: Any, sandboxes: Any = None, folder: Path | None = None, **about: Any
) -> FitnessReport:
    source = notebook(*cells, challenge={"slug": "some", **about})
    return await examine(source, sandboxes or Staged(), filename="some.ipynb", folder=folder)


def codes(report: FitnessReport) -> list[tuple[str, str]]:
    return [(each.code, each.cell) for each in report.findings]
