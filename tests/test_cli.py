"""``python -m grader``: what it reads, what it prints, and how it ends."""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from grader import report
from grader.challenge import build_job, parse_challenge, parse_submission
from grader.cli import main
from grader.confinement import Spec
from grader.errors import EngineUnavailable, SandboxFailed
from grader.grading import TRIES, Sandboxes, grade, run
from grader.models import CheckResult, Job, Result, Status
from grader.pairs import Challenges, Graded, Pair, grade_pairs, read_pairs, result_line
from grader.sandbox import Ending

from .notebooks import check, notebook, solution

ROOT = Path(__file__).parents[1]
CHALLENGE = notebook(solution("answer", "x = 1"), check("check", points=2, about={"hint": "Count."}))


class Fake:
    """Sandboxes that pass every check of an answer ``right``; ``faults`` are met first, one a sandbox."""

    def __init__(
        self, *faults: Ending | Exception, delay: Callable[[str], float] = lambda answer: 0.0
    ) -> None:
        self.faults, self.delay = list(faults), delay
        self.running = self.most = self.taken = self.closed = 0

    async def take(self, spec: Spec) -> Fake:
        self.taken += 1
        if self.faults and isinstance(self.faults[0], Exception):
            raise self.faults.pop(0)  # type: ignore[misc]
        return self

    async def run(self, job: Job, on_event: Callable[[dict[str, Any]], None]) -> Ending:
        self.running += 1
        self.most = max(self.most, self.running)
        answer = next(step.source for step in job.steps if step.kind == "cell")
        await asyncio.sleep(self.delay(answer))
        self.running -= 1
        if self.faults:
            return self.faults.pop(0)  # type: ignore[return-value]
        passed = 0
        for step in job.steps:
            on_event({"event": "start", "id": step.id})
            told = "failed" if step.kind == "check" and answer != "right" else "passed"
            passed += step.kind == "check" and told == "passed"
            kind = "check" if step.kind == "check" else "cell"
            on_event({"event": kind, "id": step.id, "status": told, "stdout": "", "duration_ms": 1.0})
        on_event({"event": "end", "checks_passed": passed, "peak_memory_bytes": 2**20, "reason": ""})
        return Ending("done")

    async def close(self) -> None:
        self.closed += 1


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "challenge.ipynb").write_text(CHALLENGE)
    for answer in ("right", "wrong"):
        (tmp_path / f"{answer}.ipynb").write_text(notebook(solution("answer", answer)))
    (tmp_path / "broken.ipynb").write_text("{")
    (tmp_path / "empty.ipynb").write_text(notebook())
    return tmp_path


async def graded(pairs: Any, pool: Sandboxes, jobs: int = 2) -> list[Graded]:
    return [each async for each in grade_pairs(pairs, pool, Challenges(), jobs=jobs)]


def pairs_of(folder: Path, *names: str) -> list[Pair]:
    return [Pair("challenge.ipynb", f"{name}.ipynb", folder) for name in names]


# -- a result line --------------------------------------------------------------------------------


async def test_the_keys_of_a_result_line_and_their_order(folder: Path) -> None:
    (one,) = await graded(pairs_of(folder, "right"), Fake())
    line = result_line(one)
    assert list(line) == [
        "challenge", "submission", "status", "score", "max_score", "checks", "cells", "timings",
        "peak_memory_bytes",
    ]  # fmt: skip
    assert list(line["checks"][0]) == [
        "id", "title", "status", "points", "max_points", "hidden", "message", "stdout", "duration_ms",
    ]  # fmt: skip
    assert list(line["cells"][0]) == ["id", "status", "stdout", "error", "duration_ms"]
    assert list(line["timings"]) == ["queue_ms", "sandbox_ms", "run_ms", "total_ms"]
    assert (line["status"], line["score"], line["max_score"]) == ("passed", 2.0, 2.0)
    assert line["checks"][0]["id"] == "check"
    assert json.loads(json.dumps(line)) == line


