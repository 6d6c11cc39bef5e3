"""One submission from its text to its verdict: what the service's workers and the command line share.

Knows no database and no Hub; the sandboxes come from whoever calls.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Protocol

from .confinement import Spec
from .errors import EngineUnavailable, SandboxFailed
from .models import Challenge, CheckResult, Job, Result, Status, Timings
from .sandbox import Ending
from .submission import build_job, parse_submission
from .verdict import SORRY, Verdict

TRIES = 3  # sandboxes for one submission, when they break for no reason of the learner's

OnEvent = Callable[[dict[str, Any]], None]

log = logging.getLogger(__name__)


class OneSandbox(Protocol):
    """Good for one job."""

    async def run(self, job: Job, on_event: OnEvent) -> Ending: ...

    async def close(self) -> None: ...


class Sandboxes(Protocol):
    """Where sandboxes come from: ``pool.Pool``, or a test's own."""

    async def take(self, spec: Spec) -> OneSandbox: ...


async def grade(
    challenge: Challenge, notebook_text: str | bytes, pool: Sandboxes, on_event: OnEvent | None = None
) -> Result:
    """Grade a submitted notebook in a sandbox of ``pool``.

    ``on_event`` gets ``{"event", "data"}`` of each step as a learner may see it (see ``Verdict.feed``);
    ``restart`` among them means that a sandbox broke and all begins anew. Raises what ``parse_submission``
    and ``build_job`` raise, and EngineUnavailable: also when the engine answers and makes no sandbox, unless
    it is the challenge's own image that it cannot make one of.
    """
    return await run(challenge, build_job(challenge, parse_submission(notebook_text)), pool, on_event)


async def run(challenge: Challenge, job: Job, pool: Sandboxes, on_event: OnEvent | None = None) -> Result:
    """``grade`` for a job that is built already."""
    tell = on_event or (lambda event: None)
    asked = time.perf_counter()
    none: SandboxFailed | None = None
    for number in range(1, TRIES + 1):
        verdict = Verdict(challenge, job)

        def feed(event: dict[str, Any], verdict: Verdict = verdict) -> None:
            for shown in verdict.feed(event):
                tell(shown)

        try:
            sandbox = await pool.take(Spec.of(job.limits, job.image))
        except SandboxFailed as error:
            log.info("try %d of %d: no sandbox: %s", number, TRIES, error.log_message or error.message)
            none = error
            continue
        taken = time.perf_counter()
        try:
            ending = await sandbox.run(job, feed)
        finally:
            await sandbox.close()
        ended = time.perf_counter()
        if ending.ours:
            log.warning("try %d of %d: a sandbox broke: %s", number, TRIES, ending)
            tell({"event": "restart", "data": {}})
            continue
        if verdict.violation:
            log.error("a sandbox broke the protocol: %s", verdict.violation)
        return verdict.finish(
            ending,
            Timings(sandbox_ms=_ms(taken - asked), run_ms=_ms(ended - taken), total_ms=_ms(ended - asked)),
        )
    if none is not None and not job.image:
        # a full disk, say: no answer's fault, and it passes
        raise EngineUnavailable(
            "The Docker engine could not make a sandbox. See its log, and whether its disk is full.",
            log_message=none.log_message or none.message,
        ) from none
    return not_judged(challenge)


def not_judged(challenge: Challenge, message: str = SORRY) -> Result:
    """The result of a submission that could not be graded for reasons of ours."""
    checks = tuple(
        CheckResult(
            id=check.id,
            title=check.title,
            status=Status.INTERNAL_ERROR,
            points=0.0,
            max_points=check.points,
            hidden=check.hidden,
            message="" if check.hidden else message,
            hint=check.hint,
        )
        for check in challenge.checks
    )
    return Result(Status.INTERNAL_ERROR, 0.0, challenge.max_score, checks, (), message=message)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
