"""The record and the queue. The only module with SQL in it; build.sql says what every column is for.

All methods block: from asyncio call them through ``Database.run``. All raise DatabaseUnavailable. All may be
run twice with one effect, which is what lets ``Database.transaction`` try again after a broken connection.
"""

from __future__ import annotations

import json
import logging
import secrets
import zlib
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, CursorResult, Row, bindparam, text
from sqlalchemy.exc import IntegrityError

from .database import Database
from .errors import ChallengeUnknown, IdempotencyConflict, QueueFull
from .models import CellResult, CheckResult, Result, State

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Version:
    """A published version, without its notebooks. ``overview`` is the JSON that lists show."""

    id: int
    challenge_id: int
    slug: str
    number: int
    overview: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NewSubmission:
    """A submission at the door. ``content_hash`` covers challenge, version and ``notebook``, its text."""

    username: str
    idempotency_key: str
    content_hash: str
    notebook: str


@dataclass(frozen=True, slots=True)
class Work:
    """A submission in a worker's hands. Only the holder of ``claim`` can record its result."""

    id: int
    uuid: str
    claim: str
    version_id: int
    notebook: str
    attempts: int
    queue_ms: float


@dataclass(frozen=True, slots=True)
class Accepted:
    """``created`` is False for a repeated request; ``work`` is there when the caller holds the claim."""

    uuid: str
    state: State
    position: int
    created: bool
    work: Work | None = None


