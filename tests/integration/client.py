"""The grader's API as a client sees it, and notebooks to send to it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

import httpx

from tests.conftest import ROOT

SOURCES = {path.stem: path for path in (ROOT / "challenge_notebooks").rglob("*.ipynb")}
SLUG = "ticket-price"
PATH = "/services/grader/api/v1"
WAIT_S = 120.0


def source(slug: str = SLUG) -> dict[str, Any]:
    """The author's notebook: with its solutions, so a right answer."""
    found: dict[str, Any] = json.loads(SOURCES[slug].read_text())
    return found


def solution_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("solution")]


def answered(*lines: str, right: bool = True, slug: str = SLUG) -> dict[str, Any]:
    """A notebook as a learner hands it in, with ``lines`` in front of the answer."""
    notebook = source(slug)
    for cell in solution_cells(notebook):
        answer = "".join(cell["source"]) if right else "def ticket_price(age, student=False):\n    return 12"
        cell["source"] = "\n".join([*lines, answer])
    return notebook


def body(notebook: Any, slug: str = SLUG, version: int = 1, **more: Any) -> dict[str, Any]:
    return {"challenge": slug, "version": version, "notebook": notebook} | more


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


def client(url: str, token: str, **options: Any) -> httpx.Client:
    return httpx.Client(**_options(url, token) | options)


def async_client(url: str, token: str, **options: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(**_options(url, token) | options)


def _options(url: str, token: str) -> dict[str, Any]:
    headers = {"Authorization": f"token {token}"} if token else {}
    return {"base_url": url + PATH, "headers": headers, "timeout": WAIT_S, "trust_env": False}


def submit(api: httpx.Client, notebook: Any, **more: Any) -> str:
    answer = api.post("/submissions", json=body(notebook, **more), headers=key())
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def events(lines: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """(name, data) of each server-sent event."""
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line[len("event: ") :]
        elif line.startswith("data: "):
            yield name, json.loads(line[len("data: ") :])


def watch(api: httpx.Client, id: str) -> list[tuple[str, Any]]:
    """All events until the server closes."""
    with api.stream("GET", f"/submissions/{id}/events") as answer:
        assert answer.status_code == 200
        return list(events(answer.iter_lines()))


def graded(api: httpx.Client, id: str) -> dict[str, Any]:
    """The submission, once it is finished."""
    told = watch(api, id)
    assert told[-1][0] == "result", told
    result: dict[str, Any] = told[-1][1]
    return result


def code(answer: httpx.Response) -> tuple[int, str]:
    """Status and error code; the error's form is checked on the way."""
    error = answer.json()["error"]
    assert answer.headers["Content-Type"].startswith("application/json")
    assert error["message"]
    assert error["message"][-1] in ".!?"
    assert isinstance(error["details"], dict)
    return answer.status_code, error["code"]
