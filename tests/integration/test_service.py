"""The service when its parts break under it: a real database, engine, Hub and sandboxes, broken on purpose.

What is asserted after each fault: every accepted submission ends with the right verdict, once, and whoever
asked meanwhile was told something sensible.
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from grader.app import Service
from grader.catalogue import new_version
from grader.challenge import parse_challenge
from grader.confinement import Spec
from grader.errors import ChallengeInvalid, DatabaseUnavailable
from grader.models import Challenge
from grader.ratelimit import Bodies
from grader.regrading import Regrading
from grader.sandbox import Engine
from grader.settings import Settings
from tests import notebooks
from tests.conftest import Person
from tests.integration.client import answered, body, code, events, key
from tests.integration.conftest import Server
from tests.integration.graders import (
    LIMIT_S,
    SLOW,
    EngineSocket,
    Process,
    Start,
    finished,
    kill_sandboxes,
    recorded,
    running,
    send,
    send_long,
    speaking,
    until,
    watched,
)

# --- the engine


async def test_an_engine_that_answers_and_makes_no_sandbox_gives_nobody_a_verdict(
    start: Start, own_learner: Person, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, say. Staged by sandboxes that end at once."""
    config = Engine.config

    def broken(engine: Engine, spec: Spec) -> dict[str, Any]:
        return {**config(engine, spec), "Cmd": ["/bin/false"]}

    with monkeypatch.context() as patch:
        patch.setattr(Engine, "config", broken)
        async with start() as service, speaking(service, own_learner) as api:
            id = await send(api)

            async def told() -> bool:
                return bool((await api.get("/health")).json()["parts"]["engine"] == "unavailable")

            await until(told)
            assert (await api.get(f"/submissions/{id}")).json()["state"] != "finished"
            patch.undo()
            assert (await finished(api, id))["status"] == "passed"
    recorded(server, id)
    assert server.query("SELECT attempts FROM submissions") == [{"attempts": 1}]


async def test_while_the_engine_is_away_submissions_wait_and_are_graded_when_it_is_back(
    engine: EngineSocket, start: Start, own_learner: Person, server: Server
) -> None:
    async with start() as service, speaking(service, own_learner) as api:
        first = await send(api)
        await finished(api, first)
        await engine.cut()
        ids = [await send(api) for _ in range(3)]

        async def noticed() -> bool:
            health = await api.get("/health")
            return health.status_code == 503 and health.json()["parts"]["engine"] == "unavailable"

        await until(noticed)
        for id in ids:
            assert (await api.get(f"/submissions/{id}")).json()["state"] in ("queued", "running")
        later = await send(api)
        watching = asyncio.create_task(watched(api, later))
        await engine.mend()
        for id in (*ids, later):
            assert (await finished(api, id))["status"] == "passed"
        told = await watching
        assert told[-1][1]["status"] == "passed"
        assert ("state", {"state": "queued", "position": 1}) in told or told[0][1]["state"] != "finished"
        recorded(server, first, *ids, later)


async def test_an_engine_that_goes_away_in_the_middle_of_a_run_costs_nobody_an_attempt(
    engine: EngineSocket, start: Start, own_learner: Person, server: Server
) -> None:
    async with start() as service, speaking(service, own_learner) as api:
        id = await send(api, *SLOW)
        await running(api, id)
        await engine.cut()
        await asyncio.sleep(1)
        assert (await api.get(f"/submissions/{id}")).json()["state"] != "finished"
        await engine.mend()
        assert (await finished(api, id))["status"] == "passed"
        recorded(server, id)
        assert server.query("SELECT attempts FROM submissions") == [{"attempts": 1}]


async def test_health_says_why_no_sandbox_can_be_made_and_what_to_do(
    start: Start, own_learner: Person, server: Server
) -> None:
    missing = "challengehub/there-is-no-such-image:test"
    async with start(sandbox_image=missing) as service, speaking(service, own_learner) as api:
        id = await send(api)

        async def told() -> bool:
            health = (await api.get("/health")).json()
            return "sandbox image is missing" in health["reasons"].get("engine", "")

        await until(told)
        health = await api.get("/health")
        assert health.status_code == 503
        assert health.json()["parts"]["engine"] == "unavailable"
        assert "make up" in health.json()["reasons"]["engine"]
        assert (await api.get(f"/submissions/{id}")).json()["state"] != "finished"
    async with start() as service, speaking(service, own_learner) as api:
        assert (await finished(api, id))["status"] == "passed"
        assert (await api.get("/health")).json()["reasons"] == {}
        recorded(server, id)


