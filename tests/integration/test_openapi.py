"""openapi.yaml is the truth about the API: every operation is driven, and every answer held to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import yaml
from openapi_core import Config, OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from grader import errors, handlers
from grader.errors import GraderError
from grader.models import Status
from tests.conftest import ROOT, Person, Stack
from tests.integration.client import PATH, SLUG, answered, body, events, key

SPEC: dict[str, Any] = yaml.safe_load((ROOT / "grader" / "openapi.yaml").read_text())
METHODS = ("get", "post", "put", "delete", "patch")
OPERATIONS = {
    operation["operationId"]: (path, method)
    for path, item in SPEC["paths"].items()
    for method, operation in item.items()
    if method in METHODS
}


class Api:
    """Sends requests, and fails on any answer that the description does not allow."""

    def __init__(self, stack: Stack, token: str) -> None:
        self.url = stack.url + PATH
        self.session = requests.Session()
        self.session.trust_env = False
        if token:
            self.session.headers["Authorization"] = f"token {token}"
        self.seen: set[tuple[str, int]] = set()
        spec = SPEC | {"servers": [{"url": self.url}]}
        # to the description a stream is a text; what is in it is looked at below
        streams = Config(
            extra_media_type_deserializers={"text/event-stream": lambda data, **_: data.decode()}
        )
        self.description = OpenAPI.from_dict(spec, config=streams)

    def __call__(
        self, operation: str, id: str = "", *, fits: bool = True, **options: Any
    ) -> requests.Response:
        """``fits``: the request is one that the description allows."""
        path, method = OPERATIONS[operation]
        for name in ("{slug}", "{id}"):
            path = path.replace(name, id)
        options["headers"] = dict(self.session.headers) | options.get("headers", {})
        request = requests.Request(method.upper(), self.url + path, **options)
        answer = self.session.send(self.session.prepare_request(request), timeout=120)
        wrapped = RequestsOpenAPIRequest(request)
        if fits:
            self.description.validate_request(wrapped)
        self.description.validate_response(wrapped, RequestsOpenAPIResponse(answer))
        self.seen.add((operation, answer.status_code))
        return answer

    def submit(self, notebook: Any, expected: int, version: int = 1, **options: Any) -> requests.Response:
        headers = options.pop("headers", None) or key()
        answer = self("submit", json=body(notebook, version=version), headers=headers, **options)
        assert answer.status_code == expected, answer.text
        return answer


@pytest.fixture(scope="module")
def api(stack: Stack, learner: Person) -> Iterator[Api]:
    api = Api(stack, learner.token)
    yield api
    api.session.close()


def checked(schema: str, value: Any) -> None:
    OAS31Validator({"$ref": f"#/components/schemas/{schema}", "components": SPEC["components"]}).validate(
        value
    )


def test_the_description_is_valid_openapi() -> None:
    validate(SPEC)


def test_it_describes_the_addresses_that_there_are_and_no_others() -> None:
    described = {
        path.replace("{slug}", "{}").replace("{id}", "{}"): set(item) for path, item in SPEC["paths"].items()
    }
    parts: Any = type("Parts", (), {"prefix": "/", "hub": None})()
    served = {}
    for pattern, handler, _ in handlers.routes(parts):
        if pattern.startswith("/" + handlers.API):
            path = pattern.removeprefix("/" + handlers.API.rstrip("/")).replace("([^/]+)", "{}")
            served[path] = {method.lower() for method in handler.methods()}
    assert {path: methods & set(METHODS) for path, methods in described.items()} == served


def test_it_names_the_codes_that_there_are() -> None:
    schema = SPEC["components"]["schemas"]["Error"]["properties"]["error"]["properties"]["code"]
    every = {
        value.code
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, GraderError)
    }
    # what only authors or the grader's log get to see
    inner = {"challenge_invalid", "engine_unavailable", "sandbox_failed"}
    assert set(schema["enum"]) == every - inner


def test_it_names_the_statuses_that_there_are() -> None:
    assert SPEC["components"]["schemas"]["Status"]["enum"] == [status.value for status in Status]


def test_every_operation_answers_as_described(
    api: Api, stack: Stack, new_learner: Callable[[], Person]
) -> None:
    assert api("health").status_code == 200
    assert api("listChallenges").json()["challenges"]
    assert api("readChallenge", SLUG).status_code == 200
    assert api("readChallenge", "nothing-here").status_code == 404
    release = api("readRelease", SLUG).json()
    assert api("readRelease", "nothing-here").status_code == 404

    headers = key()
    first = api.submit(answered(right=False), 202, headers=headers)
    api.submit(answered(right=False), 200, headers=headers)
    api.submit(answered(), 409, headers=headers)
    api.submit(answered(), 409, version=7)
    api.submit({"cells": [], "metadata": {}, "nbformat": 4}, 422)
    api.submit(release["notebook"] | {"cells": release["notebook"]["cells"] * 2}, 422)
    api.submit("{", 400)
    api.submit("x" * 3_000_000, 413)
    assert api("submit", fits=False, json=body(answered())).status_code == 400
    lost = api("submit", json=body(answered(), slug="nothing-here"), headers=key())
    assert lost.status_code == 404

    id = first.json()["id"]
    told = list(events(api("watchSubmission", id).text.splitlines()))
    for name, data in told:
        match name:
            case "cell" | "check":
                checked({"cell": "CellResult", "check": "CheckResult"}[name], data)
            case "result":
                checked("Submission", data)
            case "state":
                assert set(data) == {"state", "position"}
            case "start":
                assert set(data) == {"id"}
            case _:
                pytest.fail(f"an event that is not described: {name}")
    assert {name for name, _ in told} >= {"state", "cell", "check", "result"}
    assert api("readSubmission", id).json() == told[-1][1]
    missing = "00000000-0000-0000-0000-000000000000"
    assert api("readSubmission", missing).status_code == 404
    assert api("watchSubmission", missing).status_code == 404

    assert api("readSubmittedNotebook", id).json()["notebook"] == answered(right=False)
    assert api("readSubmittedNotebook", missing).status_code == 404

    assert api("readHints", SLUG).json()["taken"] == []
    assert len(api("takeHint", SLUG, json={"number": 1}).json()["taken"]) == 1
    assert api("takeHint", SLUG, json={"number": 3}).status_code == 404
    assert api("takeHint", SLUG, json={"number": "one"}, fits=False).status_code == 400
    assert api("readHints", "nothing-here").status_code == 404
    assert api("readSolution", "nothing-here").status_code == 404
    assert api("readSolution", "savings-account").status_code == 403
    right = api.submit(answered(), 202).json()["id"]
    assert list(events(api("watchSubmission", right).text.splitlines()))[-1][1]["status"] == "passed"
    assert api("readSolution", SLUG).status_code == 200

    # what a crash and output of every kind look like
    noisy = answered('print("x")', "def fail(): raise ValueError('no')", "fail()")
    unfinished = api.submit(noisy, 202).json()["id"]
    api("readSubmission", unfinished)
    list(events(api("watchSubmission", unfinished).text.splitlines()))
    assert api("readSubmission", unfinished).json()["status"] != "passed"
    assert api("listSubmissions").json()["submissions"]
    assert api("listSubmissions", params={"challenge": SLUG, "limit": 1}).status_code == 200
    assert api("listSubmissions", params={"challenge": "nothing-here"}).status_code == 404
    assert api("listSubmissions", fits=False, params={"limit": 1000}).status_code == 400

    stranger = Api(stack, "")
    service = Api(stack, stack.settings["GRADER_API_TOKEN"])
    for operation in set(OPERATIONS) - {"health"}:
        options: dict[str, Any] = (
            {"json": body(answered()), "headers": key()} if operation == "submit" else {}
        )
        assert stranger(operation, SLUG, fits=False, **options).status_code == 401
        assert service(operation, SLUG, fits=False, **options).status_code == 403

    driven = {operation for operation, _ in api.seen}
    assert driven == set(OPERATIONS)
    # those left over need a part to be away, or too many requests; see test_service.py
    seen = api.seen | stranger.seen | service.seen
    described = {
        (operation, int(status))
        for operation, (path, method) in OPERATIONS.items()
        for status in SPEC["paths"][path][method]["responses"]
    }
    assert {status for _, status in described - seen} <= {429, 503}
