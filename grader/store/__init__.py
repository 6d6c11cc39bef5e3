"""The record and the queue. The only package with SQL in it; build.sql says what every column is for.

All methods block: from asyncio call them through ``Database.run``. All raise DatabaseUnavailable. All may be
run twice with one effect, which is what lets ``Database.transaction`` try again after a broken connection.
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
