"""openapi.yaml is the truth about the API: every operation is driven, and every answer held to it."""

from __future__ import annotations

import re
import uuid
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
from tests import notebooks
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
        path = path.replace("{number}", str(options.pop("number", 1)))
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
    described = {re.sub(r"\{\w+\}", "{}", path): set(item) for path, item in SPEC["paths"].items()}
    parts: Any = type("Parts", (), {"prefix": "/", "hub": None})()
    served = {}
    for pattern, handler, _ in handlers.routes(parts):
        if pattern.startswith("/" + handlers.API):
            path = pattern.removeprefix("/" + handlers.API.rstrip("/")).replace("([^/]+)", "{}")
            alternatives = re.search(r"\(([\w|]+)\)", path)
            for name in alternatives[1].split("|") if alternatives else [""]:
                one = path.replace(alternatives[0], name) if alternatives else path
                served[one] = {method.lower() for method in handler.methods()}
    assert {path: methods & set(METHODS) for path, methods in described.items()} == served


def test_it_names_the_codes_that_there_are() -> None:
    schema = SPEC["components"]["schemas"]["Error"]["properties"]["error"]["properties"]["code"]
    every = {
        value.code
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, GraderError)
    }
    # what only the grader's log gets to see
    inner = {"engine_unavailable", "sandbox_failed"}
    assert set(schema["enum"]) == every - inner


def test_it_names_the_statuses_that_there_are() -> None:
    assert SPEC["components"]["schemas"]["Status"]["enum"] == [status.value for status in Status]


@pytest.fixture
def instructor(stack: Stack, admin: Person, new_learner: Callable[[], Person]) -> Person:
    person = new_learner()
    added = requests.post(
        f"{stack.url}/hub/api/groups/instructors/users",
        json={"users": [person.name]},
        headers={"Authorization": f"token {admin.token}"},
        timeout=60,
    )
    added.raise_for_status()
    # one that was given before does not carry what the account may do now
    return Person(person.name, person.password, stack.token(person.name, person.password))


def authored(slug: str, check: str = "assert x == 2") -> str:
    return notebooks.notebook(
        notebooks.text("# Two"),
        notebooks.solution("answer", "### BEGIN SOLUTION\nx = 2\n### END SOLUTION"),
        notebooks.check("check", check),
        challenge={"slug": slug},
    )


def result_of(answer: requests.Response, schema: str) -> Any:
    """The last event of long work."""
    name, data = list(events(answer.text.splitlines()))[-1]
    assert name == "result"
    checked(schema, data)
    return data


def drive_leaderboard(api: Api, other: Api, moderator: Api) -> None:
    name = f"Ada {uuid.uuid4().hex[:8]}"
    assert api("readLeaderboard").json()["taking_part"] is None
    assert api("takePart", json={"display_name": f" {name} "}).json()["taking_part"]["display_name"] == name
    assert other("takePart", json={"display_name": name.upper()}).status_code == 409
    for unfit in ("", "x" * 41, "Ada\u202e"):
        assert other("takePart", json={"display_name": unfit}).status_code == 422
    assert other("takePart", json={}, fits=False).status_code == 400
    found = api("readLeaderboard", params={"track": "first-steps"}).json()
    assert [row["display_name"] for row in found["rows"] if row["own"]] == [name]
    assert name in {row["display_name"] for row in other("readLeaderboard").json()["rows"]}
    assert api("readLeaderboard", params={"track": "nothing-here"}).status_code == 404
    assert api("readLeaderboard", params={"class": "participants"}).status_code == 404
    assert api("leaveLeaderboards").json() == {"taking_part": None}
    assert moderator("takeOffLeaderboards", json={"display_name": name}).status_code == 404
    assert moderator("takeOffLeaderboards", json={"display_name": "x" * 41}).status_code == 422
    assert moderator("takeOffLeaderboards", json={}, fits=False).status_code == 400
    api("takePart", json={"display_name": name})
    assert other("takeOffLeaderboards", json={"display_name": name}).status_code == 403
    assert moderator("takeOffLeaderboards", json={"display_name": name}).status_code == 200
    assert api("readLeaderboard").json()["taking_part"] is None
    assert name not in {row["display_name"] for row in other("readLeaderboard").json()["rows"]}


