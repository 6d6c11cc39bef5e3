"""Leaderboards: who takes part under which name, in which classes, and how they stand."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.exc import IntegrityError

from ..errors import DisplayNameTaken
from .rows import Table, audit, do, iso

TOP = 50
NEIGHBOURS = 2


class Leaderboards(Table):
    def participation(self, username: str) -> dict[str, Any] | None:
        """{"display_name", "since"}, or None for who does not take part."""
        return self.database.transaction(lambda db: _participation(db, username))

    def take_part(self, username: str, display_name: str, classes: Collection[str]) -> dict[str, Any]:
        """Join, or go on under another name; returns the participation. Raises DisplayNameTaken."""

        def body(db: Connection) -> dict[str, Any]:
            named = {"username": username, "name": display_name}
            try:
                if do(db, _JOIN, **named).rowcount == 0 and do(db, _RENAME, **named).rowcount == 0:
                    raise _taken()
            except IntegrityError as error:
                raise _taken() from error
            _keep_classes(db, username, classes)
            found = _participation(db, username)
            assert found is not None
            return found

        return self.database.transaction(body)

    def leave(self, username: str) -> None:
        """From now on nobody sees anything of theirs. The second time changes nothing."""
        query = "DELETE FROM leaderboard_members WHERE username = :username"
        self.database.transaction(lambda db: do(db, query, username=username))

    def take_off(self, display_name: str, who: str) -> bool:
        """By a moderator; False: nobody has that name. Which account it was is written down nowhere."""

        def body(db: Connection) -> bool:
            query = "DELETE FROM leaderboard_members WHERE display_name = :name"
            found = do(db, query, name=display_name).rowcount > 0
            if found:
                audit(db, who, "take off leaderboards", display_name, {})
            return found

        return self.database.transaction(body)

    def see_classes(self, username: str, classes: Collection[str]) -> None:
        """The Hub has just said that these are the learner's; of who takes part it is kept."""

        def body(db: Connection) -> None:
            if _participation(db, username) is not None:
                _keep_classes(db, username, classes)

        self.database.transaction(body)

    def leaderboard(
        self, username: str, challenge_ids: Collection[int], of_class: str | None = None
    ) -> dict[str, Any]:
        """How those who take part (in ``of_class``) stand in these challenges, as ``username`` may see it.

        ``learners``: how many have points. ``rows``: the first TOP of them, and ``username`` with NEIGHBOURS
        on both sides, in the order of ``place``, which counts from 1; equal points share a ``rank``, and
        whoever had them first stands first.
        """
        values = {"username": username, "challenges": list(challenge_ids), "most": TOP, "near": NEIGHBOURS}
        query = _OF_ALL if of_class is None else _OF_CLASS
        values |= {} if of_class is None else {"class": of_class}
        rows = self.database.transaction(lambda db: do(db, query, **values).all()) if challenge_ids else []
        names = ("place", "rank", "display_name", "points")
        return {
            "learners": rows[0].learners if rows else 0,
            "rows": [
                {name: row._mapping[name] for name in names}
                | {"passed": int(row.passed), "own": bool(row.own)}
                for row in rows
            ],
        }


def count_best(db: Connection, submission: int) -> None:
    """A first verdict of a submission is in: it can only add to what is known."""
    do(db, _COUNT, id=submission)


def recount_best(db: Connection, submission: int) -> None:
    """A verdict of a submission was replaced, perhaps by a lesser one: look at all of that learner's."""
    # Holds the row, so that a verdict that comes in at the same time is counted after this. That it counts
    # this one a second time is put right below.
    do(db, _COUNT, id=submission)
    key = do(db, "SELECT username, challenge_id FROM submissions WHERE id = :id", id=submission).one()
    best = do(db, _BEST, **key._mapping).one()
    do(db, _SET_BEST, **key._mapping, **best._mapping)


def _taken() -> DisplayNameTaken:
    return DisplayNameTaken(
        "Somebody else has this display name, or one that looks much the same. Choose another."
    )


def _participation(db: Connection, username: str) -> dict[str, Any] | None:
    row = do(db, _PARTICIPATION, username=username).one_or_none()
    return row and {"display_name": row.display_name, "since": iso(row.since)}


