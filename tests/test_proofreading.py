"""What can be seen of a challenge without running it: leaks, spelling, links, neighbours."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from grader.challenge import parse_challenge
from grader.findings import Finding, FitnessReport, Severity
from grader.fitness import examine
from grader.inside.author import transform
from grader.proofreading import neighbours

from .notebooks import cell, check, marked, notebook, setup, solution, text
from .staged import ANSWER, GOOD, TEST, Staged, codes, examined

# -- what is hidden stays hidden -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "place",
    [
        text(f"As `{TEST}` shows."),
        text("In lines:\n\n    assert [double(n)\n            for n in (0, 1, 10)] == [0, 2, 20]"),
        setup("given", f"# {TEST}"),
        text("x", slideshow={"note": TEST}),
        text("![x](attachment:a)")
        | {"attachments": {"a": {"text/plain": base64.b64encode(TEST.encode()).decode()}}},
    ],
    ids=["text", "lines", "setup", "metadata", "attachment"],
)  # fmt: skip
async def test_a_hidden_test_that_learners_receive_is_found(place: Any) -> None:
    report = await examined(place, *GOOD)
    assert ("hidden_text_leaks", "unseen") in codes(report)
    assert not report.fit


async def test_a_hidden_test_of_a_unittest_class_is_found() -> None:
    hidden = "### BEGIN HIDDEN TESTS\ncase.assertEqual(double(21), 42, 'words')\n### END HIDDEN TESTS"
    first = "import unittest\ncase = unittest.TestCase()\ncase.assertEqual(double(1), 2)\n"
    report = await examined(
        GOOD[0], text("Try: case.assertEqual(double(21),42,'words')"), check("mixed", first + hidden)
    )
    assert ("hidden_text_leaks", "mixed") in codes(report)


async def test_a_whole_answer_that_learners_receive_is_found() -> None:
    long = ANSWER.replace(
        "return n * 2", "result = n * 2\n    assert result >= n or n < 0\n    return result"
    )
    given = "# result = n * 2\n# assert result >= n or n < 0\n# return result".replace("# ", "")
    report = await examined(text(given), solution("answer", long), *GOOD[1:])
    assert ("hidden_text_leaks", "answer") in codes(report)


async def test_what_the_author_keeps_is_no_leak() -> None:
    output = {
        "output_type": "stream",
        "name": "stdout",
        "text": TEST,
    }
    shown = check("seen", "assert double(4) == 8") | {"outputs": [output]}
    report = await examined(GOOD[0], shown, GOOD[2], text("[0, 2, 20] is what 0, 1 and 10 give."))
    assert {each.code for each in report.findings} == {"few_mutants"}


REPEATS, LEAKS = ("hidden_repeats_visible", "unseen"), ("hidden_text_leaks", "unseen")
BESIDE = {
    "the same": ("assert double(4) == 8", "assert double(4)==8, 'words'\nassert double(5) == 10", [REPEATS]),
    "the same cases": (
        "for n, twice in [(1, 2), (3, 6)]:\n    assert double(n) == twice",
        "for n, twice in [(1, 2), (3, 6)]:\n    assert double(n) == twice",
        [REPEATS],
    ),
    "the same, in another form": ("if not double(5) == 10:\n    1 / 0", "assert double(5) == 10", [REPEATS]),
    "of another value by the same name": (
        "result = double(4)\nassert result == 8, 'result == 8, not that'",
        "result = double(1) + 6\nassert result == 8",
        [],
    ),
    "other cases": (
        "for n, twice in [(1, 2), (3, 6)]:\n    assert double(n) == twice",
        "for n, twice in [(1, 2), (5, 10)]:\n    assert double(n) == twice",
        [],
    ),
    "what comes before it": (
        "numbers = [double(n) for n in (1, 2)]\nlast = numbers[-1]\nassert last == 4",
        "numbers = [double(n) for n in (9, 2)]\nlast = numbers[-1]\nassert last == 4",
        [],
    ),
    "the beginning of another number": ("assert double(50) == 100", "assert double(5) == 10", []),
    "no value at all": ("assert callable(double)", "assert callable(double)\nassert double(5) == 10", []),
    "a comment": ("assert double(4) == 8  # and double(5) == 10", "assert double(5) == 10", [LEAKS]),
    "words": ("assert double(4) == 8, 'and double(5) == 10.'", "assert double(5) == 10", [LEAKS]),
}  # fmt: skip


@pytest.mark.parametrize(("shown", "hidden", "found"), BESIDE.values(), ids=BESIDE)
async def test_a_hidden_test_beside_one_in_the_open(
    shown: str, hidden: str, found: list[tuple[str, str]]
) -> None:
    report = await examined(
        GOOD[0], check("seen", shown), check("unseen", hidden, about={"hidden": True}), title="Some"
    )
    told = [each for each in codes(report) if each[0].startswith("hidden")]
    assert told == found


async def test_only_what_is_in_the_hidden_region_is_hidden() -> None:
    shown, hidden = "result = double(4)\nassert result == 8\n", "{}assert result == 8\n"
    regions = f"{shown}### BEGIN HIDDEN TESTS\n{hidden}### END HIDDEN TESTS"
    report = await examined(GOOD[0], check("mixed", regions.format("")))
    assert ("hidden_repeats_visible", "mixed") in codes(report)
    report = await examined(GOOD[0], check("mixed", regions.format("result = double(1) + 6\n")))
    assert not [each for each in codes(report) if each[0].startswith("hidden")]


async def test_a_check_that_can_be_forged_is_a_warning() -> None:
    report = await examined(*GOOD, check("loose", "assert double(9) == 18", about={"judge": "in-kernel"}))
    assert ("forgeable", "loose") in codes(report)


IN_A_STRING = {
    "at once": ('examples = """\n>>> double(4)\n8\n"""', [2]),
    "indented, far down": ("x = 1\n\nexamples = r'''a\n    >>> double(4)\n    8\n    >>> 1\n'''", [4, 6]),
    "an argument": ('len("""\n>>> double(4)\n8\n""")', [2]),
    "with values": ('examples = f"""\n>>> double({4})\n8\n"""', [2]),
    "behind other letters": ('ä = "ä"; examples = """\n>>> ä\n"""', [2]),
    "a docstring": ('def examples():\n    """Some.\n\n    >>> double(4)\n    8\n    """', []),
    "on lines of its own": ('len(\n    """\n    >>> double(4)\n    8\n    """\n)', []),
    "not at the beginning": ('examples = """a\nx >>> double(4)\n8\n"""', []),
    "one line": ('examples = ">>> double(4)\\n8"', []),
    "a comment": ("# see\n#\n# >>> double(4)", []),
}  # fmt: skip


@pytest.mark.parametrize(("source", "lines"), IN_A_STRING.values(), ids=IN_A_STRING)
async def test_examples_for_doctest_that_would_lose_their_prompts(source: str, lines: list[int]) -> None:
    # what IPython does is what the finding is about
    changed = [
        number
        for number, (before, after) in enumerate(
            zip(source.splitlines(), transform(source).splitlines(), strict=True), 1
        )
        if before != after
    ]
    assert changed == lines
    report = await examined(*GOOD, check("told", source, points=0))
    found = [each for each in report.findings if each.code == "prompt_stripped"]
    assert [(each.cell, each.details["lines"]) for each in found] == ([("told", lines)] if lines else [])
    assert report.fit is (not lines)


# -- spelling and links --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "metadata", "where"),
    [
        ([], {"chalenge": {}}, ""),
        ([cell("1", chalenge={})], {}, "cell-3"),
        ([marked("odd", "1", locked=True, pionts=3)], {}, "odd"),
    ],
    ids=["notebook", "cell", "nbgrader"],
)
async def test_metadata_that_look_like_ours_but_are_none(cells: Any, metadata: Any, where: str) -> None:
    report = await examine(notebook(*GOOD, *cells, **metadata), Staged(), filename="some.ipynb")
    (finding,) = [each for each in report.findings if each.code == "metadata_misspelt"]
    assert finding.cell == where
    assert "did you mean" in finding.message


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("[x](https://docs.python.org/3/) <https://example.org> [y](#part) [z](mailto:a@b.org)", []),
        ("`[x](nowhere.md)`\n\n```\n[x](nowhere.md)\n```\n\n    [x](nowhere.md)", []),
        ("[x](there.md)", ["link_not_sent"]),
        ("![x](there.png)", ["link_broken"]),
        ("[x](nowhere.md)", ["link_broken"]),
        ("![x](attachment:nowhere.png)", ["link_broken"]),
        ("![](https://example.org/a.png)", ["image_without_words"]),
        ("<img src='nowhere.png'>", ["link_broken"]),
        ("[x](https://)", ["link_malformed"]),
        ("[x](https:/example.org)", ["link_malformed"]),
        ("[x](htps://example.org)", ["link_malformed"]),
        ("[x](two words.md)", ["link_malformed"]),
        ("[x](javascript:alert(1))", ["link_malformed"]),
        ("[x]()", ["link_malformed"]),
        ("[x](/etc/passwd)", ["link_broken"]),
        ("[x][a]\n\n[a]: nowhere.md", ["link_broken"]),
        ("| a |\n|---|\n| [x](nowhere.md) |", ["link_broken"]),
        ("a[0](1) is no link in `a[0](1)`", ["link_broken"]),
    ],
)
async def test_links_and_pictures(source: str, found: list[str], tmp_path: Path) -> None:
    (tmp_path / "there.md").touch()
    report = await examined(text(source), *GOOD, folder=tmp_path)
    assert [each.code for each in report.findings if each.cell == "cell-0"] == found


# -- neighbours ----------------------------------------------------------------------------------------


def beside(*challenges: tuple[str, list[str]]) -> list[tuple[str, str]]:
    """(slug, code) of every finding between challenges with these prerequisites."""
    parsed = [
        parse_challenge(notebook(*GOOD, challenge={"slug": slug, "prerequisites": needs}))
        for slug, needs in challenges
    ]
    wrong = zip(parsed, neighbours(parsed), strict=True)
    return [(challenge.slug, each.code) for challenge, findings in wrong for each in findings]


def test_prerequisites_that_form_a_sensible_graph() -> None:
    assert beside(("a", []), ("b", ["a"]), ("c", ["a", "b"])) == []


def test_a_circle_is_found_whoever_is_in_it() -> None:
    found = beside(("a", ["c"]), ("b", ["a"]), ("c", ["b"]), ("d", ["a"]), ("e", ["e"]))
    assert found == [(slug, "prerequisite_cyclic") for slug in "abce"]


def test_a_slug_that_two_have_is_told_to_both() -> None:
    assert beside(("a", []), ("a", []), ("b", [])) == [("a", "slug_duplicate")] * 2


def test_a_prerequisite_that_is_none() -> None:
    assert beside(("a", ["x"])) == [("a", "prerequisite_unknown")]
    needy = parse_challenge(notebook(*GOOD, challenge={"slug": "a", "prerequisites": ["x", "y"]}))
    (findings,) = neighbours([needy], {"x", "yy"})
    assert [each.message for each in findings] == [
        "Its prerequisite 'y' is none of the challenges here. Did you mean 'yy'?"
    ]


def test_findings_from_elsewhere_count() -> None:
    report = FitnessReport("a", "A").with_findings([Finding("slug_duplicate", "Two have it.")])
    assert not report.fit
    assert report.findings[0].severity is Severity.ERROR
