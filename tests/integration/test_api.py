"""The API of a running installation, through its proxy and its Hub, with its sandboxes and its database."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from grader.notebook import MAX_SUBMISSION_BYTES
from tests.conftest import Person, Stack
from tests.integration.client import (
    PATH,
    SLUG,
    SOURCES,
    answered,
    body,
    client,
    code,
    events,
    graded,
    key,
    solution_cells,
    submit,
    watch,
)

MIB = 1024 * 1024
BY_KEY = "SELECT COUNT(*) AS n FROM submissions WHERE idempotency_key = %s"


@pytest.fixture(scope="module")
def api(stack: Stack, learner: Person) -> Iterator[httpx.Client]:
    with client(stack.url, learner.token) as api:
        yield api


@pytest.fixture(scope="module")
def other(stack: Stack, new_learner: Callable[[], Person]) -> Iterator[httpx.Client]:
    with client(stack.url, new_learner().token) as api:
        yield api


# --- the way that every submission goes


@pytest.mark.parametrize("right", [True, False])
def test_a_submission_from_post_to_record(
    api: httpx.Client, learner: Person, mysql: Any, right: bool
) -> None:
    answer = api.post("/submissions", json=body(answered(right=right)), headers=key())
    assert answer.status_code == 202
    id = answer.json()["id"]
    assert answer.headers["Location"] == f"{PATH}/submissions/{id}"
    assert answer.json()["state"] in ("queued", "running")

    told = watch(api, id)
    result = told[-1][1]
    assert [name for name, _ in told].count("result") == 1
    assert told[0][0] == "state"
    assert (result["id"], result["challenge"], result["state"]) == (id, SLUG, "finished")
    assert result["status"] == ("passed" if right else "failed")
    assert (result["score"] == result["max_score"]) is right
    assert result["started_at"] >= result["submitted_at"]
    assert result["timings"]["total_ms"] > 0
    assert api.get(f"/submissions/{id}").json() == result
    checks = [data for name, data in told if name == "check"]
    assert checks == result["checks"]
    assert [data for name, data in told if name == "cell"] == result["cells"]

    with mysql.cursor() as cursor:
        cursor.execute("SELECT * FROM submissions WHERE uuid = %s", (id,))
        (row,) = cursor.fetchall()
        cursor.execute("SELECT * FROM check_results WHERE submission_id = %s ORDER BY position", (row["id"],))
        recorded = cursor.fetchall()
    assert (row["username"], row["status"], row["score"]) == (learner.name, result["status"], result["score"])
    assert [(r["check_id"], r["status"], r["points"]) for r in recorded] == [
        (check["id"], check["status"], check["points"]) for check in checks
    ]


#: Prints and raises for an age that only the hidden check asks about.
TELLTALE = """\
def telling(age, student=False, price=ticket_price):
    if age == 101:
        print("LEAKED", age)
        raise ValueError(f"LEAKED {age}")
    return price(age, student)
