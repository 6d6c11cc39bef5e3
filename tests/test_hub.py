"""Who is calling, asked of a Hub whose database comes and goes. Staged, since it is a matter of moments."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler

from grader.hub import Hub
from grader.settings import Settings

OURS, ADAS = "token of the grader", "token of ada"


class UserHandler(RequestHandler):
    """The Hub's answer to "whose token is this"; while its database is away that is 403 to everybody."""

    refusals = 0  # so many requests more find no database
    asked = 0

    def get(self) -> None:
        UserHandler.asked += 1
        names = {f"token {OURS}": "grader", f"token {ADAS}": "ada"}
        name = names.get(self.request.headers["Authorization"])
        if UserHandler.refusals:
            UserHandler.refusals -= 1
            name = None
        if name is None:
            self.set_status(403)
        self.finish({"name": name, "kind": "user"})


def hub_at(port: int) -> Hub:
    needed = {"MYSQL_HOST": "db", "MYSQL_GRADER_PASSWORD": "password", "JUPYTERHUB_API_TOKEN": OURS}
    return Hub(Settings.read(needed | {"JUPYTERHUB_API_URL": f"http://127.0.0.1:{port}/hub/api"}))


@asynccontextmanager
async def hub() -> AsyncIterator[Hub]:
    UserHandler.refusals = UserHandler.asked = 0
    server = HTTPServer(Application([("/hub/api/user", UserHandler)]))
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    yield hub_at(sockets[0].getsockname()[1])
    server.stop()
    await server.close_all_connections()


async def name(hub: Hub, token: str) -> str | None:
    found = await hub.auth.user_for_token(token, sync=False)
    return found and found["name"]


@pytest.mark.parametrize("moment", ["for both questions", "for the first only"])
async def test_a_hub_without_its_database_makes_nobody_a_stranger(moment: str) -> None:
    async with hub() as there:
        UserHandler.refusals = 2 if moment == "for both questions" else 1
        if UserHandler.refusals == 2:
            with pytest.raises(HTTPError, match="503"):
                await name(there, ADAS)
        assert await name(there, ADAS) == "ada", "and what was said meanwhile is not remembered"


async def test_a_stranger_is_one_and_is_asked_about_once() -> None:
    async with hub() as there:
        assert await name(there, "a made-up token") is None
        asked = UserHandler.asked
        assert await name(there, "a made-up token") is None
        assert UserHandler.asked == asked


async def test_who_is_known_is_asked_about_once() -> None:
    async with hub() as there:
        assert [await name(there, ADAS), await name(there, ADAS)] == ["ada", "ada"]
        assert UserHandler.asked == 1


@pytest.mark.parametrize("how", ["says nothing", "hangs up"])
async def test_a_hub_that_takes_the_call_and_does_not_answer_is_away(how: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if how == "says nothing":
            with contextlib.suppress(OSError):
                await reader.read()  # until the other side has had enough
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        assert not await hub_at(server.sockets[0].getsockname()[1]).alive()
