"""One submission from its text to its verdict: what the service's workers and the command line share.

Knows no database and no Hub; the sandboxes come from whoever calls.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Protocol

from .errors import SandboxFailed
from .models import Challenge, Job, Result, Timings
from .sandbox import Ending, Spec
from .submission import build_job, parse_submission
from .verdict import Verdict

ATTEMPTS = 3  # sandboxes that may break for our reasons before the answer is internal_error

log = logging.getLogger(__name__)

Event = dict[str, Any]


class OneSandbox(Protocol):
    """Good for one job."""

    async def run(self, job: Job, on_event: Callable[[Event], None]) -> Ending: ...

    async def close(self) -> None: ...


class Sandboxes(Protocol):
    """Where sandboxes come from: ``sandbox.Pool``, or a test's own."""

    async def take(self, spec: Spec) -> OneSandbox: ...


async def grade(
    challenge: Challenge,
    notebook_text: str | bytes,
    pool: Sandboxes,
    on_event: Callable[[Event], None] | None = None,
    *,
    queue_ms: float = 0.0,
) -> Result:
    """Grade one submitted notebook in a sandbox of its own.

    ``on_event`` gets what a watcher may be shown, as it happens (see ``Verdict.feed``); after a sandbox
    broke it hears of the same steps again. ``queue_ms`` is how long the submission has waited so far.

    Raises what ``parse_submission`` and ``build_job`` raise for a notebook that cannot be graded, and
    EngineUnavailable. A sandbox that breaks for our reasons is replaced; when that does not help the
    verdict is internal_error.
    """
    begun = time.monotonic()
    job = build_job(challenge, parse_submission(notebook_text))
    for attempt in range(1, ATTEMPTS + 1):
        verdict = Verdict(challenge, job)
        ending, sandbox_ms, run_ms = await _run_once(job, verdict, pool, on_event)
        if not ending.ours and not verdict.violation:
            break
        log.warning(
            "sandbox broke (attempt %d of %d): %s %s", attempt, ATTEMPTS, ending, verdict.violation or ""
        )
    total_ms = queue_ms + _ms_since(begun)
    return verdict.finish(ending, Timings(queue_ms, sandbox_ms, run_ms, total_ms))


async def _run_once(
    job: Job, verdict: Verdict, pool: Sandboxes, on_event: Callable[[Event], None] | None
) -> tuple[Ending, float, float]:
    """How the run ended, and the milliseconds of waiting for the sandbox and of the run."""

    def relay(event: Event) -> None:
        for shown in verdict.feed(event):
            if on_event is not None:
                on_event(shown)

    asked = time.monotonic()
    try:
        sandbox = await pool.take(Spec.of(job.limits))
    except SandboxFailed as error:
        return Ending("broken", detail=error.log_message or error.message), _ms_since(asked), 0.0
    sandbox_ms = _ms_since(asked)
    try:
        sent = time.monotonic()
        ending = await sandbox.run(job, relay)
        return ending, sandbox_ms, _ms_since(sent)
    finally:
        await sandbox.close()


def _ms_since(moment: float) -> float:
    return round((time.monotonic() - moment) * 1000, 3)
