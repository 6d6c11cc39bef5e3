"""Submissions that are graded once more: the queue of that, and every verdict that a submission has had."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from ..errors import RegradingUnknown, StateConflict
from ..models import Result
from .leaderboards import recount_best
from .record import (
    CELLS,
    CHECKS,
    INSERT_CELL,
    INSERT_CHECK,
    Record,
    as_cell,
    as_check,
    as_read,
    as_verdict,
)
from .rows import audit, clean, do, do_each, iso, unpacked
from .versions import WHY_LONGEST

CHANGES_SHOWN = 1000


@dataclass(frozen=True, slots=True)
class Target:
    """A learner's latest graded submission for a challenge, and the verdict that stands."""

    id: int
    uuid: str
    username: str
    status: str
    score: float


@dataclass(frozen=True, slots=True)
class RegradingItem:
    """One submission to be graded again, in a grader's hands. Only the holder of ``claim`` can record it."""

    regrading: int
    claim: str
    version_id: int
    notebook: str
    target: Target


class Regradings(Record):
    def latest(self, challenge_id: int) -> list[Target]:
        """Each learner's latest graded submission, the oldest first."""
        rows = self.database.transaction(lambda db: do(db, _LATEST, challenge=challenge_id).all())
        return [_target(row) for row in rows]

    def notebook_of(self, target: Target) -> str:
        query = "SELECT notebook FROM submissions WHERE id = :id"
        return unpacked(
            target.uuid, self.database.transaction(lambda db: do(db, query, id=target.id).scalar_one())
        )

    def begin_regrading(self, challenge_id: int, slug: str, version_id: int, who: str, why: str) -> int:
        """Put every learner's latest submission into the queue. Raises StateConflict while one goes on."""

        def body(db: Connection) -> int:
            # of two who ask at once the second waits here
            do(db, "SELECT id FROM challenges WHERE id = :id FOR UPDATE", id=challenge_id).one()
            running = do(db, _RUNNING, challenge=challenge_id).scalar_one_or_none()
            if running is not None:
                raise StateConflict(
                    f"Submissions for {slug} are being graded again already, by regrading {running}. "
                    "Wait for its end, or cancel it.",
                    details={"state": "running", "regrading": running},
                )
            told = {"who": who, "why": clean(why)[:WHY_LONGEST]}
            id = int(do(db, _BEGIN, challenge=challenge_id, version=version_id, **told).lastrowid)
            do(db, _INSERT_ITEMS, id=id, challenge=challenge_id)
            _finish_if_done(db, id)
            audit(db, who, "regrade", slug, {"regrading": id, "version_id": version_id, "why": told["why"]})
            return id

        return self.database.transaction(body)

    def claim_regrading_item(self, name: str, lease_s: float, attempts_max: int) -> RegradingItem | None:
        """The next one to do, or None. One that broke off ``attempts_max`` times is given up."""
        claim = secrets.token_hex(16)

        def item(row: Row[Any]) -> RegradingItem:
            notebook = unpacked(row.uuid, row.notebook)
            return RegradingItem(row.regrading_id, claim, row.version_id, notebook, _target(row))

        def body(db: Connection) -> RegradingItem | None:
            while (row := do(db, _NEXT_ITEM).one_or_none()) and row.attempts >= attempts_max:
                self._failed(db, row.regrading_id, row.id, "Grading it broke off again and again.")
            if row is None:
                return None
            key = {"regrading": row.regrading_id, "submission": row.id}
            do(db, _CLAIM_ITEM, **key, claim=claim, name=name, lease=lease_s)
            return item(row)

        def done(db: Connection) -> RegradingItem | None:
            row = do(db, _CLAIMED_ITEM, claim=claim).one_or_none()
            return row and item(row)

        return self.database.transaction(body, done)

    def keep_regrading_item(self, item: RegradingItem, lease_s: float) -> None:
        self.database.transaction(lambda db: do(db, _KEEP_ITEM, claim=item.claim, lease=lease_s))

    def take_back_regrading_items(self, name: str | None) -> int:
        """Return to the queue what nobody works on; with ``name`` all that a grader of that name held."""
        return self.database.transaction(lambda db: do(db, _LOST_ITEMS, name=name).rowcount)

    def hand_back_regrading_item(self, item: RegradingItem) -> None:
        """Unfinished, in good order: no attempt is counted."""
        self.database.transaction(lambda db: do(db, _HAND_BACK_ITEM, claim=item.claim))

    def record_regrading(self, item: RegradingItem, result: Result) -> bool:
        """Write the new verdict beside the old one; False: the claim is no longer the caller's."""

        def body(db: Connection) -> bool:
            verdict = as_verdict(result)
            after = {"status": verdict["status"], "score": verdict["score"]}
            _hold(db, item.regrading)
            if do(db, _FINISH_ITEM, claim=item.claim, **after).rowcount != 1:
                return False
            self._add_grading(db, item, result)
            _finish_if_done(db, item.regrading)
            return True

        return self.database.transaction(body)

    @staticmethod
    def _add_grading(db: Connection, item: RegradingItem, result: Result) -> None:
        id = item.target.id
        do(db, "SELECT id FROM submissions WHERE id = :id FOR UPDATE", id=id).one()
        number = do(db, "SELECT MAX(number) FROM gradings WHERE submission_id = :id", id=id).scalar_one()
        if number is None:
            parts = {
                name: json.dumps([part._asdict() for part in do(db, query, id=id)], ensure_ascii=False)
                for name, query in (("checks", CHECKS), ("cells", CELLS))
            }
            do(db, _FIRST_GRADING, id=id, **parts)
            number = 1
        verdict = as_verdict(result) | {"max_score": result.max_score}
        checks = [as_check(id, place, check) for place, check in enumerate(result.checks)]
        cells = [as_cell(id, place, cell) for place, cell in enumerate(result.cells)]
        kept = {name: verdict[name] for name in ("status", "score", "max_score", "message")}
        parts = {
            name: json.dumps([as_read(part) for part in rows], ensure_ascii=False)
            for name, rows in (("checks", checks), ("cells", cells))
        }
        whose = {"id": id, "number": number + 1, "version": item.version_id, "regrading": item.regrading}
        do(db, _INSERT_GRADING, **whose, **kept, **parts)
        do(db, _SHOW, id=id, **kept)
        do(db, "DELETE FROM check_results WHERE submission_id = :id", id=id)
        do(db, "DELETE FROM cell_results WHERE submission_id = :id", id=id)
        do_each(db, INSERT_CHECK, checks)
        do_each(db, INSERT_CELL, cells)
        recount_best(db, id)

    def fail_regrading(self, item: RegradingItem, message: str) -> None:
        """It cannot be graded against that version, and keeps its verdict."""

        def body(db: Connection) -> None:
            held = "SELECT 1 FROM regrading_items WHERE claim = :claim AND state = 'running'"
            if do(db, held, claim=item.claim).one_or_none():
                self._failed(db, item.regrading, item.target.id, message)

        self.database.transaction(body)

    @staticmethod
    def _failed(db: Connection, regrading: int, submission: int, message: str) -> None:
        do(db, _FAIL_ITEM, regrading=regrading, submission=submission, message=clean(message))
        _finish_if_done(db, regrading)

    def cancel_regrading(self, id: int, who: str) -> None:
        """What is graded already stays; the rest keeps its verdict."""

        def body(db: Connection) -> None:
            row = do(db, _REGRADINGS + " WHERE r.id = :id FOR UPDATE OF r", id=id).one_or_none()
            if row is None:
                raise RegradingUnknown(f"There is no regrading {id}.")
            if row.state != "running":
                raise StateConflict(f"Regrading {id} is {row.state} already.", details={"state": row.state})
            do(db, _CANCEL, id=id)
            do(db, _CANCEL_ITEMS, id=id)
            _keep_counts(db, id)
            audit(db, who, "cancel regrading", row.challenge, {"regrading": id})

        self.database.transaction(body)

    def regradings(self, challenge_id: int) -> list[dict[str, Any]]:
        """Newest first."""
        query = _REGRADINGS + " WHERE r.challenge_id = :id ORDER BY r.id DESC LIMIT 100"
        return self.database.transaction(
            lambda db: [_shown_regrading(db, row) for row in do(db, query, id=challenge_id).all()]
        )

    def regrading(self, id: int) -> dict[str, Any]:
        """With the verdicts that changed. Raises RegradingUnknown."""

        def body(db: Connection) -> dict[str, Any]:
            row = do(db, _REGRADINGS + " WHERE r.id = :id", id=id).one_or_none()
            if row is None:
                raise RegradingUnknown(f"There is no regrading {id}.")
            changes = do(db, _DIFFERING + _CHANGED, id=id, limit=CHANGES_SHOWN)
            return {**_shown_regrading(db, row), "changes": [dict(change._mapping) for change in changes]}

        return self.database.transaction(body)

    def gradings(self, uuid: str, username: str) -> list[dict[str, Any]] | None:
        """Every verdict of a learner's submission, oldest first, each with its checks and cells; None: no
        such submission of theirs. One that was never graded again has only the one that it shows."""

        def body(db: Connection) -> list[dict[str, Any]] | None:
            own = "s.uuid = :uuid AND s.username = :username"
            shown = self._whole(db, own, uuid=uuid, username=username)
            if shown is None:
                return None
            rows = do(db, _GRADINGS, uuid=uuid).all()
            if not rows and shown["state"] == "finished":
                names = ("version", "status", "score", "max_score", "message", "checks", "cells")
                only = {"number": 1, "graded_at": shown["finished_at"], "why": None}
                return [only | {name: shown[name] for name in names}]
            return [_shown_grading(row) for row in rows]

        return self.database.transaction(body)