class Store:
    def __init__(self, database: Database) -> None:
        self.database = database

    # --- challenges

    def publish(
        self,
        slug: str,
        source: str,
        content_hash: str,
        overview: dict[str, Any],
        release: Callable[[int], str],
        who: str,
        why: str,
    ) -> tuple[int, bool]:
        """Make ``source`` the published version; ``release`` gives the learners' notebook for its number.

        A source that is a version already is published again under its old number. Returns the number and
        whether it is new.
        """

        def body(db: Connection) -> tuple[int, bool]:
            _do(db, "INSERT IGNORE INTO challenges (slug) VALUES (:slug)", slug=slug)
            challenge = _do(db, _LOCK_CHALLENGE, slug=slug).one()
            same = {"challenge": challenge.id, "hash": content_hash}
            version = _do(db, _SAME_VERSION, **same).one_or_none()
            if version:
                number, version_id = version.number, version.id
            else:
                number = _do(db, _NEXT_NUMBER, challenge=challenge.id).scalar_one()
                notebooks = {"source": source, "release": release(number), "overview": json.dumps(overview)}
                told = {"number": number, "who": who, "why": _clean(why)[:1000]}
                version_id = _do(db, _INSERT_VERSION, **same, **notebooks, **told).lastrowid
            self._point(db, challenge, slug, version_id, number, "publish", who, why)
            return number, version is None

        return self.database.transaction(body)

    def rollback(self, slug: str, number: int, who: str, why: str) -> None:
        """Publish an older version again. Raises ChallengeUnknown."""

        def body(db: Connection) -> None:
            challenge = _do(db, _LOCK_CHALLENGE, slug=slug).one_or_none()
            version_id = (
                challenge
                and _do(
                    db,
                    "SELECT id FROM challenge_versions WHERE challenge_id = :challenge AND number = :number",
                    challenge=challenge.id,
                    number=number,
                ).scalar_one_or_none()
            )
            if challenge is None or version_id is None:
                raise ChallengeUnknown(f"There is no version {number} of a challenge {slug!r}.")
            self._point(db, challenge, slug, version_id, number, "rollback", who, why)

        self.database.transaction(body)

    @staticmethod
    def _point(
        db: Connection, challenge: Row[Any], slug: str, id: int, number: int, what: str, who: str, why: str
    ) -> None:
        if challenge.published_version_id == id:
            return
        _do(db, "UPDATE challenges SET published_version_id = :v WHERE id = :id", v=id, id=challenge.id)
        details = json.dumps({"version": number, "why": _clean(why)})
        _do(
            db,
            "INSERT INTO audit (who, what, subject, details) VALUES (:who, :what, :slug, :details)",
            who=who,
            what=what,
            slug=slug,
            details=details,
        )

    def versions(self, slug: str) -> list[dict[str, Any]]:
        """Every version of a challenge, newest first."""
        rows = self.database.transaction(lambda db: _do(db, _VERSIONS, slug=slug).all())
        return [
            {**row._mapping, "created_at": _time(row.created_at), "published": bool(row.published)}
            for row in rows
        ]

    def published(self, slug: str | None = None) -> list[Version]:
        """The published version of every challenge, or of the one named (empty when there is none)."""
        query, values = (_PUBLISHED + " ORDER BY c.slug", {})
        if slug is not None:
            query, values = _PUBLISHED + " WHERE c.slug = :slug", {"slug": slug}
        rows = self.database.transaction(lambda db: _do(db, query, **values).all())
        return [
            Version(row.id, row.challenge_id, row.slug, row.number, json.loads(row.overview)) for row in rows
        ]

    def source(self, version_id: int) -> tuple[str, str]:
        """(slug, the author's notebook) of a version."""
        row = self.database.transaction(lambda db: _do(db, _SOURCE, id=version_id).one())
        return row.slug, row.source_notebook

    def release(self, version_id: int) -> str:
        """The learners' notebook of a version."""
        query = "SELECT release_notebook FROM challenge_versions WHERE id = :id"
        return str(self.database.transaction(lambda db: _do(db, query, id=version_id).scalar_one()))

    def progress(self, username: str) -> dict[int, dict[str, Any]]:
        """By challenge id: how far this learner is."""
        rows = self.database.transaction(lambda db: _do(db, _PROGRESS, username=username).all())
        return {
            row.challenge_id: {
                "state": "passed" if row.passed else "started",
                "best_score": row.best_score,
                "attempts": row.attempts,
            }
            for row in rows
        }

    # --- the queue

    def accept(
        self,
        new: NewSubmission,
        version: Version,
        *,
        queue_max: int,
        claim_as: str | None = None,
        lease_s: float = 30.0,
    ) -> Accepted:
        """Write a submission down: from here on it is not lost.

        With ``claim_as`` (a grader's name) and nobody waiting it is claimed in the same breath. The same key
        and content again gives the submission that is there. Raises IdempotencyConflict and QueueFull.
        """
        uuid, claim = str(uuid4()), secrets.token_hex(16)
        row = {
            "uuid": uuid,
            "username": new.username,
            "challenge": version.challenge_id,
            "version": version.id,
            "key": new.idempotency_key,
            "hash": new.content_hash,
            # the fastest level: the others take a multiple of its time and save little
            "notebook": zlib.compress(new.notebook.encode("utf-8", "surrogatepass"), 1),
            "max_score": version.overview["max_score"],
        }

        def body(db: Connection) -> Accepted:
            existing = self._by_key(db, new, uuid, claim)
            if existing:
                return existing
            queue = _do(db, _QUEUE, username=new.username).one()
            if queue.waiting >= queue_max:
                raise QueueFull(
                    "Many submissions are waiting to be graded. Your notebook is saved; please submit again "
                    "in a moment.",
                    retry_after_s=15,
                )
            turn = max(queue.head or 0, 0 if queue.own is None else queue.own + 1)
            if claim_as is not None and queue.waiting == 0:
                claimed = {"claim": claim, "name": claim_as, "lease": lease_s}
                id = _do(db, _INSERT_CLAIMED, **row, turn=turn, **claimed).lastrowid
                work = Work(id, uuid, claim, version.id, new.notebook, 1, 0.0)
                return Accepted(uuid, State.RUNNING, 0, True, work)
            id = _do(db, _INSERT_QUEUED, **row, turn=turn).lastrowid
            return Accepted(uuid, State.QUEUED, self._position(db, turn, id), True)

        try:
            return self.database.transaction(body)
        except IntegrityError:  # the same key came twice at the same time, and the other was first
            existing = self.database.transaction(lambda db: self._by_key(db, new, uuid, claim))
            if existing is None:
                raise
            return existing

    def repeated(self, new: NewSubmission) -> Accepted | None:
        """The submission that an earlier request with this key made, or None. Raises IdempotencyConflict."""
        return self.database.transaction(lambda db: self._by_key(db, new, "", ""))

    def _by_key(self, db: Connection, new: NewSubmission, uuid: str, claim: str) -> Accepted | None:
        row = _do(db, _BY_KEY, username=new.username, key=new.idempotency_key).one_or_none()
        if row is None:
            return None
        if row.content_hash != new.content_hash:
            raise IdempotencyConflict(
                "This idempotency key was used for a different submission. Use a new key for each click on "
                "Submit.",
                details={"submission": row.uuid},
            )
        position = self._position(db, row.turn, row.id) if row.state == State.QUEUED else 0
        # after a commit whose answer was lost, the row is the caller's own
        work = Work(row.id, uuid, claim, row.version_id, new.notebook, 1, 0.0) if row.claim == claim else None
        return Accepted(row.uuid, State(row.state), position, row.uuid == uuid, work)

    @staticmethod
    def _position(db: Connection, turn: int, id: int) -> int:
        return int(_do(db, _POSITION, turn=turn, id=id).scalar_one())

    def claim(self, name: str, lease_s: float) -> Work | None:
        """Take the next waiting submission, or None. Two that ask at once never get the same one."""
        claim = secrets.token_hex(16)

        def body(db: Connection) -> Work | None:
            row = _do(db, _NEXT).one_or_none()
            if row is None:
                return None
            _do(db, _CLAIM, claim=claim, name=name, lease=lease_s, id=row.id)
            notebook = _unpacked(row.uuid, row.notebook)
            waited_ms = max(0.0, float(row.queue_ms))
            return Work(row.id, row.uuid, claim, row.version_id, notebook, row.attempts + 1, waited_ms)

        return self.database.transaction(body)

    def keep(self, works: Collection[Work], lease_s: float) -> None:
        """Renew the leases of what is in hand, and of nothing else: a claim that got lost must run out."""
        if works:
            ids, claims = [work.id for work in works], [work.claim for work in works]
            self.database.transaction(lambda db: _do(db, _KEEP, lease=lease_s, ids=ids, claims=claims))

    def take_back(self, works: Collection[Work], name: str | None = None) -> list[str]:
        """Return to the queue what nobody works on: leases that ran out, and with ``name`` all that a grader
        of that name held before (it is starting, so it holds nothing). ``works`` are in hand and left alone.
        """
        held = {work.id for work in works}

        def body(db: Connection) -> list[str]:
            lost = [row for row in _do(db, _LOST, name=name) if row.id not in held]
            for row in lost:
                _do(db, _REQUEUE + " WHERE id = :id", id=row.id)
            return [row.uuid for row in lost]

        return self.database.transaction(body)

    def hand_back(self, work: Work) -> bool:
        """Return work unfinished and in good order: no attempt is counted. False: it was not the caller's."""
        return self.database.transaction(
            lambda db: _do(db, _HAND_BACK, id=work.id, claim=work.claim).rowcount == 1
        )

    def record(self, work: Work, result: Result) -> dict[str, Any] | None:
        """Write the verdict and all its parts in one transaction.

        Returns the submission as it now stands, or None: the claim is no longer the caller's, and nothing
        was written.
        """

        def body(db: Connection) -> dict[str, Any] | None:
            holder = {"id": work.id, "claim": work.claim}
            if _do(db, _FINISH, **holder, **_verdict(result)).rowcount == 1:
                checks = [_check(work.id, position, check) for position, check in enumerate(result.checks)]
                cells = [_cell(work.id, position, cell) for position, cell in enumerate(result.cells)]
                if checks:
                    db.execute(text(_INSERT_CHECK), checks)
                if cells:
                    db.execute(text(_INSERT_CELL), cells)
            # by the claim, not only the id: a commit whose answer was lost is found again here
            return self._whole(db, "s.id = :id AND s.claim = :claim AND s.state = 'finished'", **holder)

        return self.database.transaction(body)

    # --- the record

    def submission(self, uuid: str, username: str) -> dict[str, Any] | None:
        """The whole submission as the API shows it, or None: no such id, or another learner's."""
        own = "s.uuid = :uuid AND s.username = :username"
        return self.database.transaction(lambda db: self._whole(db, own, uuid=uuid, username=username))

    def _whole(self, db: Connection, where: str, **values: Any) -> dict[str, Any] | None:
        row = _do(db, f"{_SUMMARY} WHERE {where}", **values).one_or_none()
        if row is None:
            return None
        finished = row.state == State.FINISHED
        checks = _do(db, _CHECKS, id=row.key).all() if finished else []
        cells = _do(db, _CELLS, id=row.key).all() if finished else []
        timings = ("queue_ms", "sandbox_ms", "run_ms", "total_ms")
        return {
            **_summary(row),
            "message": row.message or "",
            "checks": [{**check._mapping, "hidden": bool(check.hidden)} for check in checks],
            "cells": [{**cell._mapping, "error": cell.error and json.loads(cell.error)} for cell in cells],
            "timings": {name: row._mapping[name] for name in timings} if finished else None,
            "peak_memory_bytes": row.peak_memory_bytes,
            "position": self._position(db, row.turn, row.key) if row.state == State.QUEUED else 0,
        }

    def submissions(self, username: str, slug: str | None, limit: int) -> list[dict[str, Any]]:
        """A learner's own, newest first."""
        query = _SUMMARY + " WHERE s.username = :username"
        query += " AND c.slug = :slug" if slug is not None else ""
        query += " ORDER BY s.id DESC LIMIT :limit"
        values = {"username": username, "limit": limit} | ({"slug": slug} if slug is not None else {})
        return [_summary(row) for row in self.database.transaction(lambda db: _do(db, query, **values).all())]

    def waiting(self) -> int:
        """How many submissions wait."""
        query = "SELECT COUNT(*) FROM submissions WHERE state = 'queued'"
        return int(self.database.transaction(lambda db: _do(db, query).scalar_one()))


