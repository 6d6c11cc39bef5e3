"""A fault in the middle of a run under load, each staged on the real part.

After every one of them: each submission that was accepted is finished with the right verdict and recorded
once, no sandbox is left behind, and whoever asked meanwhile was answered with words and a time to come back.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest

from grader import database
from tests.conftest import Person, Stack
from tests.integration.client import answered, async_client, body, key
from tests.integration.conftest import Server
from tests.integration.graders import (
    LIMIT_S,
    EngineSocket,
    OwnEngine,
    Process,
    Start,
    Wire,
    kill_sandboxes,
    until,
)

WORKING = ("import time", "time.sleep(0.3)")


class Load:
    """Learners who submit, each one notebook after the other, and try again as the extension does: with the
    same key, when they are told that something is away."""

    def __init__(self, apis: list[httpx.AsyncClient], each: int) -> None:
        self.apis, self._each = apis, each
        self.expected: dict[str, str] = {}  # by submission: the verdict that it must get
        self.refusals: Counter[str] = Counter()
        self._whose: dict[str, httpx.AsyncClient] = {}

    async def run(self) -> None:
        await asyncio.gather(*(self._learner(api) for api in self.apis))

    async def _learner(self, api: httpx.AsyncClient) -> None:
        for number in range(self._each):
            await self.submit(api, right=number % 3 != 2)

    async def submit(self, api: httpx.AsyncClient, right: bool = True, ballast: str = "") -> None:
        click = key()
        notebook = answered(*WORKING, *([f"# {ballast}"] if ballast else []), right=right)

        async def accepted() -> bool:
            try:
                answer = await api.post("/submissions", json=body(notebook), headers=click)
            except httpx.TransportError:
                return False
            if answer.status_code in (200, 202):
                id = answer.json()["id"]
                self.expected[id], self._whose[id] = "passed" if right else "failed", api
                return True
            self.note(answer)
            return False

        await until(accepted)

    def note(self, answer: httpx.Response) -> None:
        """An answer during the fault: ours, with words and a time; or the proxy's, with nobody behind it, or
        a page of the Hub's, while the proxy does not know the way to the grader yet."""
        assert answer.is_error, answer.text
        if answer.headers["Content-Type"].startswith("application/json"):
            assert answer.status_code == 503, answer.text
            error = answer.json()["error"]
            assert error["message"].endswith(".")
            assert int(answer.headers["Retry-After"]) > 0
            self.refusals[error["code"]] += 1

    async def accepted(self, number: int) -> None:
        async def enough() -> bool:
            return len(self.expected) >= number

        await until(enough)

    async def settled(
        self, among: Callable[[httpx.AsyncClient], httpx.AsyncClient] = lambda api: api
    ) -> None:
        """All are finished, and each learner is told the right verdict."""
        for id, status in self.expected.items():
            found: dict[str, Any] = {}

            async def finished(id: str = id) -> bool:
                nonlocal found
                with contextlib.suppress(httpx.TransportError):
                    answer = await among(self._whose[id]).get(f"/submissions/{id}")
                    found = answer.json() if answer.status_code == 200 else {}
                return found.get("state") == "finished"

            await until(finished)
            assert found["status"] == status, found


def recorded_once(server: Server, load: Load) -> None:
    rows = server.query("SELECT id, uuid, state, status FROM submissions")
    assert {row["uuid"]: row["status"] for row in rows} == load.expected
    counts = server.query(
        "SELECT submission_id, COUNT(*) AS checks, COUNT(DISTINCT check_id) AS different"
        " FROM check_results GROUP BY submission_id"
    )
    assert {row["submission_id"] for row in counts} == {row["id"] for row in rows}
    assert {(row["checks"], row["different"]) for row in counts} == {(4, 4)}


@pytest.fixture
async def people(own_learner: Person, new_own_learner: Callable[[], Person]) -> list[Person]:
    return [own_learner, await asyncio.to_thread(new_own_learner)]


@asynccontextmanager
async def loaded(people: list[Person], *ports: int, each: int = 5) -> AsyncIterator[Load]:
    """Under load while the body runs; all sent and accepted at its end."""
    async with AsyncExitStack() as stack:
        apis = [
            await stack.enter_async_context(
                async_client(f"http://127.0.0.1:{ports[n % len(ports)]}", person.token)
            )
            for n, person in enumerate(people)
        ]
        load = Load(apis, each)
        sending = asyncio.create_task(load.run())
        try:
            await load.accepted(3)
            yield load
            async with asyncio.timeout(LIMIT_S):
                await sending
            await load.settled()
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)


