"""The queue: accepting, claiming and giving back. A row of it is the submission itself."""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Collection
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Row, bindparam, text
from sqlalchemy.exc import IntegrityError

from ..errors import IdempotencyConflict, QueueFull
from ..models import State
from .rows import Accepted, NewSubmission, Table, Version, VersionReplaced, Work, do, position, unpacked


class Queue(Table):
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
        and content again gives the submission that is there. Raises IdempotencyConflict, QueueFull, and
        VersionReplaced when ``version`` is not the published one (any more).
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
            about = {"username": new.username, "key": new.idempotency_key, "challenge": version.challenge_id}
            queue = do(db, _QUEUE, **about).one()
            if queue.id is not None:
                return self._existing(db, queue, new, uuid, claim)
            if queue.published != version.id:
                raise VersionReplaced(version.id)
            if queue.waiting >= queue_max:
                raise QueueFull(
                    "Many submissions are waiting to be graded. Your notebook is saved; please submit again "
                    "in a moment.",
                    retry_after_s=15,
                )
            turn = max(queue.head or 0, 0 if queue.own is None else queue.own + 1)
            if claim_as is not None and queue.waiting == 0:
                claimed = {"claim": claim, "name": claim_as, "lease": lease_s}
                id = do(db, _INSERT_CLAIMED, **row, turn=turn, **claimed).lastrowid
                work = Work(id, uuid, new.username, claim, version.id, new.notebook, 1, 0.0)
                return Accepted(uuid, State.RUNNING, 0, True, work)
            id = do(db, _INSERT_QUEUED, **row, turn=turn).lastrowid
            return Accepted(uuid, State.QUEUED, position(db, turn, id), True)

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
        row = do(db, _BY_KEY, username=new.username, key=new.idempotency_key).one_or_none()
        return row and self._existing(db, row, new, uuid, claim)

    @staticmethod
    def _existing(db: Connection, row: Row[Any], new: NewSubmission, uuid: str, claim: str) -> Accepted:
        if row.content_hash != new.content_hash:
            raise IdempotencyConflict(
                "This idempotency key was used for a different submission. Use a new key for each click on "
                "Submit.",
                details={"submission": row.uuid},
            )
        place = position(db, row.turn, row.id) if row.state == State.QUEUED else 0
        # after a commit whose answer was lost, the row is the caller's own
        work = (
            Work(row.id, uuid, new.username, claim, row.version_id, new.notebook, 1, 0.0)
            if row.claim == claim
            else None
        )
        return Accepted(row.uuid, State(row.state), place, row.uuid == uuid, work)

    def claim(self, name: str, lease_s: float) -> Work | None:
        """Take the next waiting submission, or None. Two that ask at once never get the same one."""
        claim = secrets.token_hex(16)

        def work(row: Row[Any]) -> Work:
            notebook = unpacked(row.uuid, row.notebook)
            waited_ms = max(0.0, float(row.queue_ms))
            return Work(
                row.id, row.uuid, row.username, claim, row.version_id, notebook, row.attempt, waited_ms
            )

        def body(db: Connection) -> Work | None:
            row = do(db, _NEXT).one_or_none()
            if row is None:
                return None
            do(db, _CLAIM, claim=claim, name=name, lease=lease_s, id=row.id)
            return work(row)

        def done(db: Connection) -> Work | None:
            row = do(db, _CLAIMED, claim=claim).one_or_none()
            return row and work(row)

        return self.database.transaction(body, done)

    def keep(self, works: Collection[Work], lease_s: float) -> None:
        """Renew the leases of what is in hand, and of nothing else: a claim that got lost must run out."""
        if works:
            ids, claims = [work.id for work in works], [work.claim for work in works]
            self.database.transaction(lambda db: do(db, _KEEP, lease=lease_s, ids=ids, claims=claims))

    def take_back(self, works: Collection[Work], name: str | None = None) -> list[str]:
        """Return to the queue what nobody works on: leases that ran out, and with ``name`` all that a grader
        of that name held before (it is starting, so it holds nothing). ``works`` are in hand and left alone.
        """
        held = {work.id for work in works}

        def body(db: Connection) -> list[str]:
            lost = [row for row in do(db, _LOST, name=name) if row.id not in held]
            for row in lost:
                do(db, _REQUEUE + " WHERE id = :id", id=row.id)
            return [row.uuid for row in lost]

        return self.database.transaction(body)

    def hand_back(self, work: Work) -> bool:
        """Return work unfinished and in good order: no attempt is counted. False: it was not the caller's."""
        return self.database.transaction(
            lambda db: do(db, _HAND_BACK, id=work.id, claim=work.claim).rowcount == 1
        )

    def waiting(self) -> int:
        """How many submissions wait."""
        query = "SELECT COUNT(*) FROM submissions WHERE state = 'queued'"
        return int(self.database.transaction(lambda db: do(db, query).scalar_one()))


