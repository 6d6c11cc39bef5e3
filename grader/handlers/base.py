"""What every request has in common: who calls, limits, the body, and errors in the one shape."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tornado.web import HTTPError, RequestHandler, stream_request_body

from ..background import Background
from ..catalogue import Catalogue
from ..errors import Forbidden, GraderError, MethodNotAllowed, NotebookTooLarge, RateLimited, RequestMalformed
from ..events import Events
from ..hub import Caller, Hub, HubHandler
from ..inventory import Inventories
from ..notebook import MAX_SUBMISSION_BYTES
from ..publishing import Publishing
from ..ratelimit import Bodies, OneByOne, RateLimit
from ..regrading import Regrading
from ..store import Store
from ..worker import Workers

log = logging.getLogger(__name__)

API = "api/v1/"
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
    publishing: Publishing
    background: Background
    regrading: Regrading
    inventories: Inventories
    health: Callable[[], Awaitable[dict[str, Any]]]
    requests: RateLimit
    submissions: RateLimit
    watchers: Seats
    bodies: Bodies
    queue_max: int
    prefix: str
    accepting: OneByOne = field(default_factory=OneByOne)


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


@stream_request_body
class ApiHandler(HubHandler):
    """Identity, limits, and errors in the one shape. A body is read only here, and only up to its limit."""

    body_limit = 0
    notebook_limit = MAX_SUBMISSION_BYTES
    public = False
    caller: Caller

    def initialize(self, parts: Parts) -> None:
        self.hub, self.hub_auth = parts.hub, parts.hub.auth
        self.parts = parts
        self.body = bytearray()
        self.body_size = 0
        self._held = 0  # bytes of the body that count as in hand
        self._refused: GraderError | None = None

    def set_default_headers(self) -> None:
        for name, value in HEADERS.items():
            self.set_header(name, value)

    async def prepare(self) -> None:
        try:
            if not self.public:
                self.caller = await self.parts.hub.identify(self)
                self.take_turn()
            if self.request.method not in self.methods():
                self.set_header("Allow", ", ".join(self.methods()))
                raise MethodNotAllowed(f"{self.request.method} is not for this address.")
        except GraderError as error:
            self.refuse(error)

    def take_turn(self) -> None:
        """Before anything of the body is read. Raises RateLimited."""
        self.parts.requests.take(self.caller.name)

    def refuse(self, error: GraderError) -> None:
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
            try:
                self.parts.bodies.take(self.caller.name, len(chunk))
                self._held += len(chunk)
                self.body += chunk
            except GraderError as error:
                self.refuse(error)
                self._let_go()

    def on_finish(self) -> None:
        self._let_go()

    def on_connection_close(self) -> None:
        # what has been read is worked on to the end, whoever still listens
        if self.body:
            self._let_go()

    def _let_go(self) -> None:
        self.body.clear()
        if self._held:
            self.parts.bodies.give_back(self.caller.name, self._held)
            self._held = 0

    def json_body(self) -> dict[str, Any]:
        if self.body_size > self.body_limit:
            if self.body_limit < MAX_SUBMISSION_BYTES:
                raise RequestMalformed("The request's body is larger than this address takes.")
            raise NotebookTooLarge(
                f"The notebook is larger than {self.notebook_limit // 2**20} MiB. Clear the outputs of "
                "large cells, save, and submit again.",
                details={"limit_bytes": self.notebook_limit},
            )
        text, self.body = bytes(self.body), bytearray()
        try:
            body = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise RequestMalformed("The request's body is not JSON.") from error
        if not isinstance(body, dict):
            raise RequestMalformed("The request's body is not a JSON object.")
        return body

    def require(self, *scopes: str) -> None:
        """Raises Forbidden for a caller who holds none of the scopes."""
        if not any(self.caller.may(scope) for scope in scopes):
            raise Forbidden("Your account may not do this. Ask whoever runs this hub for the rights.")

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
