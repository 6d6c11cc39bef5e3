"""``python -m grader new``: a whole challenge in its place, and nothing ever overwritten."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from grader.challenge import load_challenge, release_notebook
from grader.cli import main
from grader.notebook import read_notebook
from grader.proofreading import proofread

from .notebooks import check, notebook, solution


def new(folder: Path, *words: str) -> int:
    return main(["new", *words, "--dir", str(folder)], {})


def test_it_stands_in_its_tracks_folder_and_says_what_comes_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert new(tmp_path, "two-words", "--track", "first-steps") == 0
    path = tmp_path / "first-steps" / "two-words.ipynb"
    challenge = load_challenge(path)
    assert (challenge.slug, challenge.track, challenge.title) == ("two-words", "first-steps", "Two words")
    assert f"grader check {path}" in capsys.readouterr().out


def test_the_title_is_the_one_that_was_given(tmp_path: Path) -> None:
    assert new(tmp_path, "x", "--track", "y", "--title", 'Größe & "quotes" {title}') == 0
    challenge = load_challenge(tmp_path / "y" / "x.ipynb")
    assert challenge.title == 'Größe & "quotes" {title}'
    assert challenge.cells[0].source.startswith(f"# {challenge.title}\n")


def test_it_is_clean_and_shows_all_that_a_challenge_should_have(tmp_path: Path) -> None:
    assert new(tmp_path, "x", "--track", "y") == 0
    path = tmp_path / "y" / "x.ipynb"
    nbformat.validate(nbformat.read(path, as_version=nbformat.NO_CONVERT))
    challenge = load_challenge(path)
    assert {each.hidden for each in challenge.checks} == {False, True}
    assert all(each.hint and each.title != each.id for each in challenge.checks)
    assert challenge.hints
    release = release_notebook(challenge, path.read_bytes(), 1)
    assert proofread(challenge, read_notebook(path.read_bytes()), release, tmp_path) == []


@pytest.mark.parametrize(
    "slug", ["../up", "/etc/passwd", "a/b", "..", "A", "a b", "", "-a", "a\n", "a" * 65, "a\0"]
)
@pytest.mark.parametrize("which", ["slug", "track"])
def test_a_name_with_tricks_is_refused(
    tmp_path: Path, slug: str, which: str, capsys: pytest.CaptureFixture[str]
) -> None:
    slug, track = (slug, "y") if which == "slug" else ("x", slug)
    assert main(["new", "--dir", str(tmp_path), "--track=" + track, "--", slug], {}) == 2
    assert "may hold only" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("title", ["two\nlines", "x" * 201, "a\x1b[2J"])
def test_a_title_that_would_spoil_a_list_is_refused(tmp_path: Path, title: str) -> None:
    assert new(tmp_path, "x", "--track", "y", "--title", title) == 2


def test_what_is_there_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "y").mkdir()
    (tmp_path / "y" / "x.ipynb").write_text("mine")
    assert new(tmp_path, "x", "--track", "y") == 2
    assert (tmp_path / "y" / "x.ipynb").read_text() == "mine"
    assert "exists already" in capsys.readouterr().err


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "y").mkdir()
    (tmp_path / "y" / "x.ipynb").symlink_to(tmp_path / "elsewhere")
    assert new(tmp_path, "x", "--track", "y") == 2
    assert not (tmp_path / "elsewhere").exists()


def test_a_slug_that_another_challenge_has_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "z").mkdir()
    (tmp_path / "z" / "other-name.ipynb").write_text(
        notebook(solution("a"), check("b"), challenge={"slug": "x"})
    )
    (tmp_path / "z" / "broken.ipynb").write_text("{")
    assert new(tmp_path, "x", "--track", "y") == 2
    assert "other-name.ipynb" in capsys.readouterr().err
    assert not (tmp_path / "y").exists()
