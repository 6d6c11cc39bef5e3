"""Whether a challenge is fit to publish: what shows when it runs, with which code, in which cell.

The runs are staged; real sandboxes are in tests/integration/test_fitness.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest

from grader import trial
from grader.confinement import Spec
from grader.errors import EngineUnavailable, SandboxFailed
from grader.fitness import examine
from grader.models import Step

from .notebooks import check, notebook, setup, solution
from .staged import GOOD, Outcome, Staged, codes, examined, run_here

# -- fit -----------------------------------------------------------------------------------------------


async def test_a_good_challenge_is_fit() -> None:
    report = await examined(*GOOD, sandboxes=(sandboxes := Staged()))
    assert codes(report) == [("few_mutants", "")]
    assert report.fit
    assert (report.strength, report.survivors) == (1.0, ())
    assert report.mutants == report.killed > 0
    # the reference in one process too, and some of its mutants twice
    assert sandboxes.taken == sandboxes.closed > trial.RUNS + 1 + report.mutants


async def test_the_keys_of_a_report_and_their_order() -> None:
    told = (await examined(*GOOD)).as_dict()
    assert list(told) == [
        "slug", "title", "fit", "strength", "findings", "mutants", "survivors", "runs", "timings",
        "peak_memory_bytes",
    ]  # fmt: skip
    assert list(told["findings"][0]) == ["code", "severity", "cell", "message", "details"]
    assert list(told["mutants"]) == ["possible", "tried", "killed"]
    assert list(told["timings"]) == ["reference_ms", "total_ms"]
    assert json.loads(json.dumps(told)) == told


async def test_the_same_challenge_is_examined_in_the_same_way() -> None:
    orders = []
    for _ in range(2):
        seen: list[str] = []

        def note(run: int, step: Step, seen: list[str] = seen) -> None:
            seen.append(f"{step.id} {step.judge} {step.source}")

        await examine(notebook(*GOOD), Staged(note), filename="some.ipynb", jobs=1)
        orders.append(seen)
    assert orders[0] == orders[1]


async def test_who_waits_hears_how_far_it_is() -> None:
    heard: list[trial.Progress] = []
    report = await examine(notebook(*GOOD), Staged(), filename="a.ipynb", on_progress=heard.append)
    done = [each.done for each in heard]
    assert done == sorted(done)
    assert heard[-1].done == heard[-1].total == report.runs


# -- weak checks ---------------------------------------------------------------------------------------


async def test_a_wrong_answer_that_passes_is_shown_and_too_many_make_it_unfit() -> None:
    report = await examined(GOOD[0], check("seen", "assert double(2) == 4"))
    # 2 ** 2, 2 + 2 and 2 * 2 are the same
    assert ("checks_weak", "") in codes(report)
    assert not report.fit
    assert report.strength is not None
    assert report.strength < trial.UNFIT_BELOW
    (survivor,) = report.survivors
    assert (survivor.cell, survivor.line) == ("answer", 3)
    assert "-    return n * 2\n+    return n + 2" in survivor.diff


async def test_only_what_a_learner_writes_is_changed() -> None:
    given = "LIMIT = 10\n### BEGIN SOLUTION\ndef f(n):\n    return n\n### END SOLUTION"
    report = await examined(solution("answer", given), check("seen", "assert f(3) == 3"))
    assert report.survivors == ()


async def test_little_to_change_is_said() -> None:
    report = await examined(solution("answer", "from math import pi as x"), check("seen", "assert x > 3"))
    assert codes(report) == [("few_mutants", "")]
    assert report.strength is None
    assert report.as_dict()["strength"] is None


async def test_an_answer_that_cannot_be_changed_is_named() -> None:
    stubs = set()

    def magic(run: int, step: Step) -> Outcome:
        stubs.update({run} if "NotImplemented" in step.source else ())
        return ("failed" if run in stubs else "passed"), 1.0

    cells = [solution("answer", "%%time\nx = 1"), check("seen")]
    report = await examined(*cells, sandboxes=Staged(magic))
    assert ("few_mutants", "answer") in codes(report)


# -- the reference and the stub ------------------------------------------------------------------------


async def test_a_reference_that_fails_is_unfit_and_gets_no_mutants() -> None:
    report = await examined(*GOOD, check("wrong", "assert double(1) == 3", about={"hidden": True}))
    assert codes(report) == [("reference_fails", "wrong")]
    assert not report.fit
    assert (report.strength, report.mutants) == (None, 0)


async def test_a_check_that_never_ends_is_named() -> None:
    def endless(run: int, step: Step) -> Outcome | None:
        return ("timeout", 10_000.0) if step.id == "unseen" else None

    report = await examined(*GOOD, sandboxes=Staged(endless))
    assert codes(report) == [("reference_over_limit", "unseen")]
    assert "time limit" in report.findings[0].message


async def test_a_cell_of_the_reference_that_raises_is_a_warning() -> None:
    report = await examined(*GOOD, solution("more", "x = 1\nraise KeyError"))
    assert ("reference_cell_error", "more") in codes(report)


async def test_a_stub_that_passes_is_unfit() -> None:
    assert ("stub_passes", "") in codes(await examined(*GOOD[:1], check("seen", "assert 1")))


async def test_a_check_that_the_stub_passes_is_a_warning() -> None:
    report = await examined(*GOOD, check("free", "assert callable(double)"))
    assert ("check_passes_on_stub", "free") in codes(report)
    assert report.fit


# -- the same verdict every time -----------------------------------------------------------------------


async def test_a_reference_that_fails_now_and_then_is_unfit() -> None:
    """The third time that its checks run in the notebook's order, one of them fails."""
    orders: dict[int, list[str]] = {}

    def flaky(run: int, step: Step) -> Outcome | None:
        mine = orders.setdefault(run, [])
        mine.append(step.source)
        plain = [each for each in orders.values() if each == [cell["source"] for cell in GOOD]]
        return ("failed", 1.0) if len(plain) == 3 and plain[-1] is mine and step.id == "unseen" else None

    report = await examine(notebook(*GOOD), Staged(flaky), filename="some.ipynb", jobs=1)
    assert ("nondeterministic", "unseen") in codes(report)
    assert not report.fit


