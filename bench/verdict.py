"""Submit to verdict through the HTTP API, one at a time with a ready sandbox, and where the time goes.

By the way that a learner's server takes: the proxy, on the containers' own network. The client is aiohttp,
which needs less of the two processors that are measured than httpx does.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from typing import Any

import aiohttp

from .rig import API, BODY, Rig, spread

# for the pool to fill up again, and for the engine to be done with the last one
REST_S = 2.0
STAGES = ("accepted", "stream open", "first check", "last check", "verdict")


async def one(api: aiohttp.ClientSession) -> tuple[dict[str, float], dict[str, Any]]:
    """Milliseconds from the click to each stage, and the result."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
    began = time.perf_counter()

    def now() -> float:
        return 1000 * (time.perf_counter() - began)

    async with api.post(f"{API}/submissions", data=BODY, headers=headers) as answer:
        answer.raise_for_status()
        id = (await answer.json())["id"]
    at = {"accepted": now()}
    async with api.get(f"{API}/submissions/{id}/events") as stream:
        stream.raise_for_status()
        at["stream open"] = now()
        name = ""
        async for line in stream.content:
            kind, _, value = line.decode().rstrip().partition(": ")
            if kind == "event":
                name = value
            elif kind == "data" and name == "check":
                at["last check"] = now()
                at.setdefault("first check", at["last check"])
            elif kind == "data" and name == "result":
                at["verdict"] = now()
                return at, json.loads(value)
    raise RuntimeError("the stream ended without a result")


async def measure(rig: Rig) -> dict[str, Any]:
    (person,) = rig.learners(1)
    number = rig.choose(10, 60, 100)
    times: list[dict[str, float]] = []
    timings: list[dict[str, float]] = []
    proxy = f"http://{rig.stack.address('proxy')}:8000"
    async with aiohttp.ClientSession(proxy, headers={"Authorization": f"token {person.token}"}) as api:
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
