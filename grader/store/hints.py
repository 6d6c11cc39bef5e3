"""Which hints each learner has taken."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from .rows import OF_MADE, Table, do, iso

RECENT = 100  # whoever made more since the last hint, and failed in none of these, needs none


class Hints(Table):
    def hints(self, username: str, challenge_id: int) -> dict[str, Any]:
        """``hints``: [{"number", "taken_at", "attempts"}] in their order, ``attempts`` being the submissions
        made before; ``failed_since``: of the newest RECENT submissions those that were graded since the last
        one (or ever) and did not pass.
        """

        def body(db: Connection) -> dict[str, Any]:
            own = {"username": username, "challenge": challenge_id}
            rows = do(db, _TAKEN, **own).all()
            failed = do(db, _FAILED_SINCE, **own, recent=RECENT).scalar_one()
            return {
                "hints": [{**row._mapping, "taken_at": iso(row.taken_at)} for row in rows],
                "failed_since": int(failed),
            }

        return self.database.transaction(body)

    def take_hint(self, username: str, challenge_id: int, number: int) -> None:
        """Write down that it was taken; the second time changes nothing."""
        values = {"username": username, "challenge": challenge_id, "number": number}
        self.database.transaction(lambda db: do(db, _TAKE, **values))


_TAKEN = """
    SELECT number, taken_at, attempts FROM hints_taken
    WHERE username = :username AND challenge_id = :challenge ORDER BY number"""
_FAILED_SINCE = """
    SELECT COUNT(*) FROM (
        SELECT state, status, submitted_at FROM submissions FORCE INDEX (submissions_attempts)
        WHERE username = :username AND challenge_id = :challenge ORDER BY id DESC LIMIT :recent) AS newest
    WHERE state = 'finished' AND status NOT IN ('passed', 'internal_error')
        AND submitted_at > COALESCE(
            (SELECT MAX(taken_at) FROM hints_taken WHERE username = :username AND challenge_id = :challenge),
            '1970-01-01')"""
_TAKE = (
    "INSERT IGNORE INTO hints_taken (username, challenge_id, number, attempts) "
    + "SELECT :username, :challenge, :number, COALESCE(SUM(attempts), 0)"
    + OF_MADE
    + " WHERE challenge_id = :challenge"
)
