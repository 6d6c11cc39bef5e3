"""The learner's server extension over HTTP, in a real Jupyter server."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from extension.routes import ROUTES

from .conftest import HUB_TOKEN, Grader, Notebook, notebook

API = "/challengehub/api"
PATH = "challenges/first-steps.ipynb"


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The error of ``answer``, which must have this status and code and words for the learner."""
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert len(error["message"]) > 10
    return error


def save(server: Notebook, content: Any, path: str = PATH) -> Path:
    file = server.home / path
    file.parent.mkdir(exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


def submit(server: Notebook, path: str = PATH, key: str = "key-1") -> httpx.Response:
    return server.http.post(f"{API}/submit", json={"path": path, "key": key})


# ---- who may ask


@pytest.mark.parametrize("route", [route for route, _ in ROUTES])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_every_handler_turns_strangers_away(
    server: Notebook, grader: Grader, route: str, method: str
) -> None:
    path = route.replace(r"([^/]+)", "first-steps").replace(r"([0-9a-fA-F-]{1,64})", "0-1")
    assert "(" not in path
    answer = httpx.request(method, f"{server.http.base_url}{API}/{path}".replace("//ch", "/ch"), json={})
    assert answer.status_code in (403, 405)
    assert grader.requests == []
    handler = dict(ROUTES)[route]
    if method.lower() in handler.__dict__:
        assert answer.status_code == 403


def test_a_page_of_another_site_cannot_use_the_learners_cookie(server: Notebook, grader: Grader) -> None:
    with httpx.Client(base_url=server.http.base_url) as browser:
        browser.get("/login", params={"token": "the-learner"}, follow_redirects=True)
        assert browser.get(f"{API}/challenges").status_code == 200
        grader.requests.clear()
        assert browser.post(f"{API}/open", json={"slug": "first-steps"}).status_code == 403
    assert grader.requests == []


# ---- reading


def test_challenges_are_the_graders_and_asked_for_with_the_hub_token(
    server: Notebook, grader: Grader
) -> None:
    answer = server.http.get(f"{API}/challenges")
    assert answer.json() == {"challenges": [{"slug": "first-steps"}]}
    (request,) = grader.requests
    assert request["headers"]["Authorization"] == f"token {HUB_TOKEN}"


def test_one_challenge_and_submissions_are_passed_on(server: Notebook, grader: Grader) -> None:
    grader.say("GET challenges/first-steps", 200, {"checks": []})
    grader.say("GET submissions?challenge=first-steps&limit=1", 200, {"submissions": []})
    grader.say("GET submissions/0-1", 200, {"id": "0-1"})
    assert server.http.get(f"{API}/challenges/first-steps").json() == {"checks": []}
    params = {"challenge": "first-steps", "limit": "1", "learner": "somebody-else"}
    assert server.http.get(f"{API}/submissions", params=params).json() == {"submissions": []}
    assert server.http.get(f"{API}/submissions/0-1").json() == {"id": "0-1"}


def test_leaderboards_are_passed_on_both_ways(server: Notebook, grader: Grader) -> None:
    grader.say("GET leaderboard?track=first-steps&class=7b+%26+caf%C3%A9", 200, {"rows": []})
    grader.say("POST leaderboard", 200, {"taking_part": {"display_name": "Ada"}})
    grader.say("POST leaderboard/leave", 200, {"taking_part": None})
    params = {"track": "first-steps", "class": "7b & café", "learner": "somebody-else"}
    assert server.http.get(f"{API}/leaderboard", params=params).json() == {"rows": []}
    asked = {"display_name": "Ada", "username": "somebody-else"}
    assert server.http.post(f"{API}/leaderboard", json=asked).json()["taking_part"]
    assert json.loads(grader.requests[-1]["content"]) == {"display_name": "Ada"}
    assert server.http.post(f"{API}/leaderboard/leave", json={}).json() == {"taking_part": None}
    refused(server.http.post(f"{API}/leaderboard", json={"display_name": 7}), 400, "request_malformed")


@pytest.mark.parametrize("name", ["..", "..%2Fsubmissions", ".hidden", "a%20b", "a%00b", "x" * 101])
def test_names_that_are_no_names_never_reach_the_grader(server: Notebook, grader: Grader, name: str) -> None:
    assert server.http.get(f"{API}/challenges/{name}").status_code == 404
    assert server.http.get(f"{API}/submissions/{name}").status_code == 404
    assert grader.requests == []


# ---- opening


def test_open_writes_the_release_once_and_never_over_work(server: Notebook, grader: Grader) -> None:
    first = server.http.post(f"{API}/open", json={"slug": "first-steps"})
    assert first.json() == {"path": PATH, "created": True}
    file = server.home / PATH
    assert json.loads(file.read_text())["metadata"]["challenge"]["slug"] == "first-steps"
    file.write_text("my work")
    again = server.http.post(f"{API}/open", json={"slug": "first-steps"})
    assert again.json() == {"path": PATH, "created": False}
    assert file.read_text() == "my work"


def test_impatient_clicks_open_once(server: Notebook, grader: Grader) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: server.http.post(f"{API}/open", json={"slug": "first-steps"}).json(), range(8))
        )
    assert sum(answer["created"] for answer in answers) == 1


