"""Graders of a test's own: started in its process or beside it, on a database and an engine socket that a
test can break; and learners who speak to them."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
import httpx
import pytest

from grader.app import Service
from grader.settings import Settings
from tests import notebooks
from tests.conftest import ROOT, Person, Stack
from tests.integration.client import answered, async_client, body, events, key

if TYPE_CHECKING:
    from tests.integration.conftest import Server

LIMIT_S = 120.0
PROJECT = f"challengehub-tests-{os.getpid()}"
SLOW = ("import time", "time.sleep(3)")


RELAY = """
import asyncio, sys

async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.transport.abort()

async def serve(reader, writer):
    theirs, ours = await asyncio.open_unix_connection(sys.argv[2])
    await asyncio.gather(copy(reader, ours), copy(theirs, writer))

async def main():
    async with await asyncio.start_unix_server(serve, sys.argv[1]) as server:
        print("ready", flush=True)
        await server.serve_forever()

asyncio.run(main())
"""


class EngineSocket:
    """The engine's socket with a switch: all that goes through it can be cut off, and let through again."""

    def __init__(self, path: Path, engine: str) -> None:
        self.path = path
        self._engine = engine
        self._relay: asyncio.subprocess.Process | None = None

    async def mend(self) -> None:
        self._relay = await asyncio.create_subprocess_exec(
            sys.executable, "-c", RELAY, str(self.path), self._engine, stdout=asyncio.subprocess.PIPE
        )
        assert self._relay.stdout
        assert await self._relay.stdout.readline() == b"ready\n"

    async def cut(self) -> None:
        if self._relay and self._relay.returncode is None:
            self._relay.kill()
            await self._relay.wait()
            self.path.unlink(missing_ok=True)


@pytest.fixture
def environment(server: Server, stack: Stack, tmp_path: Path) -> dict[str, str]:
    """What a grader of the test's own is told: an empty database, and the Hub of the running installation."""
    server.empty()
    return {
        "GRADER_BIND": "127.0.0.1",
        "GRADER_PORT": "0",
        "GRADER_NAME": "tests",
        "GRADER_WORKERS": "2",
        "GRADER_LEASE_S": "3",
        "GRADER_DRAIN_S": "0.5",
        "GRADER_CHALLENGES_DIR": str(ROOT / "challenge_notebooks" / "first-steps"),
        "GRADER_BUILD_SQL": str(ROOT / "build.sql"),
        "JUPYTERHUB_API_URL": f"http://{stack.address('hub')}:8081/hub/api",
        "JUPYTERHUB_API_TOKEN": stack.settings["GRADER_API_TOKEN"],
        "MYSQL_HOST": server.host,
        "MYSQL_PORT": str(server.port),
        "MYSQL_GRADER_PASSWORD": server.password,
        "COMPOSE_PROJECT_NAME": PROJECT,
        "SANDBOX_POOL_SIZE": "2",
        "SANDBOX_RUNTIME": "runc",
    }


@pytest.fixture
async def engine(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[EngineSocket]:
    engine = EngineSocket(tmp_path / "docker.sock", stack.settings["DOCKER_SOCKET"])
    await engine.mend()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{engine.path}")
    yield engine
    await engine.cut()


Start = Callable[..., Any]


@pytest.fixture
async def start(environment: dict[str, str], request: pytest.FixtureRequest) -> AsyncIterator[Start]:
    @asynccontextmanager
    async def start(**changed: Any) -> AsyncIterator[Service]:
        service = Service(replace(Settings.read(environment), **changed))
        await service.start()
        try:
            async with asyncio.timeout(LIMIT_S):
                await service.ready.wait()
            yield service
        finally:
            await service.stop()

    yield start
    if "engine" in request.fixturenames:
        # what was being made when the engine went away nobody could remove; the next start does
        async with start():
            pass
    assert await left_behind() == []


async def left_behind() -> list[str]:
    """Sandboxes of the test's graders that were still there: told once, and removed, so that one test's
    fault does not fail those after it."""

    def look() -> list[str]:
        engine = docker.DockerClient(base_url="unix:///var/run/docker.sock")
        try:
            found = engine.containers.list(all=True, filters={"label": f"challengehub={PROJECT}"})
            for container in found:
                container.remove(force=True)
            return [container.name for container in found]
        finally:
            engine.close()

    return await asyncio.to_thread(look)


@asynccontextmanager
async def speaking(service: Service | int, learner: Person) -> AsyncIterator[httpx.AsyncClient]:
    port = service if isinstance(service, int) else service.port
    async with async_client(f"http://127.0.0.1:{port}", learner.token) as api:
        yield api


async def send(api: httpx.AsyncClient, *lines: str, right: bool = True) -> str:
    answer = await api.post("/submissions", json=body(answered(*lines, right=right)), headers=key())
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def send_long(api: httpx.AsyncClient) -> str:
    """One that is running, and still will be when what follows has happened, on a busy machine too."""
    notebook = answered()
    # a challenge has little time for one cell, and more for all of them
    notebook["cells"] = [notebooks.cell("import time\ntime.sleep(3)") for _ in range(2)] + notebook["cells"]
    answer = await api.post("/submissions", json=body(notebook), headers=key())
    assert answer.status_code == 202, answer.text
    id = str(answer.json()["id"])
    await running(api, id)
    return id


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not await true():
            await asyncio.sleep(0.1)


async def finished(api: httpx.AsyncClient, id: str) -> dict[str, Any]:
    """By asking again and again, as a client does whose watch was cut off."""
    found: dict[str, Any] = {}

    async def done() -> bool:
        nonlocal found
        try:
            found = (await api.get(f"/submissions/{id}")).json()
        except httpx.TransportError:
            return False
        return found.get("state") == "finished"

    await until(done)
    return found


async def running(api: httpx.AsyncClient, id: str) -> None:
    async def is_running() -> bool:
        return bool((await api.get(f"/submissions/{id}")).json()["state"] == "running")

    await until(is_running)


async def watched(api: httpx.AsyncClient, id: str) -> list[tuple[str, Any]]:
    async with api.stream("GET", f"/submissions/{id}/events") as answer:
        return list(events([line async for line in answer.aiter_lines()]))


def recorded(server: Server, *ids: str) -> None:
    """Each of them has one verdict, and one result for each check."""
    for id in ids:
        (row,) = server.query("SELECT id, state, status FROM submissions WHERE uuid = %s", id)
        assert (row["state"], row["status"]) == ("finished", "passed")
        checks = server.query("SELECT check_id FROM check_results WHERE submission_id = %s", row["id"])
        assert len(checks) == len({check["check_id"] for check in checks}) == 4
