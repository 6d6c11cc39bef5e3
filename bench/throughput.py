"""Submissions a second with the sandboxes busy all the time, against what the engine alone can do."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from typing import Any

from grader.confinement import EngineSettings, Spec
from grader.errors import GraderError
from grader.sandbox import Engine, Sandbox

from .rig import Rig, client, submit, verdict

SPEC = Spec(memory_mb=256)  # what the measured notebook asks for


async def ceiling(rig: Rig, seconds: float, tasks: int) -> float:
    """Containers created, started, ready and removed, a second: nothing is run in them."""
    settings = EngineSettings(
        image=f"challengehub/sandbox:{rig.image_tag}",
        project=f"{rig.stack.project}-ceiling",
        runtime=rig.stack.settings["SANDBOX_RUNTIME"],
    )
    engine = Engine(settings)
    done = 0
    until = time.monotonic() + seconds

    async def loop() -> None:
        nonlocal done
        spec = await engine.resolve(SPEC)
        while time.monotonic() < until:
            sandbox: Sandbox = await engine.make(spec, lambda _: None, lambda _: None)
            await engine.remove(sandbox)
            done += 1

    began = time.monotonic()
    try:
        await asyncio.gather(*(loop() for _ in range(tasks)))
    finally:
        took = time.monotonic() - began
        with contextlib.suppress(GraderError):
            await engine.sweep(())
        await engine.close()
    return done / took


async def sustained(rig: Rig, seconds: float) -> tuple[float, int]:
    """Verdicts a second and their number, each learner handing in the next notebook when one is judged."""
    people = rig.learners(rig.choose(4, 12, 24))
    done = 0
    until = time.monotonic() + seconds

    async def learner(person: Any) -> None:
        nonlocal done
        async with client(rig, person) as api:
            while time.monotonic() < until:
                result = await verdict(api, await submit(api))
                if result["status"] != "passed":
                    raise RuntimeError(f"the right answer was judged {result['status']}")
                done += 1

    began = time.monotonic()
    await asyncio.gather(*(learner(person) for person in people))
    return done / (time.monotonic() - began), done


async def measure(rig: Rig) -> dict[str, Any]:
    seconds = rig.choose(10, 40, 120)
    cores = os.cpu_count() or 1
    # by turns, so that both have the same machine
    best = 0.0
    for tasks in (cores, 2 * cores):
        best = max(best, await ceiling(rig, seconds / 2, tasks))
    rate, done = await sustained(rig, seconds)
    return {
        "cores": cores,
        "seconds": seconds,
        "submissions": done,
        "per_s": round(rate, 3),
        "per_s_and_core": round(rate / cores, 3),
        "engine_per_s": round(best, 3),
        "share_of_engine": round(rate / best, 3),
    }
