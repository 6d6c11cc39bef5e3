"""What the handlers for authors share: rights, bodies with an author's notebook, and work that is watched."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from tornado.iostream import StreamClosedError

from ..errors import GraderError, RequestMalformed
from ..hub import MODERATE_SUBMISSIONS, READ_SUBMISSIONS, WRITE_CHALLENGES
from ..notebook import MAX_CHALLENGE_BYTES
from ..publishing import Source, read_source, required_reason
from .base import ApiHandler
from .streams import QUIET_S, StreamHandler

Tell = Callable[[str, dict[str, Any]], None]


def whole_number(text: str) -> int | None:
    """What stands in an address, if it is one and fits into the database."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


class AuthorHandler(ApiHandler):
    """For those who write challenges; with ``staff_reads`` also GET for those who look after submissions."""

    body_limit = 2 * MAX_CHALLENGE_BYTES + 64 * 1024
    notebook_limit = MAX_CHALLENGE_BYTES
    staff_reads = False

    async def prepare(self) -> None:
        await super().prepare()
        if self._refused is None:
            staff = (READ_SUBMISSIONS, MODERATE_SUBMISSIONS) if self.staff_reads else ()
            try:
                self.require(WRITE_CHALLENGES, *(staff if self.request.method == "GET" else ()))
            except GraderError as error:
                self.refuse(error)

    @staticmethod
    def number(value: str, name: str) -> int:
        number = whole_number(value)
        if number is None:
            raise RequestMalformed(f"{name} must be a whole number.")
        return number

    def source(self, body: dict[str, Any], slug: str | None = None) -> Source:
        return read_source(body.get("notebook"), slug)

    @staticmethod
    def whole(body: dict[str, Any], name: str) -> int | None:
        """A whole number above 0, or null."""
        if name not in body:
            raise RequestMalformed(f"{name} is missing.")
        value = body[name]
        if value is not None and (type(value) is not int or not 0 < value < 2**31):
            raise RequestMalformed(f"{name} must be a whole number above 0, or null.")
        return value

    @staticmethod
    def words(body: dict[str, Any], name: str = "why", *, needed: bool = True) -> str:
        value = body.get(name, "")
        if not isinstance(value, str):
            raise RequestMalformed(f"{name} must be text.")
        return required_reason(value) if needed else value.strip()

    @staticmethod
    def flag(body: dict[str, Any], name: str) -> bool:
        value = body.get(name, False)
        if not isinstance(value, bool):
            raise RequestMalformed(f"{name} must be true or false.")
        return value


class WorkHandler(AuthorHandler, StreamHandler):
    """Long work whose progress is sent as server-sent events; it ends when the caller goes away.

    The last event is ``result``, or ``error`` with what other errors have in their body.
    """

    _work: asyncio.Task[dict[str, Any]] | None = None

    def on_connection_close(self) -> None:
        super().on_connection_close()
        if self._work:
            self._work.cancel()

    async def carry_out(self, work: Callable[[Tell], Awaitable[dict[str, Any]]]) -> None:
        told: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()

        async def run() -> dict[str, Any]:
            return await work(lambda name, data: told.put_nowait((name, data)))

        self.open_stream()
        with self.parts.watchers.seat(self.caller.name):
            self._work = asyncio.create_task(run(), name=self.request.path)
            try:
                await self.flush()
                while not (self._work.done() and told.empty()):
                    await self._pass_on(told)
                with contextlib.suppress(asyncio.CancelledError):
                    await self.tell("result", self._work.result())
            except GraderError as error:
                await self.tell("error", error.as_dict()["error"])
            except StreamClosedError:
                pass
            finally:
                self._work.cancel()
                await asyncio.gather(self._work, return_exceptions=True)

    async def _pass_on(self, told: asyncio.Queue[tuple[str, dict[str, Any]]]) -> None:
        assert self._work
        waiting = asyncio.create_task(told.get())
        try:
            await asyncio.wait({waiting, self._work}, timeout=QUIET_S, return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                await self.tell(*waiting.result())
            elif not self._work.done():
                await self.still_here()
        finally:
            waiting.cancel()
