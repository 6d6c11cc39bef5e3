"""Jobs made of a job: with another answer, its checks in another order or place, or without secrets."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from .models import Cell, Challenge, Job, Step
from .mutants import Mutant


def with_answer(job: Job, mutant: Mutant) -> Job:
    """The job with a mutant in the place of the answer that it was made of."""
    steps = (replace(each, source=mutant.source) if each.id == mutant.cell else each for each in job.steps)
    return replace(job, steps=tuple(steps))


def in_one_process(job: Job) -> Job:
    """The job with its checks in the process of the answer, as other graders run them."""
    return _checks_with(job, judge="in-kernel")


def without_secrets(job: Job) -> Job:
    """The job without secrets, so that its author is told all."""
    return _checks_with(job, hidden=False)


def _checks_with(job: Job, **more: Any) -> Job:
    return replace(
        job, steps=tuple(replace(each, **more) if each.kind == "check" else each for each in job.steps)
    )


def shuffled(job: Job, draw: random.Random) -> Job:
    """The job with checks between which nothing else runs in another order."""
    steps: list[Step] = []
    group: list[Step] = []
    for step in (*job.steps, None):
        if step is not None and step.kind == "check":
            group.append(step)
            continue
        draw.shuffle(group)
        steps += group
        group = []
        if step is not None:
            steps.append(step)
    return replace(job, steps=tuple(steps))


def in_order_of(job: Job, challenge: Challenge) -> Challenge:
    """The challenge with its checks as the job has them, in its order and with its secrets."""
    cells = {cell.id: cell for cell in challenge.checks}
    steps = [step for step in job.steps if step.kind == "check"]
    checks: list[Cell] = [replace(cells[step.id], hidden=step.hidden) for step in steps]
    return replace(challenge, cells=tuple(checks))
