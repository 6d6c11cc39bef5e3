"""What the grader cannot take yet: kept in the learner's home, sent later, or refused in words."""

from __future__ import annotations

import json
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from extension.spool import MOST

from .conftest import HUB_TOKEN, Grader, Notebook, notebook, serve
from .test_extension import API, save, submit

AWAY = {"error": {"code": "database_unavailable", "message": "The record is away.", "details": {}}}
STALE = {"error": {"code": "version_stale", "message": "It has changed.", "details": {"current": 2}}}


@pytest.fixture
def start(grader: Grader, tmp_path: Path) -> Callable[[], Any]:
    """Starts the learner's server, each time on the same home."""
    environment = {"CHALLENGEHUB_GRADER_URL": grader.url, "JUPYTERHUB_API_TOKEN": HUB_TOKEN}
    return contextmanager(lambda: serve(tmp_path, environment))


@pytest.fixture
def server(start: Callable[[], Any]) -> Iterator[Notebook]:
    with start() as server:
        save(server, notebook())
        yield server


def kept(server: Notebook) -> list[dict[str, Any]]:
    return list(server.http.get(f"{API}/kept").json()["kept"])


def sent(grader: Grader) -> list[str]:
    """The keys under which submissions came to the grader."""
    return [one["headers"]["Idempotency-Key"] for one in grader.requests if one["path"] == "submissions"]


def events(server: Notebook) -> Iterator[tuple[str, Any]]:
    with server.http.stream("GET", f"{API}/kept/events", timeout=60) as answer:
        name = ""
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield name, json.loads(line.removeprefix("data: "))


def test_what_cannot_be_sent_is_kept_and_sent_with_its_key(server: Notebook, grader: Grader) -> None:
    grader.say("POST submissions", 503, AWAY)
    answer = submit(server)
    assert (answer.status_code, answer.json()) == (202, {"id": None, "state": "kept", "position": None})
    (entry,) = kept(server)
    assert (entry["key"], entry["challenge"], entry["state"]) == ("key-1", "first-steps", "waiting")

    (file,) = server.spool.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(server.spool.stat().st_mode) == 0o700
    assert HUB_TOKEN not in file.read_text()

    # what counts is what was saved at the click, whatever becomes of the file
    save(server, notebook(answer="something else"))
    told = events(server)
    assert next(told) == ("kept", entry)
    grader.say("POST submissions", 202, {"id": "0-7", "state": "queued", "position": 1})
    assert next(told) == ("sent", {"key": "key-1", "challenge": "first-steps", "id": "0-7"})
    assert list(told) == [], "the stream ends when nothing waits"
    assert set(sent(grader)) == {"key-1"}
    assert "something else" not in grader.requests[-1]["content"].decode()
    assert kept(server) == []
    assert list(server.spool.iterdir()) == []


def test_a_proxy_without_a_grader_behind_it_is_waited_for_as_well(server: Notebook, grader: Grader) -> None:
    grader.say("POST submissions", 502, b"<h1>Bad gateway</h1>")
    assert submit(server).json()["state"] == "kept"


def test_a_click_repeated_while_it_is_kept_makes_no_second_one(server: Notebook, grader: Grader) -> None:
    grader.say("POST submissions", 503, AWAY)
    assert submit(server).json() == submit(server).json()
    assert len(kept(server)) == 1


def test_what_is_kept_outlives_the_server(start: Callable[[], Any], grader: Grader) -> None:
    grader.say("POST submissions", 503, AWAY)
    with start() as server:
        save(server, notebook())
        submit(server)
    grader.requests.clear()
    grader.say("POST submissions", 202, {"id": "0-7", "state": "queued", "position": 1})
    with start() as server:
        # sent by the server itself: no page has asked for anything
        until = time.monotonic() + 60
        while not sent(grader):
            assert time.monotonic() < until
            time.sleep(0.05)
        list(events(server))
        assert kept(server) == []
    assert sent(grader) == ["key-1"]


def test_one_that_the_grader_refuses_says_why_until_it_is_put_aside(server: Notebook, grader: Grader) -> None:
    grader.say("POST submissions", 503, AWAY)
    submit(server)
    told = events(server)
    assert next(told)[0] == "kept"
    server.http.post(f"{API}/kept/forget", json={"key": "key-1"})
    assert len(kept(server)) == 1, "one that waits is not dropped"
    grader.say("POST submissions", 409, STALE)
    name, entry = next(told)
    assert (name, entry["state"], entry["error"]) == ("refused", "refused", STALE["error"])
    assert kept(server) == [entry]
    assert server.http.post(f"{API}/kept/forget", json={"key": "key-1"}).json() == {"kept": []}
    assert list(server.spool.iterdir()) == []


def test_what_the_grader_refuses_at_once_is_not_kept(server: Notebook, grader: Grader) -> None:
    grader.say("POST submissions", 409, STALE)
    assert submit(server).status_code == 409
    assert kept(server) == []


def test_send_now_does_not_wait_for_the_next_turn(server: Notebook, grader: Grader) -> None:
    # an hour that the grader asks for is not waited out either
    grader.say("POST submissions", 503, AWAY, {"Retry-After": "3600", "Content-Type": "application/json"})
    submit(server)
    told = events(server)
    assert next(told)[0] == "kept"
    grader.say("POST submissions", 202, {"id": "0-7", "state": "queued", "position": 1})
    assert server.http.post(f"{API}/kept/send").status_code == 202
    assert next(told)[0] == "sent"


def test_a_home_is_never_filled(server: Notebook, grader: Grader) -> None:
    grader.say("POST submissions", 503, AWAY)
    for number in range(MOST):
        assert submit(server, key=f"key-{number}").status_code == 202
    answer = submit(server, key="one-more")
    assert (answer.status_code, answer.json()["error"]["code"]) == (507, "spool_full")
    assert len(list(server.spool.iterdir())) == len(kept(server)) == MOST


def test_damaged_files_hinder_nothing(start: Callable[[], Any], tmp_path: Path) -> None:
    folder = tmp_path / "jupyter_data_dir" / "challengehub" / "spool"
    folder.mkdir(parents=True)
    damaged = ["", "{}", "[1]", '{"key": "../x"}', "\0", '{"state": "waiting"}']
    for number, content in enumerate(damaged):
        (folder / f"key-{number}.json").write_text(content)
    with start() as server:
        assert kept(server) == []
        save(server, notebook())
        assert submit(server).status_code == 202