# --- the grader


async def test_a_grader_that_is_killed_and_started_again(
    environment: dict[str, str], start: Start, people: list[Person], server: Server, unused_tcp_port: int
) -> None:
    grader = Process(environment, "tests", unused_tcp_port)
    await grader.start()
    try:
        async with loaded(people, grader.port) as load:
            await grader.end(signal.SIGKILL)
            await grader.start()
        recorded_once(server, load)
    finally:
        await grader.end()


async def test_one_of_two_graders_is_killed_and_the_other_takes_its_work_over(
    environment: dict[str, str],
    start: Start,
    people: list[Person],
    server: Server,
    unused_tcp_port_factory: Callable[[], int],
) -> None:
    one, two = (Process(environment, name, unused_tcp_port_factory()) for name in ("one", "two"))
    await asyncio.gather(one.start(), two.start())
    try:
        async with loaded(people, one.port, two.port) as load:

            async def two_works() -> bool:
                query = "SELECT id FROM submissions WHERE state = 'running' AND claimed_by = 'two'"
                return bool(await asyncio.to_thread(server.query, query))

            await until(two_works)
            await two.end(signal.SIGKILL)
            # its learner's server finds the other one behind the same address
            load.apis[1].base_url = load.apis[0].base_url
        recorded_once(server, load)
        await two.start()  # and sweeps what its former life left
    finally:
        await asyncio.gather(one.end(), two.end())


# --- the database and the way to it


async def test_a_database_that_is_stopped_and_started(
    start: Start, people: list[Person], server: Server
) -> None:
    async with start() as service:
        async with loaded(people, service.port) as load:
            await asyncio.to_thread(server.stop)
            refused = await load.apis[0].get("/challenges")
            load.note(refused)
            await asyncio.to_thread(server.start)
        assert load.refusals["database_unavailable"]
        recorded_once(server, load)


async def test_the_network_to_the_database_is_cut_with_answers_under_way(
    environment: dict[str, str], start: Start, people: list[Person], server: Server
) -> None:
    wire = Wire(server)
    await wire.mend()
    async with start(db_port=wire.port) as service:
        async with loaded(people, service.port) as load:
            for _ in range(2):
                await wire.lose_answers()
                await asyncio.sleep(0.5)
                await wire.cut()
                await asyncio.sleep(1.5)
                await wire.mend()
                await load.accepted(min(len(load.expected) + 2, 10))
        recorded_once(server, load)
    await wire.cut()


async def test_the_network_to_the_database_swallows_everything_without_a_word(
    start: Start, people: list[Person], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "ANSWER_S", 1.0)
    monkeypatch.setattr(database, "CONNECT_S", 1.0)
    monkeypatch.setattr(database, "RETRY_WITHIN_S", 0.5)
    wire = Wire(server)
    await wire.mend()
    async with start(db_port=wire.port) as service:
        async with loaded(people, service.port) as load:
            await wire.lose_answers()
            refused = await load.apis[0].get("/challenges")
            load.note(refused)
            await wire.cut()
            await wire.mend()
        assert load.refusals["database_unavailable"]
        recorded_once(server, load)
    await wire.cut()


async def test_a_disk_that_is_full_for_the_database(
    environment: dict[str, str], start: Start, people: list[Person], small_server: Server
) -> None:
    told = {"db_host": small_server.host, "db_port": small_server.port}
    async with start(**told) as service:
        async with loaded(people, service.port, each=3) as load:
            fill = "cat /dev/zero >/var/lib/mysql/ballast 2>/dev/null; sync"
            await asyncio.to_thread(small_server.container.exec_run, ["sh", "-c", fill])
            # each larger than what is left in the files that there are
            heavy = [
                asyncio.create_task(load.submit(load.apis[0], ballast=secrets.token_hex(700_000)))
                for _ in range(8)
            ]

            async def refused() -> bool:
                return bool(load.refusals["database_unavailable"])

            await until(refused)
            free = ["rm", "/var/lib/mysql/ballast"]
            await asyncio.to_thread(small_server.container.exec_run, free)
            await asyncio.gather(*heavy)
        recorded_once(small_server, load)


# --- sandboxes and the engine


