"""The record and the queue. The only package with SQL in it; build.sql says what every column is for.

All methods block: from asyncio call them through ``Database.run``. All raise DatabaseUnavailable. All may be
run twice with one effect, which is what lets ``Database.transaction`` try again after a broken connection.
"""

from __future__ import annotations

from .hints import Hints
from .queue import Queue
from .record import Record
from .rows import Accepted, NewSubmission, Version, Work
from .versions import Versions

__all__ = ["Accepted", "NewSubmission", "Store", "Version", "Work"]


class Store(Versions, Queue, Record, Hints):
    """One database: what is published, what waits, what came of it, and what helped."""
