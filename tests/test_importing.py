"""``python -m grader import``: what becomes of an nbgrader course, and what it is told of each test.

What shows only when notebooks run is in tests/integration/test_importing.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from grader.challenge import load_challenge
from grader.cli import main

from .notebooks import cell, check, marked, notebook, setup, solution, text


class Course:
    """An nbgrader course on disk, and what ``import`` says of it."""

    def __init__(self, folder: Path, source: str = "source") -> None:
        self.folder, self.source = folder, folder / source

    def write(self, name: str, content: str) -> Path:
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def take(self, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, list[dict[str, Any]]]:
        status = main(["import", str(self.folder), "--no-run", "--json", *options], {})
        return status, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return Course(tmp_path)


ORDINARY = notebook(text("# Squares"), solution("square", "x = 1"), check("test", points=2))


def test_every_notebook_becomes_a_challenge_named_by_its_place(
    course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    course.write("ps1/Problem 1.ipynb", ORDINARY)
    course.write("ps1/ps1-extra.ipynb", ORDINARY)
    course.write("Große Übung/teil.ipynb", ORDINARY)
    course.write("ps1/.ipynb_checkpoints/Problem 1-checkpoint.ipynb", ORDINARY)
    status, taken = course.take(capsys)
    assert status == 0
    assert [(each["slug"], each["checks"], each["points"]) for each in taken] == [
        ("groe-ubung-teil", 1, 2.0),
        ("ps1-problem-1", 1, 2.0),
        ("ps1-extra", 1, 2.0),
    ]
    made = load_challenge(taken[1]["path"])
    assert (made.slug, made.title, made.track) == ("ps1-problem-1", "Squares", "ps1")
    assert Path(taken[1]["path"]).is_relative_to(course.folder / "challenges" / "ps1")


def test_the_cells_are_taken_as_they_are(course: Course, capsys: pytest.CaptureFixture[str]) -> None:
    path = course.write(
        "ps1/old.ipynb",
        notebook(
            setup("setup"),
            cell("x = 1", nbgrader={"solution": True, "grade": False, "locked": False, "grade_id": "a"}),
            cell("assert x == 1", nbgrader={"grade": True, "points": "2", "grade_id": "b"}),
            kernelspec={"name": "python", "display_name": "Python (course)"},
        ),
    )
    status, (taken,) = course.take(capsys)
    assert (status, taken["points"]) == (0, 2.0)  # schema version 0
    made = json.loads(Path(taken["path"]).read_text())
    assert made["cells"] == json.loads(path.read_text())["cells"]


def test_what_an_author_wrote_into_our_metadata_stays(
    course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    course.write("ps1/p.ipynb", notebook(check("test"), challenge={"slug": "mine", "title": "My title"}))
    _, (taken,) = course.take(capsys)
    made = load_challenge(taken["path"])
    assert (made.slug, made.title) == ("mine", "My title")


def test_a_second_import_changes_nothing_and_spares_what_was_worked_on(
    course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    course.write("ps1/p.ipynb", ORDINARY)
    path = Path(course.take(capsys)[1][0]["path"])
    status, (again,) = course.take(capsys)
    assert (status, again["outcome"]) == (0, "unchanged")
    path.write_text(worked_on := path.read_text().replace("Squares", "Cubes"))
    status, (refused,) = course.take(capsys)
    assert (status, refused["outcome"]) == (2, "refused")
    assert "is there already and is different" in refused["reason"]
    assert path.read_text() == worked_on


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        pytest.param(
            [marked("t", "Why?", "markdown", grade=True, solution=True, points=3)], "graded_by_hand"
        ),
        pytest.param([marked("t", "f(1)", grade=True, solution=True, points=3)], "graded_by_hand"),
        pytest.param([check("t", "x = 1\nx == 1")], "last_value_decides"),
        pytest.param([check("t", "not x")], "last_value_decides"),
        pytest.param([check("t", "import warnings\nwarnings.warn('x')")], "stderr_costs_points"),
        pytest.param([check("t", "import sys\nprint(1, file=sys.stderr)")], "stderr_costs_points"),
        pytest.param([check("t", "assert 'x' in In[-1]")], "reads_the_shell"),
        pytest.param([check("t", "rows = open('data.csv').read()")], "files_missing"),
    ],
)
def test_what_nbgrader_would_judge_differently_is_told(
    course: Course, capsys: pytest.CaptureFixture[str], cells: list[Any], code: str
) -> None:
    course.write("ps1/p.ipynb", notebook(*cells))
    course.write("ps1/data.csv", "1,2")
    status, (taken,) = course.take(capsys)
    assert status == 0
    assert [(each["code"], each["cell"]) for each in taken["differences"]] == [(code, "t")]


def test_an_ordinary_test_has_no_remark(course: Course, capsys: pytest.CaptureFixture[str]) -> None:
    course.write("ps1/p.ipynb", notebook(setup("s"), solution("a"), check("t"), check("u", "0.5 * 1")))
    assert course.take(capsys)[1][0]["differences"] == []


def test_what_is_no_challenge_is_refused_and_the_rest_taken(
    course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    course.write("ps1/a.ipynb", "{")
    course.write("ps1/b.ipynb", notebook(check("t", "### AUTOTEST f(1)")))
    course.write("ps1/c.ipynb", notebook(check("t"), check("t")))
    course.write("ps1/d.ipynb", notebook(kernelspec={"name": "ir", "language": "R"}))
    course.write("ps1/e.ipynb", ORDINARY)
    course.write("ps1/sub/E.ipynb", ORDINARY)
    status, taken = course.take(capsys)
    assert status == 1
    by_name = {each["notebook"]: each["reason"] for each in taken}
    assert "not valid JSON" in by_name["ps1/a.ipynb"]
    assert "AUTOTEST" in by_name["ps1/b.ipynb"]
    assert "grade_id" in by_name["ps1/c.ipynb"]
    assert "not for Python" in by_name["ps1/d.ipynb"]
    assert by_name["ps1/e.ipynb"] is None
    assert "is that of ps1/e.ipynb already" in by_name["ps1/sub/E.ipynb"]
    assert len(list((course.folder / "challenges").rglob("*.ipynb"))) == 1


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_that_is_no_course_is_said_to_be_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], there: bool
) -> None:
    folder = tmp_path / "course"
    if there:
        folder.mkdir()
    assert main(["import", str(folder), "--no-run"], {}) == 2
    told = capsys.readouterr().err
    assert str(folder) in told
    assert "course" in told


def test_another_source_directory_and_another_target(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    course = Course(tmp_path, source="instructor")
    course.write("ps1/p.ipynb", ORDINARY)
    target = tmp_path / "elsewhere"
    status, (taken,) = course.take(capsys, "--source", "instructor", "--to", str(target))
    assert status == 0
    assert Path(taken["path"]) == target / "ps1" / "ps1-p.ipynb"


def test_people_are_told_what_to_do_next(course: Course, capsys: pytest.CaptureFixture[str]) -> None:
    course.write("ps1/p.ipynb", notebook(text("# \x1b[31mRed"), check("t", "x == 1")))
    course.write("ps1/q.ipynb", "{")
    assert main(["import", str(course.folder), "--no-run"], {}) == 1
    told = capsys.readouterr().out
    assert "1 of 2 notebooks are challenges" in told
    assert "1 cells may be judged differently" in told
    assert "python -m grader check" in told
    assert "\x1b" not in told