def _target(row: Row[Any]) -> Target:
    return Target(row.id, row.uuid, row.username, row.status, row.score)


def _hold(db: Connection, id: int) -> None:
    """Of two of its items that end at once neither would see the other's end: the second waits here."""
    do(db, "SELECT id FROM regradings WHERE id = :id FOR UPDATE", id=id).one()


def _finish_if_done(db: Connection, id: int) -> None:
    _hold(db, id)
    if do(db, _FINISH_RUN, id=id).rowcount:
        _keep_counts(db, id)


def _counts(db: Connection, id: int) -> dict[str, int]:
    counts = do(db, _DIFFERING + _COUNTS, id=id).one()
    return {name: int(value or 0) for name, value in counts._mapping.items()}


def _keep_counts(db: Connection, id: int) -> None:
    """It is over, and nothing of it changes any more."""
    query = "UPDATE regradings SET counts = :counts WHERE id = :id"
    do(db, query, id=id, counts=json.dumps(_counts(db, id)))


def _shown_regrading(db: Connection, row: Row[Any]) -> dict[str, Any]:
    names = ("id", "challenge", "version", "who", "why", "state")
    return {
        **{name: row._mapping[name] for name in names},
        "created_at": iso(row.created_at),
        "finished_at": iso(row.finished_at),
        **(json.loads(row.counts) if row.counts else _counts(db, row.id)),
    }


