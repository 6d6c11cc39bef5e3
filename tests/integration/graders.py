"""Graders of a test's own: started in its process or beside it, on a database and an engine socket that a
test can break; and learners who speak to them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shlex
import signal
import sys
import tempfile
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
from tests.conftest import ROOT, SANDBOX_IMAGE, Person
from tests.hub.running_hub import GRADER_TOKEN, PASSWORD, Hub
from tests.integration.client import answered, async_client, body, events, key

if TYPE_CHECKING:
    from tests.integration.conftest import Server

LIMIT_S = 120.0
PROJECT = f"challengehub-tests-{os.getpid()}"
ENGINE = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
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


class OwnEngine:
    """An engine that nobody else uses, so that a test may end it; without a network, which no sandbox has."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.url = f"unix://{folder}/docker.sock"
        (folder / "daemon.json").write_text("{}")
        self._command = [
            # one without a bridge takes docker0 off the machine, if it can see it
            "unshare",
            "--net",
            "dockerd",
            f"--host={self.url}",
            f"--config-file={folder}/daemon.json",
            f"--data-root={folder}/data",
            f"--exec-root={folder}/run",
            f"--pidfile={folder}/docker.pid",
            "--bridge=none",
            "--iptables=false",
            "--ip-forward=false",
        ]
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        quiet = asyncio.subprocess.DEVNULL
        paths = {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
        self._process = await asyncio.create_subprocess_exec(
            *self._command, env=os.environ | paths, stdout=quiet, stderr=quiet
        )

        async def answers() -> bool:
            assert self._process
            assert self._process.returncode is None, "the engine ended at its start"
            return await self.docker("version") == 0

        await until(answers)

    async def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process and self._process.returncode is None:
            self._process.send_signal(how)
            await self._process.wait()
            # killed with its engine, which believes that it lives for as long as nobody reaped it
            (self._folder / "run/containerd/containerd.pid").unlink(missing_ok=True)

    async def remove(self) -> None:
        await self.end()
        data = self._folder / "data"  # mounted onto itself
        await (await asyncio.create_subprocess_exec("umount", "--recursive", data)).wait()

    async def load(self, image: str) -> None:
        """An image of the engine that everybody uses."""
        command = f"docker save {shlex.quote(image)} | docker --host {self.url} load"
        process = await asyncio.create_subprocess_shell(command, stdout=asyncio.subprocess.DEVNULL)
        assert await process.wait() == 0

    async def docker(self, *arguments: str) -> int:
        quiet = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            "docker", "--host", self.url, *arguments, stdout=quiet, stderr=quiet
        )
        return await process.wait()


class Process:
    """A grader in a process of its own, which can be killed."""

    def __init__(self, environment: dict[str, str], name: str, port: int) -> None:
        self._environment = os.environ | environment | {"GRADER_NAME": name, "GRADER_PORT": str(port)}
        self.port = port
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        command = [sys.executable, "-m", "grader", "serve"]
        quiet = asyncio.subprocess.DEVNULL
        self._process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env=self._environment, stderr=quiet
        )
        async with async_client(f"http://127.0.0.1:{self.port}", "") as api:

            async def healthy() -> bool:
                with contextlib.suppress(httpx.TransportError):
                    return bool((await api.get("/health")).json()["parts"]["database"] == "ok")
                return False

            await until(healthy)

    async def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process and self._process.returncode is None:
            self._process.send_signal(how)
            await self._process.wait()


class Wire:
    """The network between grader and database, with a pair of pliers."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._relay: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._deaf = False
        self.port = 0

    async def mend(self) -> None:
        self._deaf = False
        self._relay = await asyncio.start_server(self._join, "127.0.0.1", self.port)
        self.port = self._relay.sockets[0].getsockname()[1]

    async def lose_answers(self) -> None:
        """What the grader says still arrives; what the database answers does not: the worst moment to cut."""
        self._deaf = True

    async def cut(self) -> None:
        assert self._relay
        self._relay.close()
        for writer in list(self._open):
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection(self._server.host, self._server.port)
        self._open |= {writer, ours}
        try:
            await asyncio.gather(self._copy(reader, ours, False), self._copy(theirs, writer, True))
        finally:
            self._open -= {writer, ours}

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: bool) -> None:
        try:
            while data := await reader.read(65536):
                if not (answers and self._deaf):
                    writer.write(data)
                    await writer.drain()
        except OSError:
            pass
        writer.transport.abort()


@pytest.fixture(scope="session")
def new_own_learner(hub: Hub) -> Callable[[], Person]:
    """Signs a new learner up at the Hub of the tests' own."""
    numbers = itertools.count(1)

    def sign_up() -> Person:
        name = f"learner-{next(numbers)}"
        assert hub.visitor().sign_up(name).status_code == 302
        return Person(name, PASSWORD, hub.token(name))

    return sign_up


