"""Three submissions a learner at once, half of all from one: who waits how long, and what it takes."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any

from .rig import Rig, client, spread, submit, verdict
from .soak import figures, rested


async def measure(rig: Rig) -> dict[str, Any]:
    people = rig.learners(rig.choose(6, 40, 100))
    clicks = 3 * len(people)
    accepted: list[float] = []
    waited: dict[str, list[float]] = {"flood": [], "modest": []}
    before = await asyncio.to_thread(rested, rig)
    async with AsyncExitStack() as stack:
        apis = [await stack.enter_async_context(client(rig, person)) for person in people]
        for api in apis:  # the Hub has told who they are
            (await api.get("/submissions", params={"limit": 1})).raise_for_status()
        flood, *modest = apis
        began = time.perf_counter()

        async def one(api: Any, kind: str) -> None:
            id = await submit(api)
            accepted.append(1000 * (time.perf_counter() - began))
            # one look after the other instead of many open streams: it is the queue that is measured
            while (await api.get(f"/submissions/{id}")).json()["state"] != "finished":  # noqa: ASYNC110
                await asyncio.sleep(1)
            waited[kind].append(time.perf_counter() - began)

        work = [one(flood, "flood") for _ in range(clicks // 2)]
        work += [one(modest[n % len(modest)], "modest") for n in range(clicks - clicks // 2)]
        meanwhile = asyncio.gather(*work)
        await asyncio.sleep(3)
        during = await asyncio.to_thread(figures, rig)
        await meanwhile
        # and whoever comes after it finds nothing in the way
        started = time.perf_counter()
        await verdict(modest[0], await submit(modest[0]))
        after_ms = 1000 * (time.perf_counter() - started)
    return {
        "learners": len(people),
        "submissions": clicks,
        "accepted_ms": spread(accepted),
        "flood_s": spread(waited["flood"]),
        "modest_s": spread(waited["modest"]),
        "verdict_after_ms": round(after_ms, 1),
        "before": before,
        "during": during,
        "after": await asyncio.to_thread(rested, rig, after_load=True),
    }