ticket_price = telling"""


def test_of_a_hidden_check_only_its_outcome_and_its_hint_leave_the_grader(
    api: httpx.Client, mysql: Any
) -> None:
    notebook = answered()
    (cell,) = solution_cells(notebook)
    cell["source"] += f"\n{TELLTALE}"
    id = submit(api, notebook)
    told = [watch(api, id), watch(api, id), [("record", api.get(f"/submissions/{id}").json())]]
    with mysql.cursor() as cursor:
        for table in ("check_results", "cell_results"):
            cursor.execute(
                f"SELECT r.* FROM {table} r JOIN submissions s ON s.id = r.submission_id WHERE s.uuid = %s",
                (id,),
            )
            told.append([(table, row) for row in cursor.fetchall()])
    assert "LEAKED" not in str(told)

    outcome = {
        "id": "check-edges",
        "title": "The first and the last year of each row",
        "hidden": True,
        "points": 0.0,
        "message": "",
        "stdout": "",
        "hint": "On which side of each border does a birthday fall? Compare `<` with `<=`.",
    }
    live, late, (record,) = told[:3]
    for events_told in (live, late):
        (edges,) = [data for name, data in events_told if name == "check" and data["id"] == "check-edges"]
        assert edges == next(check for check in record[1]["checks"] if check["hidden"])
    assert outcome.items() <= edges.items()
    assert edges.keys() - outcome.keys() == {"status", "max_points", "duration_ms"}
    assert edges["status"] != "passed"
    assert edges["duration_ms"] % 100 == 0


def test_late_watchers_are_told_the_same(api: httpx.Client) -> None:
    id = submit(api, answered())
    live = watch(api, id)
    late = watch(api, id)
    assert late[0] == ("state", {"state": "finished", "position": 0})
    assert late[-1] == live[-1]
    for name in ("cell", "check"):
        assert [data for n, data in late if n == name] == [data for n, data in live if n == name]


def test_many_watchers_of_one_submission(api: httpx.Client) -> None:
    id = submit(api, answered("import time", "time.sleep(0.5)"))
    with ThreadPoolExecutor(5) as pool:
        results = list(pool.map(lambda _: graded(api, id), range(5)))
    assert all(result == results[0] for result in results)


def test_events_come_while_it_runs_and_not_at_its_end(api: httpx.Client) -> None:
    id = submit(api, answered("import time", "time.sleep(4)"))
    with api.stream("GET", f"/submissions/{id}/events") as answer:
        for name, _ in events(answer.iter_lines()):
            if name == "start":
                break
        with httpx.Client(base_url=api.base_url, headers=api.headers, trust_env=False) as beside:
            assert beside.get(f"/submissions/{id}").json()["state"] == "running"


def test_a_watcher_that_leaves_stops_nothing(api: httpx.Client) -> None:
    id = submit(api, answered("import time", "time.sleep(1)"))
    with api.stream("GET", f"/submissions/{id}/events") as answer:
        next(answer.iter_lines())
    assert graded(api, id)["status"] == "passed"


@pytest.mark.parametrize("form", ["object", "text"])
def test_a_notebook_may_come_as_object_or_as_the_text_of_its_file(api: httpx.Client, form: str) -> None:
    notebook = answered()
    assert (
        graded(api, submit(api, notebook if form == "object" else json.dumps(notebook, indent=1)))["status"]
        == "passed"
    )


def test_what_a_learner_prints_comes_back_as_it_is(api: httpx.Client) -> None:
    text = "<script>alert(1)</script> 名前 🦆 \\u0000 ' OR 1=1; -- %s"
    result = graded(api, submit(api, answered(f"print({text!r})")))
    assert result["cells"][0]["stdout"] == text + "\n"


def test_challenges_and_how_far_one_is(stack: Stack, new_learner: Callable[[], Person]) -> None:
    with client(stack.url, new_learner().token) as api:
        listed = {challenge["slug"]: challenge for challenge in api.get("/challenges").json()["challenges"]}
        assert set(SOURCES) <= set(listed)
        assert {c["state"] for c in listed.values()} == {"new"}

        def now() -> tuple[str, float | None, int]:
            found = api.get(f"/challenges/{SLUG}").json()
            return found["state"], found["best_score"], found["attempts"]

        assert now() == ("new", None, 0)
        low = graded(api, submit(api, answered(right=False)))["score"]
        assert now() == ("started", low, 1)
        high = graded(api, submit(api, answered()))["score"]
        assert now() == ("passed", high, 2)
        graded(api, submit(api, answered(right=False)))
        assert now() == ("passed", high, 3)

        found = api.get("/submissions", params={"challenge": SLUG}).json()["submissions"]
        assert [s["score"] for s in found] == [low, high, low]
        assert api.get("/submissions", params={"limit": 1}).json()["submissions"] == found[:1]
        assert api.get("/submissions", params={"challenge": "tidy-names"}).json()["submissions"] == []
        for which in ({"challenge": SLUG}, {}):
            older = api.get("/submissions", params={"before": found[0]["id"], "limit": 1} | which)
            assert older.json()["submissions"] == found[1:2]
            oldest = api.get("/submissions", params={"before": found[-1]["id"]} | which)
            assert oldest.json()["submissions"] == []


def test_a_release_holds_no_solution_and_no_hidden_check(api: httpx.Client) -> None:
    release = api.get(f"/challenges/{SLUG}/release").json()
    assert release["notebook"]["metadata"]["challenge"]["version"] == release["version"]
    text = json.dumps(release)
    assert "BEGIN SOLUTION" not in text
    for cell in solution_cells(release["notebook"]):
        assert "NotImplementedError" in "".join(cell["source"])
    hidden = [check["id"] for check in api.get(f"/challenges/{SLUG}").json()["checks"] if check["hidden"]]
    sources = {
        c["metadata"]["nbgrader"]["grade_id"]: c["source"] for c in answered()["cells"] if c["metadata"]
    }
    assert hidden
    for id in hidden:
        for line in "".join(sources[id]).splitlines():
            assert len(line) < 20 or json.dumps(line)[1:-1] not in text


def test_the_same_click_twice_is_one_submission(api: httpx.Client, mysql: Any) -> None:
    headers = key()
    with ThreadPoolExecutor(6) as pool:
        answers = list(
            pool.map(lambda _: api.post("/submissions", json=body(answered()), headers=headers), range(6))
        )
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [202]
    (id,) = {answer.json()["id"] for answer in answers}
    assert graded(api, id)["status"] == "passed"
    again = api.post("/submissions", json=body(answered()), headers=headers)
    assert (again.status_code, again.json()) == (200, {"id": id, "state": "finished", "position": 0})
    with mysql.cursor() as cursor:
        cursor.execute(BY_KEY, (headers["Idempotency-Key"],))
        assert cursor.fetchone() == {"n": 1}


def test_a_key_is_for_one_content(api: httpx.Client, other: httpx.Client) -> None:
    headers = key()
    first = api.post("/submissions", json=body(answered()), headers=headers)
    changed = api.post("/submissions", json=body(answered(right=False)), headers=headers)
    assert code(changed) == (409, "idempotency_conflict")
    assert changed.json()["error"]["details"] == {"submission": first.json()["id"]}
    # keys are a learner's own, so nobody can find out or block another's
    theirs = other.post("/submissions", json=body(answered(right=False)), headers=headers)
    assert theirs.status_code == 202


# --- who is calling


@pytest.mark.parametrize(
    "path", ["/challenges", f"/challenges/{SLUG}", "/submissions", "/submissions/x/events"]
)
@pytest.mark.parametrize("token", ["", "x" * 32, "'; DROP TABLE users; --"])
def test_nobody_is_let_in_without_a_token_of_the_hub(stack: Stack, path: str, token: str) -> None:
    with client(stack.url, token) as stranger:
        assert code(stranger.get(path)) == (401, "unauthenticated")


def test_a_token_in_the_address_counts_for_nothing(stack: Stack, learner: Person) -> None:
    with client(stack.url, "") as stranger:
        assert code(stranger.get("/challenges", params={"token": learner.token})) == (401, "unauthenticated")


def test_a_stranger_cannot_submit_however_large(stack: Stack) -> None:
    with client(stack.url, "") as stranger:
        for padding in (0, 5 * MIB):
            answer = stranger.post("/submissions", json=body("x" * padding), headers=key())
            assert code(answer) == (401, "unauthenticated")


def test_a_services_token_is_nobodys(stack: Stack) -> None:
    with client(stack.url, stack.settings["GRADER_API_TOKEN"]) as service:
        assert code(service.get("/challenges")) == (403, "forbidden")


def test_another_learners_submission_does_not_exist(api: httpx.Client, other: httpx.Client) -> None:
    id = submit(api, answered())
    graded(api, id)
    for path in (f"/submissions/{id}", f"/submissions/{id}/events"):
        assert code(other.get(path)) == (404, "submission_unknown")
        assert other.get(path).json() == other.get(path.replace(id[:8], "0" * 8)).json()
    assert id not in other.get("/submissions", params={"limit": 100}).text


def test_a_request_cannot_name_its_verdict_or_its_sender(
    api: httpx.Client, learner: Person, mysql: Any
) -> None:
    forged = {
        "username": "admin",
        "user": "admin",
        "state": "finished",
        "status": "passed",
        "score": 100,
        "max_score": 100,
        "checks": [],
        "id": "00000000-0000-0000-0000-000000000000",
    }
    notebook = answered(right=False)
    notebook["metadata"]["challenge"] |= {"score": 100, "status": "passed", "limits": {"wall_s": 1e9}}
    result = graded(api, submit(api, notebook, **forged))
    assert result["status"] == "failed"
    assert result["id"] != forged["id"]
    assert result["max_score"] < 100
    with mysql.cursor() as cursor:
        cursor.execute("SELECT username FROM submissions WHERE uuid = %s", (result["id"],))
        assert cursor.fetchone() == {"username": learner.name}


def test_a_browser_signs_in_through_the_hub_and_is_guarded(stack: Stack, learner: Person) -> None:
    session = stack.sign_in(learner.name, learner.password)
    page = session.get(f"{stack.url}/services/grader/")
    assert page.status_code == 200
    assert page.url.endswith("/hub/home")
    cookies = {cookie.name: cookie for cookie in session.cookies if cookie.path == "/services/grader/"}
    assert session.get(f"{stack.api}/challenges").status_code == 200

    # what another site could make this browser send: the cookie, and nothing that only our pages know
    without = session.post(f"{stack.api}/submissions", json=body(answered()), headers=key())
    assert (without.status_code, without.json()["error"]["code"]) == (401, "unauthenticated")
    forged = session.post(
        f"{stack.api}/submissions", json=body(answered()), headers=key() | {"X-XSRFToken": "x" * 40}
    )
    assert forged.status_code == 401
    ours = session.post(
        f"{stack.api}/submissions",
        json=body(answered()),
        headers=key() | {"X-XSRFToken": cookies["_xsrf"].value},
    )
    assert ours.status_code == 202
    assert cookies["service-grader"].has_nonstandard_attr("HttpOnly")


# --- what cannot be taken, and what a learner is told


def broken_notebooks() -> Iterator[Any]:
    def changed(**parts: Any) -> dict[str, Any]:
        return answered() | parts

    malformed = {
        "no JSON": "{",
        "nothing": "",
        "a list": "[]",
        "no notebook": {"hello": "world"},
        "no cells": changed(cells=None),
        "cells of another kind": changed(cells=[1, 2]),
        "an old format": changed(nbformat=3),
        "a source that is a number": changed(cells=[{"cell_type": "code", "metadata": {}, "source": 5}]),
        "nested too deeply": '{"cells": ' + "[" * 100_000 + "]" * 100_000 + "}",
        "an endless number": '{"nbformat": ' + "9" * 100_000 + "}",
    }
    for name, notebook in malformed.items():
        yield pytest.param(notebook, 400, "notebook_malformed", id=name)
    for name, notebook in {"a number": 5, "null": None, "an array": []}.items():
        yield pytest.param(notebook, 400, "notebook_malformed", id=name)
    r = {"kernelspec": {"name": "ir", "language": "R", "display_name": "R"}, "language_info": {"name": "R"}}
    yield pytest.param(changed(metadata=r), 400, "notebook_not_python", id="another language")
    large = answered()
    large["cells"][0]["source"] = "x" * (MAX_SUBMISSION_BYTES + 1)
    yield pytest.param(large, 413, "notebook_too_large", id="too large")
    yield pytest.param(json.dumps(large), 413, "notebook_too_large", id="too large, as text")
    without = answered()
    without["cells"] = [cell for cell in without["cells"] if cell not in solution_cells(without)]
    yield pytest.param(without, 422, "cell_missing", id="the answer cell is gone")
    yield pytest.param(changed(cells=[]), 422, "cell_missing", id="all cells are gone")
    twice = answered()
    twice["cells"] += solution_cells(answered())
    yield pytest.param(twice, 422, "cell_duplicated", id="the answer cell is there twice")


@pytest.mark.parametrize(("notebook", "status", "error"), list(broken_notebooks()))
def test_a_notebook_that_cannot_be_graded_is_refused_and_not_kept(
    api: httpx.Client, mysql: Any, notebook: Any, status: int, error: str
) -> None:
    headers = key()
    answer = api.post("/submissions", json=body(notebook), headers=headers)
    assert code(answer) == (status, error)
    with mysql.cursor() as cursor:
        cursor.execute(BY_KEY, (headers["Idempotency-Key"],))
        assert cursor.fetchone() == {"n": 0}


def test_a_notebook_with_a_byte_order_mark_is_graded_and_given_back(api: httpx.Client) -> None:
    id = submit(api, "\ufeff" + json.dumps(answered()))
    assert graded(api, id)["status"] == "passed"
    assert api.get(f"/submissions/{id}/notebook").json()["notebook"] == answered()


def test_a_large_notebook_within_the_limit_is_taken(api: httpx.Client) -> None:
    notebook = answered()
    notebook["cells"].insert(0, {"cell_type": "markdown", "metadata": {}, "source": ""})
    room = MAX_SUBMISSION_BYTES - len(
        json.dumps(notebook, ensure_ascii=False, separators=(",", ":")).encode()
    )
    notebook["cells"][0]["source"] = "ü" * (room // 2)
    assert graded(api, submit(api, notebook))["status"] == "passed"


@pytest.mark.parametrize("mib", [5, 20, 60])
def test_huge_bodies_are_refused_in_words(api: httpx.Client, mib: int) -> None:
    answer = api.post("/submissions", json=body("x" * (mib * MIB)), headers=key())
    assert code(answer) == (413, "notebook_too_large")


def test_a_huge_body_without_a_length_is_refused_in_words(api: httpx.Client) -> None:
    answer = api.post("/submissions", content=itertools.repeat(b"x" * MIB, 12), headers=key())
    assert code(answer) == (413, "notebook_too_large")


def test_a_notebook_of_a_past_or_future_version_is_refused_with_the_current_one(api: httpx.Client) -> None:
    for version in (0, 2, 10**30):
        answer = api.post("/submissions", json=body(answered(), version=version), headers=key())
        assert code(answer) == (409, "version_stale")
        assert answer.json()["error"]["details"] == {"current": 1}


def test_a_repeated_request_is_answered_even_if_the_challenge_has_changed_since(
    api: httpx.Client, mysql: Any
) -> None:
    headers = key()
    first = api.post("/submissions", json=body(answered()), headers=headers)
    graded(api, first.json()["id"])
    with mysql.cursor() as cursor:
        cursor.execute("UPDATE challenges SET published_version_id = NULL WHERE slug = %s", (SLUG,))
        try:
            gone = api.post("/submissions", json=body(answered()), headers=key())
            repeated = api.post("/submissions", json=body(answered()), headers=headers)
        finally:
            cursor.execute(
                "UPDATE challenges c JOIN challenge_versions v ON v.challenge_id = c.id AND v.number = 1"
                " SET c.published_version_id = v.id WHERE c.slug = %s",
                (SLUG,),
            )
    assert code(gone) == (404, "challenge_unknown")
    assert (repeated.status_code, repeated.json()["id"]) == (200, first.json()["id"])


STRANGE = [
    "nothing-here",
    "../../etc/passwd",
    "%2e%2e%2fsource",
    "' OR 1=1",
    "TICKET-PRICE",
    "ticket-price%00",
    "名",
    "x" * 5000,
]


@pytest.mark.parametrize("slug", STRANGE)
def test_unknown_challenges(api: httpx.Client, slug: str) -> None:
    for answer in (
        api.get(f"/challenges/{slug}"),
        api.get(f"/challenges/{slug}/release"),
    ):
        assert answer.status_code == 404
        assert code(answer)[1] in ("challenge_unknown", "not_found")
    assert code(api.post("/submissions", json=body(answered(), slug=slug), headers=key())) == (
        404,
        "challenge_unknown",
    )
    assert code(api.get("/submissions", params={"challenge": slug})) == (404, "challenge_unknown")


@pytest.mark.parametrize("id", [*STRANGE, "00000000-0000-0000-0000-000000000000", "1", "1e3"])
def test_unknown_submissions(api: httpx.Client, id: str) -> None:
    for path in (f"/submissions/{id}", f"/submissions/{id}/events"):
        answer = api.get(path)
        assert answer.status_code == 404
        assert code(answer)[1] in ("submission_unknown", "not_found")


@pytest.mark.parametrize("value", ["", "a" * 65, "a b", "a_b", "a;b", "ä", "'--"])
def test_keys_that_are_none(api: httpx.Client, value: str) -> None:
    headers = {"Idempotency-Key": value.encode()}
    answer = api.post("/submissions", json=body(answered()), headers=headers)
    assert code(answer) == (400, "request_malformed")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe",
        b'{"challenge": 1, "version": 1, "notebook": {}}',
        b'{"challenge": "ticket-price", "version": "1", "notebook": {}}',
        b'{"challenge": "ticket-price", "version": true, "notebook": {}}',
        b'{"challenge": "ticket-price", "version": 1.5, "notebook": {}}',
        b'{"challenge": "ticket-price", "notebook": {}}',
        b'{"version": 1, "notebook": {}}',
        b"[" * 100_000,
        b'{"version": ' + b"9" * 10_000 + b"}",
    ],
)
def test_bodies_that_are_none(api: httpx.Client, content: bytes) -> None:
    assert code(api.post("/submissions", content=content, headers=key())) == (400, "request_malformed")


def test_a_page_that_begins_at_no_submission_of_ones_own(
    api: httpx.Client, new_learner: Callable[[], Person], stack: Stack
) -> None:
    assert code(api.get("/submissions", params={"before": "the first"})) == (400, "request_malformed")
    with client(stack.url, new_learner().token) as other:
        foreign = submit(api, answered())
        assert other.get("/submissions", params={"before": foreign}).json()["submissions"] == []


@pytest.mark.parametrize("limit", ["0", "-1", "101", "ten", "1.5", "9" * 50, "1; DROP TABLE submissions"])
def test_limits_that_are_none(api: httpx.Client, limit: str) -> None:
    assert code(api.get("/submissions", params={"limit": limit})) == (400, "request_malformed")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/nothing",
        "/challenges/",
        "/health/",
        "/submissions/x/y",
        "/../..",
        "/openapi",
        "/%00",
        "//challenges",
    ],
)
def test_unknown_addresses_are_answered_in_the_same_form(api: httpx.Client, path: str) -> None:
    answer = api.get(path)
    assert answer.status_code in (400, 404)
    assert code(answer)[1] in ("not_found", "request_malformed")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", ["/challenges", f"/challenges/{SLUG}", "/submissions", "/health"])
def test_methods_that_an_address_does_not_have(api: httpx.Client, method: str, path: str) -> None:
    answer = api.request(method, path)
    assert code(answer) == (405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


def test_every_answer_forbids_what_a_browser_could_make_of_it(stack: Stack, api: httpx.Client) -> None:
    for answer in (api.get("/challenges"), api.get("/nothing"), api.get("/health"), api.post("/submissions")):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "html" not in answer.headers["Content-Type"]


def test_health_is_for_everybody(stack: Stack) -> None:
    with client(stack.url, "") as stranger:
        answer = stranger.get("/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