async def test_paths_come_back_as_they_were_written_and_further_keys_with_them(folder: Path) -> None:
    lines = [
        b'{"submission": "./right.ipynb", "challenge": "challenge.ipynb", "expect": "passed", "score": 7}'
    ]
    (one,) = await graded(read_pairs(lines, folder), Fake())
    line = result_line(one)
    assert (line["challenge"], line["submission"]) == ("challenge.ipynb", "./right.ipynb")
    assert line["expect"] == "passed"
    assert line["score"] == 2.0, "what was found counts, not what was said before"


@pytest.mark.parametrize(
    ("pair", "code"),
    [
        ({"challenge": "challenge.ipynb", "submission": "broken.ipynb"}, "notebook_malformed"),
        ({"challenge": "challenge.ipynb", "submission": "empty.ipynb"}, "cell_missing"),
        ({"challenge": "challenge.ipynb", "submission": "nowhere.ipynb"}, "not_found"),
        ({"challenge": "challenge.ipynb", "submission": "nul\0.ipynb"}, "not_found"),
        ({"challenge": "challenge.ipynb", "submission": "."}, "not_found"),
        ({"challenge": "broken.ipynb", "submission": "right.ipynb"}, "challenge_invalid"),
        ({"challenge": "nowhere.ipynb", "submission": "right.ipynb"}, "challenge_unknown"),
        ({"challenge": "challenge.ipynb"}, "request_malformed"),
        ({"challenge": 1, "submission": "right.ipynb"}, "request_malformed"),
        (["challenge.ipynb", "right.ipynb"], "request_malformed"),
    ],
)
async def test_a_pair_that_cannot_be_graded_says_why(folder: Path, pair: Any, code: str) -> None:
    (one,) = await graded(read_pairs([json.dumps(pair).encode()], folder), Fake())
    line = result_line(one)
    assert line["error"]["code"] == code
    assert line["error"]["message"]
    assert (line["status"], line["score"], line["checks"]) == ("internal_error", 0.0, [])
    assert not one.ok


async def test_one_bad_pair_does_not_stop_the_others(folder: Path) -> None:
    lines = [
        b'{"challenge": "challenge.ipynb", "submission": "right.ipynb"}',
        b"not json",
        b"   ",
        b'{"challenge": "challenge.ipynb", "submission": "wrong.ipynb"}',
    ]
    results = await graded(read_pairs(lines, folder), Fake())
    assert [result_line(each)["status"] for each in results] == ["passed", "internal_error", "failed"]
    assert "Line 2" in results[1].error.message  # type: ignore[union-attr]


