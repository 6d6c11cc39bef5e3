"""How each step of the record grows: with what waits, with the length of the history, with the challenges.

On a MySQL server of its own, filled by bulk inserts. Every statement that the store sends is explained, and
one that reads or sorts a large part of a table is named.
"""

from __future__ import annotations

import json
import os
import time
import uuid
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event, text

from grader.database import Database
from grader.models import CheckResult, Result, Status
from grader.store import NewSubmission, Store
from tests.integration.conftest import open_database, running_server

from .rig import ROOT, Rig, publish_notebooks, say, spread, three_checks

LEARNERS = 1000
LARGE = 2000  # a scan of fewer rows costs nothing worth a word
OWN_SHARE = 10  # learner-1 has one of so many submissions: one person's history gets long as well
NOTEBOOK = json.dumps(three_checks())
PACKED = zlib.compress(NOTEBOOK.encode(), 1).hex()
RESULT = Result(
    Status.PASSED,
    3.0,
    3.0,
    tuple(CheckResult(f"c{n}", "", Status.PASSED, 1.0, 1.0, False) for n in range(3)),
    (),
)


class Filled:
    """A store whose history can be made longer."""

    def __init__(self, database: Database) -> None:
        self.database, self.store = database, Store(database)
        self.rows = 0

    def members(self) -> None:
        """Everybody with a history takes part in the leaderboards, and has points on every challenge."""

        def fill(db: Any) -> None:
            db.execute(text(_MEMBERS))
            db.execute(text(_BEST_SCORES))
            db.execute(text("ANALYZE TABLE leaderboard_members, best_scores")).all()

        self.database.transaction(fill)

    def challenges(self, number: int) -> None:
        there = len(self.store.published())
        publish_notebooks(self.store, [f"bench-{place:04}" for place in range(there, number)])

    def history(self, rows: int) -> None:
        """So many finished submissions of LEARNERS people to one challenge, each with one check."""
        step = 50_000
        while self.rows < rows:
            number = min(step, rows - self.rows)

            def fill(db: Any, number: int = number) -> None:
                db.execute(text("SET SESSION cte_max_recursion_depth = 1000000"))
                db.execute(
                    text(_HISTORY),
                    {
                        "n": number,
                        "first": self.rows,
                        "learners": LEARNERS,
                        "share": OWN_SHARE,
                        "notebook": PACKED,
                    },
                )
                db.execute(text(_CHECKS), {"first": self.rows})

            self.database.transaction(fill)
            self.rows += number
        self.database.transaction(
            lambda db: db.execute(text("ANALYZE TABLE submissions, check_results")).all()
        )

    def queue(self, rows: int) -> None:
        """Exactly so many waiting ones."""

        def fill(db: Any) -> None:
            db.execute(text("DELETE FROM submissions WHERE state <> 'finished'"))
            db.execute(text("SET SESSION cte_max_recursion_depth = 1000000"))
            if rows:
                db.execute(text(_WAITING), {"n": rows, "notebook": PACKED})

        self.database.transaction(fill)


_ROW = """SELECT UUID(), CONCAT('learner-', {who}), v.challenge_id, v.id, UUID(), REPEAT('0', 64),
    UNHEX(:notebook), 3, {turn}, {state}
    FROM n JOIN (SELECT id, challenge_id FROM challenge_versions ORDER BY id LIMIT 1) v"""
_NUMBERS = "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < :n)"
_INTO = """INSERT INTO submissions (uuid, username, challenge_id, version_id, idempotency_key, content_hash,
    notebook, max_score, turn, state{more})"""
_HISTORY = (
    _INTO.format(more=", status, score, started_at, finished_at")
    + _NUMBERS
    + _ROW.format(
        who="IF((n.i + :first) DIV :learners % :share = :share - 1, 1, (n.i + :first) % :learners)",
        turn="0",
        state="'finished', 'passed', 3, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6)",
    )
)
_CHECKS = """INSERT INTO check_results (submission_id, position, check_id, status, points, max_points, hidden,
    message, stdout, duration_ms, hint)
    SELECT s.id, 0, 'check-1', 'passed', 1, 1, FALSE, '', '', 1, '' FROM submissions s
    LEFT JOIN check_results c ON c.submission_id = s.id AND c.position = 0
    WHERE s.state = 'finished' AND c.submission_id IS NULL AND s.id >= :first"""
_MEMBERS = """INSERT IGNORE INTO leaderboard_members (username, display_name)
    SELECT DISTINCT username, username FROM submissions WHERE state = 'finished'"""
_BEST_SCORES = """INSERT IGNORE INTO best_scores (username, challenge_id, score, passed, submission_id,
    latest_id, attempts)
    SELECT m.username, c.id, 3, TRUE, s.first, s.latest, s.attempts
    FROM leaderboard_members m JOIN (SELECT id FROM challenges ORDER BY id LIMIT 50) AS c JOIN (
        SELECT username, MIN(id) AS first, MAX(id) AS latest, COUNT(*) AS attempts FROM submissions
        WHERE state = 'finished' GROUP BY username) AS s ON s.username = m.username"""