def _shown_grading(row: Row[Any]) -> dict[str, Any]:
    checks, cells = json.loads(row.checks), json.loads(row.cells)
    return {
        **{name: row._mapping[name] for name in ("number", "version", "status", "score", "max_score")},
        "message": row.message,
        "why": row.why,
        "graded_at": iso(row.graded_at),
        "checks": [{**check, "hidden": bool(check["hidden"])} for check in checks],
        "cells": [{**cell, "error": cell["error"] and json.loads(cell["error"])} for cell in cells],
    }


# the colon marks what is no person: the installation's own check of itself
_OF_LATEST = """ FROM best_scores b JOIN submissions s ON s.id = b.latest_id
    WHERE b.challenge_id = :challenge AND b.username NOT LIKE 'service:%'"""
_LATEST = "SELECT s.id, s.uuid, s.username, s.status, s.score" + _OF_LATEST + " ORDER BY s.id"
_RUNNING = "SELECT id FROM regradings WHERE challenge_id = :challenge AND state = 'running' LIMIT 1"
_BEGIN = """
    INSERT INTO regradings (challenge_id, version_id, who, why) VALUES (:challenge, :version, :who, :why)"""
_INSERT_ITEMS = (
    "INSERT INTO regrading_items (regrading_id, submission_id, before_status, before_score) "
    + "SELECT :id, s.id, s.status, s.score"
    + _OF_LATEST
)
# From the items on, in the order of their index: MySQL would begin with the few regradings, and sort.
_ITEM = """
    SELECT i.regrading_id, i.attempts, r.version_id, s.id, s.uuid, s.username, s.status, s.score, s.notebook
    FROM regrading_items i FORCE INDEX (regrading_items_queue)
        STRAIGHT_JOIN regradings r ON r.id = i.regrading_id
        STRAIGHT_JOIN submissions s ON s.id = i.submission_id"""
_CLAIMED_ITEM = _ITEM + " WHERE i.state = 'running' AND i.claim = :claim"
_NEXT_ITEM = (
    _ITEM
    + """
    WHERE i.state = 'queued'
    ORDER BY i.regrading_id, i.submission_id LIMIT 1 FOR UPDATE OF i SKIP LOCKED"""
)
_CLAIM_ITEM = """
    UPDATE regrading_items SET state = 'running', claim = :claim, claimed_by = :name, attempts = attempts + 1,
        lease_until = UTC_TIMESTAMP(6) + INTERVAL :lease SECOND
    WHERE regrading_id = :regrading AND submission_id = :submission"""