def test_open_works_without_the_grader_when_the_file_is_there(server_without_grader: Notebook) -> None:
    save(server_without_grader, "my work")
    answer = server_without_grader.http.post(f"{API}/open", json={"slug": "first-steps"})
    assert answer.json() == {"path": PATH, "created": False}


@pytest.mark.parametrize(
    "slug", ["../../etc/passwd", "..", "", ".hidden", "a/b", "a\\b", "a\n", "a.ipynb", "x" * 101]
)
def test_a_slug_is_never_a_path(server: Notebook, grader: Grader, slug: str) -> None:
    refused(server.http.post(f"{API}/open", json={"slug": slug}), 404, "challenge_unknown")
    assert grader.requests == []
    assert list(server.home.rglob("*.ipynb")) == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"slug": 3}', b"{nonsense", b'"first-steps"'])
def test_a_malformed_request_is_told_so(server: Notebook, grader: Grader, body: bytes) -> None:
    refused(server.http.post(f"{API}/open", content=body), 400, "request_malformed")


def test_an_unknown_challenge_is_the_graders_to_say(server: Notebook, grader: Grader) -> None:
    error = {
        "error": {
            "code": "challenge_unknown",
            "message": "There is no challenge of that name.",
            "details": {},
        }
    }
    grader.say("GET challenges/nowhere/release", 404, error)
    refused(server.http.post(f"{API}/open", json={"slug": "nowhere"}), 404, "challenge_unknown")
    assert not (server.home / "challenges/nowhere.ipynb").exists()


def test_a_folder_or_file_in_the_way_is_named(server: Notebook, grader: Grader) -> None:
    (server.home / PATH).mkdir(parents=True)
    error = refused(server.http.post(f"{API}/open", json={"slug": "first-steps"}), 409, "path_blocked")
    assert PATH in error["message"]
    shutil.rmtree(server.home / "challenges")
    (server.home / "challenges").write_text("a file of mine")
    refused(server.http.post(f"{API}/open", json={"slug": "first-steps"}), 507, "home_unavailable")
    assert (server.home / "challenges").read_text() == "a file of mine"


# ---- submitting


def test_submit_sends_what_is_saved_without_its_outputs(server: Notebook, grader: Grader) -> None:
    saved = notebook(version=3, answer="def f(x): return x + 1  # größer 🙂")
    saved["cells"][0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x" * 5_000_000}]
    saved["cells"][0]["execution_count"] = 7
    file = save(server, saved)
    before = file.read_bytes()
    answer = submit(server, key="a-key")
    assert (answer.status_code, answer.json()["id"]) == (202, "0-1")
    (request,) = grader.requests
    sent = json.loads(request["content"])
    assert request["headers"]["Idempotency-Key"] == "a-key"
    assert (sent["challenge"], sent["version"]) == ("first-steps", 3)
    assert sent["notebook"]["cells"][0]["source"] == "def f(x): return x + 1  # größer 🙂"
    assert sent["notebook"]["cells"][0]["outputs"] == []
    assert file.read_bytes() == before


def test_the_identity_is_never_the_pages_to_say(server: Notebook, grader: Grader) -> None:
    save(server, notebook())
    body = {"path": PATH, "key": "k", "learner": "admin", "status": "passed", "score": 100}
    server.http.post(f"{API}/submit", json=body)
    assert set(json.loads(grader.requests[0]["content"])) == {"challenge", "version", "notebook"}


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        ("", 400, "notebook_malformed"),
        ("{truncated", 400, "notebook_malformed"),
        ("[]", 400, "notebook_malformed"),
        ("[" * 200_000, 400, "notebook_malformed"),
        (
            '{"metadata": {"challenge": {"slug": "a", "version": 1}}, "cells": [NaN]}',
            400,
            "notebook_malformed",
        ),
        (
            '{"metadata": {"challenge": {"slug": "a", "version": 1}}, "x": "\\ud800"}',
            400,
            "notebook_malformed",
        ),
        ("{}", 400, "not_a_challenge"),
        ('{"metadata": []}', 400, "not_a_challenge"),
        ('{"metadata": {"challenge": {"slug": "a"}}}', 400, "not_a_challenge"),
        ('{"metadata": {"challenge": {"slug": "a", "version": true}}}', 400, "not_a_challenge"),
        ('{"metadata": {"challenge": {"slug": "../a", "version": 1}}}', 404, "challenge_unknown"),
        (notebook(answer="x" * (2 * 1024 * 1024)), 413, "notebook_too_large"),
    ],
)
def test_what_cannot_be_graded_is_refused_with_a_reason(
    server: Notebook, grader: Grader, content: Any, status: int, code: str
) -> None:
    save(server, content)
    refused(submit(server), status, code)
    assert grader.requests == []


