"""The API of an installation, for the command line: requests in the name of a token's owner."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from .errors import GraderError

API = "/services/grader/api/v1"
TIMEOUT_S = 60.0  # between two signs of life; the grader gives one every few seconds

OnEvent = Callable[[str, dict[str, Any]], None]


class Refused(GraderError):
    """What the installation answered instead; ``refusal`` is the code in its answer."""

    def __init__(self, refusal: str, message: str, details: Mapping[str, Any]) -> None:
        super().__init__(message, details=dict(details))
        self.refusal = refusal


class Unreachable(GraderError):
    pass


class Installation:
    def __init__(self, url: str, token: str) -> None:
        self._client = httpx.Client(
            base_url=url.rstrip("/") + API, headers={"Authorization": f"token {token}"}, timeout=TIMEOUT_S
        )
        self._url = url

    def __enter__(self) -> Installation:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str, **query: Any) -> Any:
        asked = {name: value for name, value in query.items() if value is not None}
        return self._answer("GET", path, params=asked)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self._answer("POST", path, json=body)

    def _answer(self, method: str, path: str, **options: Any) -> Any:
        try:
            answer = self._client.request(method, path, **options)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        return self._read(answer)

    def watch(self, path: str, body: dict[str, Any], on_event: OnEvent) -> dict[str, Any]:
        """Have long work done; what its last event says."""
        try:
            with self._client.stream("POST", path, json=body) as answer:
                if answer.status_code != httpx.codes.OK:
                    answer.read()
                    self._read(answer)
                return self._follow(answer, on_event)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def _follow(self, answer: httpx.Response, on_event: OnEvent) -> dict[str, Any]:
        name = ""
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                data: dict[str, Any] = json.loads(line.removeprefix("data: "))
                if name == "error":
                    raise Refused(data["code"], data["message"], data["details"])
                if name == "result":
                    return data
                on_event(name, data)
        raise Unreachable("The grader stopped before it was done. Try again in a moment.")

    def _read(self, answer: httpx.Response) -> Any:
        try:
            body = answer.json()
        except ValueError:
            body = None
        if answer.is_success and body is not None:
            return body
        if isinstance(body, dict) and isinstance(body.get("error"), dict):
            error = body["error"]
            raise Refused(error["code"], error["message"], error["details"])
        raise Unreachable(
            f"What answers at {self._url} is no ChallengeHub (status {answer.status_code}). "
            "Is the address right?"
        )

    def _unreachable(self, error: Exception) -> Unreachable:
        return Unreachable(f"{self._url} does not answer: {error}")
