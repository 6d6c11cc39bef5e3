"""Challenges, their versions, and which one learners get."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from ..errors import ChallengeInvalid, ChallengeUnknown, StateConflict, VersionConflict, VersionUnknown
from .rows import Table, Version, audit, clean, do, iso

WHY_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class NewVersion:
    """An author's notebook on its way to being published.

    ``release`` gives the learners' notebook for the number that the version gets. ``base`` is the number of
    the published version that this one was made from, 0 where nothing was published; None: whatever is.
    """

    slug: str
    source: str
    content_hash: str
    overview: dict[str, Any]
    release: Callable[[int], str]
    who: str
    why: str
    base: int | None = None
    reviewer: str | None = None
    forced: bool = False  # past a check or a review that it lacks


class Versions(Table):
    def publish(self, new: NewVersion) -> tuple[int, bool]:
        """Make ``new`` the published version; returns its number and whether it is new.

        A source that is a version already is published again under its old number. Raises VersionConflict
        when something else than ``base`` is published by now, and ChallengeInvalid when its prerequisites
        would lead back to it.
        """
        return self.database.transaction(lambda db: self._publish(db, new))

    @staticmethod
    def _publish(db: Connection, new: NewVersion) -> tuple[int, bool]:
        do(db, _NAME_CHALLENGE, slug=new.slug)
        challenge = do(db, _LOCK_CHALLENGE, slug=new.slug).one()
        same = {"challenge": challenge.id, "hash": new.content_hash}
        version = do(db, _SAME_VERSION, **same).one_or_none()
        if version and version.id == challenge.published_version_id:
            # nothing to do; also what is found here when a commit's answer got lost
            return version.number, False
        _require_base(db, challenge, new.base)
        _require_no_circle(db, new.slug, new.overview.get("prerequisites", []))
        if version:
            number, version_id = version.number, version.id
        else:
            number = do(db, _NEXT_NUMBER, challenge=challenge.id).scalar_one()
            notebooks = {"source": new.source, "release": new.release(number)}
            told = {"overview": json.dumps(new.overview), "who": new.who, "why": _short(new.why)}
            version_id = do(db, _INSERT_VERSION, **same, **notebooks, **told, number=number).lastrowid
        _point(
            db, challenge, new.slug, version_id, number, "publish", new.who, new.why, new.reviewer, new.forced
        )
        return number, version is None

    def rollback(self, slug: str, number: int, who: str, why: str, base: int | None = None) -> None:
        """Publish an older version again. Raises ChallengeUnknown, VersionUnknown, VersionConflict."""

        def body(db: Connection) -> None:
            challenge = _locked(db, slug)
            version = _version(db, challenge, slug, number)
            if challenge.published_version_id == version.id:
                return
            _require_base(db, challenge, base)
            _require_no_circle(db, slug, json.loads(version.overview).get("prerequisites", []))
            _point(db, challenge, slug, version.id, number, "rollback", who, why)

        self.database.transaction(body)

    def retire(self, slug: str, who: str, why: str) -> int:
        """Take a challenge from the learners' list; returns the number of the version that was published.

        Nothing is deleted: submissions stay, and ``restore`` brings it back. Raises ChallengeUnknown, and
        StateConflict when it is retired already.
        """

        def body(db: Connection) -> int:
            challenge = _locked(db, slug)
            if challenge.published_version_id is None:
                raise StateConflict(f"{slug} is retired already.", details={"state": "retired"})
            number = int(do(db, _NUMBER, id=challenge.published_version_id).scalar_one())
            _point(db, challenge, slug, None, number, "retire", who, why)
            return number

        return self.database.transaction(body)

    def restore(self, slug: str, who: str, why: str) -> int:
        """Publish again what was published when a challenge was retired; returns its number.

        Raises ChallengeUnknown, and StateConflict when it is not retired.
        """

        def body(db: Connection) -> int:
            challenge = _locked(db, slug)
            if challenge.published_version_id is not None:
                raise StateConflict(f"{slug} is not retired.", details={"state": "published"})
            version = do(db, _LAST_PUBLISHED, challenge=challenge.id).one_or_none()
            if version is None:
                raise ChallengeUnknown(f"{slug} has never been published.")
            _require_no_circle(db, slug, json.loads(version.overview).get("prerequisites", []))
            _point(db, challenge, slug, version.id, version.number, "restore", who, why)
            return int(version.number)

        return self.database.transaction(body)

    def history(self, slug: str) -> dict[str, Any]:
        """Every version, newest first, and which of them was published when. Raises ChallengeUnknown."""

        def body(db: Connection) -> dict[str, Any]:
            versions = do(db, _VERSIONS, slug=slug).all()
            if not versions:
                raise ChallengeUnknown("There is no such challenge.")
            publications = do(db, _PUBLICATIONS, challenge=versions[0].challenge_id).all()
            names = ("number", "content_hash", "created_by", "why", "title", "max_score")
            return {
                "slug": slug,
                "published": next((row.number for row in versions if row.published), None),
                "versions": [
                    {name: row._mapping[name] for name in names}
                    | {"created_at": iso(row.created_at), "published": bool(row.published)}
                    for row in versions
                ],
                "publications": [{**row._mapping, "at": iso(row.at)} for row in publications],
            }

        return self.database.transaction(body)

    def version(self, slug: str, number: int | None = None) -> Version:
        """One version, whether published or not; None: the published one.

        Raises ChallengeUnknown, VersionUnknown.
        """

        def body(db: Connection) -> Version:
            challenge = do(db, _FIND_CHALLENGE, slug=slug).one_or_none()
            if challenge is None:
                raise ChallengeUnknown("There is no such challenge.")
            if number is None:
                row = do(db, _BY_ID, id=challenge.published_version_id).one_or_none()
                if row is None:
                    raise VersionUnknown(f"{slug} is retired: none of its versions is published.")
            else:
                row = _version(db, challenge, slug, number)
            return Version(row.id, challenge.id, slug, row.number, json.loads(row.overview))

        return self.database.transaction(body)

    def challenge_id(self, slug: str) -> int:
        """Raises ChallengeUnknown."""
        row = self.database.transaction(lambda db: do(db, _FIND_CHALLENGE, slug=slug).one_or_none())
        if row is None:
            raise ChallengeUnknown("There is no such challenge.")
        return int(row.id)

    def contents(self, slug: str) -> set[str]:
        """The content hashes of all versions of a challenge."""
        return {
            str(row.content_hash)
            for row in self.database.transaction(lambda db: do(db, _VERSIONS, slug=slug))
        }

    def standing(self, slug: str) -> tuple[int | None, str | None]:
        """(Number of the published version or None, who published it last or None)."""

        def body(db: Connection) -> tuple[int | None, str | None]:
            row = do(db, _STANDING, slug=slug).one_or_none()
            return (row.number, row.who) if row else (None, None)

        return self.database.transaction(body)

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


def _short(why: str) -> str:
    return clean(why)[:WHY_LONGEST]


def _locked(db: Connection, slug: str) -> Row[Any]:
    challenge = do(db, _LOCK_CHALLENGE, slug=slug).one_or_none()
    if challenge is None:
        raise ChallengeUnknown("There is no such challenge.")
    return challenge


def _version(db: Connection, challenge: Row[Any], slug: str, number: int) -> Row[Any]:
    row = do(db, _BY_NUMBER, challenge=challenge.id, number=number).one_or_none()
    if row is None:
        raise VersionUnknown(f"{slug} has no version {number}.")
    return row


def _require_base(db: Connection, challenge: Row[Any], base: int | None) -> None:
    """``challenge`` is locked: of two who publish at once the second waits, and then sees the first's."""
    if base is None:
        return
    published = challenge.published_version_id
    current = do(db, _NUMBER, id=published).scalar_one() if published is not None else 0
    if current != base:
        now = f"version {current} is the published one now" if current else "nothing is published now"
        made_from = f"version {base}" if base else "no version"
        raise VersionConflict(
            f"This was made from {made_from}, and {now}. Look at what changed in between, put your change "
            "on top of it, and publish that.",
            details={"current": current or None, "base": base or None},
        )


