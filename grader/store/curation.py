"""What happens to a challenge before it is published: drafts, their review, and reports of their fitness."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row

from ..errors import DraftUnknown, ReviewerIsAuthor, StateConflict
from .rows import clean, do, iso
from .versions import WHY_LONGEST, NewVersion, Versions

NOTE_LONGEST = 10_000


class DraftState(StrEnum):
    DRAFT = "draft"
    IN_REVIEW = "in_review"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class DraftContent:
    """What a draft holds. ``base`` is the number of the version that it was made from, None: none."""

    slug: str
    title: str
    source: str
    content_hash: str
    base: int | None
    why: str


@dataclass(frozen=True, slots=True)
class Draft:
    id: int
    revision: int
    state: DraftState
    author: str
    content: DraftContent


class Curation(Versions):
    def create_draft(self, content: DraftContent, author: str) -> int:
        def body(db: Connection) -> int:
            id = int(do(db, _INSERT_DRAFT, **_values(content), author=author).lastrowid)
            _note(db, id, 1, "create", author, content.why)
            return id

        return self.database.transaction(body)

    def revise_draft(self, id: int, content: DraftContent, who: str) -> int:
        """Replace what a draft holds, by its author; a review begins anew. Returns the new revision."""

        def body(db: Connection) -> int:
            draft = _open(db, id, DraftState.DRAFT, DraftState.IN_REVIEW)
            _require_author(draft, who)
            do(db, _REVISE, id=id, **_values(content))
            _note(db, id, draft.revision + 1, "revise", who, content.why)
            return draft.revision + 1

        return self.database.transaction(body)

    def note_on_draft(self, id: int, what: str, who: str, text: str, revision: int | None = None) -> None:
        """Comment on, submit, reject or withdraw a draft.

        ``revision`` is the one that ``who`` has seen. Raises DraftUnknown, StateConflict, ReviewerIsAuthor.
        """
        before, after = _STEPS[what]

        def body(db: Connection) -> None:
            draft = _open(db, id, *before)
            if what in ("submit", "withdraw"):
                _require_author(draft, who)
            if what == "reject":
                _require_other(draft, who)
            _require_seen(draft, revision)
            if after is not None:
                do(db, _SET_STATE, id=id, state=after.value)
            else:
                do(db, "UPDATE drafts SET updated_at = UTC_TIMESTAMP(6) WHERE id = :id", id=id)
            _note(db, id, draft.revision, what, who, text)

        self.database.transaction(body)

    def approve_draft(
        self, id: int, revision: int, who: str, text: str, version: Callable[[Draft], NewVersion]
    ) -> tuple[int, bool]:
        """Approve and publish in one transaction; returns what ``publish`` does.

        ``version`` makes the version from the draft as it then is. Raises what ``publish`` and
        ``note_on_draft`` raise.
        """

        def body(db: Connection) -> tuple[int, bool]:
            row = _open(db, id, DraftState.IN_REVIEW)
            _require_other(row, who)
            _require_seen(row, revision)
            number, new = self._publish(db, version(_draft(row)))
            do(db, _DRAFT_PUBLISHED, id=id, number=number)
            _note(db, id, row.revision, "approve", who, text)
            return number, new

        return self.database.transaction(body)

    def drafts(self, state: str | None = None, slug: str | None = None) -> list[dict[str, Any]]:
        """Without their notebooks, what changed last first; ``state`` None: those that are still open."""
        query = _DRAFTS + (" WHERE d.state = :state" if state else " WHERE d.state IN ('draft', 'in_review')")
        query += " AND d.slug = :slug" if slug else ""
        query += " ORDER BY d.updated_at DESC, d.id DESC LIMIT 500"
        values = {name: value for name, value in (("state", state), ("slug", slug)) if value}
        return [
            _shown_draft(row) for row in self.database.transaction(lambda db: do(db, query, **values).all())
        ]

    def draft(self, id: int) -> tuple[Draft, dict[str, Any]]:
        """A draft with its notebook, and how it is shown, with its notes. Raises DraftUnknown."""

        def body(db: Connection) -> tuple[Draft, dict[str, Any]]:
            row = do(db, _DRAFT + " WHERE d.id = :id", id=id).one_or_none()
            if row is None:
                raise DraftUnknown(f"There is no draft {id}.")
            notes = [{**note._mapping, "at": iso(note.at)} for note in do(db, _NOTES, id=id)]
            return _draft(row), {**_shown_draft(row), "notes": notes}

        return self.database.transaction(body)

    # --- fitness

    def keep_report(self, content_hash: str, fit: bool, report: dict[str, Any], who: str) -> None:
        text = clean(json.dumps(report, ensure_ascii=False))
        values = {"hash": content_hash, "fit": fit, "report": text, "who": who}
        self.database.transaction(lambda db: do(db, _KEEP_REPORT, **values))

    def report(self, content_hash: str) -> dict[str, Any] | None:
        """{"fit", "report", "checked_by", "checked_at"} of the latest check of this content, or None."""
        row = self.database.transaction(lambda db: do(db, _REPORT, hash=content_hash).one_or_none())
        return row and {
            "fit": bool(row.fit),
            "report": json.loads(row.report),
            "checked_by": row.checked_by,
            "checked_at": iso(row.checked_at),
        }


_STEPS: dict[str, tuple[tuple[DraftState, ...], DraftState | None]] = {
    "comment": ((DraftState.DRAFT, DraftState.IN_REVIEW), None),
    "submit": ((DraftState.DRAFT,), DraftState.IN_REVIEW),
    "reject": ((DraftState.IN_REVIEW,), DraftState.DRAFT),
    "withdraw": ((DraftState.DRAFT, DraftState.IN_REVIEW), DraftState.WITHDRAWN),
}


def _values(content: DraftContent) -> dict[str, Any]:
    return {
        "slug": content.slug,
        "title": clean(content.title)[:500],
        "source": content.source,
        "hash": content.content_hash,
        "base": content.base,
        "why": clean(content.why)[:WHY_LONGEST],
    }


def _open(db: Connection, id: int, *states: DraftState) -> Row[Any]:
    """The draft, locked, if it is in one of ``states``."""
    row = do(db, _DRAFT + " WHERE d.id = :id FOR UPDATE OF d", id=id).one_or_none()
    if row is None:
        raise DraftUnknown(f"There is no draft {id}.")
    if row.state not in states:
        wanted = " or ".join(state.value.replace("_", " ") for state in states)
        raise StateConflict(
            f"Draft {id} is {row.state.replace('_', ' ')}; for this it would have to be {wanted}.",
            details={"state": row.state},
        )
    return row


def _require_author(draft: Row[Any], who: str) -> None:
    if draft.author != who:
        raise StateConflict(
            f"Only its author, {draft.author}, can do this to draft {draft.id}. Comment on it, or make a "
            "draft of your own.",
            details={"author": draft.author},
        )


def _require_other(draft: Row[Any], who: str) -> None:
    if draft.author == who:
        raise ReviewerIsAuthor(
            "A challenge is reviewed by somebody other than its author. Ask another instructor.",
            details={"author": draft.author},
        )


def _require_seen(draft: Row[Any], revision: int | None) -> None:
    if revision is not None and draft.revision != revision:
        raise StateConflict(
            f"Draft {draft.id} was changed after you looked at it: it is at revision {draft.revision} now, "
            f"not {revision}. Read it again.",
            details={"state": draft.state, "revision": draft.revision},
        )


def _note(db: Connection, id: int, revision: int, what: str, who: str, text: str) -> None:
    do(db, _INSERT_NOTE, id=id, revision=revision, what=what, who=who, text=clean(text)[:NOTE_LONGEST])


def _draft(row: Row[Any]) -> Draft:
    content = DraftContent(row.slug, row.title, row.source_notebook, row.content_hash, row.base, row.why)
    return Draft(row.id, row.revision, DraftState(row.state), row.author, content)


def _shown_draft(row: Row[Any]) -> dict[str, Any]:
    names = ("id", "slug", "base", "state", "revision", "title", "author", "why", "version", "content_hash")
    times = {name: iso(row._mapping[name]) for name in ("created_at", "updated_at")}
    fit = None if row.fit is None else bool(row.fit)
    return {**{name: row._mapping[name] for name in names}, **times, "fit": fit}


_COLUMNS = """
    SELECT d.id, d.slug, d.base, d.state, d.revision, d.content_hash, d.title, d.author, d.why, d.created_at,
        d.updated_at, v.number AS version, f.fit"""
_FROM = """
    FROM drafts d LEFT JOIN challenge_versions v ON v.id = d.version_id
        LEFT JOIN fitness_reports f ON f.content_hash = d.content_hash"""
_DRAFTS = _COLUMNS + _FROM
_DRAFT = _COLUMNS + ", d.source_notebook" + _FROM
_NOTES = "SELECT revision, what, who, text, at FROM draft_notes WHERE draft_id = :id ORDER BY id"
_INSERT_DRAFT = """
    INSERT INTO drafts (slug, base, content_hash, source_notebook, title, author, why)
    VALUES (:slug, :base, :hash, :source, :title, :author, :why)"""
_REVISE = """
    UPDATE drafts SET slug = :slug, base = :base, content_hash = :hash, source_notebook = :source,
        title = :title, why = :why, state = 'draft', revision = revision + 1, updated_at = UTC_TIMESTAMP(6)
    WHERE id = :id"""
_SET_STATE = "UPDATE drafts SET state = :state, updated_at = UTC_TIMESTAMP(6) WHERE id = :id"
_DRAFT_PUBLISHED = """
    UPDATE drafts d JOIN challenges c ON c.slug = d.slug
        JOIN challenge_versions v ON v.challenge_id = c.id AND v.number = :number
    SET d.state = 'published', d.version_id = v.id, d.updated_at = UTC_TIMESTAMP(6)
    WHERE d.id = :id"""
_INSERT_NOTE = """
    INSERT INTO draft_notes (draft_id, revision, what, who, text)
    VALUES (:id, :revision, :what, :who, :text)"""
_KEEP_REPORT = """
    INSERT INTO fitness_reports (content_hash, fit, report, checked_by)
    VALUES (:hash, :fit, :report, :who) AS new
    ON DUPLICATE KEY UPDATE fit = new.fit, report = new.report, checked_by = new.checked_by,
        checked_at = UTC_TIMESTAMP(6)"""
_REPORT = "SELECT fit, report, checked_by, checked_at FROM fitness_reports WHERE content_hash = :hash"
