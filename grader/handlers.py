"""The REST API (openapi.yaml is its contract): one class for each noun, JSON, one shape for errors."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler, stream_request_body

from .catalogue import Catalogue
from .challenge import build_job, parse_submission
from .errors import (
    DatabaseUnavailable,
    GraderError,
    MethodNotAllowed,
    NotebookMalformed,
    NotebookTooLarge,
    NotFound,
    RateLimited,
    RequestMalformed,
    SubmissionUnknown,
    Unauthenticated,
    VersionStale,
)
from .events import Events
from .hub import Caller, Hub, HubHandler, OAuthCallback
from .models import Challenge, Job, State
from .notebook import MAX_SUBMISSION_BYTES
from .ratelimit import RateLimit
from .store import Accepted, NewSubmission, Store, Version
from .worker import Handed, Workers

log = logging.getLogger(__name__)

API = "api/v1/"
# a notebook that is sent as a string has its quotes and line ends escaped
MAX_BODY_BYTES = 2 * MAX_SUBMISSION_BYTES + 64 * 1024
QUIET_S = 5.0  # without an event: look at the record, and show the watcher's proxy that we live
LIST_MOST = 100
KEY = re.compile(r"[A-Za-z0-9-]{1,64}")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Server": "grader",
}


@dataclass(frozen=True, slots=True)
class Parts:
    """What handlers work with."""

    hub: Hub
    store: Store
    catalogue: Catalogue
    events: Events
    workers: Workers
    health: Callable[[], Awaitable[dict[str, Any]]]
    requests: RateLimit
    submissions: RateLimit
    watchers: Seats
    queue_max: int
    prefix: str


class Seats:
    """How many event streams each learner holds open."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: Counter[str] = Counter()
        self._empty = asyncio.Event()
        self._empty.set()

    @contextlib.contextmanager
    def seat(self, who: str) -> Iterator[None]:
        if self._taken[who] >= self._most:
            raise RateLimited(
                "You are watching many submissions at once. Close some of the tabs that do.", retry_after_s=10
            )
        self._taken[who] += 1
        self._empty.clear()
        try:
            yield
        finally:
            self._taken[who] -= 1
            if not self._taken[who]:
                del self._taken[who]
            if not self._taken:
                self._empty.set()

    async def empty(self, limit_s: float) -> None:
        """Until the last one has left, or ``limit_s`` are over."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), limit_s)


def routes(parts: Parts) -> list[tuple[str, type[RequestHandler], dict[str, Any]]]:
    base = re.escape(parts.prefix) + API
    nouns: list[tuple[str, type[ApiHandler]]] = [
        ("health", HealthHandler),
        ("challenges", ChallengesHandler),
        ("challenges/([^/]+)", ChallengeHandler),
        ("challenges/([^/]+)/release", ReleaseHandler),
        ("submissions", SubmissionsHandler),
        ("submissions/([^/]+)", SubmissionHandler),
        ("submissions/([^/]+)/events", EventsHandler),
    ]
    return [
        (re.escape(parts.prefix), HomeHandler, {"parts": parts}),
        (re.escape(parts.prefix) + "oauth_callback", OAuthCallback, {"hub": parts.hub}),
        *((base + path, handler, {"parts": parts}) for path, handler in nouns),
        (".*", UnknownHandler, {"parts": parts}),
    ]


@stream_request_body
class ApiHandler(HubHandler):
    """Identity, limits, and errors in the one shape. A body is read only here, and only up to its limit."""

    body_limit = 0
    public = False
    caller: Caller

    def initialize(self, parts: Parts) -> None:
        self.hub, self.hub_auth = parts.hub, parts.hub.auth
        self.parts = parts
        self.body = bytearray()
        self.body_size = 0
        self._refused: GraderError | None = None

    def set_default_headers(self) -> None:
        for name, value in HEADERS.items():
            self.set_header(name, value)

    async def prepare(self) -> None:
        try:
            if not self.public:
                self.caller = await self.parts.hub.identify(self)
                self.parts.requests.take(self.caller.name)
            if self.request.method not in self.methods():
                self.set_header("Allow", ", ".join(self.methods()))
                raise MethodNotAllowed(f"{self.request.method} is not for this address.")
        except GraderError as error:
            # Answered once the body is read, not now: closing the connection under a client that still
            # sends makes the proxy between us report a fault of its own instead.
            self._refused = error
            setattr(self, (self.request.method or "").lower(), self._refuse)

    async def _refuse(self, *args: str) -> None:
        if self._refused:
            raise self._refused

    @classmethod
    def methods(cls) -> list[str]:
        return [
            name.upper()
            for name in ("get", "post")
            if getattr(cls, name) is not getattr(RequestHandler, name)
        ]

    def data_received(self, chunk: bytes) -> None:
        self.body_size += len(chunk)
        if self._refused is None and self.body_size <= self.body_limit:
            self.body += chunk

    def json_body(self) -> dict[str, Any]:
        if self.body_size > self.body_limit:
            raise NotebookTooLarge(
                f"The notebook is larger than {MAX_SUBMISSION_BYTES // 2**20} MiB. Clear the outputs of "
                "large cells, save, and submit again.",
                details={"limit_bytes": MAX_SUBMISSION_BYTES},
            )
        try:
            body = json.loads(bytes(self.body))
        except (ValueError, RecursionError) as error:
            raise RequestMalformed("The request's body is not JSON.") from error
        if not isinstance(body, dict):
            raise RequestMalformed("The request's body is not a JSON object.")
        return body

    def send(self, value: Any, status: int = 200) -> None:
        self.set_status(status)
        self.write(json.dumps(value))

    def send_error_of_ours(self, error: GraderError) -> None:
        self.set_status(error.http_status)
        if error.retry_after_s is not None:
            self.set_header("Retry-After", str(error.retry_after_s))
        self.finish(json.dumps(error.as_dict()))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, GraderError):
            if allow := self.methods() if isinstance(error, MethodNotAllowed) else []:
                self.set_header("Allow", ", ".join(allow))
            self.send_error_of_ours(error)
        elif 400 <= status_code < 500:
            # tornado's own, such as a path that is no UTF-8
            self.send_error_of_ours(RequestMalformed("The request cannot be read."))
        else:
            self.send_error_of_ours(
                GraderError("Something went wrong in the grader. Your notebook is saved; please try again.")
            )

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        if isinstance(value, GraderError):
            if value.http_status >= 500:
                log.warning(
                    "%s %s: %s %s", self.request.method, self.request.path, value.code, value.log_message
                )
        elif isinstance(value, HTTPError):
            log.info("%s %s: %s", self.request.method, self.request.path, value)
        else:
            log.error("%s %s", self.request.method, self.request.path, exc_info=(typ, value, tb))

    async def own_submission(self, uuid: str) -> dict[str, Any]:
        """Raises SubmissionUnknown, also for another learner's: that there is one is nobody's business."""
        store = self.parts.store
        found = (
            await store.database.run(store.submission, uuid, self.caller.name)
            if UUID.fullmatch(uuid)
            else None
        )
        if found is None:
            raise SubmissionUnknown("You have no such submission.")
        return found


class UnknownHandler(ApiHandler):
    public = True

    @classmethod
    def methods(cls) -> list[str]:
        return list(cls.SUPPORTED_METHODS)

    async def prepare(self) -> None:
        self._refused = NotFound("There is nothing at this address.")
        setattr(self, (self.request.method or "").lower(), self._refuse)


class HomeHandler(ApiHandler):
    """Where the Hub's menu of services leads: signs a browser in here, and sends it back to the Hub."""

    async def get(self) -> None:
        self.redirect(self.parts.hub.home)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        if isinstance(kwargs.get("exc_info", (None, None))[1], Unauthenticated):
            self.redirect(self.get_login_url())
        else:
            super().write_error(status_code, **kwargs)


