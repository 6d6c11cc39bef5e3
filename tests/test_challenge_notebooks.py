"""The challenges that come with the project: complete, and silent about what is hidden."""

from __future__ import annotations

import json
import re
from graphlib import TopologicalSorter
from pathlib import Path

import nbformat
import pytest

from grader.challenge import load_challenge, release_notebook
from grader.models import Role

LIBRARY = Path(__file__).parents[1] / "challenge_notebooks"
PATHS = sorted(LIBRARY.rglob("*.ipynb"))
EVERY = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def test_there_are_some() -> None:
    assert len(PATHS) >= 5


@EVERY
def test_the_file_is_clean(path: Path) -> None:
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    assert not [cell for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")]


@EVERY
def test_it_says_all_that_a_learner_wants_to_know(path: Path) -> None:
    challenge = load_challenge(path)
    assert (challenge.track, challenge.slug) == (path.parent.name, path.stem)
    assert challenge.title
    assert challenge.summary
    assert challenge.tags
    assert len(challenge.hints) >= 2
    described = "\n".join(cell.source for cell in challenge.cells if cell.role is Role.TEXT)
    assert f"# {challenge.title}" in described
    assert "## " in described, "examples belong to a description"
    assert "```" in described, "examples belong to a description"


@EVERY
def test_its_checks_are_visible_and_hidden_and_help(path: Path) -> None:
    checks = load_challenge(path).checks
    assert {check.hidden for check in checks} == {False, True}
    assert all(check.points > 0 for check in checks)
    assert all(check.title != check.id for check in checks), "a title is for people"
    assert all(check.hint for check in checks)
    assert all("assert" in check.source for check in checks)


@EVERY
def test_the_release_tells_nothing_of_what_is_hidden(path: Path) -> None:
    challenge = load_challenge(path)
    release = release_notebook(challenge, path.read_bytes(), 1)
    text = "\n".join(cell["source"] for cell in release["cells"])
    everything = json.dumps(release, ensure_ascii=False)
    secrets = list(challenge.hints) + [check.hint for check in challenge.checks]
    for cell in challenge.cells:
        if cell.hidden and cell.release_source is not None:
            # what a hidden check expects; the calls around it may well stand in an example too
            lines = set(cell.source.splitlines()) - set(cell.release_source.splitlines())
            expectations = [line.strip() for line in lines if "assert" in line.lower()]
            assert expectations
            secrets += expectations
        if cell.role is Role.SOLUTION:
            secrets += re.findall(r"### BEGIN SOLUTION\n(.*?)\n\s*### END SOLUTION", cell.source, re.S)
    leaked = [secret for secret in secrets if len(secret) > 12 and secret in text]
    assert not leaked
    for marker in ("BEGIN SOLUTION", "END SOLUTION", "HIDDEN TESTS", '"hint', '"compare'):
        assert marker not in everything


def test_slugs_are_unique_and_prerequisites_form_a_graph_without_circles() -> None:
    challenges = [load_challenge(path) for path in PATHS]
    needs = {challenge.slug: challenge.prerequisites for challenge in challenges}
    assert len(needs) == len(challenges)
    assert {name for names in needs.values() for name in names} <= set(needs)
    order = list(TopologicalSorter(needs).static_order())
    assert len(order) == len(needs)
    hardness = {challenge.slug: challenge.difficulty for challenge in challenges}
    assert all(hardness[need] <= hardness[slug] for slug, names in needs.items() for need in names)
