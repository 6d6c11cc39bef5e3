"""A verdict is made of positive evidence only, and tells a learner nothing of a hidden check."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.models import Cell, Challenge, Job, Limits, Role, Status, Step, Timings
from grader.sandbox import Ending
from grader.verdict import Verdict

DONE = Ending("done")
PASSED = {"status": "passed", "credit": None, "message": "", "stdout": "", "duration_ms": 1.5}


def challenge(points: tuple[float, ...] = (1.0, 2.0), hidden: tuple[int, ...] = ()) -> Challenge:
    cells = [Cell("answer", Role.SOLUTION, "", "")]
    for index, worth in enumerate(points):
        cells.append(
            Cell(
                f"check{index}",
                Role.CHECK,
                "assert 1",
                "",
                points=worth,
                hidden=index in hidden,
                title=f"Check {index}",
                hint="Look again.",
            )
        )
    return Challenge("demo", "Demo", "", tuple(cells))


def job(of: Challenge, *after: Step) -> Job:
    steps = [
        Step("check" if c.role is Role.CHECK else "cell", c.id, c.source, points=c.points, hidden=c.hidden)
        for c in of.cells
    ]
    return Job((*steps, *after), Limits())


def start(id: str) -> dict[str, Any]:
    return {"event": "start", "id": id}


def cell(id: str = "answer", **more: Any) -> dict[str, Any]:
    return {"event": "cell", "id": id, "status": "passed", "stdout": "", "error": None, **more}


def check(id: str, **more: Any) -> dict[str, Any]:
    return {"event": "check", "id": id, **PASSED, **more}


def end(passed: int, **more: Any) -> dict[str, Any]:
    return {
        "event": "end",
        "checks_passed": passed,
        "peak_memory_bytes": None,
        "reason": "",
        "message": "",
        **more,
    }


GOOD = [start("answer"), cell(), start("check0"), check("check0"), start("check1"), check("check1"), end(2)]


def verdict(events: list[dict[str, Any]], ending: Ending = DONE, of: Challenge | None = None) -> Any:
    of = of or challenge()
    made = Verdict(of, job(of))
    for event in events:
        made.feed(event)
    return made.finish(ending)


def test_every_check_passed_and_the_end_reached_is_a_pass() -> None:
    result = verdict(GOOD)
    assert result.status is Status.PASSED
    assert (result.score, result.max_score) == (3.0, 3.0)
    assert [c.status for c in result.checks] == [Status.PASSED, Status.PASSED]
    assert result.message == ""


def test_starts_may_be_left_out() -> None:
    assert verdict([e for e in GOOD if e["event"] != "start"]).status is Status.PASSED


def test_public_events_come_as_they_happen() -> None:
    of = challenge()
    made = Verdict(of, job(of))
    shown = [public for event in GOOD for public in made.feed(event)]
    assert [e["event"] for e in shown] == ["start", "cell", "start", "check", "start", "check"]
    assert shown[3]["data"]["id"] == "check0"
    assert shown[3]["data"]["max_points"] == 1.0


@pytest.mark.parametrize(
    "events",
    [
        [],
        GOOD[:-1],
        [*GOOD[:3], *GOOD[4:]],  # a result is missing
        [*GOOD[:5], end(1)],  # and one at the end, honestly counted
        [cell(), check("check0"), check("check0"), end(2)],  # one twice in place of the other
        [cell(), check("check0"), check("check0"), check("check1"), end(2)],
        [cell(), check("check1"), check("check0"), end(2)],  # not in their turn
        [check("check0"), check("check1"), cell(), end(2)],
        [cell(), check("check0"), check("check1"), check("check2"), end(3)],
        [cell("check0"), cell("check1"), end(0)],
        [cell(), check("check0"), cell("check1"), end(1)],
        [check("answer"), check("check0"), check("check1"), end(3)],
        [*GOOD[:-1], end(1)],
        [*GOOD[:-1], end(3)],
        [*GOOD[:-1], end(True)],  # type: ignore[arg-type]
        [*GOOD[:-1], end(2.0)],  # type: ignore[arg-type]
        [*GOOD[:-1], end(2, reason="timeout")],
        [*GOOD[:-1], end(2, reason="because")],
        [*GOOD, end(2)],
        [*GOOD, check("check1")],
        [end(2), *GOOD],
        [start("answer"), *GOOD],
        [cell(), check("check0", status="PASSED"), check("check1"), end(2)],
        [cell(), check("check0", status=["passed"]), check("check1"), end(2)],
        [cell(), check("check0", message=7), check("check1"), end(2)],
        [cell(error="no map"), *GOOD[2:]],
        [{"event": "pass"}, *GOOD],
        [{}, *GOOD],
        [*GOOD[:-1], {"event": "end"}],
    ],
    ids=range(29),
)
def test_anything_else_is_not_a_pass(events: list[dict[str, Any]]) -> None:
    result = verdict(events)
    assert result.status is not Status.PASSED
    assert len(result.checks) == 2


def test_a_report_that_breaks_the_protocol_earns_nothing_at_all() -> None:
    result = verdict([*GOOD, end(2)])
    assert result.status is Status.INTERNAL_ERROR
    assert result.score == 0
    assert {c.status for c in result.checks} == {Status.INTERNAL_ERROR}
    assert "our side" in result.message


@pytest.mark.parametrize("kind", ["eof", "wall", "output", "broken"])
def test_without_the_proper_end_all_passed_is_still_no_pass(kind: Any) -> None:
    assert verdict(GOOD[:-1], Ending(kind)).status is not Status.PASSED
    assert verdict(GOOD, Ending(kind)).status is not Status.PASSED


@pytest.mark.parametrize(
    ("ending", "status", "words"),
    [
        (Ending("wall"), Status.TIMEOUT, "60 s"),
        (Ending("output"), Status.OUTPUT_EXCEEDED, "256 KB"),
        (Ending("eof", oom_killed=True, exit_code=137), Status.MEMORY_EXCEEDED, "512 MB"),
        (Ending("eof", exit_code=137), Status.INTERNAL_ERROR, "submit it again"),
        (Ending("broken"), Status.INTERNAL_ERROR, "our side"),
    ],
)
def test_the_ending_says_why_checks_are_missing(ending: Ending, status: Status, words: str) -> None:
    result = verdict([start("answer"), cell(), start("check0")], ending)
    assert result.status is status
    assert result.checks[0].status is status
    assert words in result.message
    if status is not Status.INTERNAL_ERROR:
        assert result.checks[1].status is Status.NOT_RUN
        assert "did not run" in result.checks[1].message


@pytest.mark.parametrize("reason", ["timeout", "memory_exceeded", "output_exceeded", "crashed"])
def test_a_cut_in_a_check_keeps_what_was_earned_before_it(reason: str) -> None:
    told = [cell(), start("check0"), check("check0"), start("check1")]
    for events in (
        [*told, end(1, reason=reason)],
        [*told, check("check1", status=reason), end(1, reason=reason)],
    ):
        result = verdict(events)
        assert result.status is Status(reason)
        assert [c.status for c in result.checks] == [Status.PASSED, Status(reason)]
        assert result.score == 1.0
        assert result.message


def test_a_cut_in_a_cell_names_the_cell() -> None:
    result = verdict([start("answer"), end(0, reason="timeout")])
    assert [(c.id, c.status) for c in result.cells] == [("answer", Status.TIMEOUT)]
    assert {c.status for c in result.checks} == {Status.NOT_RUN}
    result = verdict([cell(status="timeout"), end(0, reason="timeout")])
    assert [(c.id, c.status) for c in result.cells] == [("answer", Status.TIMEOUT)]
    assert {c.status for c in result.checks} == {Status.NOT_RUN}


def test_memory_that_only_the_engine_knows_of() -> None:
    events = [cell(status="crashed"), end(0, reason="crashed", message="It is gone.")]
    assert verdict(events).status is Status.CRASHED
    result = verdict(events, Ending("done", oom_killed=True))
    assert result.status is Status.MEMORY_EXCEEDED
    assert result.cells[0].status is Status.MEMORY_EXCEEDED
    assert "512 MB" in result.message


def test_the_judges_own_words_are_used_unless_the_check_is_hidden() -> None:
    events = [cell(), check("check0"), start("check1"), end(1, reason="timeout", message="10 s are over.")]
    assert verdict(events).message == "10 s are over."
    hidden = verdict(events, of=challenge(hidden=(1,)))
    assert hidden.message != "10 s are over."
    assert hidden.checks[1].message == ""


@pytest.mark.parametrize(
    ("credit", "status", "earned"),
    [
        (None, Status.PASSED, 2.0),
        (2, Status.PASSED, 2.0),
        (2.0, Status.PASSED, 2.0),
        (0.5, Status.FAILED, 0.5),
        (0, Status.FAILED, 0.0),
        (-0.0, Status.FAILED, 0.0),
        (math.nan, Status.ERROR, 0.0),
        (math.inf, Status.ERROR, 0.0),
        (-1, Status.ERROR, 0.0),
        (2.1, Status.ERROR, 0.0),
        (10**400, Status.ERROR, 0.0),
        (True, Status.ERROR, 0.0),
        ("2", Status.ERROR, 0.0),
        ([2], Status.ERROR, 0.0),
    ],
)
def test_credit_of_a_passed_check(credit: Any, status: Status, earned: float) -> None:
    result = verdict([cell(), check("check0"), check("check1", credit=credit), end(2)])
    assert result.checks[1].status is status
    assert result.checks[1].points == earned
    assert result.score == 1.0 + earned
    assert (result.status is Status.PASSED) is (status is Status.PASSED)


@pytest.mark.parametrize(
    ("status", "credit", "earned"),
    [
        ("failed", None, 0.0),
        ("failed", 1.5, 1.5),
        ("failed", 2.0, 0.0),
        ("failed", math.nan, 0.0),
        ("error", 1.0, 0.0),
        ("timeout", 2.0, 0.0),
        ("not_run", 2.0, 0.0),
    ],
)
def test_credit_of_a_check_that_did_not_pass(status: str, credit: Any, earned: float) -> None:
    result = verdict([cell(), check("check0"), check("check1", status=status, credit=credit), end(1)])
    assert result.checks[1].points == earned
    assert result.status is not Status.PASSED


def test_points_that_do_not_add_up_in_binary_still_make_a_full_score() -> None:
    of = challenge((0.1, 0.1, 0.1))
    events = [cell(), *(check(f"check{i}", credit=0.1) for i in range(3)), end(3)]
    result = verdict(events, of=of)
    assert result.status is Status.PASSED
    assert result.score == result.max_score


def test_a_failed_check_makes_a_failed_submission_whatever_the_cells_did() -> None:
    assert (
        verdict([cell(), check("check0", status="failed"), check("check1"), end(1)]).status is Status.FAILED
    )
    assert verdict([cell(), check("check0", status="error"), check("check1"), end(1)]).status is Status.FAILED
    assert verdict([cell(status="error"), *GOOD[2:]]).status is Status.PASSED


def test_no_checks_at_all() -> None:
    of = challenge(())
    assert verdict([cell(), end(0)], of=of).status is Status.PASSED
    assert verdict([cell(status="error"), end(0)], of=of).status is Status.ERROR
    assert verdict([end(0)], of=of).status is Status.INTERNAL_ERROR
    assert verdict([], Ending("eof"), of=of).status is Status.INTERNAL_ERROR


def test_a_job_without_the_challenges_checks_is_refused() -> None:
    of = challenge()
    full = job(of)
    for steps in (full.steps[:-1], full.steps[::-1], (*full.steps, full.steps[-1])):
        with pytest.raises(ValueError, match="checks"):
            Verdict(of, Job(steps, Limits()))


SECRET = "s3cret-4711"


@pytest.mark.parametrize("status", ["passed", "failed", "error", "timeout"])
def test_nothing_of_a_hidden_check_is_shown_but_what_may_be(status: str) -> None:
    of = challenge(hidden=(1,))
    made = Verdict(of, job(of))
    told = check("check1", status=status, message=SECRET, stdout=SECRET, duration_ms=123.456)
    shown = [
        public for event in [cell(), check("check0"), start("check1"), told] for public in made.feed(event)
    ]
    made.feed(end(1 + (status == "passed"), message=SECRET))
    result = made.finish(DONE, Timings(1.25, 2.5, 217.3, 221.1))
    assert SECRET not in repr(shown) + repr(result)
    hidden = result.checks[1]
    assert (hidden.title, hidden.hint, hidden.status) == ("Check 1", "Look again.", Status(status))
    assert hidden.duration_ms == 200.0
    assert shown[-1]["data"]["duration_ms"] == 200.0
    assert (result.timings.run_ms, result.timings.total_ms) == (300.0, 300.0)


def test_what_runs_after_a_hidden_check_has_no_finer_duration_than_that() -> None:
    of = challenge(points=(1.0, 2.0, 1.0), hidden=(1,))
    made = Verdict(of, job(of, Step("cell", "after", "")))
    shown = [
        public["data"]
        for event in [
            cell(duration_ms=12.345),
            check("check0", duration_ms=23.456),
            start("check1"),
            check("check1"),
            check("check2", duration_ms=117.31),
            cell("after", duration_ms=4711.4711),
        ]
        for public in made.feed(event)
    ]
    made.feed(end(3))
    result = made.finish(DONE)
    assert [shown[at]["duration_ms"] for at in (0, 1, -2, -1)] == [12.345, 23.456, 200.0, 4800.0]
    assert [each.duration_ms for each in result.cells] == [12.345, 4800.0]
    assert [each.duration_ms for each in result.checks] == [23.456, 100.0, 200.0]


@pytest.mark.parametrize("kind", ["eof", "wall", "output", "done"])
def test_a_run_that_breaks_off_in_a_hidden_check_says_no_more_about_it(kind: Any) -> None:
    of = challenge(hidden=(1,))
    events = [cell(), check("check0"), start("check1")]
    if kind == "done":
        events.append(end(1, reason="crashed", message=SECRET))
    result = verdict(events, Ending(kind, oom_killed=True, detail=SECRET), of=of)
    assert result.checks[1].message == ""
    assert SECRET not in repr(result)


def test_text_has_an_end() -> None:
    result = verdict(
        [cell(stdout="x" * 300_000), check("check0", stdout="y", message="z" * 9_000), *GOOD[5:]]
    )
    assert len(result.cells[0].stdout) < 263_000
    assert result.checks[0].stdout.strip(" …") == ""
    assert len(result.checks[0].message) < 4_100


def test_durations_and_memory_that_make_no_sense_are_left_out() -> None:
    events = [cell(duration_ms=math.nan), check("check0", duration_ms="1"), check("check1", duration_ms=-1)]
    result = verdict([*events, end(2, peak_memory_bytes="lots")])
    assert result.status is Status.PASSED
    assert [result.cells[0].duration_ms, *(c.duration_ms for c in result.checks)] == [0, 0, 0]
    assert result.peak_memory_bytes is None
    assert verdict([*GOOD[:-1], end(2, peak_memory_bytes=1)]).peak_memory_bytes == 1024 * 1024


# -- any sequence of events whatever ---------------------------------------------------------------------

IDS = st.sampled_from(["answer", "check0", "check1", "check2", "", None, 1])
ANYTHING = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.just([]))
STATUSES = st.one_of(st.sampled_from([str(s) for s in Status]), ANYTHING)
EVENTS = st.one_of(
    st.sampled_from(GOOD),
    st.builds(start, IDS),
    st.builds(cell, IDS, status=STATUSES, stdout=ANYTHING, error=ANYTHING),
    st.builds(check, IDS, status=STATUSES, credit=ANYTHING, duration_ms=ANYTHING),
    st.builds(end, st.one_of(st.integers(-1, 4), ANYTHING), reason=STATUSES, message=ANYTHING),
    st.dictionaries(st.sampled_from(["event", "id", "status"]), st.one_of(IDS, ANYTHING), max_size=3),
)
ENDINGS = st.builds(
    Ending,
    st.sampled_from(["done", "eof", "wall", "output", "broken"]),
    st.booleans(),
    st.integers() | st.none(),
)


@settings(max_examples=1500, deadline=None)
@given(events=st.lists(EVENTS, max_size=12), ending=ENDINGS)
def test_no_events_without_both_passes_make_a_pass(events: list[dict[str, Any]], ending: Ending) -> None:
    result = verdict(events, ending)
    assert 0 <= result.score <= result.max_score
    assert [c.id for c in result.checks] == ["check0", "check1"]
    assert all(0 <= c.points <= c.max_points for c in result.checks)
    if result.status is Status.PASSED:
        results = [e for e in events if e.get("event") != "start"]
        assert [e.get("id") for e in results] == ["answer", "check0", "check1", None]
        assert [e["status"] for e in results[1:3]] == ["passed", "passed"]
        assert results[3]["event"] == "end"
        assert ending.kind == "done"
        assert result.score == result.max_score
    else:
        assert all(c.status is not Status.PASSED or c.points > 0 for c in result.checks)


@settings(max_examples=500, deadline=None)
@given(data=st.data())
def test_one_change_to_a_good_report_never_leaves_a_pass_it_should_not(data: st.DataObject) -> None:
    events = [dict(event) for event in GOOD]
    at = data.draw(st.integers(0, len(events) - 1))
    change = data.draw(st.sampled_from(["drop", "double", "swap", "replace"]))
    if change == "drop":
        gone = events.pop(at)
        harmless = gone["event"] == "start"
    elif change == "double":
        events.insert(at, dict(events[at]))
        harmless = False
    elif change == "swap":
        other = data.draw(st.integers(0, len(events) - 1).filter(lambda n: n != at))
        events[at], events[other] = events[other], events[at]
        harmless = False
    else:
        events[at] = data.draw(EVENTS.filter(lambda e: repr(e) != repr(GOOD[at])))
        harmless = events[at].get("id") == GOOD[at].get("id") and events[at].get("event") == GOOD[at]["event"]
    if not harmless:
        assert verdict(events).status is not Status.PASSED


def test_what_runs_after_a_hidden_check_can_repeat_nothing_that_it_handed_over() -> None:
    of = challenge((1.0, 1.0, 1.0), hidden=(0,))
    own = Step("cell", "own", "print(kept)")
    work = Job((*job(of).steps, own), Limits())
    verdict = Verdict(of, work)
    told = "the argument 4711"
    trouble = dict.fromkeys(("name", "message", "traceback"), told)
    for event in (
        start("answer"), cell(stdout="mine"),
        start("check0"), check("check0"),
        start("check1"), check("check1", status="failed", message=told, stdout=told),
        start("check2"), check("check2", status="failed", message="assert 1"),
        start("own"), cell("own", status="error", stdout=told, error=trouble),
        end(1),
    ):  # fmt: skip
        verdict.feed(event)
    result = verdict.finish(DONE)
    assert not verdict.violation
    assert "4711" not in repr(result)
    assert result.cells[0].stdout == "mine"  # before the hidden check
    assert result.checks[1].message.startswith("Not shown")
    assert result.checks[2].message == "assert 1"  # the author's own words
