"""The record: verdicts, and what learners see of them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, text

from ..models import CellResult, CheckResult, Result, State
from .rows import Table, Work, clean, do, iso, position


class Record(Table):
    def record(self, work: Work, result: Result) -> dict[str, Any] | None:
        """Write the verdict and all its parts in one transaction.

        Returns the submission as it now stands, or None: the claim is no longer the caller's, and nothing
        was written.
        """

        def body(db: Connection) -> dict[str, Any] | None:
            holder = {"id": work.id, "claim": work.claim}
            if do(db, _FINISH, **holder, **_verdict(result)).rowcount == 1:
                checks = [_check(work.id, position, check) for position, check in enumerate(result.checks)]
                cells = [_cell(work.id, position, cell) for position, cell in enumerate(result.cells)]
                if checks:
                    db.execute(text(_INSERT_CHECK), checks)
                if cells:
                    db.execute(text(_INSERT_CELL), cells)
            # by the claim, not only the id: a commit whose answer was lost is found again here
            return self._whole(db, "s.id = :id AND s.claim = :claim AND s.state = 'finished'", **holder)

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
        checks = do(db, _CHECKS, id=row.key).all() if finished else []
        cells = do(db, _CELLS, id=row.key).all() if finished else []
        timings = ("queue_ms", "sandbox_ms", "run_ms", "total_ms")
        return {
            **_summary(row),
            "message": row.message or "",
            "checks": [{**check._mapping, "hidden": bool(check.hidden)} for check in checks],
            "cells": [{**cell._mapping, "error": cell.error and json.loads(cell.error)} for cell in cells],
            "timings": {name: row._mapping[name] for name in timings} if finished else None,
            "peak_memory_bytes": row.peak_memory_bytes,
            "position": position(db, row.turn, row.key) if row.state == State.QUEUED else 0,
        }

    def submissions(self, username: str, slug: str | None, limit: int) -> list[dict[str, Any]]:
        """A learner's own, newest first."""
        query = _SUMMARY + " WHERE s.username = :username"
        query += " AND c.slug = :slug" if slug is not None else ""
        query += " ORDER BY s.id DESC LIMIT :limit"
        values = {"username": username, "limit": limit} | ({"slug": slug} if slug is not None else {})
        return [_summary(row) for row in self.database.transaction(lambda db: do(db, query, **values).all())]

    def progress(self, username: str) -> dict[int, dict[str, Any]]:
        """By challenge id: how far this learner is."""
        rows = self.database.transaction(lambda db: do(db, _PROGRESS, username=username).all())
        return {
            row.challenge_id: {
                "state": "passed" if row.passed else "started",
                "best_score": row.best_score,
                "attempts": row.attempts,
            }
            for row in rows
        }


_FINISH = """
    UPDATE submissions SET state = 'finished', status = :status, score = :score, message = :message,
        queue_ms = :queue_ms, sandbox_ms = :sandbox_ms, run_ms = :run_ms, total_ms = :total_ms,
        peak_memory_bytes = :peak, finished_at = UTC_TIMESTAMP(6), lease_until = NULL
    WHERE id = :id AND claim = :claim AND state = 'running'"""

_SUMMARY = """
    SELECT s.id AS `key`, s.uuid AS id, c.slug AS challenge, v.number AS version, s.state, s.status, s.score,
        s.max_score, s.submitted_at, s.started_at, s.finished_at, s.message, s.queue_ms, s.sandbox_ms,
        s.run_ms, s.total_ms, s.peak_memory_bytes, s.turn
    FROM submissions s JOIN challenge_versions v ON v.id = s.version_id
        JOIN challenges c ON c.id = s.challenge_id"""
_PROGRESS = """
    SELECT challenge_id, COUNT(*) AS attempts, MAX(score) AS best_score,
        COALESCE(MAX(status = 'passed'), 0) AS passed
    FROM submissions WHERE username = :username GROUP BY challenge_id"""
_CHECKS = """
    SELECT check_id AS id, title, status, points, max_points, hidden, message, stdout, duration_ms, hint
    FROM check_results WHERE submission_id = :id ORDER BY position"""
_CELLS = """
    SELECT cell_id AS id, status, stdout, error, duration_ms
    FROM cell_results WHERE submission_id = :id ORDER BY position"""
_INSERT_CHECK = """
    INSERT INTO check_results (submission_id, position, check_id, title, status, points, max_points, hidden,
        message, stdout, duration_ms, hint)
    VALUES (:submission, :position, :id, :title, :status, :points, :max_points, :hidden,
        :message, :stdout, :duration_ms, :hint)"""
_INSERT_CELL = """
    INSERT INTO cell_results (submission_id, position, cell_id, status, stdout, error, duration_ms)
    VALUES (:submission, :position, :id, :status, :stdout, :error, :duration_ms)"""


def _verdict(result: Result) -> dict[str, Any]:
    return {
        "status": result.status.value,
        "score": result.score,
        "message": clean(result.message),
        **asdict(result.timings),
        "peak": result.peak_memory_bytes,
    }


def _check(submission: int, position: int, check: CheckResult) -> dict[str, Any]:
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


def _cell(submission: int, position: int, cell: CellResult) -> dict[str, Any]:
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
