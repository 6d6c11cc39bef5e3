"""Is it fit to publish? The answer of real sandboxes, for a challenge that is and for some that are not."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from grader import trial
from grader.confinement import Spec
from grader.findings import FitnessReport
from grader.fitness import examine
from grader.pool import Pool
from grader.starter import create

from ..notebooks import check, notebook, solution
from .sandboxes import PROJECT, containers, engine_settings

ROOT = Path(__file__).parents[2]
PATIENCE_S = 600
DOUBLE = solution("answer", "def double(n):\n    ### BEGIN SOLUTION\n    return n * 2\n    ### END SOLUTION")
# Half of them pass, other ones in each process: a text's hash is another one every time.
CHANCE = [check(f"chance-{n}", f"assert f('{n}') == 0") for n in range(24)]
UNFIT = {
    "reference": [DOUBLE, check("wrong", "assert double(1) == 3, 'Too little.'", about={"hidden": True})],
    "endless": [DOUBLE, check("good", "assert double(1) == 2"), check("endless", "while True: pass")],
    "chance": [solution("answer", "def f(x):\n    return hash(x) % 2"), *CHANCE],
    "stub": [DOUBLE, check("good", "assert callable(double)")],
    "weak": [DOUBLE, check("good", "assert double(2) is not None")],
    "other": [
        solution("answer", "count = 0\n\ndef more():\n    global count\n    count += 1"),
        check("own", "more()\nassert count == 1\ncount = 5\nmore()\nassert count == 5"),
    ],
}  # fmt: skip


@functools.cache
def reports() -> dict[str, FitnessReport]:
    """All unfit ones, side by side and with few runs: most of the time is spent waiting for containers."""
    fewer = {"RUNS": 3, "RUNS_IN_ORDER": 2, "COMPARED": 1}

    async def examine_all() -> list[FitnessReport]:
        async with Pool(engine_settings(), size=2, max_total=8, usual=Spec(memory_mb=256)) as pool:
            return await asyncio.gather(
                *(
                    examine(
                        notebook(*cells, challenge={"slug": slug, "limits": {"wall_s": 5, "memory_mb": 256}}),
                        pool,
                        jobs=1,
                        ceiling=2,
                    )
                    for slug, cells in UNFIT.items()
                )
            )

    with mock.patch.multiple(trial, **fewer):
        return dict(zip(UNFIT, asyncio.run(examine_all()), strict=True))


@pytest.mark.parametrize(
    ("slug", "code", "cell"),
    [
        ("reference", "reference_fails", "wrong"),
        ("endless", "reference_over_limit", "endless"),
        ("stub", "stub_passes", ""),
        ("weak", "checks_weak", ""),
        ("other", "judge_disagrees", "own"),
    ],
)
def test_what_is_unfit_is_told_why(slug: str, code: str, cell: str) -> None:
    report = reports()[slug]
    assert (code, cell) in {(each.code, each.cell) for each in report.findings}
    assert not report.fit


def test_what_hangs_on_chance_is_found() -> None:
    assert "nondeterministic" in {each.code for each in reports()["chance"].findings}


def test_the_author_reads_what_a_hidden_check_says() -> None:
    assert "Too little." in reports()["reference"].findings[0].message


def test_the_survivors_of_weak_checks_are_shown() -> None:
    report = reports()["weak"]
    assert report.survivors
    assert all(each.diff.startswith("--- answer") for each in report.survivors)


def test_a_new_challenge_is_fit_and_its_check_leaves_nothing_behind(tmp_path: Path) -> None:
    path = create(tmp_path, "sum-of-prices", "first-steps")
    ended = subprocess.run(
        [sys.executable, "-m", "grader", "check", "--json", str(path)],
        cwd=ROOT,
        env=os.environ | {"COMPOSE_PROJECT_NAME": PROJECT, "SANDBOX_RUNTIME": "runc"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    line = json.loads(ended.stdout)
    assert line["fit"]
    assert line["findings"] == []
    assert line["strength"] >= trial.UNFIT_BELOW
    assert line["mutants"]["tried"] >= 8
    assert containers() == []