def _require_no_circle(db: Connection, slug: str, prerequisites: list[str]) -> None:
    if not prerequisites:
        return
    # locked, so that two challenges that name each other cannot be published at the same moment
    do(db, "SELECT id FROM challenges ORDER BY id FOR UPDATE").all()
    graph = {row.slug: json.loads(row.prerequisites or "[]") for row in do(db, _PREREQUISITES)}
    graph[slug] = prerequisites
    way = _way_back(graph, slug)
    if way:
        raise ChallengeInvalid(
            "Its prerequisites lead back to itself: " + " needs ".join(way) + ". Take one of them out.",
            details={"circle": way},
        )


def _way_back(graph: dict[str, list[str]], start: str) -> list[str]:
    """A way along prerequisites from ``start`` to itself; empty when there is none."""
    ways = [[start]]
    seen = set()
    while ways:
        way = ways.pop()
        for need in graph.get(way[-1], ()):
            if need == start:
                return [*way, start]
            if need not in seen:
                seen.add(need)
                ways.append([*way, need])
    return []


def _point(
    db: Connection,
    challenge: Row[Any],
    slug: str,
    id: int | None,
    number: int,
    what: str,
    who: str,
    why: str,
    reviewer: str | None = None,
    forced: bool = False,
) -> None:
    do(db, "UPDATE challenges SET published_version_id = :v WHERE id = :id", v=id, id=challenge.id)
    version = challenge.published_version_id if id is None else id
    told = {"what": what, "who": who, "reviewer": reviewer, "why": _short(why)}
    do(db, _INSERT_PUBLICATION, challenge=challenge.id, version=version, **told)
    details = {"version": number, "why": _short(why)} | ({"reviewer": reviewer} if reviewer else {})
    details |= {"forced": True} if forced else {}
    audit(db, who, what, slug, details)


