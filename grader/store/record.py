"""The record: verdicts, and what learners see of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row

from ..models import CellResult, CheckResult, Result, State
from .leaderboards import count_best
from .rows import OF_MADE, Table, Work, clean, do, do_each, iso, position, unpacked


class Record(Table):
    def record(self, work: Work, result: Result) -> dict[str, Any] | None:
        """Write the verdict and all its parts in one transaction.

        Returns the submission as it now stands, or None: the claim is no longer the caller's, and nothing
        was written.
        """

        def body(db: Connection) -> dict[str, Any] | None:
            holder = {"id": work.id, "claim": work.claim}
            if do(db, _FINISH, **holder, **as_verdict(result)).rowcount == 1:
                count_best(db, work.id)
                do_each(db, INSERT_CHECK, checks)
                do_each(db, INSERT_CELL, cells)
            # by the claim, not only the id: a commit whose answer was lost is found again here
            row = do(db, _SUMMARY + _FINISHED_BY, **holder).one_or_none()
            # what was just written need not be read again: a learner waits for this
            return row and _shown(
                row, [as_read(check) for check in checks], [as_read(cell) for cell in cells]
            )

        checks = [as_check(work.id, place, check) for place, check in enumerate(result.checks)]
        cells = [as_cell(work.id, place, cell) for place, cell in enumerate(result.cells)]

        return self.database.transaction(body)

    def submission(self, uuid: str, username: str) -> dict[str, Any] | None:
        """The whole submission as the API shows it, or None: no such id, or another learner's."""
        own = "s.uuid = :uuid AND s.username = :username"
        return self.database.transaction(lambda db: self._whole(db, own, uuid=uuid, username=username))

    def _whole(self, db: Connection, where: str, **values: Any) -> dict[str, Any] | None:
        row = do(db, f"{_SUMMARY} WHERE {where}", **values).one_or_none()
        if row is None:
            return None
        finished = row.state == State.FINISHED
        checks = [part._asdict() for part in do(db, CHECKS, id=row.key)] if finished else []
        cells = [part._asdict() for part in do(db, CELLS, id=row.key)] if finished else []
        place = position(db, row.turn, row.key) if row.state == State.QUEUED else 0
        verdicts = do(db, _VERDICTS, id=row.key).all() if finished else []
        earlier = [{**each._mapping, "graded_at": iso(each.graded_at)} for each in verdicts]
        return _shown(row, checks, cells, place, earlier)

    def notebook(self, uuid: str, username: str) -> str | None:
        """The notebook as it came, "" where it is damaged; None: no such id, or another learner's."""
        query = "SELECT notebook FROM submissions WHERE uuid = :uuid AND username = :username"
        found = self.database.transaction(
            lambda db: do(db, query, uuid=uuid, username=username).scalar_one_or_none()
        )
        return None if found is None else unpacked(uuid, found)

    def submissions(
        self, username: str, slug: str | None, limit: int, before: str | None = None
    ) -> list[dict[str, Any]]:
        """A learner's own, newest first; only those older than ``before``, an id, where there is one."""
        query = (_OWN if slug is None else _ATTEMPTS).format(older="" if before is None else _OLDER)
        asked = {"username": username, "slug": slug, "limit": limit, "before": before}
        values = {name: value for name, value in asked.items() if value is not None}
        return [_summary(row) for row in self.database.transaction(lambda db: do(db, query, **values).all())]

    def progress(self, username: str) -> dict[int, dict[str, Any]]:
        """By challenge id: how far this learner is."""
        rows = self.database.transaction(lambda db: do(db, _PROGRESS, username=username).all())
        return {
            row.challenge_id: {
                "state": "passed" if row.passed else "started",
                "best_score": row.best_score,
                "attempts": int(row.attempts),
            }
            for row in rows
        }


_FINISH = """
    UPDATE submissions SET state = 'finished', status = :status, score = :score, message = :message,
        queue_ms = :queue_ms, sandbox_ms = :sandbox_ms, run_ms = :run_ms, total_ms = :total_ms,
        peak_memory_bytes = :peak, finished_at = UTC_TIMESTAMP(6), lease_until = NULL
    WHERE id = :id AND claim = :claim AND state = 'running'"""

_SUMMARIES = """
    SELECT s.id AS `key`, s.uuid AS id, c.slug AS challenge, v.number AS version, s.state, s.status, s.score,
        s.max_score, s.submitted_at, s.started_at, s.finished_at, s.message, s.queue_ms, s.sandbox_ms,
        s.run_ms, s.total_ms, s.peak_memory_bytes, s.turn
    FROM submissions s {index} {join} challenge_versions v ON v.id = s.version_id
        {join} challenges c ON c.id = s.challenge_id"""