def test_odd_cells_are_the_graders_to_judge(server: Notebook, grader: Grader) -> None:
    odd = {**notebook(), "cells": [None, 3, {"cell_type": "code"}, {"metadata": None}]}
    save(server, odd)
    assert submit(server).status_code == 202


@pytest.mark.parametrize(
    "path",
    ["challenges/none.ipynb", "../../../etc/passwd.ipynb", "/etc/passwd.ipynb", "challenges/../../x.ipynb"],
)
def test_only_notebooks_of_the_home_are_read(server: Notebook, grader: Grader, path: str) -> None:
    refused(submit(server, path), 404, "file_missing")
    assert grader.requests == []


def test_other_files_are_not_read(server: Notebook, grader: Grader) -> None:
    save(server, "secret", "challenges/notes.txt")
    refused(submit(server, "challenges/notes.txt"), 400, "not_a_challenge")


@pytest.mark.parametrize("key", ["", "x" * 65, "a b", "a\r\nX-Evil: 1", "schlüssel"])
def test_a_key_is_a_short_plain_word(server: Notebook, grader: Grader, key: str) -> None:
    save(server, notebook())
    refused(submit(server, key=key), 400, "request_malformed")
    assert grader.requests == []


def test_a_refusal_of_the_graders_is_passed_on_whole(server: Notebook, grader: Grader) -> None:
    save(server, notebook())
    error = {
        "code": "rate_limited",
        "message": "Wait a little before the next try.",
        "details": {"seconds": 7},
    }
    headers = {"Content-Type": "application/json", "Retry-After": "7"}
    grader.say("POST submissions", 429, {"error": error}, headers)
    answer = submit(server)
    assert refused(answer, 429, "rate_limited")["details"] == {"seconds": 7}
    assert answer.headers["Retry-After"] == "7"


# ---- faults on the way


def test_a_grader_that_is_away_is_said_so(server_without_grader: Notebook) -> None:
    http = server_without_grader.http
    error = refused(http.get(f"{API}/challenges"), 503, "grader_unreachable")
    assert "try again" in error["message"]
    refused(http.get(f"{API}/submissions/0-1/events"), 503, "grader_unreachable")


@pytest.mark.parametrize(
    ("status", "body"),
    [(503, b"Service Unavailable"), (404, b"<h1>404</h1>"), (200, b"<html>"), (200, b"[]"), (500, b"{}")],
)
def test_a_proxys_own_page_is_no_answer_of_the_graders(
    server: Notebook, grader: Grader, status: int, body: bytes
) -> None:
    grader.say("GET challenges", status, body)
    refused(server.http.get(f"{API}/challenges"), 503, "grader_unreachable")


def test_a_token_that_the_hub_has_withdrawn_is_explained(server: Notebook, grader: Grader) -> None:
    error = {"error": {"code": "unauthenticated", "message": "Who are you?", "details": {}}}
    grader.say("GET challenges", 401, error)
    assert (
        "start it again"
        in refused(server.http.get(f"{API}/challenges"), 502, "server_not_recognised")["message"]
    )


def test_no_answer_holds_the_token(server: Notebook, server_without_grader: Notebook, grader: Grader) -> None:
    for http in (server.http, server_without_grader.http):
        for path in ("challenges", "submissions", "submissions/0-1/events", "nothing"):
            grader.go_on.set()
            assert HUB_TOKEN not in http.get(f"{API}/{path}").text


# ---- events


def test_events_are_passed_on_as_they_come(server: Notebook, grader: Grader) -> None:
    with server.http.stream("GET", f"{API}/submissions/0-1/events") as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert answer.headers["Cache-Control"] == "no-cache"
        chunks = answer.iter_text()
        first = next(chunks)
        # the grader has not sent more than this: nothing on the way waited for it
        assert first == 'event: state\ndata: {"state": "running", "position": null}\n\n'
        grader.go_on.set()
        assert "".join(chunks).count("event: result") == 100


