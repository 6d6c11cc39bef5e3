"""What every measurement needs: an installation of the bench's own, its people, and figures of a sample."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import statistics
import subprocess
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import nbformat

from grader.catalogue import publish_folder
from grader.store import Store
from tests.conftest import Person, Stack

ROOT = Path(__file__).resolve().parent.parent
API = "/services/grader/api/v1"
SLUG = "bench-three-checks"
# No limit of a person's stands in the way of a measurement.
SETTINGS = {
    "GRADER_QUEUE_MAX": "100000",
    "GRADER_SUBMISSIONS_PER_MINUTE": "1000000",
    "GRADER_SUBMISSIONS_BURST": "1000000",
    "GRADER_REQUESTS_PER_MINUTE": "10000000",
    "GRADER_WATCHERS_PER_USER": "1000",
}


@dataclass
class Rig:
    """``quick`` and ``long`` say how much is measured; ``people`` are as many as were asked for so far."""

    stack: Stack
    image_tag: str
    quick: bool = False
    long: bool = False
    people: list[Person] = field(default_factory=list)

    def choose(self, quick: int, usual: int, long: int) -> int:
        return quick if self.quick else long if self.long else usual

    def learners(self, number: int) -> list[Person]:
        while len(self.people) < number:
            name = f"bench-{uuid.uuid4().hex[:8]}"
            self.people.append(self.stack.sign_up(name, "correct horse battery"))
        return self.people[:number]


@contextmanager
def installation(
    settings_file: str | None, runtime: str, quick: bool, long: bool, keep: bool = False
) -> Iterator[Rig]:
    """The installation of ``settings_file``, or a new one that is taken away again."""
    own = settings_file is None
    name = settings_file or ".env.bench"
    tag = os.environ.get("IMAGE_TAG", "latest")
    environment = {**os.environ, "CHALLENGEHUB_ENV_FILE": name, "CHALLENGEHUB_EXTRA": "test"}
    if own:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        settings = {
            "COMPOSE_PROJECT_NAME": f"challengehub-bench-{tag}",
            "CHALLENGEHUB_PORT": str(port),
            "IMAGE_TAG": tag,
            "SANDBOX_RUNTIME": runtime,
            **SETTINGS,
        }
        subprocess.run(
            ["images/up.sh", *(f"{key}={value}" for key, value in settings.items())],
            cwd=ROOT,
            env=environment,
            check=True,
        )
    try:
        lines = (ROOT / name).read_text().splitlines()
        pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
        stack = Stack({key: value for key, _, value in pairs})
        rig = Rig(stack, stack.settings["IMAGE_TAG"], quick, long)
        with stack.database() as database:
            publish_notebooks(Store(database), [SLUG])
        # A commit waits for its disk behind what the images' build still has to write.
        os.sync()
        yield rig
    finally:
        if own and not keep:
            subprocess.run(["images/down.sh", "erase", "--yes"], cwd=ROOT, env=environment, check=False)
            (ROOT / name).unlink(missing_ok=True)


def three_checks(slug: str = SLUG) -> dict[str, Any]:
    """The notebook that everything is measured with, in nbgrader's format: one answer and three checks."""

    def graded(source: str, **marks: Any) -> Any:
        cell = nbformat.v4.new_code_cell(source)
        cell.metadata["nbgrader"] = {"schema_version": 3, "task": False, "locked": False} | marks
        return cell

    marked = "    ### BEGIN SOLUTION\n    return sum(values) / len(values)\n    ### END SOLUTION"
    answer = "def mean(values):\n" + marked
    checks = ("assert mean([1, 2, 3]) == 2", "assert mean([5]) == 5", "assert mean([-1, 1]) == 0")
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("# The mean"),
            graded(answer, grade=False, solution=True, grade_id="answer"),
            *(
                graded(source, grade=True, solution=False, locked=True, points=1, grade_id=f"check-{number}")
                for number, source in enumerate(checks, 1)
            ),
        ]
    )
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"  # the same in every run, so that it is the same version
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    # as the challenges that come with ChallengeHub have it
    notebook.metadata["challenge"] = {"slug": slug, "title": "The mean", "limits": {"memory_mb": 256}}
    return json.loads(nbformat.writes(notebook))


def publish_notebooks(store: Store, slugs: Sequence[str]) -> None:
    """The measured notebook under each of these names, as the grader publishes what comes with it."""
    with tempfile.TemporaryDirectory() as folder:
        for slug in slugs:
            (Path(folder) / f"{slug}.ipynb").write_text(json.dumps(three_checks(slug)))
        publish_folder(store, Path(folder), "bench", "to measure with")


def client(rig: Rig, person: Person) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=rig.stack.url + API,
        headers={"Authorization": f"token {person.token}"},
        timeout=120,
        trust_env=False,
    )


BODY = json.dumps({"challenge": SLUG, "version": 1, "notebook": three_checks()}).encode()


async def submit(api: httpx.AsyncClient) -> str:
    answer = await api.post("/submissions", content=BODY, headers={"Idempotency-Key": str(uuid.uuid4())})
    answer.raise_for_status()
    return str(answer.json()["id"])


async def told(api: httpx.AsyncClient, id: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """The submission's events as they come; first ("open", {}) when the stream is there."""
    async with api.stream("GET", f"/submissions/{id}/events") as answer:
        answer.raise_for_status()
        yield "open", {}
        name = ""
        async for line in answer.aiter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield name, json.loads(line.removeprefix("data: "))


async def verdict(api: httpx.AsyncClient, id: str) -> dict[str, Any]:
    """The result, whatever happens to the stream meanwhile."""
    while True:
        with contextlib.suppress(httpx.TransportError):
            async for name, data in told(api, id):
                if name == "result":
                    return data


def spread(values: Sequence[float]) -> dict[str, float]:
    """p50, p95, p99 and the number of values; three digits after the point."""
    ordered = sorted(values)

    def at(share: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3)

    middle = round(statistics.median(ordered), 3)
    return {"p50": middle, "p95": at(0.95), "p99": at(0.99), "n": len(ordered)}


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)
