"""Submit to verdict through the HTTP API, one at a time with a ready sandbox, and where the time goes."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from .rig import Rig, client, spread, submit, told

# for the pool to fill up again, and for the engine to be done with the last one
REST_S = 1.2
STAGES = ("accepted", "stream open", "first check", "last check", "verdict")


async def one(api: Any) -> tuple[dict[str, float], dict[str, Any]]:
    """Milliseconds from the click to each stage, and the result."""
    began = time.perf_counter()

    def now() -> float:
        return 1000 * (time.perf_counter() - began)

    id = await submit(api)
    at = {"accepted": now()}
    async for name, data in told(api, id):
        if name == "open":
            at["stream open"] = now()
        elif name == "check":
            at["last check"] = now()
            at.setdefault("first check", at["last check"])
        elif name == "result":
            at["verdict"] = now()
            return at, data
    raise RuntimeError("the stream ended without a result")


async def measure(rig: Rig) -> dict[str, Any]:
    (person,) = rig.learners(1)
    number = rig.choose(10, 60, 100)
    times: list[dict[str, float]] = []
    timings: list[dict[str, float]] = []
    async with client(rig, person) as api:
        for turn in range(number + 5):
            await asyncio.sleep(REST_S)
            at, result = await one(api)
            if result["status"] != "passed":
                raise RuntimeError(f"the right answer was judged {result['status']}")
            if turn >= 5:  # the first ones warm up connections and caches
                times.append(at)
                timings.append(result["timings"])
    return {
        "stages_ms": {stage: spread([at[stage] for at in times if stage in at]) for stage in STAGES},
        "grader_ms": {name: spread([each[name] for each in timings]) for name in timings[0]},
    }
