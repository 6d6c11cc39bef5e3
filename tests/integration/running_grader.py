"""A grader of a test's own in this process and a Hub of its own: people of every part, no installation."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from grader.app import Service
from grader.settings import Settings
from tests.hub.running_hub import ADMIN_PASSWORD, Hub
from tests.integration.client import client
from tests.integration.conftest import Server
from tests.integration.graders import settings_for

LIMIT_S = 120.0
PROJECT = f"challengehub-tests-{os.getpid()}-content"


class RunningGrader:
    """The service on a loop of its own thread, so that a test can talk to it as anybody would."""

    def __init__(self, server: Server, hub: Hub, challenges: Path, **settings: str) -> None:
        own = {"GRADER_CHALLENGES_DIR": str(challenges), "COMPOSE_PROJECT_NAME": PROJECT}
        self._settings = settings_for(server, hub) | own | settings
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="grader", daemon=True)
        self.service: Service

    def start(self) -> RunningGrader:
        self._thread.start()
        self.call(self._start)
        return self

    async def _start(self) -> None:
        self.service = Service(Settings.read(self._settings))
        await self.service.start()
        async with asyncio.timeout(LIMIT_S):
            await self.service.ready.wait()

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Await ``function(*args)`` where the service runs."""
        return asyncio.run_coroutine_threadsafe(function(*args), self._loop).result(LIMIT_S)

    def stop(self) -> None:
        self.call(self.service.stop)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(LIMIT_S)
        self._loop.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.service.port}"


class People:
    """Accounts of a Hub, made as they are asked for, and the grader's API in their names."""

    def __init__(self, hub: Hub, url: Callable[[], str]) -> None:
        self.hub, self._url = hub, url
        self._admin = hub.token("admin", ADMIN_PASSWORD)
        self.tokens = {"admin": self._admin}
        self._clients: list[httpx.Client] = []

    def make(self, name: str, part: str = "participant") -> str:
        """Returns the name's token."""
        if name not in self.tokens:
            assert self.hub.visitor().sign_up(name).status_code == 302
            if part != "participant":
                added = self.hub.api("POST", f"/groups/{part}s/users", self._admin, {"users": [name]})
                assert added.ok, added.text
            self.tokens[name] = self.hub.token(name)
        return self.tokens[name]

    def api(self, name: str) -> httpx.Client:
        self._clients.append(client(self._url(), self.tokens[name]))
        return self._clients[-1]

    def close(self) -> None:
        for each in self._clients:
            each.close()