def _do(db: Connection, statement: str, **values: Any) -> CursorResult[Any]:
    """Values only ever travel as parameters."""
    return db.execute(_prepared[statement] if statement in _prepared else text(statement), values)


_LOCK_CHALLENGE = "SELECT id, published_version_id FROM challenges WHERE slug = :slug FOR UPDATE"
_SAME_VERSION = (
    "SELECT id, number FROM challenge_versions WHERE challenge_id = :challenge AND content_hash = :hash"
)
_NEXT_NUMBER = "SELECT COALESCE(MAX(number), 0) + 1 FROM challenge_versions WHERE challenge_id = :challenge"
_INSERT_VERSION = """
    INSERT INTO challenge_versions (challenge_id, number, content_hash, source_notebook, release_notebook,
        overview, created_by, why)
    VALUES (:challenge, :number, :hash, :source, :release, :overview, :who, :why)"""
_VERSIONS = """
    SELECT v.number, v.content_hash, v.created_at, v.created_by, v.why,
        v.id = c.published_version_id AS published
    FROM challenges c JOIN challenge_versions v ON v.challenge_id = c.id
    WHERE c.slug = :slug ORDER BY v.number DESC"""
_PUBLISHED = """
    SELECT v.id, v.challenge_id, c.slug, v.number, v.overview
    FROM challenges c JOIN challenge_versions v ON v.id = c.published_version_id"""