_KEEP_ITEM = """
    UPDATE regrading_items SET lease_until = UTC_TIMESTAMP(6) + INTERVAL :lease SECOND
    WHERE claim = :claim AND state = 'running'"""
_LOST_ITEMS = """
    UPDATE regrading_items SET state = 'queued', claim = NULL, claimed_by = NULL, lease_until = NULL
    WHERE state = 'running' AND (lease_until < UTC_TIMESTAMP(6) OR claimed_by = :name)"""
_HAND_BACK_ITEM = """
    UPDATE regrading_items SET state = 'queued', claim = NULL, claimed_by = NULL, lease_until = NULL,
        attempts = GREATEST(attempts, 1) - 1
    WHERE claim = :claim AND state = 'running'"""
_FINISH_ITEM = """
    UPDATE regrading_items i JOIN regradings r ON r.id = i.regrading_id
    SET i.state = 'finished', i.after_status = :status, i.after_score = :score, i.lease_until = NULL
    WHERE i.claim = :claim AND i.state = 'running' AND r.state = 'running'"""
_FAIL_ITEM = """
    UPDATE regrading_items SET state = 'failed', message = :message, lease_until = NULL
    WHERE regrading_id = :regrading AND submission_id = :submission"""
_FINISH_RUN = """
    UPDATE regradings SET state = 'finished', finished_at = UTC_TIMESTAMP(6)
    WHERE id = :id AND state = 'running' AND NOT EXISTS
        (SELECT 1 FROM regrading_items FORCE INDEX (regrading_items_queue)
        WHERE regrading_id = :id AND state IN ('queued', 'running'))"""
_CANCEL = "UPDATE regradings SET state = 'cancelled', finished_at = UTC_TIMESTAMP(6) WHERE id = :id"
_CANCEL_ITEMS = """
    UPDATE regrading_items FORCE INDEX (regrading_items_queue)
    SET state = 'cancelled', claim = NULL, lease_until = NULL
    WHERE regrading_id = :id AND state IN ('queued', 'running')"""
_REGRADINGS = """
    SELECT r.id, c.slug AS challenge, v.number AS version, r.who, r.why, r.state, r.created_at, r.finished_at,
        r.counts
    FROM regradings r JOIN challenges c ON c.id = r.challenge_id
        JOIN challenge_versions v ON v.id = r.version_id"""
_DIFFERING = """
    WITH items AS (
        SELECT i.*, COALESCE(state = 'finished'
            AND (before_status <> after_status OR before_score <> after_score), FALSE) AS differs
        FROM regrading_items i WHERE i.regrading_id = :id)"""
_COUNTS = """
    SELECT COUNT(*) AS total, SUM(state IN ('finished', 'failed')) AS done, SUM(state = 'failed') AS failed,
        SUM(differs) AS changed,
        SUM(differs AND before_status <> 'passed' AND after_status = 'passed') AS now_passed,
        SUM(differs AND before_status = 'passed' AND after_status <> 'passed') AS no_longer_passed
    FROM items"""
_CHANGED = """
    SELECT s.uuid AS submission, s.username AS learner, i.before_status, i.before_score, i.after_status,
        i.after_score, COALESCE(i.message, '') AS message
    FROM items i JOIN submissions s ON s.id = i.submission_id
    WHERE i.differs OR i.state = 'failed' ORDER BY i.submission_id LIMIT :limit"""
_FIRST_GRADING = """
    INSERT INTO gradings (submission_id, number, version_id, status, score, max_score, message, checks, cells,
        graded_at)
    SELECT id, 1, version_id, status, score, max_score, COALESCE(message, ''), :checks, :cells, finished_at
    FROM submissions WHERE id = :id"""
_INSERT_GRADING = """
    INSERT INTO gradings (submission_id, number, version_id, regrading_id, status, score, max_score, message,
        checks, cells, graded_at)
    VALUES (:id, :number, :version, :regrading, :status, :score, :max_score, :message, :checks, :cells,
        UTC_TIMESTAMP(6))"""
_SHOW = """
    UPDATE submissions SET status = :status, score = :score, max_score = :max_score, message = :message
    WHERE id = :id"""
_GRADINGS = """
    SELECT g.number, v.number AS version, g.status, g.score, g.max_score, g.message, g.checks, g.cells,
        g.graded_at, r.why
    FROM submissions s JOIN gradings g ON g.submission_id = s.id
        JOIN challenge_versions v ON v.id = g.version_id LEFT JOIN regradings r ON r.id = g.regrading_id
    WHERE s.uuid = :uuid ORDER BY g.number"""