async def test_a_reference_that_fails_at_first_and_passes_later_is_nondeterministic() -> None:
    def once(run: int, step: Step) -> Outcome | None:
        return ("failed", 1.0) if step.id == "seen" and run == 1 else None

    assert codes(await examined(*GOOD, sandboxes=Staged(once))) == [("nondeterministic", "seen")]


async def test_a_check_that_needs_another_one_is_a_warning() -> None:
    needy = [check("first", "kept = double(5)\nassert kept == 10"), check("second", "assert kept == 10")]
    report = await examined(*GOOD, *needy)
    assert ("checks_depend_on_order", "second") in codes(report)
    assert report.fit


async def test_what_stands_between_two_checks_keeps_its_place() -> None:
    between = [
        check("first", "assert double(5) == 10"),
        setup("step", "double = None"),
        check("last", "assert not double"),
    ]
    report = await examined(*GOOD, *between)
    assert "checks_depend_on_order" not in {each.code for each in report.findings}


# -- two ways of judging -------------------------------------------------------------------------------


def otherwise(status: str, answer: str = "") -> Staged:
    """In one process the check "seen" ends with ``status``, for answers that hold ``answer``."""
    last = ""

    def stage(run: int, step: Step) -> Outcome | None:
        nonlocal last
        if step.kind == "cell":
            last = step.source
        wrong = step.id == "seen" and step.judge == "in-kernel" and answer in last
        return (status, 1.0) if wrong else None

    return Staged(stage)


async def test_the_two_ways_of_judging_have_to_agree_on_the_reference() -> None:
    assert ("judge_disagrees", "seen") in codes(await examined(*GOOD, sandboxes=otherwise("failed")))


