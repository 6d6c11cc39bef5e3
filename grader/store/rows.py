"""What the store's callers hold, and what its modules share."""

from __future__ import annotations

import functools
import json
import logging
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, CursorResult, TextClause, text

from ..database import Database
from ..models import State

log = logging.getLogger(__name__)


# Of a learner, by challenge: what was graded, which is one row, and what was not yet, which is never much.
OF_MADE = """ FROM (
    SELECT challenge_id, attempts, score, passed FROM best_scores WHERE username = :username
    UNION ALL
    SELECT challenge_id, 1, NULL, FALSE FROM submissions FORCE INDEX (submissions_waiting)
    WHERE username = :username AND state IN ('queued', 'running')) AS made"""


@dataclass(frozen=True, slots=True)
class Version:
    """A published version, without its notebooks. ``overview`` is the JSON that lists show."""

    id: int
    challenge_id: int
    slug: str
    number: int
    overview: dict[str, Any]


class VersionReplaced(Exception):
    """The version that a submission is for is not the published one. Look what is, and try again."""


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
    username: str
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


class Table:
    """What each part of the store is built on."""

    def __init__(self, database: Database) -> None:
        self.database = database


def do(db: Connection, statement: str | TextClause, **values: Any) -> CursorResult[Any]:
    """Values only ever travel as parameters."""
    return db.execute(read(statement) if isinstance(statement, str) else statement, values)


def do_each(db: Connection, statement: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """The statement once for each row, in as few round trips as can be."""
    if rows:
        db.execute(read(statement), rows)


# Reading a statement takes longer than sending it, and the store has some hundred of them.
read = functools.lru_cache(maxsize=256)(text)


def audit(db: Connection, who: str, what: str, subject: str, details: dict[str, Any]) -> None:
    do(db, _AUDIT, who=who, what=what, subject=subject, details=json.dumps(details))


def position(db: Connection, turn: int, id: int) -> int:
    """A waiting submission's place in the queue, from 1."""
    return int(do(db, _POSITION, turn=turn, id=id).scalar_one())


_AUDIT = "INSERT INTO audit (who, what, subject, details) VALUES (:who, :what, :subject, :details)"


_POSITION = """
    SELECT COUNT(*) FROM submissions
    WHERE state = 'queued' AND (turn < :turn OR (turn = :turn AND id <= :id))"""


def unpacked(uuid: str, notebook: bytes) -> str:
    """The text of a learner's notebook as it is kept; empty where it is damaged."""
    try:
        return zlib.decompress(notebook).decode("utf-8", "surrogatepass")
    except (zlib.error, UnicodeDecodeError):
        # to be told to its learner as a notebook that cannot be read, and not to stand in everybody's way
        log.exception("the notebook of submission %s is damaged", uuid)
        return ""


def iso(value: datetime | None) -> str | None:
    return value.isoformat(timespec="microseconds") + "Z" if value else None


def clean(value: str) -> str:
    """Learners' programs can print half characters (lone surrogates), which no database takes."""
    return value.encode("utf-8", "replace").decode("utf-8")