async def test_a_fault_of_ours_in_one_pair_does_not_stop_the_others(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    results = await graded(pairs_of(folder, "right", "right"), Fake(RuntimeError("a bug")), jobs=1)
    assert [each.ok for each in results] == [False, True]
    assert "a bug" in caplog.text


# -- many at a time -------------------------------------------------------------------------------


async def test_results_come_in_the_order_of_the_pairs(folder: Path) -> None:
    slow_first = Fake(delay=lambda answer: 0.05 if answer == "wrong" else 0.0)
    results = await graded(pairs_of(folder, "wrong", "right", "right", "wrong", "right"), slow_first, jobs=3)
    assert [each.pair.submission for each in results] == [
        "wrong.ipynb", "right.ipynb", "right.ipynb", "wrong.ipynb", "right.ipynb",
    ]  # fmt: skip


async def test_no_more_than_jobs_run_at_a_time(folder: Path) -> None:
    pool = Fake(delay=lambda answer: 0.001)
    await graded(pairs_of(folder, *["right"] * 20), pool, jobs=3)
    assert pool.most == 3
    assert pool.closed == pool.taken == 20


async def test_a_long_file_is_read_as_it_is_needed(folder: Path) -> None:
    read = 0

    def endless() -> Any:
        nonlocal read
        while True:
            read += 1
            yield Pair("challenge.ipynb", "right.ipynb", folder)

    results = grade_pairs(endless(), Fake(), Challenges(), jobs=2)
    for _ in range(10):
        await anext(results)
    await results.aclose()
    assert read < 10 + 2 * 10


async def test_a_challenge_is_parsed_once(folder: Path) -> None:
    challenges = Challenges()
    first = challenges.get(folder / "challenge.ipynb")
    (folder / "challenge.ipynb").unlink()
    assert challenges.get(folder / "challenge.ipynb") is first


# -- sandboxes that break -------------------------------------------------------------------------


async def judged(pool: Fake, events: list[Any] | None = None) -> Result:
    heard = events if events is not None else []
    return await grade(
        parse_challenge(CHALLENGE, slug="some"), notebook(solution("answer", "right")), pool, heard.append
    )


@pytest.mark.parametrize("fault", [Ending("eof"), Ending("broken"), SandboxFailed("It did not start.")])
async def test_a_sandbox_that_breaks_is_replaced(fault: Any) -> None:
    pool = Fake(fault)
    assert (await judged(pool)).status is Status.PASSED
    assert pool.taken == 2


async def test_who_watches_hears_that_it_begins_anew() -> None:
    events: list[Any] = []
    await judged(Fake(Ending("eof")), events)
    assert [event["event"] for event in events] == ["restart", "start", "cell", "start", "check"]


async def test_when_sandboxes_keep_breaking_nobody_is_judged() -> None:
    pool = Fake(*[Ending("eof")] * 10)
    result = await judged(pool)
    assert (result.status, result.score, result.checks[0].status) == (
        Status.INTERNAL_ERROR,
        0.0,
        Status.INTERNAL_ERROR,
    )
    assert pool.taken == pool.closed == TRIES


async def test_when_no_sandbox_can_be_made_there_is_no_verdict() -> None:
    with pytest.raises(EngineUnavailable, match="disk"):
        await judged(Fake(*[SandboxFailed("No space left on device.")] * TRIES))


async def test_when_none_can_be_made_of_the_challenges_own_image_nobody_is_judged() -> None:
    challenge = parse_challenge(CHALLENGE, slug="some")
    job = replace(build_job(challenge, parse_submission(notebook(solution("answer", "right")))), image="own")
    result = await run(challenge, job, Fake(*[SandboxFailed("It has no Python.")] * TRIES))
    assert result.status is Status.INTERNAL_ERROR


async def test_a_learner_who_ran_out_of_memory_is_not_asked_again() -> None:
    pool = Fake(Ending("eof", oom_killed=True))
    assert (await judged(pool)).status is Status.MEMORY_EXCEEDED
    assert pool.taken == 1


async def test_a_dead_engine_is_no_verdict() -> None:
    with pytest.raises(EngineUnavailable):
        await judged(Fake(EngineUnavailable("gone")))


# -- for people -----------------------------------------------------------------------------------


def shown(one: Graded, *, terminal: bool = False) -> str:
    file = io.StringIO()
    report.show(one, Console(file=file, force_terminal=terminal, width=100, soft_wrap=True))
    return file.getvalue()


def with_check(**told: Any) -> Graded:
    values: dict[str, Any] = {
        "id": "c", "title": "Counts", "status": Status.FAILED, "points": 0.0, "max_points": 2.0,
        "hidden": False,
    }  # fmt: skip
    result = Result(Status.FAILED, 0.0, 2.0, (CheckResult(**values | told),), ())
    return Graded(Pair("c.ipynb", "s.ipynb"), None, result)


async def test_a_report_has_a_line_for_each_check_and_the_sum(folder: Path) -> None:
    for name, sign, points in (("right", "✓", "2/2"), ("wrong", "✗", "0/2")):
        (one,) = await graded(pairs_of(folder, name), Fake())
        lines = shown(one).splitlines()
        assert lines[0].endswith(f"{name}.ipynb")
        assert sign in lines[1]
        assert points in lines[1]
        assert ("hint: Count." in shown(one)) is (name == "wrong")


async def test_a_report_says_why_there_is_none(folder: Path) -> None:
    (one,) = await graded(pairs_of(folder, "empty"), Fake())
    assert "no longer has the answer cell 'answer'" in shown(one)


def test_colours_only_for_those_who_look() -> None:
    assert "\x1b[" not in shown(with_check(message="no"))
    assert "\x1b[" in shown(with_check(message="no"), terminal=True)


def test_what_a_learner_prints_does_not_steer_the_terminal() -> None:
    evil = "\x1b]0;owned\x07\x1b[2J \u202e \ud800 [bold]plain[/bold]"
    text = shown(with_check(message=evil, stdout=evil, title=evil))
    assert not set(text) & set("\x1b\x07\u202e\ud800")
    assert "\\x1b" in text
    assert "[bold]plain[/bold]" in text


def test_long_prints_are_cut() -> None:
    text = shown(with_check(stdout="\n".join(f"line {n}" for n in range(500))))
    assert "line 19" in text
    assert "line 20\n" not in text
    assert "480 lines more" in text


# -- the command ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ["grade"],
        ["grade", "challenge.ipynb"],
        ["grade", "--pairs", "f.jsonl", "challenge.ipynb", "s.ipynb"],
        ["grade", "--pairs", "no/such/file.jsonl", "--json"],
    ],
)
def test_a_command_that_makes_no_sense_ends_with_2(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words, {}) == 2
    assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.parametrize(
    "words", [[], ["grate"], ["grade", "--jobs", "0", "--pairs", "f"], ["grade", "--nope"]]
)
def test_a_word_that_nobody_knows_ends_with_2(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words, {})
    assert ended.value.code == 2