_SOURCE = """
    SELECT c.slug, v.source_notebook
    FROM challenge_versions v JOIN challenges c ON c.id = v.challenge_id WHERE v.id = :id"""
_PROGRESS = """
    SELECT challenge_id, COUNT(*) AS attempts, MAX(score) AS best_score,
        COALESCE(MAX(status = 'passed'), 0) AS passed
    FROM submissions WHERE username = :username GROUP BY challenge_id"""

_QUEUE = """
    SELECT (SELECT COUNT(*) FROM submissions WHERE state = 'queued') AS waiting,
        (SELECT MIN(turn) FROM submissions WHERE state = 'queued') AS head,
        (SELECT MAX(turn) FROM submissions WHERE state = 'queued' AND username = :username) AS own"""
_INSERT = """
    INSERT INTO submissions (uuid, username, challenge_id, version_id, idempotency_key, content_hash,
        notebook, max_score, turn, state, claim, claimed_by, attempts, claimed_at, started_at, lease_until)
    VALUES (:uuid, :username, :challenge, :version, :key, :hash, :notebook, :max_score, :turn, """
_INSERT_QUEUED = _INSERT + "'queued', NULL, NULL, 0, NULL, NULL, NULL)"
_INSERT_CLAIMED = (
    _INSERT
    + "'running', :claim, :name, 1, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6),"
    + " UTC_TIMESTAMP(6) + INTERVAL :lease SECOND)"
)
_BY_KEY = """
    SELECT id, uuid, state, turn, content_hash, claim, version_id FROM submissions
    WHERE username = :username AND idempotency_key = :key"""
