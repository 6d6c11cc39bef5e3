"""``make soak``: thirty minutes under load with random faults; it must end with the figures it began with.

    python -m bench.soak [--minutes N] [--learners N] [--pause S] [--seed N] [--calm] [--installation FILE]

An installation of its own is loaded by learners who hand in right and wrong answers all the time. Every so
often something breaks: the grader, the hub or the proxy is killed, the database stopped and started, every
sandbox killed. At the end every accepted submission must have its right verdict, once, and the grader's
memory and open files, the sandboxes and the queue must be what they were after the first minute.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

import docker
import httpx

from grader.app import IDLE_CONNECTION_S
from tests.conftest import Person

from .rig import SLUG, Rig, client, installation, say, three_checks

SETTLE_S = 120.0
# what may be more at the end than at the start: caches that fill up, and the allocator's leftovers
MEMORY_MORE_MB = 10.0
FILES_MORE = 24


def notebook(right: bool) -> dict[str, Any]:
    found = three_checks()
    if not right:
        found["cells"][1]["source"] = "def mean(values):\n    return 2"
    return found


class Learners:
    """They submit, try again with the same key when something is away, and never wait for a verdict."""

    def __init__(self, rig: Rig, pause_s: float) -> None:
        self.rig, self.pause_s = rig, pause_s
        self.expected: dict[str, str] = {}
        self.answers: Counter[str] = Counter()

    async def learner(self, person: Person, until: float) -> None:
        chance = random.Random(person.name)  # noqa: S311 - load, no secret
        async with client(self.rig, person) as api:
            while time.monotonic() < until:
                right = chance.random() < 0.7
                body = {"challenge": SLUG, "version": 1, "notebook": notebook(right)}
                click = {"Idempotency-Key": str(uuid.uuid4())}
                id = await self._accepted(api, body, click)
                self.expected[id] = "passed" if right else "failed"
                await asyncio.sleep(chance.uniform(0.2, 1.8) * self.pause_s)

    async def _accepted(self, api: httpx.AsyncClient, body: Any, click: dict[str, str]) -> str:
        while True:
            try:
                answer = await api.post("/submissions", json=body, headers=click)
                self.answers[str(answer.status_code)] += 1
                if answer.status_code in (200, 202):
                    return str(answer.json()["id"])
                # a page is the Hub's, while a new proxy does not know the way to the grader yet
                ours = answer.headers["Content-Type"].startswith("application/json")
                if ours and answer.status_code not in (429, 502, 503):
                    raise RuntimeError(f"{answer.status_code}: {answer.text[:300]}")
            except httpx.TransportError as error:
                self.answers[type(error).__name__] += 1
            await asyncio.sleep(1)


class Faults:
    """One after the other, in a random order that ``seed`` repeats."""

    def __init__(self, rig: Rig, seed: int) -> None:
        self._rig, self._chance = rig, random.Random(seed)  # noqa: S311
        self.done: Counter[str] = Counter()

    def kinds(self) -> dict[str, Callable[[], None]]:
        part = self._rig.stack.part
        return {
            "grader killed": lambda: part("grader").kill() or part("grader").start(),
            "grader restarted": lambda: part("grader").restart(timeout=20),
            "hub killed": lambda: part("hub").kill() or part("hub").start(),
            "proxy killed": lambda: part("proxy").kill() or part("proxy").start(),
            "database stopped and started": self._database,
            "database killed": lambda: part("db").kill() or part("db").start(),
            "sandboxes killed": self._sandboxes,
        }

    def one(self) -> None:
        name, fault = self._chance.choice(sorted(self.kinds().items()))
        say(f"fault: {name}")
        fault()
        self.done[name] += 1

    def _database(self) -> None:
        self._rig.stack.part("db").stop(timeout=60)
        time.sleep(3)
        self._rig.stack.part("db").start()

    def _sandboxes(self) -> None:
        for container in sandboxes(self._rig):
            with contextlib.suppress(docker.errors.APIError):  # ended by itself meanwhile
                container.kill()


def sandboxes(rig: Rig) -> list[Any]:
    labels = [f"challengehub={rig.stack.project}", "challengehub.role=sandbox"]
    return list(rig.stack.engine.containers.list(all=True, filters={"label": labels}, ignore_removed=True))


def figures(rig: Rig) -> dict[str, float]:
    """Of the grader's process (another one after a kill; ``--calm`` follows one), the engine, the queue."""
    grader = rig.stack.part("grader")
    look = (
        "import os, re\n"
        "for pid in filter(str.isdigit, os.listdir('/proc')):\n"
        "    if b'grader' in open(f'/proc/{pid}/cmdline', 'rb').read() and pid != str(os.getpid()):\n"
        "        text = open(f'/proc/{pid}/status').read()\n"
        "        rss = re.search(r'VmRSS:\\s+(\\d+)', text)\n"
        "        if rss: print(rss[1], len(os.listdir(f'/proc/{pid}/fd')))\n"
    )
    told = grader.exec_run(["python3", "-c", look]).output.decode().split("\n")
    numbers = [tuple(map(int, line.split())) for line in told if line.strip()]
    if not numbers:
        raise RuntimeError(f"the grader's process was not found: {told}")
    memory, files = max(numbers)
    with rig.stack.mysql() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) AS open FROM submissions WHERE state <> 'finished'")
        unfinished = cursor.fetchone()["open"]
    return {
        "memory_mb": round(memory / 1024, 1),
        "files": files,
        "sandboxes": len(sandboxes(rig)),
        "unfinished": unfinished,
    }


