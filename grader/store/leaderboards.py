"""Leaderboards: who takes part under which name, in which classes, and how they stand."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, text
from sqlalchemy.exc import IntegrityError

from ..database import Database
from ..errors import DisplayNameTaken
from .rows import Table, audit, do, iso

TOP = 50
NEIGHBOURS = 2
KEPT_S = 5.0

Key = tuple[tuple[int, ...], str | None]


@dataclass(frozen=True, slots=True)
class Standing:
    """``reached``: the submission that brought the last of the points; tells who had them first."""

    username: str
    display_name: str
    points: float
    passed: int
    reached: int


@dataclass(frozen=True, slots=True)
class Board:
    """What everybody who asks is told from, ``until`` then and while the ``members`` are these."""

    until: float
    members: tuple[Any, ...]
    standings: list[Standing]


class Leaderboards(Table):
    def __init__(self, database: Database) -> None:
        super().__init__(database)
        # adding up all that everybody has takes longer than all else that is done after a verdict
        self._boards: dict[Key, Board] = {}

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
        whoever had them first stands first. Who takes part, under which name, and what ``username`` has is
        told as it is now, what others have as it was at most KEPT_S ago.
        """
        if not challenge_ids:
            return {"learners": 0, "rows": []}
        key = (tuple(sorted(challenge_ids)), of_class)
        ask = _OF_ALL if of_class is None else _OF_CLASS
        whose: dict[str, Any] = {} if of_class is None else {"class": of_class}
        about = whose | {"challenges": key[0]}

        def body(db: Connection) -> dict[str, Any]:
            members = tuple(do(db, ask.members, **whose).one())
            kept = self._boards.get(key)
            if kept and kept.members == members and time.monotonic() < kept.until:
                own = _standings(do(db, ask.own, **about, username=username))
                board = [each for each in kept.standings if each.username != username] + own
                learners, shown = _placed(board, username)
                names = {each.username: each.display_name for _, _, each in shown}
                if not names or dict(map(tuple, do(db, ask.names, **whose, shown=list(names)))) == names:
                    return _told(learners, shown, username)
            standings = _standings(do(db, ask.standings, **about))
            self._keep(key, Board(time.monotonic() + KEPT_S, members, standings))
            return _told(*_placed(standings, username), username)

        return self.database.transaction(body)

    def _keep(self, key: Key, board: Board) -> None:
        now = time.monotonic()
        self._boards = {known: each for known, each in self._boards.items() if each.until > now} | {
            key: board
        }


def _standings(rows: Iterable[Row[Any]]) -> list[Standing]:
    return [
        Standing(row.username, row.display_name, row.points, int(row.passed), row.reached) for row in rows
    ]


def _placed(standings: list[Standing], username: str) -> tuple[int, list[tuple[int, int, Standing]]]:
    """How many there are, and of those to be shown (place, rank, standing)."""
    board = sorted(standings, key=lambda each: (-each.points, each.reached))
    own = next((place for place, each in enumerate(board, 1) if each.username == username), None)
    shown, rank, points = [], 0, 0.0
    for place, each in enumerate(board, 1):
        if each.points != points:
            rank, points = place, each.points
        if place <= TOP or (own is not None and abs(place - own) <= NEIGHBOURS):
            shown.append((place, rank, each))
    return len(board), shown


def _told(learners: int, shown: list[tuple[int, int, Standing]], username: str) -> dict[str, Any]:
    return {
        "learners": learners,
        "rows": [
            {
                "place": place,
                "rank": rank,
                "display_name": each.display_name,
                "points": each.points,
                "passed": each.passed,
                "own": each.username == username,
            }
            for place, rank, each in shown
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

_STANDINGS = """
    SELECT m.username, m.display_name, ROUND(SUM(b.score), 2) AS points, SUM(b.passed) AS passed,
        MAX(IF(b.score > 0, b.submission_id, 0)) AS reached
    FROM {members} JOIN best_scores b ON b.username = m.username
    WHERE b.challenge_id IN :challenges {only}
    GROUP BY m.username, m.display_name
    HAVING points > 0"""
_CHALLENGES: Any = bindparam("challenges", expanding=True)
_SHOWN: Any = bindparam("shown", expanding=True)


class _Questions:
    """About those who take part, or those of them who are in a class."""

    def __init__(self, members: str) -> None:
        # changes whenever somebody joins or leaves
        count = "SELECT COUNT(*), MAX(m.since) FROM {}"
        self.members = text(count.format(members))
        self.standings = text(_STANDINGS.format(members=members, only="")).bindparams(_CHALLENGES)
        own = _STANDINGS.format(members=members, only="AND m.username = :username")
        self.own = text(own).bindparams(_CHALLENGES)
        names = "SELECT m.username, m.display_name FROM {} WHERE m.username IN :shown"
        self.names = text(names.format(members)).bindparams(_SHOWN)


_OF_ALL = _Questions("leaderboard_members m")
_OF_CLASS = _Questions(
    "leaderboard_classes k JOIN leaderboard_members m ON m.username = k.username AND k.class = :class"
)