_FIND_CHALLENGE = "SELECT id, published_version_id FROM challenges WHERE slug = :slug"
_LOCK_CHALLENGE = _FIND_CHALLENGE + " FOR UPDATE"
# Not INSERT IGNORE: of several who publish at once each would share a lock on the row, and wait for the
# others to let go of it.
_NAME_CHALLENGE = (
    "INSERT INTO challenges (slug) VALUES (:slug) ON DUPLICATE KEY UPDATE slug = challenges.slug"
)
_SAME_VERSION = (
    "SELECT id, number FROM challenge_versions WHERE challenge_id = :challenge AND content_hash = :hash"
)
_NEXT_NUMBER = "SELECT COALESCE(MAX(number), 0) + 1 FROM challenge_versions WHERE challenge_id = :challenge"
_NUMBER = "SELECT number FROM challenge_versions WHERE id = :id"
_BY_ID = "SELECT id, number, overview FROM challenge_versions WHERE id = :id"
_BY_NUMBER = (
    "SELECT id, number, overview FROM challenge_versions WHERE challenge_id = :challenge AND number = :number"
)
_INSERT_VERSION = """
    INSERT INTO challenge_versions (challenge_id, number, content_hash, source_notebook, release_notebook,
        overview, created_by, why)
    VALUES (:challenge, :number, :hash, :source, :release, :overview, :who, :why)"""
_INSERT_PUBLICATION = """
    INSERT INTO publications (challenge_id, version_id, what, who, reviewer, why)
    VALUES (:challenge, :version, :what, :who, :reviewer, :why)"""
_VERSIONS = """
    SELECT v.challenge_id, v.number, v.content_hash, v.created_at, v.created_by, v.why,
        JSON_UNQUOTE(v.overview->'$.title') AS title, CAST(v.overview->'$.max_score' AS DOUBLE) AS max_score,
        COALESCE(v.id = c.published_version_id, FALSE) AS published
    FROM challenges c JOIN challenge_versions v ON v.challenge_id = c.id
    WHERE c.slug = :slug ORDER BY v.number DESC"""
_PUBLICATIONS = """
    SELECT v.number AS version, p.what, p.who, p.reviewer, p.why, p.at
    FROM publications p JOIN challenge_versions v ON v.id = p.version_id
    WHERE p.challenge_id = :challenge ORDER BY p.id DESC"""
# a challenge that was withdrawn before publications were kept gets its newest version back
_LAST_PUBLISHED = """
    SELECT v.id, v.number, v.overview FROM challenge_versions v
        LEFT JOIN publications p ON p.version_id = v.id AND p.what = 'retire'
    WHERE v.challenge_id = :challenge ORDER BY COALESCE(p.id, 0) DESC, v.number DESC LIMIT 1"""
_STANDING = """
    SELECT v.number, (SELECT p.who FROM publications p WHERE p.challenge_id = c.id ORDER BY p.id DESC LIMIT 1)
        AS who
    FROM challenges c LEFT JOIN challenge_versions v ON v.id = c.published_version_id WHERE c.slug = :slug"""
_PREREQUISITES = """
    SELECT c.slug, v.overview->'$.prerequisites' AS prerequisites
    FROM challenges c JOIN challenge_versions v ON v.id = c.published_version_id"""
_PUBLISHED = """
    SELECT v.id, v.challenge_id, c.slug, v.number, v.overview
    FROM challenges c JOIN challenge_versions v ON v.id = c.published_version_id"""
_SOURCE = """
    SELECT c.slug, v.source_notebook
    FROM challenge_versions v JOIN challenges c ON c.id = v.challenge_id WHERE v.id = :id"""
