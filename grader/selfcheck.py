"""``python -m grader.selfcheck``: one real submission, to see that an installation works.

It goes the way that every submission goes: through the proxy and the API, into the queue, through a
sandbox; and it believes only what then stands in the database. Runs in the grader's container, whose
settings it uses. Standard input: a Hub token that may use the grader. Standard output: one line with
verdict and latency. Exit code 1, with what went wrong on standard error, if there is no right verdict.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from .database import Database
from .hub import SELF_CHECK
from .settings import Settings
from .store import Store

PROXY = "http://proxy:8000"
WAIT_S = 120.0
PAUSE_S = 0.02


class CheckFailed(Exception):
    """What did not work, in words for whoever runs the installation."""


class Api:
    def __init__(self, root: str, token: str) -> None:
        self._root = root
        self._token = token

    def __call__(self, path: str, body: dict[str, Any] | None = None, key: str = "") -> dict[str, Any]:
        request = Request(  # noqa: S310 - the address is a constant
            self._root + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self._token}", "Content-Type": "application/json"},
        )
        if key:
            request.add_header("Idempotency-Key", key)
        try:
            with urlopen(request, timeout=30) as answer:  # noqa: S310
                found: dict[str, Any] = json.load(answer)
                return found
        except HTTPError as error:
            raise CheckFailed(
                f"{path} was answered with {error.code}: {error.read(2000).decode(errors='replace')}"
            ) from error
        except (URLError, OSError) as error:
            raise CheckFailed(f"{self._root}{path} does not answer: {error}") from error


def right_answer(api: Api, folder: Path) -> tuple[dict[str, Any], dict[str, Any], bool]:
    """A published challenge, a notebook to submit, and whether it is known to be right.

    The author's own notebook, solutions and all, if it came with the grader; else the release as it is.
    """
    published = sorted(api("/challenges")["challenges"], key=lambda challenge: challenge["difficulty"])
    if not published:
        raise CheckFailed("no challenge is published, so there is nothing to submit to")
    sources = {path.stem: path for path in sorted(folder.rglob("*.ipynb"))}
    for challenge in published:
        if challenge["slug"] in sources and challenge["version"] == 1:
            return challenge, json.loads(sources[challenge["slug"]].read_text(encoding="utf-8")), True
    challenge = published[0]
    return challenge, api(f"/challenges/{challenge['slug']}/release")["notebook"], False


def wait(api: Api, id: str) -> None:
    until = time.monotonic() + WAIT_S
    while api(f"/submissions/{id}")["state"] != "finished":
        if time.monotonic() > until:
            raise CheckFailed(f"submission {id} was accepted, but is not graded after {WAIT_S:.0f} s")
        time.sleep(PAUSE_S)


def recorded(settings: Settings, id: str) -> dict[str, Any]:
    """The submission as it stands in the database."""
    database = Database(
        host=settings.db_host,
        port=settings.db_port,
        user=settings.db_user,
        password=settings.db_password,
        name=settings.db_name,
        connections=settings.db_connections,
    )
    try:
        found = Store(database).submission(id, SELF_CHECK)
    finally:
        database.close()
    if not found:
        raise CheckFailed(f"submission {id} is graded, but the database does not have it")
    return found


def check(settings: Settings, token: str) -> str:
    api = Api(PROXY + settings.prefix + "api/v1", token)
    challenge, notebook, known = right_answer(api, settings.challenges_dir)
    began = time.perf_counter()
    body = {"challenge": challenge["slug"], "version": challenge["version"], "notebook": notebook}
    id = api("/submissions", body, key=str(uuid.uuid4()))["id"]
    wait(api, id)
    took_ms = (time.perf_counter() - began) * 1000
    row = recorded(settings, id)
    told = f"{row['score']:g} of {row['max_score']:g} points"
    if row["status"] == "internal_error" or (known and row["status"] != "passed"):
        raise CheckFailed(
            f"the answer to {challenge['slug']} got the verdict {row['status']}, {told}: {row['message']}"
        )
    return f"{challenge['slug']}: {row['status']}, {told}, {took_ms:.0f} ms from Submit to verdict"


def main() -> int:
    try:
        print(check(Settings.read(), sys.stdin.read().strip()))
    except CheckFailed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
