"""The extension's own HTTP API, below ``<base_url>challengehub/api/``, for the learner's page alone."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable
from contextlib import aclosing
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_data_dir
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, authenticated

from .client import GraderClient
from .errors import Refusal
from .inventory import Inventory
from .spool import Spool
from .workspace import Workspace, checked_slug

SEGMENT = r"([^/]+)"
# Submissions are named by UUIDs; nothing else may become part of an address at the grader.
SUBMISSION_ID = r"([0-9a-fA-F-]{1,64})"


class _Handler(APIHandler):
    # The Hub's idle rules look at what a person does in the page, not at what we fetch for them.
    _track_activity = False

    def initialize(
        self, grader: GraderClient, workspace: Workspace, spool: Spool, inventory: Inventory
    ) -> None:
        self.grader = grader
        self.inventory = inventory
        self.workspace = workspace
        self.spool = spool

    async def answer(self, work: Awaitable[dict[str, Any]], http_status: int = 200) -> None:
        try:
            body = await work
        except Refusal as refusal:
            self.refuse(refusal)
        else:
            self.set_status(http_status)
            self.finish(json.dumps(body))

    def refuse(self, refusal: Refusal) -> None:
        self.log.info("ChallengeHub: %s %s refused: %s", self.request.method, self.request.path, refusal.code)
        self.set_status(refusal.http_status)
        if refusal.retry_after:
            self.set_header("Retry-After", refusal.retry_after)
        self.finish(json.dumps(refusal.as_dict()))

    def text_fields(self, *names: str) -> list[Any]:
        """These fields of the request's JSON body, all of them texts."""
        body = self.get_json_body()
        values = [body.get(name) if isinstance(body, dict) else None for name in names]
        if not all(isinstance(value, str) for value in values):
            raise HTTPError(400, f"The request needs these texts: {', '.join(names)}.")
        return values

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None, None))[1]
        message = error.log_message if isinstance(error, HTTPError) and error.log_message else ""
        codes = {400: "request_malformed", 403: "forbidden", 404: "not_found", 405: "not_found"}
        code = codes.get(status_code, "internal")
        refusal = Refusal(code, message or "Your notebook server could not do this.", http_status=status_code)
        self.finish(json.dumps(refusal.as_dict()))


class ChallengesHandler(_Handler):
    @authenticated
    async def get(self) -> None:
        await self.answer(self.grader.request("GET", "challenges"))


class ChallengeHandler(_Handler):
    @authenticated
    async def get(self, slug: str) -> None:
        try:
            path = f"challenges/{checked_slug(slug)}"
        except Refusal as refusal:
            self.refuse(refusal)
        else:
            await self.answer(self.grader.request("GET", path))


class HintsHandler(_Handler):
    @authenticated
    async def get(self, slug: str) -> None:
        await self.answer(self._hints("GET", slug))

    @authenticated
    async def post(self, slug: str) -> None:
        await self.answer(self._hints("POST", slug, self.get_json_body()))

    async def _hints(self, method: str, slug: str, body: Any = None) -> dict[str, Any]:
        return await self.grader.request(method, f"challenges/{checked_slug(slug)}/hints", json=body)


class SolutionHandler(_Handler):
    @authenticated
    async def get(self, slug: str) -> None:
        await self.answer(self._solution(slug))

    async def _solution(self, slug: str) -> dict[str, Any]:
        return await self.grader.request("GET", f"challenges/{checked_slug(slug)}/solution")


class LeaderboardHandler(_Handler):
    @authenticated
    async def get(self) -> None:
        asked = {name: self.get_query_argument(name, "", strip=False) for name in ("track", "class")}
        params = {name: value for name, value in asked.items() if value}
        await self.answer(self.grader.request("GET", "leaderboard", params=params))

    @authenticated
    async def post(self) -> None:
        (name,) = self.text_fields("display_name")
        await self.answer(self.grader.request("POST", "leaderboard", json={"display_name": name}))


class LeaveLeaderboardHandler(_Handler):
    @authenticated
    async def post(self) -> None:
        await self.answer(self.grader.request("POST", "leaderboard/leave", json={}))


class OpenHandler(_Handler):
    @authenticated
    async def post(self) -> None:
        (slug,) = self.text_fields("slug")
        await self.answer(self.workspace.open(slug))


class UpdateHandler(_Handler):
    @authenticated
    async def post(self) -> None:
        (path,) = self.text_fields("path")
        await self.answer(self.workspace.update(path))


class RestoreHandler(_Handler):
    @authenticated
    async def post(self) -> None:
        path, submission_id = self.text_fields("path", "submission")
        if not re.fullmatch(SUBMISSION_ID, submission_id):
            raise HTTPError(400, "submission must be the id of a submission.")
        await self.answer(self.workspace.restore(path, submission_id))


class SubmitHandler(_Handler):
    """``accepted``, where given, are modules of which the learner knows that the sandbox has them not."""

    @authenticated
    async def post(self) -> None:
        path, key = self.text_fields("path", "key")
        accepted = self.get_json_body().get("accepted", [])
        if not isinstance(accepted, list) or not all(isinstance(name, str) for name in accepted):
            raise HTTPError(400, "accepted must be a list of names.")
        await self.answer(self.workspace.submit(path, key, frozenset(accepted)), http_status=202)