def test_a_page_that_closes_lets_go_of_the_grader(server: Notebook, grader: Grader) -> None:
    with server.http.stream("GET", f"{API}/submissions/0-1/events") as answer:
        next(answer.iter_text())
    grader.go_on.set()
    assert grader.stream_left.wait(20)


def test_a_stream_that_breaks_ends(server: Notebook, grader: Grader) -> None:
    grader.cut_streams = True
    with server.http.stream("GET", f"{API}/submissions/0-1/events") as answer:
        assert answer.read().startswith(b"event: state")


def test_a_submission_of_nobody_has_no_events(server: Notebook, grader: Grader) -> None:
    error = {
        "error": {"code": "submission_unknown", "message": "There is no such submission.", "details": {}}
    }
    grader.say("GET submissions/0-9/events", 404, error)
    refused(server.http.get(f"{API}/submissions/0-9/events"), 404, "submission_unknown")


# ---- a new version of a challenge


def test_update_carries_answers_over_and_keeps_the_old_notebook(server: Notebook, grader: Grader) -> None:
    old = notebook(version=1, answer="def f(x): return x + 1")
    save(server, old)
    grader.version = 2
    answer = server.http.post(f"{API}/update", json={"path": PATH}).json()
    assert answer == {"path": PATH, "version": 2, "kept": "challenges/first-steps-version-1.ipynb"}
    new = json.loads((server.home / PATH).read_text())
    assert new["metadata"]["challenge"]["version"] == 2
    assert "".join(new["cells"][0]["source"]) == "def f(x): return x + 1"
    kept = json.loads((server.home / answer["kept"]).read_text())
    assert "".join(kept["cells"][0]["source"]) == "def f(x): return x + 1"


def test_update_never_overwrites_an_older_copy(server: Notebook, grader: Grader) -> None:
    grader.version = 2
    save(server, "mine", "challenges/first-steps-version-1.ipynb")
    save(server, notebook(version=1))
    kept = server.http.post(f"{API}/update", json={"path": PATH}).json()["kept"]
    assert kept == "challenges/first-steps-version-1-2.ipynb"
    assert (server.home / "challenges/first-steps-version-1.ipynb").read_text() == "mine"


def test_a_notebook_of_the_published_version_is_left_alone(server: Notebook, grader: Grader) -> None:
    file = save(server, notebook(version=1))
    before = file.read_bytes()
    assert server.http.post(f"{API}/update", json={"path": PATH}).json()["kept"] is None
    assert file.read_bytes() == before


def test_update_keeps_the_learners_own_cells_where_they_were(server: Notebook, grader: Grader) -> None:
    old = notebook(version=1, answer="def f(x): return helper(x)")
    own = {"cell_type": "code", "id": "mine", "metadata": {}, "outputs": [], "execution_count": None}
    text = {"cell_type": "markdown", "id": "note", "metadata": {}, "source": "# A note of mine"}
    old["cells"][1:1] = [own | {"source": "def helper(x): return x + 1"}, text]
    old["cells"].append(own | {"id": "empty", "source": ""})
    save(server, old)
    grader.version = 2
    server.http.post(f"{API}/update", json={"path": PATH})
    cells = json.loads((server.home / PATH).read_text())["cells"]
    assert [cell["id"] for cell in cells] == ["answer", "mine", "note", "check"]


# ---- an attempt again


def attempt(grader: Grader, version: int = 1, **more: Any) -> dict[str, Any]:
    made = notebook(version=version, answer="def f(x): return 2", **more)
    grader.say("GET submissions/0-1/notebook", 200, {"id": "0-1", "notebook": made})
    return made


def restore(server: Notebook) -> httpx.Response:
    return server.http.post(f"{API}/restore", json={"path": PATH, "submission": "0-1"})


def test_restore_brings_an_attempt_back_and_keeps_what_was_there(server: Notebook, grader: Grader) -> None:
    save(server, notebook(answer="def f(x): return 'newer'"))
    attempt(grader)
    answer = restore(server).json()
    assert answer == {"path": PATH, "kept": "challenges/first-steps-before-restoring.ipynb"}
    assert "return 2" in (server.home / PATH).read_text()
    assert "newer" in (server.home / answer["kept"]).read_text()


def test_of_an_attempt_at_another_version_the_answers_come_back(server: Notebook, grader: Grader) -> None:
    save(server, notebook(version=2, answer="def f(x): return 'newer'"))
    attempt(grader, version=1)
    restore(server)
    now = json.loads((server.home / PATH).read_text())
    assert now["metadata"]["challenge"]["version"] == 2
    assert "return 2" in "".join(now["cells"][0]["source"])


