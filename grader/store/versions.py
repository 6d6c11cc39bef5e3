"""Challenges and their published versions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Row

from ..errors import ChallengeUnknown
from .rows import Table, Version, audit, clean, do, iso


class Versions(Table):
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
            do(db, "INSERT IGNORE INTO challenges (slug) VALUES (:slug)", slug=slug)
            challenge = do(db, _LOCK_CHALLENGE, slug=slug).one()
            same = {"challenge": challenge.id, "hash": content_hash}
            version = do(db, _SAME_VERSION, **same).one_or_none()
            if version:
                number, version_id = version.number, version.id
            else:
                number = do(db, _NEXT_NUMBER, challenge=challenge.id).scalar_one()
                notebooks = {"source": source, "release": release(number), "overview": json.dumps(overview)}
                told = {"number": number, "who": who, "why": clean(why)[:1000]}
                version_id = do(db, _INSERT_VERSION, **same, **notebooks, **told).lastrowid
            self._point(db, challenge, slug, version_id, number, "publish", who, why)
            return number, version is None

        return self.database.transaction(body)

    def rollback(self, slug: str, number: int, who: str, why: str) -> None:
        """Publish an older version again. Raises ChallengeUnknown."""

        def body(db: Connection) -> None:
            challenge = do(db, _LOCK_CHALLENGE, slug=slug).one_or_none()
            version_id = (
                challenge
                and do(
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
        do(db, "UPDATE challenges SET published_version_id = :v WHERE id = :id", v=id, id=challenge.id)
        audit(db, who, what, slug, {"version": number, "why": clean(why)})

    def versions(self, slug: str) -> list[dict[str, Any]]:
        """Every version of a challenge, newest first."""
        rows = self.database.transaction(lambda db: do(db, _VERSIONS, slug=slug).all())
        return [
            {**row._mapping, "created_at": iso(row.created_at), "published": bool(row.published)}
            for row in rows
        ]

    def published(self, slug: str | None = None) -> list[Version]:
        """The published version of every challenge, or of the one named (empty when there is none)."""
        query, values = (_PUBLISHED + " ORDER BY c.slug", {})
        if slug is not None:
            query, values = _PUBLISHED + " WHERE c.slug = :slug", {"slug": slug}
        rows = self.database.transaction(lambda db: do(db, query, **values).all())
        return [
            Version(row.id, row.challenge_id, row.slug, row.number, json.loads(row.overview)) for row in rows
        ]

    def source(self, version_id: int) -> tuple[str, str]:
        """(slug, the author's notebook) of a version."""
        row = self.database.transaction(lambda db: do(db, _SOURCE, id=version_id).one())
        return row.slug, row.source_notebook

    def release(self, version_id: int) -> str:
        """The learners' notebook of a version."""
        query = "SELECT release_notebook FROM challenge_versions WHERE id = :id"
        return str(self.database.transaction(lambda db: do(db, query, id=version_id).scalar_one()))


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