def python(*words: str, folder: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the interpreter of the tests in ``folder``."""
    settings = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=settings | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_without_an_engine_it_says_so(folder: Path) -> None:
    paths = [str(folder / "challenge.ipynb"), str(folder / "right.ipynb")]
    ended = python("-m", "grader", "grade", *paths, "--json", DOCKER_HOST="unix:///nowhere/docker.sock")
    assert ended.returncode == 2
    assert "engine" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


def test_grading_needs_nothing_of_the_service() -> None:
    ended = python("-c", "import sys, grader.cli; print(*sys.modules)")
    loaded = {name.partition(".")[0] for name in ended.stdout.split()}
    assert "aiodocker" in loaded
    assert not loaded & {"sqlalchemy", "pymysql", "jupyterhub", "tornado"}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "grader", tmp_path / "grader", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_an_interpreter_that_lacks_what_is_needed_takes_the_checkouts_own(checkout: Path) -> None:
    better = checkout / ".venv" / "bin" / "python"
    better.parent.mkdir(parents=True)
    better.write_text('#!/bin/sh\necho "in the venv: $*"\n')
    better.chmod(0o755)
    ended = python("-S", "-m", "grader", "grade", "a b", "c", folder=checkout)
    assert ended.stdout == "in the venv: -m grader grade a b c\n"


def test_without_an_environment_it_says_how_to_make_one(checkout: Path) -> None:
    ended = python("-S", "-m", "grader", "grade", "a", "b", folder=checkout)
    assert ended.returncode == 2
    assert "make up" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_environment_that_lacks_it_too_is_not_tried_for_ever(checkout: Path) -> None:
    same = checkout / ".venv" / "bin" / "python"
    same.parent.mkdir(parents=True)
    same.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    same.chmod(0o755)
    ended = python("-S", "-m", "grader", "grade", "a", "b", folder=checkout)
    assert ended.returncode == 2
    assert "make up" in ended.stderr
