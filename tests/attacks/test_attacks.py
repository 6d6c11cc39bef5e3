"""The corpus has to work on a naive grader and to come to nothing on the real one.

Each case that touches the machine (a process, a descriptor, a file, time, memory) runs under each runtime;
what is in Python alone under one of them, and one in five under both. `python -m tests.attacks --runtime
runc`, and `runsc`, runs the whole corpus under it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest

from tests.integration.sandboxes import installed, runtimes

from . import naive
from .cases import corpus
from .leaks import leaked
from .model import AIMS, Case
from .naive import bites
from .runner import RUNTIMES, in_python_alone, run_corpus, shared
from .targets import ALL_TARGETS, TARGETS

FAMILIES = {
    "early exit",
    "magic objects",
    "monkeypatching",
    "introspection",
    "ipython hooks",
    "result channel",
    "tampering in time",
    "source tricks",
    "leaks",
    "exhaustion",
    "escape probes",
}
CASES = corpus()
ATTACKS = [case for case in CASES if case.aim != "control"]
CONTROLS = [case for case in CASES if case.aim == "control"]
JOBS = 2  # sandboxes at once: other tests are at work too


def test_the_corpus_is_large_and_covers_every_family() -> None:
    assert len(ATTACKS) >= 120
    assert len(CONTROLS) >= 20
    families = Counter(case.family for case in ATTACKS)
    assert set(families) == FAMILIES
    assert min(families.values()) >= 10
    assert {case.aim for case in CASES} == set(AIMS)
    assert len(TARGETS) == len(ALL_TARGETS), "two targets of one slug: one of them would not be tried"


def test_each_runtime_has_its_share_of_every_family_and_all_that_touches_the_machine() -> None:
    parts = {runtime: {case.id for case in shared(CASES, runtime)} for runtime in RUNTIMES}
    assert set.union(*parts.values()) == {case.id for case in CASES}
    both = set.intersection(*parts.values())
    assert {case.id for case in CASES if not in_python_alone(case)} <= both
    for family in FAMILIES:
        of_family = [case.id for case in ATTACKS if case.family == family]
        assert all(5 * len(part.intersection(of_family)) >= 2 * len(of_family) for part in parts.values()), (
            family
        )
        assert 6 * len(both.intersection(of_family)) >= len(of_family), family


def test_no_leak_case_holds_the_words_that_it_looks_for() -> None:
    own = [case.id for case in CASES if case.aim == "leak" and not case.hidden_words(TARGETS[case.target])]
    assert own == []


@pytest.mark.parametrize(
    "text",
    [
        "the kingfisher flies",
        "KING\x1b[31mFISHER\x1b[0m",
        "<b>k</b><i>ing</i>fisher",
        "k i n g f i s h e r",
        "rehsifgnik",
        "xvatsvfure",
        "a2luZ2Zpc2hlcg==",
        "eHggdGhlIGtpbmdmaXNoZXIgZmxpZXM=",
        "6b696e67666973686572",
        r"\x6b\x69\x6e\x67\x66\x69\x73\x68\x65\x72",
        "[107, 105, 110, 103, 102, 105, 115, 104, 101, 114]",
        "k\ni\nn\ng\nf\ni\ns\nh\ne\nr",
        "01101011 01101001 01101110 01100111 01100110 01101001 01110011 01101000 01100101 01110010",
    ],
)
def test_hidden_words_are_found_however_written(text: str) -> None:
    assert leaked(text, ["kingfisher"]) == ["kingfisher"]


@pytest.mark.parametrize("text", ["the king, a fisherman", "123768", "23768.5", "AQIDBAUG", ""])
def test_other_words_are_not_taken_for_hidden_ones(text: str) -> None:
    assert leaked(text, ["kingfisher", "23768"]) == []


@pytest.mark.integration
@pytest.mark.xdist_group("attacks")
def test_every_attack_works_on_a_naive_grader_and_plain_wrong_answers_do_not() -> None:
    plain = [
        Case(f"wrong-{slug}-{aim}", "plain", slug, aim, target.wrong)
        for slug, target in TARGETS.items()
        for aim in ("forge", "leak", "escape", "exhaust")
    ]
    right = [Case(f"right-{slug}", "plain", slug, "forge", t.reference) for slug, t in TARGETS.items()]
    wrong = {case.target: case for case in plain if case.aim == "forge"}
    outcomes = naive.run([*wrong.values(), *right])
    assert [c.id for c in plain if bites(c, outcomes[wrong[c.target].id])] == []
    assert [c.id for c in right if not outcomes[c.id].all_passed] == []
    bitten = naive.bitten(ATTACKS)
    assert [c.id for c in ATTACKS if not bitten[c.id]] == [], "these attacks do nothing"


@pytest.mark.integration
@pytest.mark.xdist_group("attacks")
@pytest.mark.parametrize("runtime", runtimes())
def test_no_attack_works_and_every_control_passes(
    runtime: str, record_property: Callable[[str, object], None]
) -> None:
    cases = [
        case
        for case in (shared(CASES, runtime) if "runsc" in installed() else CASES)
        if runtime in case.runtimes
    ]
    run = asyncio.run(run_corpus(cases, runtime, jobs=JOBS))
    record_property("says", run.line)
    assert {o.case.id for o in run.outcomes} == {case.id for case in cases}
    assert {o.case.id: f"{o.bad}: {o.why}" for o in run.outcomes if o.bad} == {}
    assert run.left == []
