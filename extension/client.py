"""The grader as the learner's server sees it: the only module that knows its address and the Hub token."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from .errors import Refusal

# Long enough for a grader that is busy writing a big submission, short enough that a person still waits.
TIMEOUT = httpx.Timeout(30.0, connect=5.0)
# The grader says something every 5 s, if only that it is there. The proxy between us keeps a stream open
# whose other end has died, so silence is all that there is to notice it by; the page then asks again.
STREAM_TIMEOUT = httpx.Timeout(15.0, connect=5.0)


def _unreachable() -> Refusal:
    return Refusal(
        "grader_unreachable",
        "The grader does not answer just now. Your work is safe in your notebook. "
        "Wait a moment and try again; if it goes on, tell your instructor.",
        http_status=503,
    )


class GraderClient:
    """Speaks the grader's REST API with the token of this notebook server; raises only ``Refusal``."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self._http: httpx.AsyncClient | None = None

    @classmethod
    def from_environment(cls) -> GraderClient:
        return cls(os.environ.get("CHALLENGEHUB_GRADER_URL", ""), os.environ.get("JUPYTERHUB_API_TOKEN", ""))

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        json: Any = None,
        headers: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """The JSON object that the grader answers to ``method`` on ``path`` (below ``api/v1/``)."""
        try:
            answer = await self._client().request(
                method, self._address(path), params=params, json=json, headers=headers
            )
        except httpx.TransportError as error:
            raise _unreachable() from error
        return _body(answer)

    @asynccontextmanager
    async def stream(self, path: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """The raw bytes of a stream of the grader's, as they come."""
        try:
            async with self._client().stream(
                "GET",
                self._address(path),
                headers={"Accept": "text/event-stream"},
                timeout=STREAM_TIMEOUT,
            ) as answer:
                if answer.status_code != 200:
                    await answer.aread()
                    _body(answer)
                    raise _unreachable()
                yield answer.aiter_bytes()
        except httpx.TransportError as error:
            raise _unreachable() from error

    def _client(self) -> httpx.AsyncClient:
        if not self.url or not self._token:
            raise Refusal(
                "grader_not_configured",
                "This notebook server was not started by ChallengeHub, so there is no grader to talk to. "
                "Sign in at your ChallengeHub address and start your server there.",
                http_status=503,
            )
        if self._http is None:
            self._http = httpx.AsyncClient(
                headers={"Authorization": f"token {self._token}"},
                timeout=TIMEOUT,
                # a proxy that is set for `pip` must never see the token
                trust_env=False,
            )
        return self._http

    def _address(self, path: str) -> str:
        return f"{self.url}/api/v1/{path}"


def _body(answer: httpx.Response) -> dict[str, Any]:
    """The answer's JSON object; an error answer becomes the ``Refusal`` that it describes."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    if answer.is_success and isinstance(body, dict):
        return body
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        # not the grader but something before it: the proxy while the grader restarts, say
        raise _unreachable()
    if answer.status_code in (401, 403) and error.get("code") in ("unauthenticated", "forbidden"):
        raise Refusal(
            "server_not_recognised",
            "The grader does not recognise this notebook server. Save your work, stop your server "
            "(File, Hub Control Panel, Stop My Server) and start it again.",
            http_status=502,
            details={"grader_code": error.get("code")},
        )
    details = error.get("details")
    raise Refusal(
        str(error.get("code", "internal")),
        error["message"],
        http_status=answer.status_code,
        details=details if isinstance(details, dict) else {},
        retry_after=answer.headers.get("Retry-After", ""),
    )
