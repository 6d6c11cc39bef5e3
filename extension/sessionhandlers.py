"""The session rules over HTTP: pages report interactions here, and are told when it nears its end."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from typing import Any

from jupyter_server.utils import url_path_join
from tornado.iostream import StreamClosedError
from tornado.web import authenticated

from .routes import _Handler
from .session import Messages, Rules, Session

# Between two words to a page, so that no proxy takes the stream for dead.
QUIET_S = 15.0
# For the server to stop in good order, as an engine that stops a container gives it.
STOPPING_S = 10.0


class _SessionHandler(_Handler):
    def initialize(self, session: Session) -> None:
        self.session = session


class ActiveHandler(_SessionHandler):
    """Somebody typed, clicked or ran something."""

    @authenticated
    async def post(self) -> None:
        self.session.touch()
        self.finish(json.dumps(self.session.told(self.session.look())))


class SavedHandler(_SessionHandler):
    """A page has saved what it had, after it was told that the session is over."""

    @authenticated
    async def post(self) -> None:
        (page,) = self.text_fields("page")
        self.session.saved(page)
        self.finish("{}")


class SessionEventsHandler(_SessionHandler):
    """Server-sent events ``session`` for as long as the page is there: that it is there is what counts."""

    _telling: asyncio.Task[None] | None = None

    @authenticated
    async def get(self) -> None:
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-cache")
        self.set_header("X-Accel-Buffering", "no")
        with self.session.page(self.get_query_argument("page")) as messages:
            self._telling = asyncio.create_task(self._tell(messages))
            try:
                await self._telling
            except (asyncio.CancelledError, StreamClosedError):
                self.log.debug("ChallengeHub: a page has gone")

    async def _tell(self, messages: Messages) -> None:
        while True:
            try:
                message = await asyncio.wait_for(messages.get(), QUIET_S)
            except TimeoutError:
                self.write(": still here\n\n")
            else:
                if message is None:
                    return
                self.write(f"event: session\ndata: {json.dumps(message)}\n\n")
            await self.flush()

    def on_connection_close(self) -> None:
        super().on_connection_close()
        if self._telling is not None:
            self._telling.cancel()


ROUTES = [
    (r"session", SessionEventsHandler),
    (r"session/active", ActiveHandler),
    (r"session/saved", SavedHandler),
]


def add_session(server_app: Any) -> None:
    """Watches this server's session from now on, and stops the server in good order when it is over."""
    session = Session(Rules.from_environ())
    prefix = url_path_join(server_app.web_app.settings["base_url"], "challengehub", "api")
    given = {"session": session}
    server_app.web_app.add_handlers(
        ".*$", [(url_path_join(prefix, route), handler, given) for route, handler in ROUTES]
    )

    async def end() -> None:
        server_app.log.info("ChallengeHub: the session is over, the server stops")
        server_app.stop()
        # An extension or a kernel that will not end must not keep a session that is over; all is saved.
        hard = threading.Timer(STOPPING_S, os._exit, [0])
        hard.daemon = True
        hard.start()

    server_app.io_loop.add_callback(session.run, end)