def test_an_attempt_at_another_challenge_is_not_put_into_this_one(server: Notebook, grader: Grader) -> None:
    file = save(server, notebook())
    before = file.read_bytes()
    attempt(grader, slug="another")
    refused(restore(server), 409, "not_a_challenge")
    assert file.read_bytes() == before


@pytest.mark.parametrize("id", ["", "../release", "x" * 65])
def test_an_attempts_name_is_never_an_address(server: Notebook, grader: Grader, id: str) -> None:
    save(server, notebook())
    answer = server.http.post(f"{API}/restore", json={"path": PATH, "submission": id})
    refused(answer, 400, "request_malformed")
    assert grader.requests == []


# ---- idle rules


def test_nothing_of_ours_counts_as_activity(server: Notebook, grader: Grader) -> None:
    before = server.http.get("/api/status").json()["last_activity"]
    save(server, notebook())
    server.http.get(f"{API}/challenges")
    submit(server)
    assert server.http.get("/api/status", params={"no_track_activity": 1}).json()["last_activity"] == before


# ---- what the sandbox has


def importing(server: Notebook, source: str, **more: Any) -> httpx.Response:
    save(server, notebook(answer=source))
    server.http.get(f"{API}/sandbox")  # as the page of a learner who looks; else it is known a little later
    return server.http.post(f"{API}/submit", json={"path": PATH, "key": "key-1", **more})


def submitted(grader: Grader) -> list[str]:
    return [request["path"] for request in grader.requests if request["method"] == "POST"]


def test_what_the_sandbox_has_is_the_graders_to_say_and_remembered(server: Notebook, grader: Grader) -> None:
    assert server.http.get(f"{API}/sandbox").json()["version"] == "3.13.5"
    asked = grader.sandbox_asked
    assert server.http.get(f"{API}/sandbox").json()["modules"] == grader.sandbox["modules"]
    assert grader.sandbox_asked == asked


def held(answer: httpx.Response) -> dict[str, Any]:
    """What the sandbox has not, of a submission that was not sent for it."""
    told = answer.json()
    assert (told["id"], told["state"]) == (None, "held")
    return dict(told["missing"])


def test_a_learner_is_told_before_sending_what_the_sandbox_has_not(server: Notebook, grader: Grader) -> None:
    answer = importing(server, "import requests, json\nimport bs4")
    assert held(answer) == {"packages": ["requests", "bs4"], "files": []}
    assert submitted(grader) == []
    assert server.http.get(f"{API}/kept").json() == {"kept": []}


def test_a_learner_who_knows_submits_anyway(server: Notebook, grader: Grader) -> None:
    source = "import requests\nimport bs4"
    assert held(importing(server, source, accepted=["requests"]))["packages"] == ["bs4"]
    assert importing(server, source, accepted=["requests", "bs4"]).json()["state"] == "queued"
    assert submitted(grader) == ["submissions"]
    assert importing(server, source, accepted="requests").status_code == 400


def test_a_file_beside_the_notebook_is_no_package(server: Notebook, grader: Grader) -> None:
    save(server, "def f(): pass", "challenges/helpers.py")
    assert held(importing(server, "import helpers")) == {"packages": [], "files": ["helpers"]}


def test_only_the_learners_own_cells_are_looked_at(server: Notebook, grader: Grader) -> None:
    content = notebook(answer="import json")
    content["cells"][1]["source"] = "import requests"  # locked, and put back by the grader
    content["cells"].append({"cell_type": "markdown", "metadata": {}, "source": "import requests"})
    save(server, content)
    server.http.get(f"{API}/sandbox")
    assert submit(server).json()["state"] == "queued"
    content["cells"].append({"cell_type": "code", "metadata": {}, "source": "import bs4", "outputs": []})
    save(server, content)
    assert held(submit(server))["packages"] == ["bs4"]


def test_another_language_is_left_alone(server: Notebook, grader: Grader) -> None:
    content = notebook(answer="import requests")
    content["metadata"]["kernelspec"] = {"name": "ir", "display_name": "R", "language": "R"}
    save(server, content)
    server.http.get(f"{API}/sandbox")
    assert submit(server).json()["state"] == "queued"


def test_while_nobody_knows_what_the_sandbox_has_nothing_is_in_the_way(
    server_without_grader: Notebook,
) -> None:
    save(server_without_grader, notebook(answer="import requests"))
    assert submit(server_without_grader, key="key-unknown").json()["state"] == "kept"
    refused(server_without_grader.http.get(f"{API}/sandbox"), 503, "grader_unreachable")
    shutil.rmtree(server_without_grader.spool)