def _keep_classes(db: Connection, username: str, classes: Collection[str]) -> None:
    query = "SELECT class FROM leaderboard_classes WHERE username = :username"
    known = set(do(db, query, username=username).scalars())
    for name in known - set(classes):
        do(db, _OUT_OF_CLASS, username=username, **{"class": name})
    for name in set(classes) - known:
        do(db, _INTO_CLASS, username=username, **{"class": name})


_PARTICIPATION = "SELECT display_name, since FROM leaderboard_members WHERE username = :username"
# Not ON DUPLICATE KEY UPDATE: a name that is taken would rename the one who has it.
_JOIN = "INSERT IGNORE INTO leaderboard_members (username, display_name) VALUES (:username, :name)"
_RENAME = "UPDATE leaderboard_members SET display_name = :name WHERE username = :username"
_OUT_OF_CLASS = "DELETE FROM leaderboard_classes WHERE username = :username AND class = :class"
# IGNORE: two pages of one learner find the same, or the learner leaves at this moment
_INTO_CLASS = "INSERT IGNORE INTO leaderboard_classes (username, class) VALUES (:username, :class)"

_COUNT = """
    INSERT INTO best_scores (username, challenge_id, score, passed, submission_id, latest_id, attempts)
    SELECT username, challenge_id, score, status = 'passed', id, id, 1 FROM submissions WHERE id = :id
    ON DUPLICATE KEY UPDATE
        best_scores.attempts = best_scores.attempts + 1,
        best_scores.latest_id = GREATEST(best_scores.latest_id, submissions.id),
        best_scores.submission_id = CASE
            WHEN submissions.score > best_scores.score THEN submissions.id
            WHEN submissions.score = best_scores.score THEN LEAST(best_scores.submission_id, submissions.id)
            ELSE best_scores.submission_id END,
        best_scores.score = GREATEST(best_scores.score, submissions.score),
        best_scores.passed = best_scores.passed OR submissions.status = 'passed'"""
_BEST = """
    SELECT b.score, b.passed, b.attempts, MIN(s.id) AS first
    FROM (
        SELECT MAX(score) AS score, MAX(status = 'passed') AS passed, COUNT(*) AS attempts FROM submissions
        WHERE username = :username AND challenge_id = :challenge_id AND score IS NOT NULL) AS b
        JOIN submissions s
            ON s.username = :username AND s.challenge_id = :challenge_id AND s.score = b.score
    GROUP BY b.score, b.passed, b.attempts"""
_SET_BEST = """
    UPDATE best_scores
    SET score = :score, passed = :passed, submission_id = :first, attempts = :attempts
    WHERE username = :username AND challenge_id = :challenge_id"""

_BOARD = """
    WITH sums AS (
        SELECT m.username, m.display_name, ROUND(SUM(b.score), 2) AS points, SUM(b.passed) AS passed,
            MAX(IF(b.score > 0, b.submission_id, 0)) AS reached
        FROM {members} JOIN best_scores b ON b.username = m.username
        WHERE b.challenge_id IN :challenges
        GROUP BY m.username, m.display_name
        HAVING points > 0),
    placed AS (
        SELECT *, RANK() OVER (ORDER BY points DESC) AS `rank`,
            ROW_NUMBER() OVER (ORDER BY points DESC, reached) AS place, COUNT(*) OVER () AS learners
        FROM sums)
    SELECT p.place, p.`rank`, p.display_name, p.points, p.passed, p.learners, p.username = :username AS own
    FROM placed p LEFT JOIN placed me ON me.username = :username
    WHERE p.place <= :most OR (p.place + :near >= me.place AND p.place <= me.place + :near)
    ORDER BY p.place"""
_CHALLENGES: Any = bindparam("challenges", expanding=True)
_OF_ALL = text(_BOARD.format(members="leaderboard_members m")).bindparams(_CHALLENGES)
_OF_CLASS = text(
    _BOARD.format(
        members="leaderboard_classes k JOIN leaderboard_members m"
        " ON m.username = k.username AND k.class = :class"
    )
).bindparams(_CHALLENGES)
