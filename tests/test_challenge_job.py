"""From a learner's notebook to what runs: the author's cells as written, the learner's all kept."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.challenge import build_job, parse_challenge, parse_submission, release_notebook
from grader.errors import CellDuplicated, CellMissing, NotebookMalformed, NotebookNotPython, NotebookTooLarge
from grader.models import Challenge, Job, Role
from grader.notebook import MAX_SUBMISSION_BYTES

from .notebooks import cell, check, notebook, setup, solution, text

SOURCE = notebook(
    text("# Title"),
    setup("start", "import math"),
    solution("one", "a = 1"),
    check("check-one", "assert a == 1", points=2, about={"hidden": True, "compare": "learner"}),
    cell("print(a)"),
    solution("two", "b = 2"),
    check("check-two", "assert b == 2"),
)
CHALLENGE = parse_challenge(SOURCE, slug="some")

patient = settings(deadline=None)  # a busy machine is no failure


def job(*cells: Any, challenge: Challenge = CHALLENGE) -> Job:
    return build_job(challenge, parse_submission(notebook(*cells)))


def ids(job: Job) -> list[str]:
    return [step.id for step in job.steps]


def test_the_answers_run_between_the_authors_cells() -> None:
    made = job(solution("one", "a = 10"), solution("two", "b = 20"))
    assert [(step.kind, step.id, step.source) for step in made.steps] == [
        ("setup", "start", "import math"),
        ("cell", "one", "a = 10"),
        ("check", "check-one", "assert a == 1"),
        ("cell", "two", "b = 20"),
        ("check", "check-two", "assert b == 2"),
    ]


def test_a_check_takes_along_what_the_judge_needs_to_know() -> None:
    first = next(step for step in job(solution("one"), solution("two")).steps if step.kind == "check")
    assert (first.points, first.hidden, first.compare, first.judge) == (2.0, True, "learner", "process")


def test_tampered_and_reordered_cells_of_the_author_are_put_back() -> None:
    made = job(
        check("check-two", "pass", points=100),
        solution("two", "b = 2"),
        setup("start", "evil()"),
        check("check-one", "pass"),
        solution("one", "a = 1"),
    )
    assert ids(made) == ["start", "one", "check-one", "two", "check-two"]
    assert made.steps[0].source == "import math"
    assert [step.source for step in made.steps if step.kind == "check"] == ["assert a == 1", "assert b == 2"]


def test_own_cells_stay_behind_the_cell_that_they_follow() -> None:
    made = job(
        cell("first()"),
        setup("start"),
        cell("before one"),
        solution("one"),
        text("a note"),
        cell("after one"),
        solution("two"),
        check("check-two"),
        cell("last()"),
    )
    assert ids(made) == [
        "cell-0", "start", "cell-2", "one", "cell-5", "check-one", "two", "check-two", "cell-8",
    ]  # fmt: skip
    assert made.steps[0].source == "first()"


def test_an_own_cell_never_takes_the_name_of_one_of_the_authors() -> None:
    challenge = parse_challenge(notebook(solution("cell-0"), check("c")), slug="some")
    assert ids(job(cell("own()"), solution("cell-0"), challenge=challenge)) == ["cell-0-own", "cell-0", "c"]


def test_the_authors_unlocked_cell_runs_as_the_learner_left_it() -> None:
    made = job(solution("one"), cell("print('mine')"), solution("two"))
    assert [step.source for step in made.steps if step.id == "cell-1"] == ["print('mine')"]
    assert all("print(a)" not in step.source for step in job(solution("one"), solution("two")).steps)


def test_a_cell_with_a_grade_id_that_nobody_knows_is_the_learners_own() -> None:
    made = job(solution("one"), check("invented", "assert True", points=100), solution("two"))
    assert ids(made) == ["start", "one", "cell-1", "check-one", "two", "check-two"]
    assert made.steps[2].kind == "cell"
    assert sum(step.points for step in made.steps) == 3


def test_an_answer_that_was_turned_into_text_still_counts_as_code() -> None:
    words = solution("one", "a = 5")
    words["cell_type"] = "markdown"
    assert next(step for step in job(words, solution("two")).steps if step.id == "one").source == "a = 5"


def test_the_reference_is_the_authors_code_as_data() -> None:
    told = json.loads(job(solution("one", "a = 100"), solution("two")).reference)
    assert [(each["id"], each["role"], each["source"]) for each in told] == [
        ("start", "setup", "import math"),
        ("one", "solution", "a = 1"),
        ("check-one", "check", "assert a == 1"),
        ("cell-4", "free", "print(a)"),
        ("two", "solution", "b = 2"),
        ("check-two", "check", "assert b == 2"),
    ]


@pytest.mark.parametrize("nbgrader", [None, 7, "one", ["one"], {"grade_id": 5}, {"grade_id": ["one"]}])
def test_strange_metadata_make_a_cell_the_learners_own(nbgrader: Any) -> None:
    made = job(solution("one"), solution("two"), cell("own()", nbgrader=nbgrader))
    assert ids(made) == ["start", "one", "check-one", "two", "cell-2", "check-two"]


# -- what stops a notebook from being graded -------------------------------------------------------


def test_a_missing_answer_is_named() -> None:
    with pytest.raises(CellMissing) as caught:
        job(setup("start"), check("check-one"))
    assert caught.value.details == {"cell": "one", "cells": ["one", "two"]}
    assert "'one'" in caught.value.message


@pytest.mark.parametrize("twice", [solution("one"), check("check-one"), setup("start")])
def test_a_cell_that_is_there_twice_is_named(twice: Any) -> None:
    name = twice["metadata"]["nbgrader"]["grade_id"]
    cells = [setup("start"), solution("one"), check("check-one"), solution("two"), twice]
    with pytest.raises(CellDuplicated) as caught:
        job(*cells)
    assert caught.value.details["cell"] == name


def test_a_notebook_over_the_limit_is_too_large() -> None:
    with pytest.raises(NotebookTooLarge, match="larger than 2 MiB"):
        parse_submission(notebook(cell("x" * MAX_SUBMISSION_BYTES)))


def test_the_limit_counts_bytes() -> None:
    fits = notebook(cell("x"))
    padded = fits + " " * (MAX_SUBMISSION_BYTES - len(fits))
    assert parse_submission(padded)
    with pytest.raises(NotebookTooLarge):
        parse_submission(padded[:-1] + "é")


def test_another_language_is_not_graded() -> None:
    with pytest.raises(NotebookNotPython):
        parse_submission(notebook(cell("x"), kernelspec={"name": "ir", "language": "R"}))


@patient
@given(st.text() | st.binary())
def test_any_text_is_read_or_refused(data: str | bytes) -> None:
    with contextlib.suppress(NotebookMalformed):
        parse_submission(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["cell_type", "source", "metadata"]) | st.text(), inner)
    ),
    max_leaves=20,
)


@patient
@given(
    st.fixed_dictionaries(
        {"nbformat": st.just(4), "cells": st.lists(JSON) | JSON}, optional={"metadata": JSON}
    )
)
def test_any_shape_is_read_or_refused(shape: Any) -> None:
    with contextlib.suppress(NotebookMalformed, NotebookNotPython):
        parse_submission(json.dumps(shape))


# -- whatever a learner does to a notebook ---------------------------------------------------------

SOURCES = st.text(st.characters(codec=None, exclude_categories=()), max_size=8)  # surrogates and NULs too
NAMES = st.integers(0, 30).map("cell-{}".format) | st.sampled_from("abcdefgh")
KINDS = st.sampled_from([Role.SETUP, Role.SOLUTION, Role.CHECK])
MAKERS = {Role.SETUP: setup, Role.SOLUTION: solution, Role.CHECK: check}


@st.composite
def challenges(draw: st.DrawFn) -> tuple[Challenge, list[Any]]:
    names = draw(st.lists(NAMES, unique=True, max_size=6))
    cells = [MAKERS[draw(KINDS)](name, f"original = {name!r}") for name in names]
    for position in draw(st.lists(st.integers(0, len(cells)), max_size=3)):
        cells.insert(position, draw(st.sampled_from([cell("free"), text("told")])))
    return parse_challenge(notebook(*cells), slug="some"), cells


@st.composite
def submissions(draw: st.DrawFn, cells: list[Any]) -> list[Any]:
    """The author's cells shuffled, changed and partly gone (answers stay), with the learner's own between."""
    kept = [
        {**each, "source": draw(SOURCES)}
        for each in cells
        if (each["metadata"].get("nbgrader") or {}).get("solution") or draw(st.booleans())
    ]
    own = draw(st.lists(SOURCES.map(cell) | SOURCES.map(text), max_size=5))
    return draw(st.permutations(kept + own))


@patient
@given(st.data())
def test_whatever_a_learner_does_the_authors_cells_run_as_written(data: st.DataObject) -> None:
    challenge, cells = data.draw(challenges())
    learners = data.draw(submissions(cells))
    made = job(*learners, challenge=challenge)

    # the author's locked cells: each once, in order, letter by letter
    given_cells = [cell for cell in challenge.cells if cell.role in (Role.SETUP, Role.CHECK)]
    ran = [step for step in made.steps if step.kind in ("setup", "check")]
    assert [(step.id, step.source, step.points) for step in ran] == [
        (cell.id, cell.source, cell.points) for cell in given_cells
    ]
    # and the answers stand between them where the author put them
    order = [cell.id for cell in challenge.cells if cell.role in (Role.SETUP, Role.SOLUTION, Role.CHECK)]
    assert [step.id for step in made.steps if step.id in order] == order

    # all of the learner's code runs, and nothing else does
    locked = {cell.id for cell in given_cells}
    theirs = [
        each["source"]
        for each in learners
        if (each["metadata"].get("nbgrader") or {}).get("grade_id", "") not in locked
        and (each["cell_type"] == "code")
    ]
    assert Counter(step.source for step in made.steps if step.kind == "cell") == Counter(theirs)
    assert len(set(ids(made))) == len(made.steps)


@patient
@given(st.data())
def test_a_release_that_was_not_touched_runs_the_stubs(data: st.DataObject) -> None:
    challenge, cells = data.draw(challenges())
    release = release_notebook(challenge, notebook(*cells), 1)
    made = build_job(challenge, parse_submission(json.dumps(release)))
    runnable = [cell for cell in challenge.cells if cell.role is not Role.TEXT]
    assert [step.source for step in made.steps] == [
        cell.release_source if cell.role is Role.SOLUTION else cell.source for cell in runnable
    ]
