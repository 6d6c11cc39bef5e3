"""The judge as authors and learners meet it: whole notebooks, graded in real sandboxes, under each runtime."""

from __future__ import annotations

import asyncio
import functools
import json
import textwrap
from typing import Any

import pytest

from grader.challenge import parse_challenge
from grader.grading import grade
from grader.models import CellResult, CheckResult, Result, Status
from grader.pool import Pool

from ..notebooks import cell, check, notebook, setup, solution
from .judge_cases import CASES
from .sandboxes import engine_settings, runtimes

RUNTIMES = pytest.mark.parametrize("runtime", runtimes())


async def graded(runtime: str, author: list[Any], learner: list[Any] | None = None, **limits: Any) -> Result:
    """The author's notebook, answered with the learner's one (or with itself)."""
    about = {"slug": "judge", "limits": {"wall_s": 10, "total_s": 60, **limits}}
    challenge = parse_challenge(notebook(*author, challenge=about))
    async with Pool(engine_settings(runtime), size=0, max_total=1) as pool:
        return await grade(challenge, notebook(*(learner or author)), pool)


def told(result: Result) -> dict[str, str]:
    return {each.id: each.status.value for each in result.checks}


def told_of(result: Result, id: str) -> CheckResult:
    return next(each for each in result.checks if each.id == id)


def cell_of(result: Result, id: str) -> CellResult:
    return next(each for each in result.cells if each.id == id)


def code(source: str) -> str:
    return textwrap.dedent(source).strip()


# -- what the proxies owe an author's ordinary check -------------------------------------------------------


@functools.cache
def cases_graded(runtime: str, how: str) -> dict[str, CheckResult]:
    """All cases as one notebook; ``how``: "judge", "in-kernel", or "unanswered"."""
    about = {"judge": "in-kernel"} if how == "in-kernel" else None
    author, learner = [], []
    for number, (_, answer, source) in enumerate(CASES):
        author += [solution(f"answer-{number}", answer), check(f"check-{number}", source, about=about)]
        learner.append(solution(f"answer-{number}", "pass" if how == "unanswered" else answer))
    result = asyncio.run(graded(runtime, author, learner))
    return {CASES[number][0]: each for number, each in enumerate(result.checks)}


@RUNTIMES
@pytest.mark.parametrize("name", [name for name, _, _ in CASES])
def test_an_authors_ordinary_check_passes(runtime: str, name: str) -> None:
    found = cases_graded(runtime, "judge")[name]
    assert (found.status, found.message) == (Status.PASSED, "")


@pytest.mark.parametrize("name", [name for name, _, _ in CASES])
def test_the_same_check_passes_in_one_process(name: str) -> None:
    found = cases_graded("runc", "in-kernel")[name]
    assert (found.status, found.message) == (Status.PASSED, "")


@pytest.mark.parametrize("name", [name for name, _, _ in CASES])
def test_the_same_check_does_not_pass_without_its_answer(name: str) -> None:
    assert cases_graded("runc", "unanswered")[name].status in (Status.FAILED, Status.ERROR)