def rested(rig: Rig, after_load: bool = False) -> dict[str, float]:
    """The figures once nothing is unfinished and the pool has come to rest; ``after_load`` also the
    connections that the proxy opened for it."""
    if after_load:
        time.sleep(IDLE_CONNECTION_S + 5)
    until = time.monotonic() + SETTLE_S
    before: dict[str, float] = {}
    while time.monotonic() < until:
        with contextlib.suppress(Exception):  # a part that is just coming back
            now = figures(rig)
            if not now["unfinished"] and before and now["sandboxes"] == before["sandboxes"]:
                return now
            before = now
        time.sleep(3)
    return before


def wrong(rig: Rig, learners: Learners) -> list[str]:
    """What the record has otherwise than it must."""
    with rig.stack.mysql() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT id, uuid, status FROM submissions WHERE username LIKE 'bench-%'")
        rows = {row["uuid"]: row for row in cursor.fetchall()}
        cursor.execute("SELECT submission_id, COUNT(*) AS checks FROM check_results GROUP BY submission_id")
        checks = {row["submission_id"]: row["checks"] for row in cursor.fetchall()}
    found = [f"{id} is lost" for id in learners.expected if id not in rows]
    for id, status in learners.expected.items():
        if id in rows and rows[id]["status"] != status:
            found.append(f"{id} is {rows[id]['status']}, not {status}")
        elif id in rows and checks.get(rows[id]["id"]) != 3:
            found.append(f"{id} has {checks.get(rows[id]['id'])} results of checks, not 3")
    return found


async def load(rig: Rig, learners: Learners, faults: Faults | None, seconds: float) -> None:
    until = time.monotonic() + seconds
    people = [asyncio.create_task(learners.learner(person, until)) for person in rig.people]
    chance = random.Random(0)  # noqa: S311
    try:
        while faults and time.monotonic() < until - 20:
            await asyncio.sleep(chance.uniform(10, 40))
            await asyncio.to_thread(faults.one)
        await asyncio.gather(*people)
    finally:
        for person in people:
            person.cancel()


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--learners", type=int, default=12)
    parser.add_argument("--pause", type=float, default=5.0, help="seconds between two clicks of a learner")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--calm", action="store_true", help="no faults: does one process's memory stay?")
    parser.add_argument("--runtime", default="auto", choices=["auto", "runc", "runsc"])
    parser.add_argument("--installation", metavar="FILE", help="settings of one that runs already")
    arguments = parser.parse_args()
    with installation(arguments.installation, arguments.runtime, quick=False, long=False) as rig:
        rig.learners(arguments.learners)
        learners, faults = Learners(rig, arguments.pause), Faults(rig, arguments.seed)
        say("a first minute without faults, so that caches are full")
        asyncio.run(load(rig, learners, None, min(60.0, 12 * arguments.minutes)))
        begun = rested(rig)
        say(f"before: {begun}; seed {arguments.seed}")
        asyncio.run(load(rig, learners, None if arguments.calm else faults, 60 * arguments.minutes))
        ended = rested(rig, after_load=True)
        found = wrong(rig, learners)
    if ended.get("unfinished"):
        found.append(f"{ended['unfinished']} submissions are not finished")
    if ended["memory_mb"] > begun["memory_mb"] + MEMORY_MORE_MB:
        found.append(f"memory grew from {begun['memory_mb']} to {ended['memory_mb']} MB")
    if ended["files"] > begun["files"] + FILES_MORE:
        found.append(f"open files grew from {begun['files']} to {ended['files']}")
    if ended["sandboxes"] > begun["sandboxes"] + 1:
        found.append(f"{ended['sandboxes']} sandboxes are there, {begun['sandboxes']} were")
    told = {
        "submissions": len(learners.expected),
        "answers": dict(learners.answers),
        "faults": dict(faults.done),
        "before": begun,
        "after": ended,
        "wrong": found[:50],
    }
    print(json.dumps(told, indent=1))
    say("NOT as it began" if found else "as it began: every submission has its one right verdict")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
