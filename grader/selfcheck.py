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
WARM_S = 20.0


class CheckFailed(Exception):
    """What did not work, in words for whoever runs the installation."""


class Api:
    def __init__(self, root: str, token: str) -> None:
        self._root = root
        self._token = token

    def __call__(self, path: str, body: dict[str, Any] | None = None, key: str = "") -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._read(path, body, key))
        return found

    def listen(self, path: str) -> None:
        """Reads a stream of events to its end."""
        self._read(path, None, "")

    def _read(self, path: str, body: dict[str, Any] | None, key: str) -> bytes:
        request = Request(  # noqa: S310 - the address is a constant
            self._root + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self._token}", "Content-Type": "application/json"},
        )
        if key:
            request.add_header("Idempotency-Key", key)
        try:
            with urlopen(request, timeout=WAIT_S) as answer:  # noqa: S310
                read: bytes = answer.read()
                return read
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


def warm(api: Api) -> None:
    """Waits a while for the first sandbox, so that the latency told is the one that learners will see."""
    until = time.monotonic() + WARM_S
    while not api("/health")["parts"]["pool"]["ready"] and time.monotonic() < until:
        time.sleep(0.5)


def wait(api: Api, id: str) -> None:
    """Until the verdict is there, told by the events that also fill a learner's panel."""
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        api.listen(f"/submissions/{id}/events")
        if api(f"/submissions/{id}")["state"] == "finished":
            return
        time.sleep(0.5)
    raise CheckFailed(f"submission {id} was accepted, but is not graded after {WAIT_S:.0f} s")


def recorded(settings: Settings, id: str) -> dict[str, Any]:
    """The submission as it stands in the database."""
    database = Database.of(settings)
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
    if settings.sandbox_pool_size:
        warm(api)
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