class HealthHandler(ApiHandler):
    public = True

    async def get(self) -> None:
        health = await self.parts.health()
        able = health["parts"]["database"] == health["parts"]["engine"] == "ok"
        self.send(health, 200 if able else 503)


class ChallengesHandler(ApiHandler):
    async def get(self) -> None:
        store = self.parts.store
        versions, progress = await asyncio.gather(
            self.parts.catalogue.published(), store.database.run(store.progress, self.caller.name)
        )
        self.send({"challenges": [summary(version, progress) for version in versions]})


class ChallengeHandler(ApiHandler):
    async def get(self, slug: str) -> None:
        version = await self.parts.catalogue.current(slug)
        store = self.parts.store
        progress = await store.database.run(store.progress, self.caller.name)
        about = version.overview
        self.send({**summary(version, progress), "checks": about["checks"], "limits": about["limits"]})


class ReleaseHandler(ApiHandler):
    async def get(self, slug: str) -> None:
        version = await self.parts.catalogue.current(slug)
        notebook = await self.parts.catalogue.release(version.id)
        # the notebook is JSON text already
        self.write(f'{{"slug": {json.dumps(slug)}, "version": {version.number}, "notebook": {notebook}}}')


class SubmissionsHandler(ApiHandler):
    body_limit = MAX_BODY_BYTES

    async def get(self) -> None:
        try:
            limit = int(self.get_query_argument("limit", "20"))
        except ValueError as error:
            raise RequestMalformed("limit must be a whole number.") from error
        if not 1 <= limit <= LIST_MOST:
            raise RequestMalformed(f"limit must be from 1 to {LIST_MOST}.")
        slug = self.get_query_argument("challenge", None)
        if slug is not None:
            # an unknown one is an error: an empty list would look like "no attempts yet"
            await self.parts.catalogue.current(slug)
        store = self.parts.store
        found = await store.database.run(store.submissions, self.caller.name, slug, limit)
        self.send({"submissions": found})

    async def post(self) -> None:
        self.parts.submissions.take(self.caller.name)
        slug, number, notebook, key = self._read()
        digest = hashlib.sha256()
        for part in (slug, str(number), notebook):
            digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
        new = NewSubmission(self.caller.name, key, digest.hexdigest(), notebook)
        try:
            version = await self.parts.catalogue.current(slug)
            challenge, job = await self._fit(version, number, notebook)
        except GraderError:
            # what was accepted once stays accepted, also when the challenge has changed or gone since
            store = self.parts.store
            repeated = await store.database.run(store.repeated, new)
            if repeated is None:
                raise
            self._answer(repeated)
        else:
            self._answer(await self._accept(new, version, challenge, job))

    def _read(self) -> tuple[str, int, str, str]:
        key = self.request.headers.get("Idempotency-Key", "")
        if not KEY.fullmatch(key):
            raise RequestMalformed("The header Idempotency-Key must be 1 to 64 letters, digits and dashes.")
        body = self.json_body()
        slug, number, notebook = body.get("challenge"), body.get("version"), body.get("notebook")
        if not isinstance(slug, str):
            raise RequestMalformed("challenge must be the slug of a challenge.")
        if type(number) is not int:
            raise RequestMalformed("version must be the number of the challenge's version.")
        if isinstance(notebook, dict):
            notebook = json.dumps(notebook, ensure_ascii=False, separators=(",", ":"))
        if not isinstance(notebook, str):
            raise NotebookMalformed("notebook must be a notebook: its JSON object, or the text of its file.")
        return slug, number, notebook, key

    async def _fit(self, current: Version, number: int, notebook: str) -> tuple[Challenge, Job]:
        """What to grade, if the notebook fits the challenge's current version; raises why it does not."""
        if number != current.number:
            raise VersionStale(
                "This challenge has been changed since you opened it. Open it anew from the list of "
                "challenges and carry your answer over; your old notebook stays where it is.",
                details={"current": current.number},
            )
        challenge = await self.parts.catalogue.challenge(current.id)
        return challenge, build_job(challenge, parse_submission(notebook))

    async def _accept(self, new: NewSubmission, version: Version, challenge: Challenge, job: Job) -> Accepted:
        """Into the record; and straight to an idle worker, if there is one and nobody waits."""
        workers, store = self.parts.workers, self.parts.store
        reserved = workers.reserve()
        handed = False
        try:
            accepted = await store.database.run(
                store.accept,
                new,
                version,
                queue_max=self.parts.queue_max,
                claim_as=workers.name if reserved else None,
                lease_s=workers.lease_s,
            )
            if reserved and accepted.work:
                workers.hand_over(Handed(accepted.work, challenge, job))
                handed = True
        finally:
            if reserved and not handed:
                workers.give_up()
        if accepted.created and not handed:
            workers.wake()
        return accepted

    def _answer(self, accepted: Accepted) -> None:
        self.set_header("Location", f"{self.parts.prefix}{API}submissions/{accepted.uuid}")
        status = 202 if accepted.created else 200
        self.send({"id": accepted.uuid, "state": accepted.state, "position": accepted.position}, status)


