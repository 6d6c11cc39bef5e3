"""Answers that are sent as it goes: what their reader gets when something breaks in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from grader.errors import RateLimited
from grader.handlers.streams import StreamHandler

PARTS = SimpleNamespace(hub=SimpleNamespace(auth=None))  # for who needs no identity


class Broken(StreamHandler):
    public = True

    async def get(self, how: str) -> None:
        if how == "refused":
            raise RateLimited("Not now.", retry_after_s=1)
        self.open_stream()
        await self.tell("state", {"state": "queued"})
        if how == "cancelled":
            task = asyncio.current_task()
            assert task
            task.cancel()
            await asyncio.sleep(0)
        raise ZeroDivisionError


@asynccontextmanager
async def speaking() -> AsyncIterator[httpx.AsyncClient]:
    server = HTTPServer(Application([("/(.*)", Broken, {"parts": PARTS})]))
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{sockets[0].getsockname()[1]}") as client:
        yield client
    server.stop()
    await server.close_all_connections()


@pytest.mark.parametrize("how", ["failed", "cancelled"])
async def test_a_stream_that_breaks_ends_in_good_order(how: str, caplog: pytest.LogCaptureFixture) -> None:
    async with speaking() as client:
        answer = await client.get(f"/{how}")
    assert answer.status_code == 200
    assert answer.text == 'event: state\ndata: {"state": "queued"}\n\n'
    logged: list[Any] = [
        record.exc_info and record.exc_info[0] for record in caplog.records if record.levelname == "ERROR"
    ]
    assert logged == ([ZeroDivisionError] if how == "failed" else []), "the cause, and nothing beside it"


async def test_what_is_wrong_before_a_stream_begins_is_told_as_ever() -> None:
    async with speaking() as client:
        answer = await client.get("/refused")
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "rate_limited")