_POSITION = """
    SELECT COUNT(*) FROM submissions
    WHERE state = 'queued' AND (turn < :turn OR (turn = :turn AND id <= :id))"""
_NEXT = """
    SELECT id, uuid, version_id, notebook, attempts,
        TIMESTAMPDIFF(MICROSECOND, submitted_at, UTC_TIMESTAMP(6)) / 1000 AS queue_ms
    FROM submissions WHERE state = 'queued' ORDER BY turn, id LIMIT 1 FOR UPDATE SKIP LOCKED"""
_CLAIM = """
    UPDATE submissions SET state = 'running', claim = :claim, claimed_by = :name, attempts = attempts + 1,
        claimed_at = UTC_TIMESTAMP(6), started_at = UTC_TIMESTAMP(6),
        lease_until = UTC_TIMESTAMP(6) + INTERVAL :lease SECOND
    WHERE id = :id"""
_KEEP = """
    UPDATE submissions SET lease_until = UTC_TIMESTAMP(6) + INTERVAL :lease SECOND
    WHERE id IN :ids AND claim IN :claims AND state = 'running'"""
_LOST = """
    SELECT id, uuid FROM submissions
    WHERE state = 'running' AND (lease_until < UTC_TIMESTAMP(6) OR claimed_by = :name)
    FOR UPDATE SKIP LOCKED"""
_REQUEUE = """
    UPDATE submissions SET state = 'queued', claim = NULL, claimed_by = NULL, claimed_at = NULL,
        started_at = NULL, lease_until = NULL"""
_HAND_BACK = (
    _REQUEUE
    + ", attempts = GREATEST(attempts, 1) - 1 WHERE id = :id AND claim = :claim AND state = 'running'"
)
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

_prepared = {
    _KEEP: text(_KEEP).bindparams(bindparam("ids", expanding=True), bindparam("claims", expanding=True))
}


def _unpacked(uuid: str, notebook: bytes) -> str:
    try:
        return zlib.decompress(notebook).decode("utf-8", "surrogatepass")
    except (zlib.error, UnicodeDecodeError):
        # to be told to its learner as a notebook that cannot be read, and not to stand in everybody's way
        log.exception("the notebook of submission %s is damaged", uuid)
        return ""


def _verdict(result: Result) -> dict[str, Any]:
    return {
        "status": result.status.value,
        "score": result.score,
        "message": _clean(result.message),
        **asdict(result.timings),
        "peak": result.peak_memory_bytes,
    }


def _check(submission: int, position: int, check: CheckResult) -> dict[str, Any]:
    texts = {name: _clean(getattr(check, name)) for name in ("message", "stdout", "hint")}
    return {
        **asdict(check),
        **texts,
        "submission": submission,
        "position": position,
        "id": _clean(check.id)[:255],
        "title": _clean(check.title)[:500],
        "status": check.status.value,
    }


def _cell(submission: int, position: int, cell: CellResult) -> dict[str, Any]:
    return {
        "submission": submission,
        "position": position,
        "id": _clean(cell.id)[:255],
        "status": cell.status.value,
        "stdout": _clean(cell.stdout),
        "error": cell.error and _clean(json.dumps(cell.error, ensure_ascii=False)),
        "duration_ms": cell.duration_ms,
    }


def _summary(row: Row[Any]) -> dict[str, Any]:
    names = ("id", "challenge", "version", "state", "status", "score", "max_score")
    times = ("submitted_at", "started_at", "finished_at")
    return {
        **{name: row._mapping[name] for name in names},
        **{name: _time(row._mapping[name]) for name in times},
    }


def _time(value: datetime | None) -> str | None:
    return value.isoformat(timespec="microseconds") + "Z" if value else None


def _clean(value: str) -> str:
    """Learners' programs can print half characters (lone surrogates), which no database takes."""
    return value.encode("utf-8", "replace").decode("utf-8")