async def test_sandboxes_are_killed_from_outside(start: Start, people: list[Person], server: Server) -> None:
    async with start() as service:
        async with loaded(people, service.port) as load:
            assert await asyncio.to_thread(kill_sandboxes)
        recorded_once(server, load)


async def test_the_engine_is_cut_off_and_comes_back(
    engine: EngineSocket, start: Start, people: list[Person], server: Server
) -> None:
    async with start() as service:
        async with loaded(people, service.port) as load:
            await engine.cut()
            await load.submit(load.apis[0])  # what needs no engine goes on
            await engine.mend()
        recorded_once(server, load)


async def test_the_engine_itself_is_stopped_and_killed_and_started_again(
    own_engine: OwnEngine, start: Start, people: list[Person], server: Server
) -> None:
    """Every sandbox ends with it: at once, or when the engine finds it at its next start."""

    async def half_done() -> bool:
        states = await asyncio.to_thread(server.query, "SELECT state FROM submissions")
        return 3 <= sum(row["state"] == "finished" for row in states) < len(states)

    async with start() as service:
        async with loaded(people, service.port, each=10) as load:
            for how in (signal.SIGTERM, signal.SIGKILL):
                await until(half_done)
                await own_engine.end(how)
                await load.submit(load.apis[0])  # accepted all the same
                await own_engine.start()
        recorded_once(server, load)


# --- the Hub and the proxy


@pytest.mark.parametrize("service", ["hub", "proxy"])
async def test_what_stands_before_the_grader_is_stopped_and_started(
    stack: Stack, learner: Person, new_learner: Callable[[], Person], service: str
) -> None:
    """The installation's own parts: learners come through the proxy, and one of them with a token that the
    grader has not asked the Hub about yet."""
    people = [learner, *[await asyncio.to_thread(new_learner) for _ in range(2)]]
    part = stack.part(service)
    before = {row["id"] for row in _submissions(stack, *people)}
    async with loaded(people, int(stack.settings["CHALLENGEHUB_PORT"]), each=4) as load:
        try:
            await asyncio.to_thread(part.stop)
            late = asyncio.create_task(load.submit(load.apis[2]))
            await asyncio.sleep(2)  # what comes meanwhile is answered, or cannot connect
        finally:
            await asyncio.to_thread(part.start)
        await late

    async with async_client(stack.url, "") as anybody:

        async def hub_answers() -> bool:
            with contextlib.suppress(httpx.TransportError):
                return (await anybody.get(f"{stack.url}/hub/health")).status_code == 200
            return False

        await until(hub_answers)
    rows = [row for row in _submissions(stack, *people) if row["id"] not in before]
    assert {row["uuid"]: row["status"] for row in rows} == load.expected
    assert {(row["checks"], row["different"]) for row in rows} == {(4, 4)}


def _submissions(stack: Stack, *people: Person) -> list[dict[str, Any]]:
    connection = stack.mysql()
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT s.id, s.uuid, s.status, COUNT(*) AS checks, COUNT(DISTINCT r.check_id) AS different"
                " FROM submissions s JOIN check_results r ON r.submission_id = s.id"
                " WHERE s.username IN %s GROUP BY s.id",
                ([person.name for person in people],),
            )
            return list(cursor.fetchall())
    finally:
        connection.close()


# --- clocks


@pytest.mark.parametrize("jump_s", [86400, -86400], ids=["ahead", "back"])
async def test_the_graders_clock_jumps(
    start: Start, people: list[Person], server: Server, monkeypatch: pytest.MonkeyPatch, jump_s: int
) -> None:
    real = time.time
    async with start() as service:
        async with loaded(people, service.port, each=3) as load:
            monkeypatch.setattr(time, "time", lambda: real() + jump_s)
        monkeypatch.undo()
        recorded_once(server, load)
        attempts = server.query("SELECT DISTINCT attempts FROM submissions")
        assert attempts == [{"attempts": 1}]  # no lease seemed to have run out


async def test_the_databases_clock_jumps_ahead_under_two_graders(
    start: Start, people: list[Person], server: Server
) -> None:
    async with start(name="one") as one, start(name="two") as two:
        async with loaded(people, one.port, two.port) as load:
            for _ in range(2):  # a submission is begun three times at most
                # what the jump makes of every lease that was given before it
                server.query(
                    "UPDATE submissions SET lease_until = lease_until - INTERVAL 1 DAY"
                    " WHERE state = 'running'"
                )
                await asyncio.sleep(0.5)
        recorded_once(server, load)
