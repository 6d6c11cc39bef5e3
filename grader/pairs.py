"""Many submissions, graded at the same time and reported in the order in which they were asked for."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .challenge import load_challenge
from .errors import ChallengeUnknown, GraderError, NotFound, RequestMalformed
from .grading import Sandboxes, grade
from .models import Challenge, Result, Status, Timings
from .notebook import MAX_SUBMISSION_BYTES

CHALLENGES_KEPT = 64  # parsed challenges in memory
AHEAD = 8  # results that may wait, for each job, until an earlier one is ready

log = logging.getLogger(__name__)

RESULT_KEYS = ("status", "score", "max_score", "checks", "cells", "timings", "peak_memory_bytes")
CHECK_KEYS = (
    "id",
    "title",
    "status",
    "points",
    "max_points",
    "hidden",
    "message",
    "stdout",
    "duration_ms",
)


@dataclass(frozen=True, slots=True)
class Pair:
    """One submission to grade, with its paths as they were written and as they are to be opened."""

    challenge: str
    submission: str
    folder: Path = Path()
    extra: dict[str, Any] = field(default_factory=dict)
    error: GraderError | None = None  # why this is no pair


@dataclass(frozen=True, slots=True)
class Graded:
    """A pair with its result, or with the reason why there is none."""

    pair: Pair
    challenge: Challenge | None = None
    result: Result | None = None
    error: GraderError | None = None

    @property
    def ok(self) -> bool:
        """Whether there is a verdict, whatever it is."""
        return self.result is not None and self.result.status is not Status.INTERNAL_ERROR


def read_pairs(lines: Iterable[bytes], folder: Path) -> Iterator[Pair]:
    """Lines of JSON, one pair each; empty ones are skipped. Of a line that is no pair the error says why."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _read_pair(line, number, folder)


def _read_pair(line: bytes, number: int, folder: Path) -> Pair:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        return Pair("", "", error=RequestMalformed(f"Line {number} is not a JSON object."))
    challenge, submission = values.pop("challenge", None), values.pop("submission", None)
    if not isinstance(challenge, str) or not isinstance(submission, str) or not challenge or not submission:
        error = RequestMalformed(
            f'Line {number} lacks "challenge" or "submission", the paths of two notebooks.'
        )
        return Pair(str(challenge or ""), str(submission or ""), folder, values, error)
    return Pair(challenge, submission, folder, values)


def result_line(graded: Graded) -> dict[str, Any]:
    """The result as the command line prints it; keys and order are part of its interface.

    A pair that could not be graded has the status internal_error, no points, and a further key "error".
    """
    pair, challenge = graded.pair, graded.challenge
    result = graded.result or Result(
        Status.INTERNAL_ERROR, 0.0, challenge.max_score if challenge else 0.0, (), (), Timings()
    )
    values = result.as_dict()
    line: dict[str, Any] = {"challenge": pair.challenge, "submission": pair.submission}
    line |= {key: values[key] for key in RESULT_KEYS}
    line["checks"] = [{key: check[key] for key in CHECK_KEYS} for check in values["checks"]]
    line["cells"] = list(values["cells"])
    if graded.error is not None:
        line |= graded.error.as_dict()
    return line | {key: value for key, value in pair.extra.items() if key not in line}


class Challenges:
    """Challenges by path, each read and parsed once while it is in use."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Path, Challenge | GraderError] = OrderedDict()

    def get(self, path: Path) -> Challenge:
        """Raises ChallengeUnknown or ChallengeInvalid."""
        if path not in self._kept:
            self._kept[path] = self._load(path)
            if len(self._kept) > CHALLENGES_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(path)
        found = self._kept[path]
        if isinstance(found, GraderError):
            raise found
        return found

    @staticmethod
    def _load(path: Path) -> Challenge | GraderError:
        try:
            return load_challenge(path)
        except (OSError, ValueError) as error:
            return ChallengeUnknown(f"The challenge {path} cannot be read: {_reason(error)}.")
        except GraderError as error:
            return error


async def grade_pairs(
    pairs: Iterable[Pair], pool: Sandboxes, challenges: Challenges, *, jobs: int
) -> AsyncGenerator[Graded]:
    """Grade up to ``jobs`` pairs at a time; yields in the order of ``pairs``, which is read as it goes."""
    slots = asyncio.Semaphore(jobs)
    waiting: deque[asyncio.Task[Graded]] = deque()
    try:
        for pair in pairs:
            waiting.append(asyncio.create_task(_grade_pair(pair, pool, challenges, slots)))
            while waiting and (waiting[0].done() or len(waiting) >= jobs * AHEAD):
                yield await waiting.popleft()
        while waiting:
            yield await waiting.popleft()
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def _grade_pair(
    pair: Pair, pool: Sandboxes, challenges: Challenges, slots: asyncio.Semaphore
) -> Graded:
    if pair.error is not None:
        return Graded(pair, error=pair.error)
    challenge = None
    async with slots:
        try:
            challenge = challenges.get(pair.folder / pair.challenge)
            notebook = _read_submission(pair.folder / pair.submission)
            return Graded(pair, challenge, await grade(challenge, notebook, pool))
        except GraderError as error:
            return Graded(pair, challenge, error=error)
        except Exception:
            # one pair never stops the others
            log.exception("%s could not be graded", pair.submission)
            return Graded(pair, challenge, error=GraderError("The grader itself failed; its log says why."))


def _read_submission(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_SUBMISSION_BYTES + 1)
    except (OSError, ValueError) as error:
        raise NotFound(f"The submission {path} cannot be read: {_reason(error)}.") from error


def _reason(error: OSError | ValueError) -> str:
    """Why a path cannot be opened; ValueError is what one gets that no file system could have."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
