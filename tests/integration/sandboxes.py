"""What tests of sandboxes share: an installation's label of their own, and one job in one sandbox."""

from __future__ import annotations

import functools
import json
import subprocess
import uuid
from typing import Any

import pytest

from grader.confinement import EngineSettings, Spec
from grader.models import Job
from grader.pool import Pool
from grader.sandbox import Ending
from tests.conftest import SANDBOX_IMAGE

# Nobody else's containers carry it, and ours are swept by nobody else.
PROJECT = f"challengehub-test-{uuid.uuid4().hex[:8]}"


def engine_settings(runtime: str = "runc", **more: Any) -> EngineSettings:
    return EngineSettings(**{"image": SANDBOX_IMAGE, "project": PROJECT, "runtime": runtime, **more})


@functools.cache
def installed() -> frozenset[str]:
    told = subprocess.run(
        ["docker", "info", "--format", "{{json .Runtimes}}"], capture_output=True, text=True, check=False
    )
    return frozenset(json.loads(told.stdout or "{}") or {})


def runtimes() -> list[Any]:
    """Both runtimes as parameters; gVisor is tried where the engine has it."""
    missing = pytest.mark.skipif("runsc" not in installed(), reason="the engine has no gVisor (runsc)")
    return ["runc", pytest.param("runsc", marks=missing)]


async def run_job(pool: Pool, job: Job, spec: Spec | None = None) -> tuple[Ending, list[dict[str, Any]]]:
    sandbox = await pool.take(spec or Spec.of(job.limits))
    events: list[dict[str, Any]] = []
    try:
        return await sandbox.run(job, events.append), events
    finally:
        await sandbox.close()


def containers(*filters: str) -> list[dict[str, Any]]:
    """The sandboxes of these tests that the engine knows, whatever their state."""
    labels = [f"--filter=label=challengehub={PROJECT}", *(f"--filter={each}" for each in filters)]
    lines = subprocess.run(
        ["docker", "ps", "-a", "--no-trunc", "--format", "{{json .}}", *labels],
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in lines.stdout.splitlines()]