def drive_authoring(author: Api, reviewer: Api) -> None:
    """Every operation for those who write challenges; ``author`` is an admin."""
    slug, why = f"two-{uuid.uuid4().hex[:8]}", {"why": "because"}
    first, second, unfit = (authored(slug, f"assert x == {value}") for value in ("2", "4 / 2", "3"))

    def publish(text: str, base: int | None, **more: Any) -> int:
        sent = {"notebook": text, "base": base} | why | more
        return author("publishVersion", slug, json=sent).status_code

    assert publish(first, None) == 409  # not checked
    assert publish(first, None, force=True) == 201
    assert publish(first, 1) == 200
    for text in (second, unfit):
        told = author("checkChallenge", slug, json={"notebook": text})
        assert result_of(told, "FitnessReport")["fit"] is (text == second)
    assert publish(unfit, 1) == 422
    result_of(author("readImpact", slug, json={"notebook": second}), "Impact")

    note = {"text": "a note"}
    proposal = {"notebook": second, "base": 1} | why
    id = str(author("createDraft", json=proposal).json()["id"])
    assert author("reviseDraft", id, json=proposal).status_code == 200
    assert author("submitDraft", id, json={}).json()["state"] == "in_review"
    assert reviewer("commentDraft", id, json=note).status_code == 200
    assert reviewer("rejectDraft", id, json=note).json()["state"] == "draft"
    assert reviewer("rejectDraft", id, json=note).status_code == 409
    author("submitDraft", id, json={})
    assert author("submitDraft", id, json={}).status_code == 409
    assert author("approveDraft", id, json={"revision": 2}).status_code == 403
    assert reviewer("readDraft", id).json()["report"]["fit"] is True
    assert reviewer("approveDraft", id, json={"revision": 2}).json()["version"] == 2
    assert author("listDrafts", params={"state": "published", "challenge": slug}).json()["drafts"]
    late = {
        "approveDraft": {"revision": 2},
        "reviseDraft": proposal,
        "commentDraft": note,
        "withdrawDraft": {},
    }
    for operation, sent in late.items():
        assert reviewer(operation, id, json=sent).status_code == 409, operation
    given_up = str(author("createDraft", json=proposal | {"notebook": unfit}).json()["id"])
    author("submitDraft", given_up, json={})
    assert reviewer("approveDraft", given_up, json={"revision": 1}).status_code == 422
    assert author("withdrawDraft", given_up, json={}).json()["state"] == "withdrawn"

    assert author("listVersions", slug).json()["published"] == 2
    assert author("readVersion", slug, number=2).json()["source"]
    assert author("compareVersions", slug, params={"from": 1, "to": 2}).json()["cells"]
    assert author("rollBack", slug, json={"version": 1, "base": 1} | why).status_code == 409
    assert author("rollBack", slug, json={"version": 1, "base": 2} | why).status_code == 200
    begun = author("regrade", slug, json=why)
    assert begun.status_code == 202
    regrading = str(begun.json()["id"])
    assert author("readRegrading", regrading).json()["state"] == "finished"  # nobody has submitted
    assert author("cancelRegrading", regrading).status_code == 409
    assert author("listRegradings", slug).json()["regradings"]
    assert author("retire", slug, json=why).json()["published"] is False
    assert author("retire", slug, json=why).status_code == 409
    assert author("restore", slug, json=why).json()["published"] is True
    assert author("restore", slug, json=why).status_code == 409

    # one that goes on for a while: learners have submitted this one
    running = author("regrade", SLUG, json=why)
    assert author("regrade", SLUG, json=why).status_code == 409
    assert author("cancelRegrading", str(running.json()["id"])).status_code == 200
    drive_refusals(author, slug)
    # other tests find the list of challenges as it was
    assert author("retire", slug, json=why).status_code == 200