_SUMMARY = _SUMMARIES.format(index="", join="JOIN")
# MySQL 9.7 takes the first index that begins with the name, and sorts all that the learner ever submitted
_OWN = (
    _SUMMARIES.format(index="FORCE INDEX (submissions_own)", join="STRAIGHT_JOIN")
    + " WHERE s.username = :username {older} ORDER BY s.id DESC LIMIT :limit"
)
# by the subquery: with c.slug = :slug it finds the same rows in the index, and sorts them all the same
_OF_CHALLENGE = """
    WHERE s.username = :username AND s.challenge_id = (SELECT id FROM challenges WHERE slug = :slug) {older}
    ORDER BY s.id DESC LIMIT :limit"""
_ATTEMPTS = (
    _SUMMARIES.format(index="FORCE INDEX (submissions_attempts)", join="STRAIGHT_JOIN") + _OF_CHALLENGE
)
_OLDER = "AND s.id < (SELECT o.id FROM submissions o WHERE o.uuid = :before AND o.username = :username)"
_FINISHED_BY = " WHERE s.id = :id AND s.claim = :claim AND s.state = 'finished'"
_PROGRESS = (
    "SELECT challenge_id, SUM(attempts) AS attempts, MAX(score) AS best_score, MAX(passed) AS passed"
    + OF_MADE
    + " GROUP BY challenge_id"
)
CHECKS = """
    SELECT check_id AS id, title, status, points, max_points, hidden, message, stdout, duration_ms, hint
    FROM check_results WHERE submission_id = :id ORDER BY position"""
CELLS = """
    SELECT cell_id AS id, status, stdout, error, duration_ms
    FROM cell_results WHERE submission_id = :id ORDER BY position"""
_VERDICTS = """
    SELECT g.number, v.number AS version, g.status, g.score, g.max_score, g.graded_at, r.why
    FROM gradings g JOIN challenge_versions v ON v.id = g.version_id
        LEFT JOIN regradings r ON r.id = g.regrading_id
    WHERE g.submission_id = :id ORDER BY g.number"""
INSERT_CHECK = """
    INSERT INTO check_results (submission_id, position, check_id, title, status, points, max_points, hidden,
        message, stdout, duration_ms, hint)
    VALUES (:submission, :position, :id, :title, :status, :points, :max_points, :hidden,
        :message, :stdout, :duration_ms, :hint)"""
INSERT_CELL = """
    INSERT INTO cell_results (submission_id, position, cell_id, status, stdout, error, duration_ms)
    VALUES (:submission, :position, :id, :status, :stdout, :error, :duration_ms)"""


def _shown(
    row: Row[Any],
    checks: Sequence[Mapping[str, Any]],
    cells: Sequence[Mapping[str, Any]],
    place: int = 0,
    gradings: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """A submission as the API shows it."""
    timings = ("queue_ms", "sandbox_ms", "run_ms", "total_ms")
    return {
        **_summary(row),
        "message": row.message or "",
        "checks": [{**check, "hidden": bool(check["hidden"])} for check in checks],
        "cells": [{**cell, "error": cell["error"] and json.loads(cell["error"])} for cell in cells],
        "timings": {name: row._mapping[name] for name in timings} if row.state == State.FINISHED else None,
        "peak_memory_bytes": row.peak_memory_bytes,
        "position": place,
        # more than one where it was graded again: the last is the one that is shown
        "gradings": list(gradings),
    }


def as_read(part: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in part.items() if name not in ("submission", "position")}


def as_verdict(result: Result) -> dict[str, Any]:
    return {
        "status": result.status.value,
        "score": result.score,
        "message": clean(result.message),
        **asdict(result.timings),
        "peak": result.peak_memory_bytes,
    }


def as_check(submission: int, position: int, check: CheckResult) -> dict[str, Any]:
    texts = {name: clean(getattr(check, name)) for name in ("message", "stdout", "hint")}
    return {
        **asdict(check),
        **texts,
        "submission": submission,
        "position": position,
        "id": clean(check.id)[:255],
        "title": clean(check.title)[:500],
        "status": check.status.value,
    }


def as_cell(submission: int, position: int, cell: CellResult) -> dict[str, Any]:
    return {
        "submission": submission,
        "position": position,
        "id": clean(cell.id)[:255],
        "status": cell.status.value,
        "stdout": clean(cell.stdout),
        "error": cell.error and clean(json.dumps(cell.error, ensure_ascii=False)),
        "duration_ms": cell.duration_ms,
    }


def _summary(row: Row[Any]) -> dict[str, Any]:
    names = ("id", "challenge", "version", "state", "status", "score", "max_score")
    times = ("submitted_at", "started_at", "finished_at")
    return {
        **{name: row._mapping[name] for name in names},
        **{name: iso(row._mapping[name]) for name in times},
    }
