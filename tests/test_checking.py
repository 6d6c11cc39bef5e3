"""``python -m grader check``: which notebooks it takes, what it prints, how it ends. Its runs are staged."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from grader import checking
from grader.cli import main

from .notebooks import check, notebook
from .staged import GOOD, Staged


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command line, with sandboxes as staged here: (status, what it printed)."""
    monkeypatch.setattr(checking.Pool, "for_command", lambda *_, **__: contextlib.nullcontext(Staged()))

    def run(*words: str) -> tuple[int, str]:
        status = main(["check", *words], {})
        told = capsys.readouterr()
        assert told.err == ""
        return status, told.out

    return run


def put(folder: Path, name: str, *cells: Any, **about: Any) -> str:
    path = folder / f"{name}.ipynb"
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(notebook(*(cells or GOOD), challenge={"slug": path.stem, **about}))
    return str(path)


WEAK = [GOOD[0], check("seen", "assert double(2) == 4")]


def test_the_exit_status_is_that_of_the_worst(run: Any, tmp_path: Path) -> None:
    fit, weak = put(tmp_path, "fit"), put(tmp_path, "weak", *WEAK)
    assert run(fit)[0] == 0
    assert run(fit, weak)[0] == 1
    assert run(weak, str(tmp_path / "nowhere.ipynb"), fit)[0] == 2


def test_each_challenge_is_a_line_of_json(run: Any, tmp_path: Path) -> None:
    fit, weak, broken = put(tmp_path, "fit"), put(tmp_path, "weak", *WEAK), str(tmp_path / "broken.ipynb")
    Path(broken).write_text("{")
    missing = str(tmp_path / "nowhere.ipynb")
    status, printed = run("--json", fit, weak, broken, missing)
    lines = [json.loads(line) for line in printed.splitlines()]
    assert status == 2
    assert [(line["path"], line["fit"]) for line in lines] == [
        (fit, True),
        (weak, False),
        (broken, False),
        (missing, None),
    ]
    assert lines[1]["survivors"][0]["diff"].startswith("--- answer\n+++ answer\n@@ ")
    assert lines[2]["findings"][0]["code"] == "notebook_malformed"
    assert lines[3]["error"]["code"] == "challenge_unknown"


def test_people_read_whether_it_is_fit_and_what_survived(run: Any, tmp_path: Path) -> None:
    _, printed = run(put(tmp_path, "weak", *WEAK, title="Twice \N{RIGHT-TO-LEFT OVERRIDE}"))
    assert "Twice \\x202e" in printed
    assert "checks_weak" in printed
    assert "+    return n + 2" in printed
    assert printed.rstrip().split("\n")[-1].startswith("  unfit: strength 75% (3 of 4 ")
    _, printed = run(put(tmp_path, "fit"))
    assert "  fit: strength 100% (" in printed


def test_a_folder_is_all_that_is_in_it_once(run: Any, tmp_path: Path) -> None:
    put(tmp_path, "track/a")
    put(tmp_path, "track/.ipynb_checkpoints/a-checkpoint")
    put(tmp_path, "b", prerequisites=["a"])
    (tmp_path / "again.ipynb").symlink_to(tmp_path / "b.ipynb")
    (tmp_path / "notes.txt").write_text("x")
    status, printed = run("--json", str(tmp_path), str(tmp_path / "b.ipynb"))
    assert status == 0
    assert sorted(json.loads(line)["slug"] for line in printed.splitlines()) == ["a", "b"]


def test_a_folder_without_notebooks_cannot_be_checked(run: Any, tmp_path: Path) -> None:
    status, printed = run(str(tmp_path))
    assert status == 2
    assert "There is no notebook" in printed


def test_what_is_wrong_between_challenges(run: Any, tmp_path: Path) -> None:
    put(tmp_path, "one/a", slug="a", prerequisites=["b"])
    put(tmp_path, "two/b", slug="b", prerequisites=["a", "cc"])
    put(tmp_path, "two/c", slug="c")
    put(tmp_path, "two/d", slug="c")
    status, printed = run("--json", str(tmp_path))
    found = {
        Path(line["path"]).stem: {each["code"]: each["message"] for each in line["findings"]}
        for line in map(json.loads, printed.splitlines())
    }
    assert status == 1
    assert "a → b → a" in found["a"]["prerequisite_cyclic"]
    assert "Did you mean 'c'?" in found["b"]["prerequisite_unknown"]
    assert "slug_duplicate" in found["c"]
    assert "slug_duplicate" in found["d"]


def test_a_prerequisite_that_is_not_among_single_files_is_a_warning(run: Any, tmp_path: Path) -> None:
    status, printed = run("--json", put(tmp_path, "b", prerequisites=["a"]))
    assert status == 0
    assert json.loads(printed)["findings"][0]["code"] == "prerequisite_unseen"


def test_one_of_a_library_is_compared_with_all_of_it(run: Any, tmp_path: Path) -> None:
    put(tmp_path, "first/a", track="first", prerequisites=["b"])
    put(tmp_path, "second/other", slug="b", track="second")
    one = put(tmp_path, "second/b", track="second", prerequisites=["a", "c"])
    status, printed = run("--json", one)
    (line,) = map(json.loads, printed.splitlines())
    assert status == 1
    assert {each["code"] for each in line["findings"]} >= {
        "slug_duplicate",
        "prerequisite_cyclic",
        "prerequisite_unknown",
    }
    assert "other.ipynb" in line["findings"][0]["message"]


@pytest.mark.parametrize("name", ["a\0b", "/dev/zero", "x" * 5000], ids=["nul", "device", "long"])
def test_a_path_that_is_no_file(run: Any, name: str) -> None:
    status, printed = run("--json", name)
    assert status == 2
    assert json.loads(printed)["error"]["code"] == "challenge_unknown"
