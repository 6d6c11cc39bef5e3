"""The record and the queue. The only package with SQL in it; build.sql says what every column is for.

All methods block: from asyncio call them through ``Database.run``. All raise DatabaseUnavailable.

``Database.transaction`` runs a step again after a broken connection, also when its commit came through and
only the answer was lost. For what concerns learners (submissions, claims, verdicts, hints, leaderboards), and
for publishing, twice has the effect of once. What curators do by hand may then show: a draft, note, revision
or rollback that is there twice, or a StateConflict about what the first run did.
"""

from __future__ import annotations

from .curation import Curation, Draft, DraftContent, DraftState
from .hints import Hints
from .leaderboards import Leaderboards
from .queue import Queue
from .regrading import CHANGES_SHOWN, RegradingItem, Regradings, Target
from .rows import Accepted, NewSubmission, Version, VersionReplaced, Work
from .versions import NewVersion

__all__ = [
    "CHANGES_SHOWN",
    "Accepted",
    "Draft",
    "DraftContent",
    "DraftState",
    "NewSubmission",
    "NewVersion",
    "RegradingItem",
    "Store",
    "Target",
    "Version",
    "VersionReplaced",
    "Work",
]


class Store(Curation, Queue, Regradings, Hints, Leaderboards):
    """One database: what is published, what waits, what came of it, what helped, and who shows it."""