@pytest.fixture(scope="session")
def own_learner(new_own_learner: Callable[[], Person]) -> Person:
    """One learner for tests to whom it does not matter what the learner did before."""
    return new_own_learner()


def settings_for(server: Server, hub: Hub) -> dict[str, str]:
    """What a grader of the tests' own is told."""
    return {
        "GRADER_BIND": "127.0.0.1",
        "GRADER_PORT": "0",
        "GRADER_NAME": "tests",
        "GRADER_WORKERS": "2",
        "GRADER_DRAIN_S": "0.5",
        "GRADER_BUILD_SQL": str(ROOT / "build.sql"),
        "JUPYTERHUB_API_URL": f"{hub.url}/hub/api",
        "JUPYTERHUB_API_TOKEN": GRADER_TOKEN,
        "MYSQL_HOST": server.host,
        "MYSQL_PORT": str(server.port),
        "MYSQL_GRADER_PASSWORD": server.password,
        "COMPOSE_PROJECT_NAME": PROJECT,
        "SANDBOX_IMAGE": SANDBOX_IMAGE,
        "SANDBOX_POOL_SIZE": "2",
        "SANDBOX_RUNTIME": "runc",
    }


@pytest.fixture
def environment(server: Server, hub: Hub) -> dict[str, str]:
    """For a grader with an empty database, one folder's challenges, and leases that a test can wait for."""
    server.empty()
    return settings_for(server, hub) | {
        "GRADER_LEASE_S": "3",
        "GRADER_CHALLENGES_DIR": str(ROOT / "challenge_notebooks" / "first-steps"),
    }


@pytest.fixture
async def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EngineSocket]:
    engine = EngineSocket(tmp_path / "docker.sock", ENGINE.removeprefix("unix://"))
    await engine.mend()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{engine.path}")
    yield engine
    await engine.cut()


@pytest.fixture
async def own_engine(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[OwnEngine]:
    if os.geteuid():
        pytest.skip("only root may start an engine")
    # a short name: a socket's has a limit
    with tempfile.TemporaryDirectory(prefix="engine-", dir="/var/tmp", ignore_cleanup_errors=True) as folder:
        engine = OwnEngine(Path(folder))
        try:
            await engine.start()
            await engine.load(SANDBOX_IMAGE)
            monkeypatch.setenv("DOCKER_HOST", engine.url)
            yield engine
        finally:
            await engine.remove()


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
    if {"engine", "own_engine"} & set(request.fixturenames):
        # what was being made when the engine went away nobody could remove; the next start does
        async with start():
            pass
    assert await left_behind() == []


async def left_behind() -> list[str]:
    """Sandboxes of the test's graders that were still there: told once, and removed, so that one test's
    fault does not fail those after it."""

    def look() -> list[str]:
        engine = docker.DockerClient(base_url=os.environ.get("DOCKER_HOST", ENGINE))
        try:
            found = engine.containers.list(all=True, filters={"label": f"challengehub={PROJECT}"})
            for container in found:
                container.remove(force=True)
            return [container.name for container in found]
        finally:
            engine.close()

    return await asyncio.to_thread(look)


def kill_sandboxes() -> int:
    client = docker.DockerClient(base_url=ENGINE)
    killed = 0
    try:
        for container in client.containers.list(filters={"label": f"challengehub={PROJECT}"}):
            with contextlib.suppress(docker.errors.APIError):  # ended by itself meanwhile
                container.kill()
                killed += 1
    finally:
        client.close()
    return killed


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