async def test_a_sandbox_that_is_killed_from_outside_is_replaced(
    start: Start, own_learner: Person, server: Server
) -> None:
    async with start() as service, speaking(service, own_learner) as api:
        id = await send(api, *SLOW)
        watching = asyncio.create_task(watched(api, id))
        await running(api, id)

        await asyncio.sleep(1)
        await asyncio.to_thread(kill_sandboxes)
        told = await watching
        assert told[-1][1]["status"] == "passed"
        recorded(server, id)


# --- the database


async def test_a_start_whose_last_step_stumbles_is_tried_again(
    start: Start, own_learner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, tries = Regrading.start, []

    async def stumble(regrading: Regrading) -> None:
        tries.append(regrading)
        if len(tries) < 3:
            raise DatabaseUnavailable("Away.") if len(tries) == 1 else RuntimeError("stumbled")
        await begin(regrading)

    monkeypatch.setattr(Regrading, "start", stumble)
    async with start() as service, speaking(service, own_learner) as api:
        assert len(tries) == 3
        assert (await finished(api, await send(api)))["status"] == "passed"


async def test_while_the_database_is_away_that_is_what_one_is_told(
    start: Start, own_learner: Person, server: Server
) -> None:
    async with start() as service, speaking(service, own_learner) as api:
        before = await send(api)
        await finished(api, before)
        await asyncio.to_thread(server.stop)
        try:
            refused = await api.post("/submissions", json=body(answered()), headers=(click := key()))
            assert code(refused) == (503, "database_unavailable")
            assert int(refused.headers["Retry-After"]) > 0
            for path in (
                "/challenges",
                "/submissions",
                f"/submissions/{before}",
                f"/submissions/{before}/events",
            ):
                assert code(await api.get(path)) == (503, "database_unavailable")
            health = await api.get("/health")
            assert health.status_code == 503
            assert health.json()["parts"]["database"] == "unavailable"
        finally:
            await asyncio.to_thread(server.start)
        again = await api.post("/submissions", json=body(answered()), headers=click)
        assert again.status_code == 202
        assert (await finished(api, again.json()["id"]))["status"] == "passed"
        recorded(server, before, again.json()["id"])


async def test_a_verdict_waits_for_the_database_and_no_watcher_sees_it_before_it_is_recorded(
    start: Start, own_learner: Person, server: Server
) -> None:
    async with start() as service, speaking(service, own_learner) as api:
        id = await send_long(api)
        told: list[tuple[str, Any]] = []

        async def watch() -> None:
            async with api.stream("GET", f"/submissions/{id}/events") as answer:
                name = ""
                async for line in answer.aiter_lines():
                    if line.startswith("event: "):
                        name = line
                    elif line.startswith("data: "):
                        told.extend(events([name, line]))

        watching = asyncio.create_task(watch())

        async def is_told() -> bool:
            return bool(told)

        await until(is_told)
        await asyncio.to_thread(server.stop)
        try:

            async def all_checks_seen() -> bool:
                return sum(name == "check" for name, _ in told) == 4

            await until(all_checks_seen)
            await asyncio.sleep(1)
            assert "result" not in [name for name, _ in told]
        finally:
            await asyncio.to_thread(server.start)
        assert (await finished(api, id))["status"] == "passed"
        await watching
        recorded(server, id)
        attempts = server.query("SELECT attempts FROM submissions WHERE uuid = %s", id)
        assert attempts == [{"attempts": 1}]


async def test_a_grader_that_starts_before_its_database_waits_for_it(
    environment: dict[str, str], own_learner: Person, server: Server
) -> None:
    await asyncio.to_thread(server.stop)
    service = Service(Settings.read(environment))
    await service.start()
    try:
        async with speaking(service, own_learner) as api:
            assert code(await api.get("/challenges")) == (503, "database_unavailable")
            await asyncio.to_thread(server.start)
            async with asyncio.timeout(LIMIT_S):
                await service.ready.wait()
            assert (await finished(api, await send(api)))["status"] == "passed"
    finally:
        await service.stop()


# --- the grader itself


async def test_what_a_stopping_grader_has_not_finished_is_graded_by_the_next(
    start: Start, own_learner: Person, server: Server
) -> None:
    async with AsyncExitStack() as clients, start(workers=1) as service:
        api = await clients.enter_async_context(speaking(service, own_learner))
        ids = [await send_long(api), *[await send(api) for _ in range(3)]]
        watching = asyncio.create_task(watched(api, ids[0]))

        async def is_watched() -> bool:
            return service.watchers._taken[own_learner.name] == 1

        await until(is_watched)
        await service.stop()
        assert "result" not in [name for name, _ in await watching]
    rows = server.query("SELECT state, attempts FROM submissions")
    assert rows == [{"state": "queued", "attempts": 0}] * 4
    async with start() as service, speaking(service, own_learner) as api:
        for id in ids:
            assert (await finished(api, id))["status"] == "passed"
    recorded(server, *ids)


async def test_what_a_killed_grader_held_is_graded_by_the_next(
    start: Start, environment: dict[str, str], own_learner: Person, server: Server, unused_tcp_port: int
) -> None:
    process = Process(environment, "tests", unused_tcp_port)
    await process.start()
    try:
        async with speaking(unused_tcp_port, own_learner) as api:
            ids = [await send_long(api), *[await send(api, *SLOW) for _ in range(3)]]
    finally:
        await process.end(signal.SIGKILL)
    assert "running" in {row["state"] for row in server.query("SELECT state FROM submissions")}
    async with start() as service, speaking(service, own_learner) as api:
        for id in ids:
            assert (await finished(api, id))["status"] == "passed"
    recorded(server, *ids)


async def test_two_graders_share_one_queue_and_either_tells_how_it_ended(
    start: Start, own_learner: Person, server: Server
) -> None:
    async with (
        start(name="one") as one,
        start(name="two") as two,
        speaking(one, own_learner) as api,
        speaking(two, own_learner) as beside,
    ):
        ids = [await send(api if n % 2 else beside, "import time", "time.sleep(0.3)") for n in range(10)]
        told = await asyncio.gather(*(watched(beside if n % 2 else api, id) for n, id in enumerate(ids)))
        assert [events[-1][1]["status"] for events in told] == ["passed"] * 10
    recorded(server, *ids)
    graders = server.query("SELECT DISTINCT claimed_by FROM submissions")
    assert {row["claimed_by"] for row in graders} == {"one", "two"}


async def test_a_submission_that_takes_its_grader_down_again_and_again_is_given_up(
    start: Start, own_learner: Person, server: Server
) -> None:
    async with start(workers=1) as service, speaking(service, own_learner) as api:
        busy = await send(api, *SLOW)
        id = await send(api)
        server.query("UPDATE submissions SET attempts = 3 WHERE uuid = %s", id)
        found = await finished(api, id)
        assert (found["status"], found["score"]) == ("internal_error", 0.0)
        assert found["message"]
        assert (await finished(api, busy))["status"] == "passed"


async def test_a_notebook_on_record_that_can_no_longer_be_read_ends_in_words(
    start: Start, own_learner: Person, server: Server
) -> None:
    async with start(workers=1) as service, speaking(service, own_learner) as api:
        busy = await send(api, *SLOW)
        id = await send(api)
        server.query("UPDATE submissions SET notebook = (SELECT x'789c0300000000' AS z) WHERE uuid = %s", id)
        busy_end, found = await finished(api, busy), await finished(api, id)
        assert busy_end["status"] == "passed"
        assert found["status"] == "internal_error"


async def test_a_challenge_on_record_that_can_no_longer_be_read_ends_in_words_and_the_others_go_on(
    start: Start, own_learner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after an update that is stricter about challenges."""

    async def refuse(version_id: int) -> Challenge:
        raise ChallengeInvalid("This rule is new.")

    async with start(workers=1) as service, speaking(service, own_learner) as api:
        busy = await send(api, *SLOW)
        await running(api, busy)
        id = await send(api)
        with monkeypatch.context() as patch:
            patch.setattr(service.catalogue, "challenge", refuse)
            found = await finished(api, id)
        assert (found["status"], found["score"]) == ("internal_error", 0.0)
        assert found["message"]
        assert found["max_score"]
        assert (await finished(api, await send(api)))["status"] == "passed"


async def test_a_challenge_whose_image_is_not_there_is_not_judged_and_the_others_are(
    start: Start, own_learner: Person
) -> None:
    text = notebooks.notebook(
        notebooks.solution("answer", "### BEGIN SOLUTION\nx = 2\n### END SOLUTION"),
        notebooks.check("check", "assert x == 2"),
        challenge={"slug": "far-away", "image": "nowhere"},
    )
    async with start() as service, speaking(service, own_learner) as api:
        version = new_version(parse_challenge(text), text, "tests", "for a test", forced=True)
        await service.store.database.run(service.store.publish, version)
        sent = body(json.loads(text), slug="far-away")
        answer = await api.post("/submissions", json=sent, headers=key())
        found = await finished(api, answer.json()["id"])
        assert found["status"] == "internal_error"
        assert "nowhere" in found["message"]
        assert (await finished(api, await send(api)))["status"] == "passed"


async def test_notebooks_that_arrive_are_bounded_and_half_ones_make_room_when_they_go(
    start: Start, own_learner: Person, new_own_learner: Callable[[], Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grader.app.Bodies", lambda: Bodies(most=150_000, each=100_000))
    other = await asyncio.to_thread(new_own_learner)
    async with start() as service, speaking(service, own_learner) as api, speaking(service, other) as others:
        _, writer = await asyncio.open_connection("127.0.0.1", service.port)
        head = f"POST {api.base_url.path}submissions HTTP/1.1\r\nHost: grader\r\nContent-Length: 100000\r\n"
        writer.write(f"{head}Authorization: token {own_learner.token}\r\n\r\n".encode() + b" " * 99_000)

        async def held() -> bool:
            return len(service.bodies) == 99_000

        await until(held)
        mine = await api.post("/submissions", json=body(answered("# " + "x" * 20_000)), headers=key())
        theirs = await others.post("/submissions", json=body(answered("# " + "x" * 80_000)), headers=key())
        assert code(mine) == (429, "rate_limited")
        assert code(theirs) == (503, "queue_full")
        assert int(theirs.headers["Retry-After"]) > 0
        writer.close()
        await writer.wait_closed()

        async def let_go() -> bool:
            return len(service.bodies) == 0

        await until(let_go)
        answer = await others.post("/submissions", json=body(answered("# " + "x" * 80_000)), headers=key())
        assert (await finished(others, answer.json()["id"]))["status"] == "passed"
        assert len(service.bodies) == 0


async def test_a_run_that_began_before_its_submission_was_refused_leaves_no_trace(
    start: Start, own_learner: Person, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with start() as service, speaking(service, own_learner) as api:
        await finished(api, await send(api))
        accept = service.store.accept

        def refuse(*args: Any, **options: Any) -> Any:
            """As when the connection breaks after the sandbox has begun."""
            assert options["claim_as"]
            until = time.monotonic() + LIMIT_S
            while not service.pool.running and time.monotonic() < until:
                time.sleep(0.01)
            raise DatabaseUnavailable("The database is away.", retry_after_s=15)

        async def idle() -> bool:
            return service.workers._idle == 2

        await until(idle)
        monkeypatch.setattr(service.store, "accept", refuse)
        refused = await api.post("/submissions", json=body(answered(*SLOW)), headers=(click := key()))
        assert code(refused) == (503, "database_unavailable")
        monkeypatch.setattr(service.store, "accept", accept)

        async def stopped() -> bool:
            return service.pool.running == 0

        await until(stopped)
        assert len(server.query("SELECT id FROM submissions")) == 1
        again = await api.post("/submissions", json=body(answered()), headers=click)
        assert again.status_code == 202
        await finished(api, again.json()["id"])
        recorded(server, again.json()["id"])


# --- the Hub


async def test_a_hub_that_is_away_is_said_to_be_away(
    environment: dict[str, str], own_learner: Person, unused_tcp_port: int
) -> None:
    environment["JUPYTERHUB_API_URL"] = f"http://127.0.0.1:{unused_tcp_port}/hub/api"
    service = Service(Settings.read(environment))
    await service.start()
    try:
        async with speaking(service, own_learner) as api:
            async with asyncio.timeout(LIMIT_S):
                await service.ready.wait()
            assert code(await api.get("/challenges")) == (503, "hub_unavailable")
            refused = await api.post("/submissions", json=body(answered()), headers=key())
            assert code(refused) == (503, "hub_unavailable")
            health = await api.get("/health")
            assert (health.json()["status"], health.json()["parts"]["hub"]) == ("degraded", "unavailable")
    finally:
        await service.stop()


# --- too much


async def test_a_flood_waits_in_line_and_another_learner_does_not(
    start: Start, own_learner: Person, new_own_learner: Callable[[], Person], server: Server
) -> None:
    other = await asyncio.to_thread(new_own_learner)
    async with (
        start(workers=1) as service,
        speaking(service, own_learner) as flood,
        speaking(service, other) as api,
    ):
        busy = await send_long(flood)
        ids = [await send(flood) for _ in range(8)]
        id = await send(api)
        places = [(await flood.get(f"/submissions/{each}")).json()["position"] for each in ids]
        assert places == sorted(places)
        for each in (busy, *ids, id):
            await finished(api if each == id else flood, each)
    rows = server.query("SELECT uuid, submitted_at, started_at FROM submissions ORDER BY started_at, id")
    order = [row["uuid"] for row in rows]
    # the flood's first waited longer; none of its others goes before
    assert order.index(id) <= order.index(ids[1])
    assert [each for each in order if each in ids] == ids


async def test_a_watcher_sees_its_place_in_the_queue_move_up(
    start: Start, own_learner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grader.handlers.submissions.QUIET_S", 0.2)
    async with start(workers=1) as service, speaking(service, own_learner) as api:
        await send_long(api)
        ids = [await send(api, "import time", "time.sleep(1)") for _ in range(3)]
        told = [data["position"] for name, data in await watched(api, ids[-1]) if name == "state"]
        # it looks now and then: on a busy machine it may be two places further by then
        assert told == sorted(set(told), reverse=True)
        assert (told[0], told[-1]) == (3, 0)
        assert len(told) > 2


async def test_a_full_queue_is_refused_politely_and_takes_more_later(
    start: Start, own_learner: Person
) -> None:
    async with start(workers=1, queue_max=2) as service, speaking(service, own_learner) as api:
        ids = [await send_long(api), await send(api), await send(api)]
        refused = await api.post("/submissions", json=body(answered()), headers=(click := key()))
        assert code(refused) == (503, "queue_full")
        assert int(refused.headers["Retry-After"]) > 0
        for id in ids:
            await finished(api, id)
        again = await api.post("/submissions", json=body(answered()), headers=click)
        assert again.status_code == 202


async def test_each_learner_has_a_limit(
    start: Start, own_learner: Person, new_own_learner: Callable[[], Person]
) -> None:
    async with (
        start(submissions_per_minute=1, submissions_burst=2) as service,
        speaking(service, own_learner) as api,
    ):
        ids = [await send(api) for _ in range(2)]
        refused = await api.post("/submissions", json=body(answered()), headers=key())
        assert code(refused) == (429, "rate_limited")
        assert int(refused.headers["Retry-After"]) > 0
        assert (await api.get("/submissions")).status_code == 200
        for id in ids:
            await finished(api, id)
        async with speaking(service, await asyncio.to_thread(new_own_learner)) as other:
            await finished(other, await send(other))


async def test_requests_of_every_kind_have_a_limit(start: Start, own_learner: Person) -> None:
    async with start(requests_per_minute=5) as service, speaking(service, own_learner) as api:
        answers = [await api.get("/challenges") for _ in range(8)]
        assert [answer.status_code for answer in answers][:5] == [200] * 5
        assert code(answers[-1]) == (429, "rate_limited")
        assert (await api.get("/health")).status_code in (200, 503)


async def test_one_learner_cannot_hold_every_stream_open(start: Start, own_learner: Person) -> None:
    async with start(watchers_per_user=2) as service, speaking(service, own_learner) as api:
        id = await send_long(api)
        watching = [asyncio.create_task(watched(api, id)) for _ in range(2)]

        async def both_watch() -> bool:
            return service.watchers._taken[own_learner.name] == 2

        await until(both_watch)
        assert code(await api.get(f"/submissions/{id}/events")) == (429, "rate_limited")
        for told in await asyncio.gather(*watching):
            assert told[-1][0] == "result"
        assert (await watched(api, id))[-1][0] == "result"


async def test_nothing_is_kept_in_memory_of_what_is_over(start: Start, own_learner: Person) -> None:
    async with start() as service, speaking(service, own_learner) as api:
        for id in [await send(api) for _ in range(5)]:
            await finished(api, id)
            await watched(api, id)

        async def nothing() -> bool:
            return len(service.events) == 0 and not service.workers._in_hand

        await until(nothing)
