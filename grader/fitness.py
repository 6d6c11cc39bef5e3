"""Is a challenge fit to be published? What ``python -m grader check`` and publishing share.

``examine`` reads a challenge, proofreads it and has it tried in real sandboxes. What it finds is a value,
``FitnessReport``; only a sandbox that cannot be had is an exception.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path

from .challenge import build_job, parse_challenge, release_notebook
from .errors import ChallengeInvalid, GraderError
from .findings import CODES, Finding, FitnessReport
from .grading import Sandboxes
from .mutants import CEILING
from .notebook import MAX_CHALLENGE_BYTES, read_notebook
from .proofreading import proofread
from .trial import OnProgress, Trial


async def examine(
    text: bytes | str,
    sandboxes: Sandboxes,
    *,
    filename: str = "",
    slug: str | None = None,
    folder: Path | None = None,
    jobs: int = 2,
    ceiling: int = CEILING,
    on_progress: OnProgress | None = None,
) -> FitnessReport:
    """Everything that can be said of one challenge by itself, from the author's file.

    ``folder``: where its relative links count from. ``jobs``: sandboxes used at the same time. Of a file
    that is no challenge the report says why; one whose reference fails or whose stub passes gets no
    mutants. May be cancelled at any time. Raises EngineUnavailable or SandboxFailed when it cannot be run.
    """
    began = time.perf_counter()
    try:
        challenge = parse_challenge(text, slug=slug, filename=filename)
        written = read_notebook(text, max_bytes=MAX_CHALLENGE_BYTES)
        release = release_notebook(challenge, text, version=1)
    except ChallengeInvalid as error:
        return FitnessReport(slug or "", filename, (refusal(error),), total_ms=_since(began))
    findings = await asyncio.to_thread(proofread, challenge, written, release, folder)
    if not any(each.code == "no_checks" for each in findings):
        stub = read_notebook(json.dumps(release), max_bytes=MAX_CHALLENGE_BYTES)
        trial = Trial(
            challenge,
            build_job(challenge, written),
            build_job(challenge, stub),
            sandboxes,
            jobs=jobs,
            ceiling=ceiling,
            on_progress=on_progress,
        )
        report = (await trial.run()).with_findings(findings)
    else:
        report = FitnessReport(challenge.slug, challenge.title, tuple(findings))
    return replace(report, total_ms=_since(began))


def refusal(error: ChallengeInvalid) -> Finding:
    """Why a file is no challenge, as a finding."""
    cause = error.__cause__
    code = cause.code if isinstance(cause, GraderError) and cause.code in CODES else error.code
    return Finding(code, error.message, str(error.details.get("cell", "")))


def _since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 1)