# One question instead of three while a learner waits: is it here already, how long is the queue, and is the
# version the published one.
_QUEUE = """
    SELECT s.id, s.uuid, s.state, s.turn, s.content_hash, s.claim, s.version_id,
        (SELECT COUNT(*) FROM submissions WHERE state = 'queued') AS waiting,
        (SELECT MIN(turn) FROM submissions WHERE state = 'queued') AS head,
        (SELECT MAX(turn) FROM submissions WHERE state = 'queued' AND username = :username) AS own,
        (SELECT published_version_id FROM challenges WHERE id = :challenge) AS published
    FROM (SELECT 1) AS once LEFT JOIN submissions s ON s.username = :username AND s.idempotency_key = :key"""
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
_NEXT = """
    SELECT id, uuid, username, version_id, notebook, attempts + 1 AS attempt,
        TIMESTAMPDIFF(MICROSECOND, submitted_at, UTC_TIMESTAMP(6)) / 1000 AS queue_ms
    FROM submissions WHERE state = 'queued' ORDER BY turn, id LIMIT 1 FOR UPDATE SKIP LOCKED"""
_CLAIMED = """
    SELECT id, uuid, username, version_id, notebook, attempts AS attempt,
        TIMESTAMPDIFF(MICROSECOND, submitted_at, started_at) / 1000 AS queue_ms
    FROM submissions WHERE state = 'running' AND claim = :claim"""
_CLAIM = """
    UPDATE submissions SET state = 'running', claim = :claim, claimed_by = :name, attempts = attempts + 1,
        claimed_at = UTC_TIMESTAMP(6), started_at = UTC_TIMESTAMP(6),
        lease_until = UTC_TIMESTAMP(6) + INTERVAL :lease SECOND
    WHERE id = :id"""
_KEEP = text("""
    UPDATE submissions SET lease_until = UTC_TIMESTAMP(6) + INTERVAL :lease SECOND
    WHERE id IN :ids AND claim IN :claims AND state = 'running'""").bindparams(
    bindparam("ids", expanding=True), bindparam("claims", expanding=True)
)
# Claimed in the future: the clock was put back since. Where somebody still works on it the lease was renewed
# by the new time. The minute: UTC_TIMESTAMP is that of the statement's beginning, which a claim may overtake.
_LOST = """
    SELECT id, uuid FROM submissions
    WHERE state = 'running' AND (lease_until < UTC_TIMESTAMP(6) OR claimed_by = :name
        OR (claimed_at > UTC_TIMESTAMP(6) + INTERVAL 1 MINUTE AND lease_until > claimed_at))
    FOR UPDATE SKIP LOCKED"""
_REQUEUE = """
    UPDATE submissions SET state = 'queued', claim = NULL, claimed_by = NULL, claimed_at = NULL,
        started_at = NULL, lease_until = NULL"""
_HAND_BACK = (
    _REQUEUE
    + ", attempts = GREATEST(attempts, 1) - 1 WHERE id = :id AND claim = :claim AND state = 'running'"
)
