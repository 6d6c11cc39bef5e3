"""What a learner receives: nothing that the author meant to keep, and cells that can be put back."""

from __future__ import annotations

import json
from typing import Any

import nbformat
import pytest

from grader.challenge import parse_challenge, release_notebook
from grader.errors import ChallengeInvalid
from grader.release import CODE_STUB, HIDDEN_STUB, TEXT_STUB

from .notebooks import cell, check, marked, notebook, setup, solution, text


def released(*cells: Any, **metadata: Any) -> dict[str, Any]:
    source = notebook(*cells, **metadata)
    made = release_notebook(parse_challenge(source, slug="some"), source, 7)
    nbformat.validate(nbformat.from_dict(json.loads(json.dumps(made))))
    return made


def sources(*cells: Any) -> list[str]:
    return [cell["source"] for cell in released(*cells)["cells"]]


# -- regions, as nbgrader treats them --------------------------------------------------------------


def test_a_region_becomes_a_stub_with_its_indentation() -> None:
    source = (
        "def double(x):\n"
        '    """Twice x."""\n'
        "    ### BEGIN SOLUTION\n"
        "    return 2 * x\n"
        "    ### END SOLUTION\n"
        "\n"
        "double(3)"
    )
    assert sources(solution("double", source)) == [
        'def double(x):\n    """Twice x."""\n'
        "    # YOUR CODE HERE\n    raise NotImplementedError()\n\n"
        "double(3)"
    ]


def test_two_regions_become_two_stubs() -> None:
    source = "# BEGIN SOLUTION\na = 1\n# END SOLUTION\nb = 2\n# BEGIN SOLUTION\nc = 3\n# END SOLUTION"
    assert sources(solution("abc", source)) == [f"{CODE_STUB}\nb = 2\n{CODE_STUB}"]


@pytest.mark.parametrize("source", ["a = 1\nb = 2", "", "a = 1\n### END SOLUTION"])
def test_an_answer_without_a_region_is_replaced_as_a_whole(source: str) -> None:
    assert sources(solution("a", source)) == [CODE_STUB]


def test_an_answer_in_words_gets_a_stub_in_words() -> None:
    essay = marked("essay", "Because.", "markdown", grade=True, solution=True, points=1)
    assert sources(essay) == [TEXT_STUB]


def test_hidden_tests_are_cut_out_and_the_rest_stays() -> None:
    source = (
        "assert f(1) == 1\n### BEGIN HIDDEN TESTS\nassert f(7) == 7\n### END HIDDEN TESTS\nassert f(2) == 2"
    )
    assert sources(check("f", source)) == ["assert f(1) == 1\nassert f(2) == 2"]


def test_a_check_that_is_hidden_as_a_whole_keeps_its_place() -> None:
    region = "### BEGIN HIDDEN TESTS\nassert f(7) == 7\n### END HIDDEN TESTS\n"
    assert (
        sources(check("a", region), check("b", "assert f(8) == 8", about={"hidden": True}))
        == [HIDDEN_STUB] * 2
    )


def test_a_mark_scheme_is_for_those_who_mark() -> None:
    source = "Draw a tree.\n=== BEGIN MARK SCHEME ===\n1 for roots\n=== END MARK SCHEME ==="
    assert sources(marked("tree", source, "markdown", task=True, locked=True)) == ["Draw a tree."]


def test_what_is_given_is_given_as_it_is() -> None:
    given = [text("# Title"), setup("start", "import math"), check("c", "assert x"), cell("try_me()")]
    assert sources(*given) == ["# Title", "import math", "assert x", "try_me()"]


# -- nothing else goes with it ---------------------------------------------------------------------


def test_no_hint_output_or_secret_of_the_author_goes_with_it() -> None:
    ran = check("c", "assert x == 1", about={"title": "One", "hint": "SECRET hint", "compare": "learner"})
    ran["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "SECRET output"}]
    ran["execution_count"] = 3
    ran["metadata"] |= {"notes": "SECRET note", "tags": ["kept"]}
    made = released(ran, challenge={"hints": ["SECRET hints"]}, author="SECRET name", celltoolbar="x")
    assert "SECRET" not in json.dumps(made)
    (only,) = made["cells"]
    assert only["metadata"]["tags"] == ["kept"]
    assert only["metadata"]["challenge"] == {"title": "One"}
    assert only["outputs"] == []
    assert only["execution_count"] is None


def test_a_picture_that_nothing_shows_any_more_stays_behind() -> None:
    image = {"image/png": "AAAA"}
    essay = marked("essay", "![](attachment:answer.png)", "markdown", grade=True, solution=True, points=1)
    essay["attachments"] = {"answer.png": image}
    told = text("![](attachment:task.png)")
    told["attachments"] = {"task.png": image, "old.png": image}
    cells = released(essay, told)["cells"]
    assert "attachments" not in cells[0]
    assert cells[1]["attachments"] == {"task.png": image}


def test_a_hidden_check_says_that_it_is_one() -> None:
    made = released(check("c", "assert x == 1", about={"title": "One", "hidden": True}))
    assert made["cells"][0]["metadata"]["challenge"] == {"title": "One", "hidden": True}


# -- what the learner's side needs -----------------------------------------------------------------


def test_a_release_says_what_it_is() -> None:
    made = released(cell("1"), challenge={"title": "Some title"})
    assert made["metadata"]["challenge"] == {"slug": "some", "title": "Some title", "version": 7}
    assert made["metadata"]["kernelspec"]["name"] == "python3"


def test_what_may_be_edited_and_what_may_be_deleted() -> None:
    essay = marked("essay", "Because.", "markdown", grade=True, solution=True, points=1)
    cells = [text("# Title"), setup("s"), solution("a"), check("c"), cell("free()"), essay]
    rights = [
        (cell["metadata"].get("editable", True), cell["metadata"].get("deletable", True))
        for cell in released(*cells)["cells"]
    ]
    locked, answer, free = (False, False), (True, False), (True, True)
    assert rights == [locked, locked, answer, locked, free, answer]


def test_the_marks_are_nbgraders_newest() -> None:
    old = cell("assert x", nbgrader={"grade": True, "grade_id": "c", "points": "2"})
    assert released(old)["cells"][0]["metadata"]["nbgrader"] == {
        "schema_version": 3,
        "grade_id": "c",
        "grade": True,
        "solution": False,
        "locked": True,
        "task": False,
        "points": 2.0,
    }


def test_cells_have_the_same_ids_at_every_release() -> None:
    named = setup("s") | {"id": "by-the-author"}
    bad = solution("a") | {"id": "not an id!"}
    twice = [cell("1") | {"id": "twin"}, cell("2") | {"id": "twin"}]
    made = [cell["id"] for cell in released(named, bad, *twice, text("# T"))["cells"]]
    assert made == ["by-the-author", "a", "twin", "twin-2", "cell-4"]
    assert made == [cell["id"] for cell in released(named, bad, *twice, text("# T"))["cells"]]


def test_a_release_can_be_published_as_a_challenge_again() -> None:
    made = json.dumps(released(text("# Title"), setup("s"), solution("a"), check("c")))
    assert json.dumps(release_notebook(parse_challenge(made), made, 7)) == made


def test_a_release_of_what_no_notebook_may_hold_is_refused() -> None:
    source = notebook(cell("1", tags="not a list"))
    with pytest.raises(ChallengeInvalid, match="would not be valid"):
        release_notebook(parse_challenge(source, slug="some"), source, 1)