class SubmissionHandler(ApiHandler):
    async def get(self, uuid: str) -> None:
        self.send(await self.own_submission(uuid))


class EventsHandler(ApiHandler):
    """Server-sent events: what is known at once, the rest as it comes, and the end after ``result``."""

    async def get(self, uuid: str) -> None:
        with self.parts.watchers.seat(self.caller.name), self.parts.events.watch(uuid) as watch:
            submission = await self.own_submission(uuid)
            self.set_header("Content-Type", "text/event-stream; charset=utf-8")
            # tells a buffering proxy to pass events on as they come
            self.set_header("X-Accel-Buffering", "no")
            try:
                told = await self._tell_state(submission, None)
                if submission["state"] == State.FINISHED:
                    await self._replay(submission)
                    return
                async for event in watch.events(QUIET_S):
                    if event is None:
                        # with the database away the events still come, and the next look may find it
                        with contextlib.suppress(DatabaseUnavailable):
                            submission = await self.own_submission(uuid)
                        if submission["state"] == State.FINISHED:
                            break
                        told = await self._tell_state(submission, told)
                    elif event.name == "state" and (event.data["state"], event.data["position"]) == told:
                        continue
                    elif event.name == "state":
                        told = await self._tell_state(event.data, told)
                    else:
                        await self._tell(event.name, event.data)
                        if event.name == "result":
                            return
                submission = await self.own_submission(uuid)
                if submission["state"] == State.FINISHED:
                    await self._tell("result", submission)
            except StreamClosedError:
                log.debug("the watcher of %s has gone", uuid)
            except GraderError as error:
                # the status line is long sent; a watcher that connects again is told the state
                log.info("the watch of %s ends: %s", uuid, error)

    async def _tell(self, name: str, data: dict[str, Any]) -> None:
        self.write(f"event: {name}\ndata: {json.dumps(data)}\n\n")
        await self.flush()

    async def _tell_state(self, submission: dict[str, Any], told: tuple[str, int] | None) -> tuple[str, int]:
        now = (str(submission["state"]), int(submission["position"]))
        if now == told:
            self.write(": still here\n\n")
            await self.flush()
        else:
            await self._tell("state", {"state": now[0], "position": now[1]})
        return now

    async def _replay(self, submission: dict[str, Any]) -> None:
        for name in ("cell", "check"):
            for data in submission[name + "s"]:
                self.write(f"event: {name}\ndata: {json.dumps(data)}\n\n")
        await self._tell("result", submission)


def summary(version: Version, progress: dict[int, dict[str, Any]]) -> dict[str, Any]:
    about = version.overview
    names = ("title", "summary", "difficulty", "tags", "track", "prerequisites", "max_score")
    untouched = {"state": "new", "best_score": None, "attempts": 0}
    return {
        "slug": version.slug,
        "version": version.number,
        **{name: about[name] for name in names},
        **progress.get(version.challenge_id, untouched),
    }
