"""Many submissions at once, half of them from one learner: taken quickly, in a fair order, within bounds.

The same with 300 from 100 learners is measured by `make bench ARGS=--long`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import httpx

from tests.conftest import Person
from tests.integration.client import answered, async_client, body, key
from tests.integration.conftest import Server
from tests.integration.graders import SLOW, Start, finished, running, send, until

EACH = 3


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_a_flood_is_accepted_and_finished_without_keeping_others_waiting(
    start: Start, own_learner: Person, new_own_learner: Callable[[], Person], server: Server
) -> None:
    others = [await asyncio.to_thread(new_own_learner) for _ in range(4)]
    async with start() as service:
        files = open_files()
        async with AsyncExitStack() as stack:
            flood, *modest = [
                await stack.enter_async_context(async_client(f"http://127.0.0.1:{service.port}", each.token))
                for each in (own_learner, *others)
            ]
            for _ in range(2):  # both workers have something to do
                await running(flood, await send(flood, *SLOW))

            async def click(api: httpx.AsyncClient) -> tuple[httpx.AsyncClient, str, int]:
                answer = await api.post("/submissions", json=body(answered()), headers=key())
                assert answer.status_code == 202, answer.text
                return api, answer.json()["id"], answer.json()["position"]

            clicks = [flood] * (EACH * len(modest)) + modest * EACH
            sent = await asyncio.gather(*(click(api) for api in clicks))
            assert max(position for _, _, position in sent) > EACH  # each is told its place
            most = 0
            for api, id, _ in sent:
                most = max(most, service.pool.total)
                await finished(api, id)
            assert most <= service.pool.max_total
            rows = server.query("SELECT username, submitted_at, started_at FROM submissions")
            theirs = [row for row in rows if row["username"] != own_learner.name]
            all_in_line = max(row["submitted_at"] for row in theirs)
            last = max(row["started_at"] for row in theirs)
            floods = [row["started_at"] for row in rows if row["username"] == own_learner.name]
            between = [started for started in floods if all_in_line < started < last]
            # a learner's n-th waiting one takes the n-th turn, and one may just have been claimed
            assert len(between) <= EACH + 1

        async def as_before() -> bool:
            return open_files() <= files + 10 and not len(service.events)  # sandboxes that became ready

        await until(as_before)