def drive_refusals(author: Api, slug: str) -> None:
    why, nothing, big = {"why": "because"}, "nothing-here", {"notebook": "x" * 18_000_000}
    with_notebook = {"checkChallenge", "readImpact", "publishVersion", "createDraft"}
    for operation in with_notebook:
        assert author(operation, slug, fits=False, json={"notebook": "{", "base": 1} | why).status_code == 400
        assert author(operation, slug, fits=False, json=big).status_code == 413
    assert author("reviseDraft", "1", fits=False, json=big).status_code == 413
    empty = {"rollBack", "retire", "restore", "regrade", "reviseDraft", "approveDraft", "rejectDraft"}
    for operation in empty | {"commentDraft"}:
        assert author(operation, slug, fits=False, json={}).status_code in (400, 404)
        assert author(operation, "1", fits=False, json={}).status_code in (400, 404)
    for operation in ("submitDraft", "withdrawDraft"):
        assert author(operation, "1", fits=False, json={"text": 1}).status_code == 400
    assert author("listDrafts", fits=False, params={"state": "lost"}).status_code == 400
    assert author("readVersion", slug, number="x").status_code == 400
    assert author("compareVersions", slug, fits=False).status_code == 400
    lost = {"version": 1, "base": 1} | why
    for operation in ("listVersions", "readVersion", "listRegradings"):
        assert author(operation, nothing).status_code == 404
    assert author("compareVersions", nothing, params={"to": 1}).status_code == 404
    for operation in ("rollBack", "retire", "restore", "regrade"):
        assert author(operation, nothing, json=lost if operation == "rollBack" else why).status_code == 404
    proposal = {"notebook": authored(slug), "base": 1} | why
    drafts: dict[str, Any] = {"reviseDraft": proposal, "approveDraft": {"revision": 1}}
    for operation in ("submitDraft", "commentDraft", "rejectDraft", "withdrawDraft"):
        drafts[operation] = {"text": "a note"}
    for operation, sent in drafts.items():
        assert author(operation, "999999", json=sent).status_code == 404
    for operation in ("readDraft", "readRegrading", "cancelRegrading"):
        assert author(operation, "999999").status_code == 404


def test_every_operation_answers_as_described(
    api: Api, stack: Stack, new_learner: Callable[[], Person], admin: Person, instructor: Person
) -> None:
    assert api("health").status_code == 200
    assert "json" in api("readSandbox").json()["modules"]
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

    assert len(api("listGradings", id).json()["gradings"]) == 1
    assert api("listGradings", missing).status_code == 404
    author, reviewer = Api(stack, admin.token), Api(stack, instructor.token)
    drive_leaderboard(api, reviewer, author)
    drive_authoring(author, reviewer)

    stranger = Api(stack, "")
    service = Api(stack, stack.settings["GRADER_API_TOKEN"])
    for operation in set(OPERATIONS) - {"health"}:
        options: dict[str, Any] = (
            {"json": body(answered()), "headers": key()} if operation == "submit" else {}
        )
        assert stranger(operation, SLUG, fits=False, **options).status_code == 401
        assert service(operation, SLUG, fits=False, **options).status_code == 403

    clients = (api, author, reviewer, stranger, service)
    seen = set().union(*(each.seen for each in clients))
    driven = {operation for operation, status in seen if status not in (401, 403)}
    assert driven == set(OPERATIONS)
    # those left over need a part to be away, or too many requests; see test_service.py
    described = {
        (operation, int(status))
        for operation, (path, method) in OPERATIONS.items()
        for status in SPEC["paths"][path][method]["responses"]
    }
    assert {status for _, status in described - seen} <= {429, 503}