async def test_a_wrong_answer_that_ran_into_a_limit_is_no_disagreement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trial, "COMPARED", 99)
    report = await examine(
        notebook(*GOOD), otherwise("timeout", "return None"), filename="some.ipynb", jobs=1
    )
    assert "judge_disagrees" not in {each.code for each in report.findings}


async def test_a_wrong_answer_that_passes_only_in_one_process_is_a_disagreement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trial, "COMPARED", 99)
    report = await examine(notebook(*GOOD), otherwise("passed", "return None"), filename="some.ipynb", jobs=1)
    assert ("judge_disagrees", "seen") in codes(report)


# -- limits --------------------------------------------------------------------------------------------


async def test_what_takes_more_than_half_of_a_limit_is_said() -> None:
    slow = Staged(lambda run, step: (run_here(step, {}), 600.0) if step.id == "prepare" else None)
    cells = [setup("prepare"), *GOOD]
    report = await examined(*cells, sandboxes=slow, limits={"wall_s": 1, "memory_mb": 128})
    assert codes(report)[-2:] == [("few_mutants", ""), ("time_near_limit", "prepare")]
    report = await examined(*cells, sandboxes=slow, limits={"wall_s": 2, "memory_mb": 128})
    assert "time_near_limit" not in {each.code for each in report.findings}


# -- what cannot be examined ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "code", "cell"),
    [
        ("[" * 100_000, "notebook_malformed", ""),
        ("x" * (8 * 2**20 + 1), "notebook_too_large", ""),
        ("{}", "notebook_malformed", ""),
        (notebook(kernelspec={"name": "ir", "language": "R"}), "notebook_not_python", ""),
        (notebook({"cell_type": "code"}), "notebook_malformed", "cell-0"),
        (notebook(*GOOD, challenge={"slug": "../../etc"}), "challenge_invalid", ""),
        (notebook(*GOOD, challenge={"limitz": {}}), "challenge_invalid", ""),
        (notebook(GOOD[0], GOOD[0]), "challenge_invalid", "answer"),
        (notebook(solution("answer", "### BEGIN SOLUTION")), "challenge_invalid", "answer"),
        (notebook(*GOOD[:1]), "no_checks", ""),
        (notebook(GOOD[0], check("a", points=0)), "no_checks", ""),
    ],
    ids=["deep", "large", "empty", "R", "cell", "slug", "key", "twice", "marker", "none", "pointless"],
)
async def test_what_is_no_challenge_is_refused_without_running_it(source: str, code: str, cell: str) -> None:
    sandboxes = Staged()
    report = await examine(source, sandboxes, filename="some.ipynb")
    assert codes(report) == [(code, cell)]
    assert report.findings[0].message
    assert not report.fit
    assert sandboxes.taken == 0


async def test_a_misspelt_key_is_guessed() -> None:
    report = await examine(notebook(*GOOD, challenge={"dificulty": 2}), Staged(), filename="some.ipynb")
    assert "did you mean 'difficulty'" in report.findings[0].message


async def test_a_dead_engine_is_no_finding() -> None:
    class Dead(Staged):
        async def take(self, spec: Spec) -> Staged:
            raise EngineUnavailable("gone")

    with pytest.raises(EngineUnavailable):
        await examined(*GOOD, sandboxes=Dead())


async def test_a_run_that_breaks_again_and_again_is_no_finding() -> None:
    with pytest.raises(SandboxFailed, match="some broke"):
        await examined(*GOOD, sandboxes=Staged(lambda run, step: ("nonsense", 1.0)))


async def test_it_can_be_called_off_at_any_time() -> None:
    for patience in (1, 4, 9):
        sandboxes = Staged()
        task = asyncio.create_task(examined(*GOOD, sandboxes=sandboxes))
        while sandboxes.taken < patience and not task.done():
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert task.cancelled()
        assert sandboxes.closed == sandboxes.taken
