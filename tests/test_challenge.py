"""Reading an author's notebook: what each cell becomes, what is refused, and in which words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from grader.challenge import (
    build_job,
    load_challenge,
    parse_challenge,
    parse_submission,
    release_notebook,
)
from grader.errors import ChallengeInvalid
from grader.metadata import LIMIT_CEILINGS
from grader.models import Limits, Role
from grader.notebook import MAX_CELLS, MAX_CHALLENGE_BYTES

from .notebooks import cell, check, marked, notebook, setup, solution, text


def refused(source: str | bytes, **options: Any) -> ChallengeInvalid:
    with pytest.raises(ChallengeInvalid) as caught:
        parse_challenge(source, **({"filename": "some.ipynb"} | options))
    return caught.value


def roles(*cells: Any) -> list[Role]:
    return [cell.role for cell in parse_challenge(notebook(*cells), slug="some").cells]


# -- roles -----------------------------------------------------------------------------------------


def test_each_cell_plays_one_part() -> None:
    assert roles(
        text("# Title"), setup("start"), solution("answer"), check("check"), cell("print('try me')")
    ) == [Role.TEXT, Role.SETUP, Role.SOLUTION, Role.CHECK, Role.FREE]


def test_an_answer_that_a_person_grades_is_an_answer_without_points() -> None:
    manual = solution("essay-in-code", "plot()", grade=True, points=5)
    challenge = parse_challenge(notebook(manual, check("check", points=2)), slug="some")
    assert challenge.cells[0].role is Role.SOLUTION
    assert not challenge.cells[0].locked
    assert challenge.max_score == 2


def test_text_of_every_kind_is_text() -> None:
    assert set(
        roles(
            marked("told", "Read this", "markdown", locked=True),
            marked("essay", "Because", "markdown", grade=True, solution=True, points=3),
            marked("task", "Draw it", "markdown", locked=True, task=True, points=3),
            cell("raw", "raw"),
        )
    ) == {Role.TEXT}


def test_nbgrader_decides_what_is_locked() -> None:
    cells = parse_challenge(
        notebook(
            solution("a", locked=True),
            marked("b", "assert 1", grade=True, points=1),
            setup("c"),
            cell("d = 1"),
        ),
        slug="some",
    ).cells
    assert [cell.locked for cell in cells] == [False, True, True, False]


def test_a_check_is_hidden_by_its_region_or_by_its_metadata() -> None:
    region = "assert f(1) == 1\n### BEGIN HIDDEN TESTS\nassert f(7) == 7\n### END HIDDEN TESTS"
    challenge = parse_challenge(
        notebook(check("open"), check("region", region), check("whole", about={"hidden": True})), slug="some"
    )
    assert [check.hidden for check in challenge.checks] == [False, True, True]


def test_a_cell_without_a_grade_id_is_called_by_its_place() -> None:
    challenge = parse_challenge(notebook(setup("cell-1"), cell("a"), cell("b")), slug="some")
    assert [cell.id for cell in challenge.cells] == ["cell-1", "cell-1-text", "cell-2"]


def test_what_is_said_about_a_check() -> None:
    about = {"title": "Doubles", "hint": "Think of *", "compare": "learner", "judge": "in-kernel"}
    (found,) = parse_challenge(notebook(check("double", points=2.5, about=about)), slug="some").checks
    assert (found.title, found.hint, found.compare, found.judge) == (
        "Doubles",
        "Think of *",
        "learner",
        "in-kernel",
    )
    assert found.points == 2.5


def test_a_check_without_a_title_is_called_by_its_grade_id() -> None:
    assert parse_challenge(notebook(check("double")), slug="some").checks[0].title == "double"


# -- the versions of nbgrader's metadata -----------------------------------------------------------


@pytest.mark.parametrize("version", [None, 0, 1, 2, 3])
def test_every_version_of_nbgraders_metadata_is_read(version: int | None) -> None:
    marks: dict[str, Any] = {
        "grade": True,
        "solution": False,
        "locked": True,
        "points": 2,
        "grade_id": "check",
    }
    if version is not None:
        marks["schema_version"] = version
    (found,) = parse_challenge(notebook(cell("assert x", nbgrader=marks)), slug="some").checks
    assert (found.id, found.points, found.locked) == ("check", 2.0, True)


@pytest.mark.parametrize(("written", "points"), [("", 0), ("3", 3), ("2.5", 2.5), (-1, 0), (None, 0)])
def test_version_0_kept_what_was_typed_as_points(written: Any, points: float) -> None:
    marks = {"grade": True, "grade_id": "check", "points": written}
    assert parse_challenge(notebook(cell("assert x", nbgrader=marks)), slug="some").max_score == points


def test_version_0_may_leave_out_what_is_false() -> None:
    assert roles(cell("x = 1", nbgrader={"solution": True, "grade_id": "a"}), cell("1", nbgrader={})) == [
        Role.SOLUTION,
        Role.FREE,
    ]


def test_leftovers_of_a_checksum_do_no_harm() -> None:
    marks = {"checksum": "0" * 32, "cell_type": "code", "somebody": "else's"}
    assert roles(marked("check", "assert x", grade=True, points=1, **marks)) == [Role.CHECK]


def test_a_newer_version_is_refused() -> None:
    error = refused(notebook(solution("a", schema_version=4)))
    assert "newer" in error.message
    assert error.details == {"cell": "a"}


# -- what is refused, with the cell that is to blame -----------------------------------------------

NO_ID = cell("x", nbgrader={"solution": True, "grade": False, "locked": False, "schema_version": 3})


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (NO_ID, "no grade_id"),
        (solution(""), "no grade_id"),
        (solution("../../etc"), "grade_id"),
        (solution("a b"), "grade_id"),
        (solution("a" * 200), "grade_id"),
        (marked("a", "x", solution="yes"), "not true or false"),
        (marked("a", "x", grade=1), "not true or false"),
        (marked("a", "x", grade=True), "no points"),
        (check("a", points=-1), "negative"),
        (check("a", points="two"), "not a number"),
        (check("a", points=True), "not a number"),
        (check("a", points=float("nan")), "not a number"),
        (check("a", points=float("inf")), "not a number"),
        (check("a", points=10**400), "not a number"),
        (check("a", points=[1]), "not a number"),
        (marked("a", "x", schema_version="3"), "schema_version"),
        (cell("x", nbgrader=["grade"]), "not an object"),
        (marked("a", "Say why", "markdown", grade=True, points=1), "markdown"),
        (marked("a", "Say why", "markdown", solution=True), "markdown"),
        (marked("a", "x", task=True), "task cell must be a markdown cell"),
        (check("a", "### AUTOTEST f(1)"), "AUTOTEST"),
        (check("a", "x = '\ud800'"), "surrogate"),
        (check("a", "x = '\0'"), "NUL"),
        (check("a", about=["title"]), "not an object"),
        (check("a", about={"titel": "Doubles"}), "did you mean 'title'"),
        (check("a", about={"title": 3}), "not text"),
        (check("a", about={"title": "two\nlines"}), "line break"),
        (check("a", about={"title": "red \x1b[31m"}), "control character"),
        (check("a", about={"hint": "x" * 3000}), "3000 characters"),
        (check("a", about={"hidden": "yes"}), "not true or false"),
        (check("a", about={"compare": "both"}), '"judge" or "learner"'),
        (check("a", about={"judge": ["process"]}), '"process" or "in-kernel"'),
        (marked("a", "x", solution=True, about={"hidden": True}), "only in a check"),
        (check("a", "### BEGIN HIDDEN TESTS\nassert 1"), "never ends"),
        (check("a", "assert 1\n### END HIDDEN TESTS"), "without having begun"),
        (
            check("a", "### BEGIN HIDDEN TESTS\n### BEGIN HIDDEN TESTS\n### END HIDDEN TESTS"),
            "inside another",
        ),
        (solution("a", "### BEGIN SOLUTION\nx = 1"), "never ends"),
        (setup("a", "### BEGIN SOLUTION\nx = 1\n### END SOLUTION"), "an answer cell"),
        (
            solution(
                "a", "### BEGIN HIDDEN TESTS\n### END HIDDEN TESTS\n### BEGIN SOLUTION\n### END SOLUTION"
            ),
            "points",
        ),
        (text("=== BEGIN MARK SCHEME ===\n1 for a drawing\n=== END MARK SCHEME ==="), "a task cell"),
    ],
)
def test_a_cell_that_breaks_a_rule_is_named(wrong: Any, reason: str) -> None:
    error = refused(notebook(text("# Title"), wrong))
    assert error.message.startswith("Cell 2")
    assert reason in error.message
    name = wrong["metadata"].get("nbgrader")
    name = name.get("grade_id") if isinstance(name, dict) else None
    assert error.details == {"cell": name or "cell-1"}


def test_a_grade_id_that_is_there_twice() -> None:
    error = refused(notebook(solution("same"), cell("x"), check("same")))
    assert error.message == "Cell 3 (same): cell 1 already has its grade_id; every cell needs its own."
    assert error.details == {"cell": "same"}


DEEP = '{"nbformat": 4, "metadata": {}, "cells": ' + "[" * 5000 + "]" * 5000 + "}"
NESTED = notebook(cell("x", tags=json.loads("[" * 150 + "]" * 150)))


@pytest.mark.parametrize(
    "source",
    [
        "",
        "not json",
        b"\xff\xfe",
        "[]",
        "null",
        "{}",
        '{"nbformat": 3, "worksheets": []}',
        '{"nbformat": "4", "cells": []}',
        '{"nbformat": 4, "cells": {}}',
        '{"nbformat": 4, "cells": [1]}',
        '{"nbformat": 4, "cells": [], "metadata": []}',
        '{"nbformat": 4, "cells": [{"cell_type": "code"}]}',
        '{"nbformat": 4, "cells": [{"cell_type": "heading", "source": ""}]}',
        '{"nbformat": 4, "cells": [{"cell_type": "code", "source": [1]}]}',
        '{"nbformat": 4, "cells": [{"cell_type": "code", "source": "", "metadata": 3}]}',
        '{"nbformat": 4, "cells": [], "metadata": {"n": ' + "9" * 5000 + "}}",
        DEEP,
        NESTED,
        notebook(*[cell("1")] * (MAX_CELLS + 1)),
        " " * (MAX_CHALLENGE_BYTES + 1),
    ],
    ids=lambda source: repr(source[:60]),
)
def test_what_is_no_notebook_is_refused(source: str | bytes) -> None:
    assert refused(source).message


@pytest.mark.parametrize(
    ("about", "reason"),
    [
        ([], "not an object"),
        ({"slug": "../../etc/passwd"}, "slug"),
        ({"slug": "Capital"}, "slug"),
        ({"slug": "a--b"}, "slug"),
        ({"slug": "a" * 65}, "slug"),
        ({"slug": "trailing\n"}, "slug"),
        ({"slug": 7}, "slug"),
        ({"title": ["a"]}, "title is not text"),
        ({"difficulty": 6}, "difficulty"),
        ({"difficulty": True}, "difficulty"),
        ({"difficulty": 1.5}, "difficulty"),
        ({"tags": "one"}, "tags is not a list"),
        ({"tags": [1]}, "tags[0] is not text"),
        ({"prerequisites": ["../up"]}, "prerequisites[0]"),
        ({"track": "a/b"}, "track"),
        ({"image": "registry.example/evil:latest"}, "image"),
        ({"hints": [None]}, "hints[0] is not text"),
        ({"schema_version": 2}, "schema_version"),
        ({"limit": {}}, "did you mean 'limits'"),
        ({"limits": []}, "not an object"),
        ({"limits": {"memory": 1}}, "unknown key 'memory'"),
        ({"limits": {"memory_mb": 10**9}}, "from 128 to 2048"),
        ({"limits": {"memory_mb": 1}}, "from 128 to 2048"),
        ({"limits": {"memory_mb": 200.5}}, "whole number"),
        ({"limits": {"wall_s": float("nan")}}, "from 0.5 to 60"),
        ({"limits": {"wall_s": "5"}}, "not a number"),
        ({"limits": {"wall_s": 60, "total_s": 30}}, "wall_s (60) of one cell is more than total_s (30)"),
    ],
)
def test_what_the_notebook_says_of_itself_is_checked(about: Any, reason: str) -> None:
    assert reason in refused(notebook(cell("1"), challenge=about)).message


# -- what the notebook says of itself --------------------------------------------------------------


def test_the_image_that_a_challenge_needs_goes_with_its_job_and_its_release() -> None:
    text = notebook(cell("1"), challenge={"slug": "one", "image": "with-geo"})
    challenge = parse_challenge(text)
    assert build_job(challenge, parse_submission(text)).image == "with-geo"
    assert release_notebook(challenge, text, 1)["metadata"]["challenge"]["image"] == "with-geo"
    usual = parse_challenge(other := notebook(cell("1"), challenge={"slug": "one"}))
    assert "image" not in release_notebook(usual, other, 1)["metadata"]["challenge"]


def test_all_that_a_notebook_can_say_of_itself() -> None:
    about = {
        "schema_version": 1,
        "slug": "double-it",
        "title": "Double it",
        "summary": "Twice as much.",
        "difficulty": 2,
        "tags": ["numbers"],
        "track": "first-steps",
        "prerequisites": ["hello"],
        "hints": ["Add it to\nitself."],
        "limits": {"wall_s": 2, "memory_mb": 256},
    }
    challenge = parse_challenge(notebook(cell("1"), challenge=about), filename="other.ipynb")
    assert (challenge.slug, challenge.title, challenge.summary) == (
        "double-it",
        "Double it",
        "Twice as much.",
    )
    assert (challenge.difficulty, challenge.tags, challenge.track) == (2, ("numbers",), "first-steps")
    assert (challenge.prerequisites, challenge.hints) == (("hello",), ("Add it to\nitself.",))
    assert challenge.limits == Limits(wall_s=2.0, memory_mb=256)


def test_a_notebook_that_says_nothing_is_called_by_its_file_and_its_first_heading(tmp_path: Path) -> None:
    path = tmp_path / "Problem Set 1 – Größen.ipynb"
    path.write_text(notebook(text("Hello\n\n## Sizes ##\n"), check("a")))
    challenge = load_challenge(path)
    assert (challenge.slug, challenge.title) == ("problem-set-1-groen", "Sizes")


def test_without_a_heading_the_title_is_the_files_name() -> None:
    assert parse_challenge(notebook(cell("1")), filename="ps1.ipynb").title == "ps1"


def test_the_slug_that_a_caller_gives_counts() -> None:
    assert (
        parse_challenge(notebook(cell("1"), challenge={"slug": "inside"}), slug="outside").slug == "outside"
    )


@pytest.mark.parametrize("slug", ["../up", "", "A", "a/b", "a\0b", "."])
def test_a_slug_is_never_a_path(slug: str) -> None:
    refused(notebook(cell("1")), slug=slug, filename="")


def test_a_notebook_needs_some_name() -> None:
    assert "no slug" in refused(notebook(cell("1")), filename="???.ipynb").message


def test_a_misspelt_limit_does_not_silently_not_hold() -> None:
    about = {"limits": {"memory_md": 256}}
    assert "did you mean 'memory_mb'" in refused(notebook(cell("1"), challenge=about)).message


def test_the_usual_limits_are_within_the_ceilings() -> None:
    usual = Limits()
    for name in Limits.__slots__:
        assert getattr(usual, name) <= getattr(LIMIT_CEILINGS, name)


# -- kernels ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"kernelspec": {"name": "python", "display_name": "Python", "language": "python"}},
        {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        {"kernelspec": {"name": "conda-env-data-py", "display_name": "x"}},
        {"kernelspec": {"name": "my-course", "display_name": "x", "language": "python"}},
        {"kernelspec": {"name": "my-course"}, "language_info": {"name": "python"}},
        {"language_info": {"name": "python"}},
        {"kernelspec": None},
        {"kernelspec": {}},
    ],
)
def test_python_by_any_of_its_names(metadata: Any) -> None:
    source = json.loads(notebook(cell("1")))
    source["metadata"] = metadata
    assert parse_challenge(json.dumps(source), slug="some").slug == "some"


@pytest.mark.parametrize(
    "metadata",
    [
        {"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}},
        {"kernelspec": {"name": "julia-1.10", "display_name": "Julia"}},
        {"language_info": {"name": "R"}},
    ],
)
def test_another_language_is_refused(metadata: Any) -> None:
    source = json.loads(notebook(cell("1")))
    source["metadata"] = metadata
    assert "not for Python" in refused(json.dumps(source)).message
