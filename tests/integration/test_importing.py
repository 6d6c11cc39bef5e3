"""``python -m grader import`` with real sandboxes: tests that the judge and one process judge differently."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from grader.cli import main

from ..notebooks import check, notebook, solution
from .sandboxes import engine_settings


def test_a_course_is_graded_both_ways(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "source" / "ps1"
    folder.mkdir(parents=True)
    counter = "class Counter:\n    def __eq__(self, other):\n        return other == 3\nthree = Counter()"
    (folder / "p.ipynb").write_text(
        notebook(
            solution("answer", counter),
            check("kind", "assert isinstance(three, Counter)"),
            check("equal", "assert three == 3"),
            check("wrong", "assert three is None, 'is it not?'"),
        )
    )
    settings = engine_settings()
    environment = {"SANDBOX_IMAGE": settings.image, "SANDBOX_RUNTIME": settings.runtime}
    assert main(["import", str(tmp_path), "--json"], environment) == 0
    taken = json.loads(capsys.readouterr().out)
    assert taken["compared"]
    assert [(each["code"], each["cell"]) for each in taken["differences"]] == [
        ("judged_differently", "equal"),
        ("reference_fails", "wrong"),
    ]
    assert "is it not?" in taken["differences"][1]["message"]