_WAITING = (
    _INTO.format(more="") + _NUMBERS + _ROW.format(who="n.i % 100", turn="n.i DIV 100", state="'queued'")
)


def steps(filled: Filled) -> dict[str, Callable[[], Any]]:
    """What the grader asks of the record, by name.

    Of what waits "accept" adds one, and "claim and record" takes one away and adds it to the history: as
    often, they leave the queue as long as it was.
    """
    store = filled.store
    published = store.published()
    version, challenges = published[0], [each.challenge_id for each in published]
    (known,) = store.submissions("learner-1", None, 1) or [None]

    def accept() -> None:
        new = NewSubmission("learner-1", str(uuid.uuid4()), "0" * 64, NOTEBOOK)
        store.accept(new, version, queue_max=10**9)

    def claim_and_record() -> None:
        work = store.claim("bench", 30.0)
        if work:
            store.record(work, RESULT)

    found: dict[str, Callable[[], Any]] = {
        "accept": accept,
        "claim and record": claim_and_record,
        "list a learner's": lambda: store.submissions("learner-1", None, 20),
        "attempts at one challenge": lambda: store.submissions("learner-1", version.slug, 20),
        "hints": lambda: store.hints("learner-1", version.challenge_id),
        "progress": lambda: store.progress("learner-1"),
        "list challenges": store.published,
        "leaderboard": lambda: store.leaderboard("learner-1", challenges),
        # by a store that keeps no board yet
        "leaderboard, added up": lambda: Store(filled.database).leaderboard("learner-1", challenges),
        "latest of a challenge": lambda: store.latest(version.challenge_id),
        "count waiting": store.waiting,
        "look for lost work": lambda: store.take_back([], None),
    }
    if known:
        found["read one"] = lambda: store.submission(known["id"], "learner-1")
    return found


def timed(filled: Filled, rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds of each step."""
    times: dict[str, list[float]] = {}
    for name, step in steps(filled).items():
        step()
        for _ in range(rounds):
            began = time.perf_counter()
            step()
            times.setdefault(name, []).append(1000 * (time.perf_counter() - began))
    return {name: spread(each) for name, each in times.items()}


@contextmanager
def listening(database: Database) -> Iterator[dict[str, Any]]:
    """Every statement that is sent meanwhile, with the values of its last use."""
    heard: dict[str, Any] = {}

    def hear(_c: Any, _cursor: Any, statement: str, values: Any, _x: Any, many: bool) -> None:
        if not many and not statement.startswith("EXPLAIN FORMAT"):
            heard[statement] = values

    event.listen(database._engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(database._engine, "before_cursor_execute", hear)


def scans(filled: Filled) -> list[str]:
    """Statements whose plan reads or sorts more than LARGE rows of a table, in words."""
    with listening(filled.database) as heard:
        for step in steps(filled).values():
            step()
    found = []

    def explain(db: Any) -> None:
        for statement, values in heard.items():
            for row in db.exec_driver_sql("EXPLAIN FORMAT=TRADITIONAL " + statement, values).mappings():
                if not row["table"] or row["table"].startswith("<") or (row["rows"] or 0) <= LARGE:
                    continue
                sorts = "Using filesort" in (row["Extra"] or "")
                # found in an index in the order that is asked for, no more are read than are returned
                limited = "LIMIT" in statement and not sorts
                if row["type"] in ("ALL", "index") or sorts or not limited:
                    how = "sorts" if sorts else "reads"
                    found.append(
                        f"{row['table']}: {how} {row['rows']} rows for: {' '.join(statement.split())[:160]}"
                    )

    filled.database.transaction(explain)
    return found


def measure(rig: Rig) -> dict[str, Any]:
    rounds = rig.choose(10, 40, 100)
    os.environ["DB_IMAGE"] = f"challengehub/db:{rig.image_tag}"
    with running_server() as server:
        database = open_database(server, connections=2)
        database.build(ROOT / "build.sql")
        filled = Filled(database)
        found: dict[str, Any] = {"waiting": {}, "rows": {}, "challenges": {}}
        filled.challenges(50)
        found["challenges"]["50"] = timed(filled, rounds)["list challenges"]
        filled.challenges(rig.choose(100, 500, 500))
        found["challenges"][str(len(filled.store.published()))] = timed(filled, rounds)["list challenges"]
        filled.history(1000)
        filled.members()
        for waiting in (1, 10, 100, 1000):
            filled.queue(waiting)
            found["waiting"][str(waiting)] = timed(filled, rounds)
        filled.queue(10)
        for rows in (10_000, rig.choose(20_000, 100_000, 1_000_000)):
            say(f"growth: {rows:,} rows")
            filled.history(rows)
            filled.queue(10)
            found["rows"][str(rows)] = timed(filled, rounds)
        found["scans"] = scans(filled)
        database.close()
    return found
