"""The command line in the real sandbox: every challenge of the project, and notebooks that nobody expects."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from grader.challenge import load_challenge, release_notebook

from ..notebooks import cell, check, notebook, setup, solution
from .sandboxes import PROJECT, containers

ROOT = Path(__file__).parents[2]
PATHS = sorted((ROOT / "challenge_notebooks").rglob("*.ipynb"))
EVERY = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
PATIENCE_S = 600


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "grader", *words]


def environment(runtime: str = "runc") -> dict[str, str]:
    return os.environ | {"COMPOSE_PROJECT_NAME": PROJECT, "SANDBOX_RUNTIME": runtime}


def grade(*words: str, status: int = 0, runtime: str = "runc") -> list[dict[str, Any]]:
    """The result lines of one command."""
    ended = subprocess.run(
        command("grade", *words, "--json"),
        cwd=ROOT,
        env=environment(runtime),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ended.returncode == status, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], dict[str, Any]]:
    """By slug and answer (reference or stub): one command grades all of a kind. What has to pass runs in the
    runtime that learners have here, what has to fail in the quicker one."""
    folder = tmp_path_factory.mktemp("pairs")
    pairs: dict[str, list[dict[str, str]]] = {"reference": [], "stub": []}
    for path in PATHS:
        challenge = load_challenge(path)
        stub = folder / f"{challenge.slug}.ipynb"
        stub.write_text(json.dumps(release_notebook(challenge, path.read_bytes(), 1)))
        for answer, submission in (("reference", str(path)), ("stub", stub.name)):
            pairs[answer].append({"challenge": str(path), "submission": submission, "slug": path.stem})
    found = {}
    for answer, runtime in (("reference", "auto"), ("stub", "runc")):
        file = folder / f"{answer}.jsonl"
        file.write_text("\n".join(map(json.dumps, pairs[answer])))
        results = grade("--pairs", str(file), runtime=runtime)
        assert [(line["challenge"], line["submission"]) for line in results] == [
            (pair["challenge"], pair["submission"]) for pair in pairs[answer]
        ]
        found |= {(line["slug"], answer): line for line in results}
    return found


@EVERY
def test_the_reference_passes(path: Path, verdicts: dict[tuple[str, str], dict[str, Any]]) -> None:
    line = verdicts[path.stem, "reference"]
    assert [check for check in line["checks"] if check["status"] != "passed"] == []
    assert line["status"] == "passed"
    assert line["score"] == line["max_score"] > 0


@EVERY
def test_the_stub_fails_every_check(path: Path, verdicts: dict[tuple[str, str], dict[str, Any]]) -> None:
    line = verdicts[path.stem, "stub"]
    assert [check for check in line["checks"] if check["status"] not in ("failed", "error")] == []
    assert (line["status"], line["score"]) == ("failed", 0.0)


@EVERY
def test_a_hidden_check_says_nothing(path: Path, verdicts: dict[tuple[str, str], dict[str, Any]]) -> None:
    hidden = [check for check in verdicts[path.stem, "stub"]["checks"] if check["hidden"]]
    assert hidden
    assert {(check["message"], check["stdout"]) for check in hidden} == {("", "")}


def write(path: Path, *cells: Any, **metadata: Any) -> str:
    path.write_text(notebook(*cells, **metadata))
    return str(path)


def test_an_nbgrader_notebook_that_nobody_has_seen(tmp_path: Path) -> None:
    python = {"kernelspec": {"name": "python", "display_name": "Python", "language": "python"}}
    hidden = "### BEGIN HIDDEN TESTS\nassert squares(3) == [1, 4, 9]\n### END HIDDEN TESTS"
    old = {"grade": True, "solution": False, "locked": True, "grade_id": "raises", "points": "1"}
    challenge = write(
        tmp_path / "Problem 1.ipynb",
        setup("imports", "import math"),
        solution("squares", "def squares(n):\n    return [i ** 2 for i in range(1, n + 1)]"),
        check("test", f"assert squares(2) == [1, 4]\n{hidden}", points=2),
        cell(
            "try:\n    squares('a')\nexcept TypeError:\n    pass\nelse:\n    raise AssertionError",
            nbgrader=old,
        ),
        check("partial", "1.5 if squares(1) == [1] else 0", points=3),
        minor=0,
        **python,
    )
    answer = write(
        tmp_path / "answer.ipynb",
        cell("import sys\nprint('a note', file=sys.stderr)"),
        solution("squares", "def squares(n):\n    return [i * i for i in range(1, n + 1)]"),
        check("test", "raise SystemExit"),
        minor=2,
        **python,
    )
    (line,) = grade(challenge, answer)
    assert {check["id"]: (check["status"], check["points"]) for check in line["checks"]} == {
        "test": ("passed", 2.0),
        "raises": ("passed", 1.0),
        "partial": ("failed", 1.5),
    }
    assert [each["id"] for each in line["cells"]] == ["cell-0", "imports", "squares"]


def test_source_that_is_no_python_is_an_error_of_its_cell(tmp_path: Path) -> None:
    challenge = write(tmp_path / "c.ipynb", solution("answer"), check("check"))
    own = ["x = '\ud800'", "x = '\0'", "def (:", "'" * 3, "x" + ".x" * 20000, "(" * 5000]
    answer = write(tmp_path / "s.ipynb", solution("answer", "x = 1"), *map(cell, own), cell("x = 1"))
    (line,) = grade(challenge, answer)
    assert {each["id"]: each["status"] for each in line["cells"]} == {
        "answer": "passed",
        **{f"cell-{number}": "error" for number in range(1, len(own) + 1)},
        f"cell-{len(own) + 1}": "passed",
    }
    assert line["status"] == "passed", "the check saw the names as they stood at its place"


def test_what_cannot_be_graded_ends_with_2_and_the_rest_is_graded(tmp_path: Path) -> None:
    challenge = write(tmp_path / "c.ipynb", solution("answer"), check("check"))
    write(tmp_path / "s.ipynb", solution("answer", "x = 1"))
    lines = grade(challenge, str(tmp_path / "nowhere.ipynb"), str(tmp_path / "s.ipynb"), status=2)
    assert [line["status"] for line in lines] == ["internal_error", "passed"]
    assert lines[0]["error"]["code"] == "not_found"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_command_that_is_stopped_leaves_no_sandbox(tmp_path: Path, how: signal.Signals) -> None:
    challenge = write(
        tmp_path / "c.ipynb",
        solution("answer"),
        check("check"),
        challenge={"limits": {"wall_s": 60, "total_s": 60, "cpu_s": 60}},
    )
    answer = write(tmp_path / "s.ipynb", solution("answer", "while True: pass"))
    # whoever runs the tests in the background may have SIGINT ignored, which children inherit
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        running = subprocess.Popen(command("grade", challenge, answer), cwd=ROOT, env=environment())
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        until = time.monotonic() + PATIENCE_S
        while not containers("status=running"):
            assert running.poll() is None
            assert time.monotonic() < until
            time.sleep(0.2)
        running.send_signal(how)
        assert running.wait(PATIENCE_S) in (130, 143)
    finally:
        running.kill()
    assert containers() == []