class SandboxHandler(_Handler):
    @authenticated
    async def get(self) -> None:
        await self.answer(self.inventory.read())


class KeptHandler(_Handler):
    """What waits here for a grader that cannot be reached."""

    @authenticated
    async def get(self) -> None:
        self.finish(json.dumps({"kept": self.spool.entries()}))


class KeptSendHandler(_Handler):
    @authenticated
    async def post(self) -> None:
        self.spool.send_now()
        self.set_status(202)
        self.finish(json.dumps({"kept": self.spool.entries()}))


class KeptForgetHandler(_Handler):
    @authenticated
    async def post(self) -> None:
        (key,) = self.text_fields("key")
        self.spool.forget(key)
        self.finish(json.dumps({"kept": self.spool.entries()}))


class KeptEventsHandler(_Handler):
    """Server-sent events: ``kept``, ``sent`` and ``refused``, until nothing waits any more."""

    @authenticated
    async def get(self) -> None:
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-cache")
        self.set_header("X-Accel-Buffering", "no")
        try:
            async with aclosing(self.spool.events()) as events:
                async for event in events:
                    self.write(
                        f"event: {event[0]}\ndata: {json.dumps(event[1])}\n\n" if event else ": waiting\n\n"
                    )
                    await self.flush()
        except StreamClosedError:
            self.log.debug("ChallengeHub: nobody watches the kept submissions any more")


class SubmissionsHandler(_Handler):
    @authenticated
    async def get(self) -> None:
        names = ("challenge", "limit", "before")
        params = {name: self.get_query_argument(name) for name in names if self.get_query_argument(name, "")}
        await self.answer(self.grader.request("GET", "submissions", params=params))


class SubmissionHandler(_Handler):
    @authenticated
    async def get(self, submission_id: str) -> None:
        await self.answer(self.grader.request("GET", f"submissions/{submission_id}"))


class SubmittedNotebookHandler(_Handler):
    @authenticated
    async def get(self, submission_id: str) -> None:
        await self.answer(self.grader.request("GET", f"submissions/{submission_id}/notebook"))


class EventsHandler(_Handler):
    """Passes a submission's server-sent events on, byte by byte, until the grader has said the last one."""

    _relay: asyncio.Task[None] | None = None

    @authenticated
    async def get(self, submission_id: str) -> None:
        self._relay = asyncio.create_task(self._pass_on(f"submissions/{submission_id}/events"))
        try:
            await self._relay
        except Refusal as refusal:
            # once events have gone out the page sees the stream end without a result and asks again
            if not self._headers_written:
                self.refuse(refusal)
        except (asyncio.CancelledError, StreamClosedError):
            self.log.debug("ChallengeHub: nobody watches submission %s here any more", submission_id)

    async def _pass_on(self, path: str) -> None:
        async with self.grader.stream(path) as chunks:
            self.set_header("Content-Type", "text/event-stream")
            self.set_header("Cache-Control", "no-cache")
            self.set_header("X-Accel-Buffering", "no")
            connection = self.request.connection
            if hasattr(connection, "stream"):
                # each event at once: else a small one waits until the one before it is acknowledged
                connection.stream.set_nodelay(True)
            await self.flush()
            async for chunk in chunks:
                self.write(chunk)
                await self.flush()

    def on_connection_close(self) -> None:
        super().on_connection_close()
        if self._relay is not None:
            self._relay.cancel()


ROUTES = [
    (r"challenges", ChallengesHandler),
    (rf"challenges/{SEGMENT}", ChallengeHandler),
    (rf"challenges/{SEGMENT}/hints", HintsHandler),
    (rf"challenges/{SEGMENT}/solution", SolutionHandler),
    (r"leaderboard", LeaderboardHandler),
    (r"leaderboard/leave", LeaveLeaderboardHandler),
    (r"open", OpenHandler),
    (r"update", UpdateHandler),
    (r"restore", RestoreHandler),
    (r"submit", SubmitHandler),
    (r"sandbox", SandboxHandler),
    (r"kept", KeptHandler),
    (r"kept/send", KeptSendHandler),
    (r"kept/forget", KeptForgetHandler),
    (r"kept/events", KeptEventsHandler),
    (r"submissions", SubmissionsHandler),
    (rf"submissions/{SUBMISSION_ID}", SubmissionHandler),
    (rf"submissions/{SUBMISSION_ID}/notebook", SubmittedNotebookHandler),
    (rf"submissions/{SUBMISSION_ID}/events", EventsHandler),
]


def add_routes(web_app: Any) -> tuple[Spool, Inventory]:
    """Returns what wants to be started once the server's loop runs."""
    grader = GraderClient.from_environment()
    spool = Spool(Path(jupyter_data_dir()) / "challengehub" / "spool", grader)
    inventory = Inventory(grader)
    workspace = Workspace(web_app.settings["contents_manager"], grader, spool, inventory)
    prefix = url_path_join(web_app.settings["base_url"], "challengehub", "api")
    given = {"grader": grader, "workspace": workspace, "spool": spool, "inventory": inventory}
    web_app.add_handlers(".*$", [(url_path_join(prefix, route), handler, given) for route, handler in ROUTES])
    return spool, inventory
