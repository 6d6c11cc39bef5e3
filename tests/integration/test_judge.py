"""The judge as authors and learners meet it: whole notebooks, graded in real sandboxes."""

from __future__ import annotations

import asyncio
import functools
import json
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.parity import human_eval, run
from grader.challenge import parse_challenge
from grader.grading import grade
from grader.inside.shell import NOTHING_INSTALLED
from grader.models import CellResult, CheckResult, Result, Status
from grader.pool import Pool
from grader.sandbox import Sandbox

from ..notebooks import cell, check, notebook, setup, solution
from .judge_cases import CASES as FIRST
from .judge_differences import AUTHORS, DIFFERENCES
from .judge_library_cases import LIBRARY_CASES
from .sandboxes import engine_settings, runtimes

ROOT = Path(__file__).parents[2]
CASES = [*FIRST, *LIBRARY_CASES]
JUDGE_MD = (ROOT / "docs" / "judge.md").read_text(encoding="utf-8")
RUNTIMES = pytest.mark.parametrize("runtime", runtimes())


async def graded(
    runtime: str,
    author: list[Any],
    learner: list[Any] | None = None,
    *,
    pool: Pool | None = None,
    on_event: Callable[[dict[str, Any]], None] | None = None,
    **limits: Any,
) -> Result:
    """The author's notebook, answered with the learner's one (or with itself)."""
    about = {"slug": "judge", "limits": {"wall_s": 10, "total_s": 60, **limits}}
    challenge = parse_challenge(notebook(*author, challenge=about))
    if pool is not None:
        return await grade(challenge, notebook(*(learner or author)), pool, on_event)
    async with Pool(engine_settings(runtime), size=0, max_total=1) as own:
        return await grade(challenge, notebook(*(learner or author)), own, on_event)


def told(result: Result) -> dict[str, str]:
    return {each.id: each.status.value for each in result.checks}


def told_of(result: Result, id: str) -> CheckResult:
    return next(each for each in result.checks if each.id == id)


def cell_of(result: Result, id: str) -> CellResult:
    return next(each for each in result.cells if each.id == id)


def hidden(source: str) -> str:
    return f"### BEGIN HIDDEN TESTS\n{source}\n### END HIDDEN TESTS"


# -- what the proxies owe an author's ordinary check ----------------------------------------------------


@functools.cache
def cases_graded(runtime: str, how: str) -> dict[str, CheckResult]:
    """All cases as one notebook; ``how``: "judge", "in-kernel", or "unanswered"."""
    about = {"judge": "in-kernel"} if how == "in-kernel" else None
    author, learner = [], []
    for number, (_, answer, source) in enumerate(CASES):
        author += [solution(f"answer-{number}", answer), check(f"check-{number}", source, about=about)]
        learner.append(solution(f"answer-{number}", "pass" if how == "unanswered" else answer))
    # pandas alone takes its time to load on a busy machine
    result = asyncio.run(graded(runtime, author, learner, wall_s=50, total_s=280))
    return {CASES[number][0]: each for number, each in enumerate(result.checks)}


@RUNTIMES
@pytest.mark.parametrize("name", [name for name, _, _ in CASES])
def test_an_authors_ordinary_check_passes(runtime: str, name: str) -> None:
    found = cases_graded(runtime, "judge")[name]
    assert (found.status, found.message) == (Status.PASSED, "")


@pytest.mark.parametrize("name", [name for name, _, _ in CASES])
def test_the_same_check_passes_in_one_process(name: str) -> None:
    found = cases_graded("runc", "in-kernel")[name]
    assert (found.status, found.message) == (Status.PASSED, "")


@pytest.mark.parametrize("name", [name for name, _, _ in CASES])
def test_the_same_check_does_not_pass_without_its_answer(name: str) -> None:
    assert cases_graded("runc", "unanswered")[name].status in (Status.FAILED, Status.ERROR)


# -- order ----------------------------------------------------------------------------------------------


@RUNTIMES
async def test_a_check_sees_the_names_as_they_stand_at_its_place(runtime: str) -> None:
    author = [
        solution("first", "def f():\n    return 1\nx = 1"),
        check("early", "assert f() == 1 and x == 1"),
        solution("second", "def f():\n    return 2\nx = 2"),
        check("late", "assert f() == 2 and x == 2\nkept = x"),
        check("last", "assert kept == 2 and x == 2"),
    ]
    learner = [
        author[0],
        cell("own = [1]"),
        author[1],
        cell("f = x = None"),
        author[2],
        author[3],
        cell("x = 5; f = 7"),
    ]
    result = await graded(runtime, author, learner)
    assert told(result) == {"early": "passed", "late": "passed", "last": "failed"}
    assert [each.id for each in result.cells] == ["first", "cell-1", "cell-3", "second", "cell-6"]
    assert {each.status for each in result.cells} == {"passed"}


@RUNTIMES
async def test_a_helper_from_a_setup_cell_cannot_be_overridden(runtime: str) -> None:
    author = [
        setup("setup", "import math\nTOLERANCE = 0.01\ndef close(a, b):\n    return abs(a - b) < TOLERANCE"),
        solution("answer", "def root(n):\n    return n ** 0.5"),
        check("check", "assert close(root(2), math.sqrt(2))"),
    ]
    forged = "def root(n):\n    return -1\ndef close(a, b):\n    return True\nTOLERANCE = 1e9\nmath = None"
    learner = [author[0], solution("answer", forged), author[2]]
    assert told(await graded(runtime, author, learner)) == {"check": "failed"}
    assert told(await graded(runtime, author)) == {"check": "passed"}


@RUNTIMES
async def test_a_name_that_a_check_binds_stays_its_own(runtime: str) -> None:
    """Else the learner's code, with a name like it, could say what is expected."""
    author = [
        solution("answer", "expected = 1\ndef f():\n    return 2"),
        check("check", "expected = 2\nassert f() == expected\nassert expected == 2"),
        check("next", "assert f() == expected"),
    ]
    forged = "expected = 1\ndef f():\n    global expected\n    expected = 3\n    return 3"
    learner = [solution("answer", forged), *author[1:]]
    assert told(await graded(runtime, author)) == {"check": "passed", "next": "passed"}
    assert told(await graded(runtime, author, learner)) == {"check": "failed", "next": "failed"}


async def test_an_error_in_one_cell_does_not_stop_the_others() -> None:
    author = [
        solution("a", "a = 1"),
        solution("b", "b = 1"),
        check("ca", "assert a"),
        check("cb", "assert b"),
    ]
    learner = [solution("a", "print('before')\na = 1 / 0"), solution("b", "b = 1"), *author[2:]]
    result = await graded("runc", author, learner)
    assert told(result) == {"ca": "error", "cb": "passed"}
    error = next(each for each in result.cells if each.id == "a").error
    assert error is not None
    assert (error["name"], error["message"], error["line"]) == ("ZeroDivisionError", "division by zero", 2)
    assert "a = 1 / 0" in error["traceback"]
    assert "grader" not in error["traceback"]


# -- limits: each with its own status and words ---------------------------------------------------------

LOOP = "while True: pass"
DEAF = "import signal\nfor n in (2, 10, 14, 15, 24): signal.signal(n, signal.SIG_IGN)\nwhile True: pass"
LIMITS: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "memory": (
        "held = []\nwhile True: held.append(bytearray(10_000_000))",
        {"memory_mb": 192},
        "memory_exceeded",
        "192 MB",
    ),
    "memory to the last byte": (
        "import resource\n"
        "with open('/proc/self/statm') as file: pages = int(file.read().split()[0])\n"
        "resource.setrlimit(resource.RLIMIT_AS, (pages * 4096 + 20_000_000,) * 2)\n"
        "held = []\n"
        "while True: held.append([0] * 10)",
        {},
        "memory_exceeded",
        "more memory than there is",
    ),
    "wall": ("import time\ntime.sleep(60)", {"wall_s": 1, "total_s": 20}, "timeout", "1 s"),
    "cpu": (DEAF, {"cpu_s": 1, "wall_s": 20, "total_s": 20}, "timeout", "1 s of processor time"),
    "loop": (LOOP, {"wall_s": 1, "total_s": 20}, "timeout", "1 s"),
    "loop in C": ("sum(iter(int, 1))", {"wall_s": 1, "total_s": 20}, "timeout", "1 s"),
    "deaf loop": (DEAF, {"wall_s": 1, "total_s": 20}, "timeout", "1 s"),
    "swallowed": (
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        {"wall_s": 1, "total_s": 20},
        "timeout",
        "1 s",
    ),
    "output": ("while True: print('x' * 1000)", {"output_kb": 8}, "output_exceeded", "8 KB"),
    "exit": ("import os\nos._exit(0)", {}, "crashed", "ended the Python process"),
    "crash": ("import ctypes\nctypes.string_at(1)", {}, "crashed", "crashed"),
}


@functools.cache
def limits_graded(runtime: str) -> dict[tuple[str, str], Result]:
    """Each excess twice: while a cell runs, and in a function that a check calls; with a check before."""

    author = [
        solution("before", "a = 1"),
        check("earlier", "assert a == 1"),
        solution("answer", "def f(): return 1"),
        check("check", "assert f() == 1"),
        check("later", "assert a == 1"),
    ]

    async def all_of_them() -> dict[tuple[str, str], Result]:
        names, work = [], []
        # One pool for them all: two of one process would sweep each other's sandboxes away.
        async with Pool(engine_settings(runtime), size=0, max_total=4, builders=3) as pool:
            for name, (source, limits, _, _) in LIMITS.items():
                for where in ("cell", "check"):
                    body = source if where == "cell" else "def f():\n" + textwrap.indent(source, "    ")
                    learner = [author[0], solution("answer", body)]
                    names.append((name, where))
                    work.append(graded(runtime, author, learner, pool=pool, **limits))
            return dict(zip(names, await asyncio.gather(*work), strict=True))

    return asyncio.run(all_of_them())


@RUNTIMES
@pytest.mark.parametrize("where", ["cell", "check"])
@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_has_its_status_and_its_words(runtime: str, name: str, where: str) -> None:
    _, _, status, words = LIMITS[name]
    result = limits_graded(runtime)[name, where]
    named = {"cell": "answer", "check": "check"}[where]
    culprit = next(each for each in (*result.cells, *result.checks) if each.id == named)
    assert culprit.status == status
    shown = f"{result.message} {getattr(culprit, 'message', '')} {getattr(culprit, 'error', '')}"
    # On a crowded machine gVisor may let a busy loop starve the judge: then the grader ends the run.
    assert words in shown or (runtime == "runsc" and status == "timeout" and "20 s that it has" in shown)
    assert told(result)["earlier"] == "passed", "what was judged before stays"
    assert told(result)["check"] != "passed"


@RUNTIMES
async def test_that_it_was_memory_is_known_before_the_engine_says_so(
    runtime: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a crowded machine the engine's event comes seconds after the end."""

    async def silent(self: Sandbox) -> bool:
        return False

    monkeypatch.setattr(Sandbox, "_oom_event", silent)
    author = [solution("answer", "x = 1"), check("check", "assert x == 1")]
    growing = solution("answer", "held = []\nwhile True: held.append([0] * 200_000)")
    result = await graded(runtime, author, [growing], memory_mb=192)
    assert result.status == "memory_exceeded"
    assert "192 MB" in result.message


@RUNTIMES
@pytest.mark.parametrize("name", ["wall", "loop"])
def test_a_timeout_in_one_check_leaves_the_later_ones(runtime: str, name: str) -> None:
    assert told(limits_graded(runtime)[name, "check"]) == {
        "earlier": "passed",
        "check": "timeout",
        "later": "passed",
    }


async def test_processes_have_an_end() -> None:
    """Under runc; under gVisor memory is what limits them."""
    author = [
        solution("answer", "import threading, time\ndef many():\n    return 1"),
        check("check", "assert many() == 1"),
    ]
    bomb = """import threading, time
def many():
    for _ in range(500):
        threading.Thread(target=time.sleep, args=(9,), daemon=True).start()
    return 1
"""
    result = await graded("runc", author, [solution("answer", bomb)], processes=24)
    assert told(result) == {"check": "error"}
    assert "can't start new thread" in told_of(result, "check").message


@RUNTIMES
async def test_the_whole_run_has_an_end(runtime: str) -> None:
    author = [solution("answer", "x = 1"), *(check(f"c{n}", "assert x == 1") for n in range(9))]
    learner = [solution("answer", "x = 1"), *(cell("import time; time.sleep(1.2)") for _ in range(4))]
    result = await graded(runtime, author, learner, wall_s=2, total_s=3)
    assert result.status == "timeout"
    assert "3 s" in result.message


@RUNTIMES
@pytest.mark.parametrize("last", ["", "\nimport os\nos._exit(0)"], ids=["to its end", "cut short"])
async def test_the_most_memory_that_a_submission_held_is_told(runtime: str, last: str) -> None:
    author = [solution("answer", "x = 1"), check("check", "assert x == 1")]
    plain = await graded(runtime, author)
    hungry = await graded(
        runtime, author, [solution("answer", f"x = len(bytearray(80_000_000)) // 80_000_000{last}")]
    )
    assert plain.peak_memory_bytes is not None
    assert hungry.peak_memory_bytes is not None
    assert 70_000_000 < hungry.peak_memory_bytes - plain.peak_memory_bytes < 120_000_000


# -- what a learner sees --------------------------------------------------------------------------------


@RUNTIMES
async def test_a_hidden_check_shows_its_title_status_points_and_hint_only(runtime: str) -> None:
    about = {"title": "Large numbers", "hint": "Think of big ones."}
    source = "print('marzipan')\nassert f(99) == 'marzipan', 'marzipan'"
    author = [
        solution("answer", "def f(n):\n    return 'marzipan'"),
        check("hidden", hidden(source), points=2, about=about),
        check("boom", hidden("marzipan()")),
    ]
    learner = [solution("answer", "def f(n):\n    print('seen', n)\n    return 0")]
    events: list[dict[str, Any]] = []
    challenge = parse_challenge(notebook(*author, challenge={"slug": "judge"}))
    async with Pool(engine_settings(runtime), size=0, max_total=1) as pool:
        result = await grade(challenge, notebook(*learner), pool, events.append)
    shown = told_of(result, "hidden")
    assert (shown.title, shown.status, shown.points, shown.max_points, shown.hint) == (
        "Large numbers", "failed", 0.0, 2.0, "Think of big ones."
    )  # fmt: skip
    assert (shown.message, shown.stdout) == ("", "")
    assert shown.duration_ms % 100 == 0
    assert told_of(result, "boom").status == "error"
    assert "marzipan" not in json.dumps([result.as_dict(), events])


async def test_installing_packages_does_no_harm_and_says_that_it_installs_nothing() -> None:
    """As learners leave it in their answers; what pip would say of a machine without it leads astray."""
    author = [solution("answer", "x = 1"), check("one", "assert x == 1")]
    lines = ["%pip install requests", "%conda install requests", "!pip install requests"]
    learner = [solution("answer", "\n".join([*lines, "x = 1"]))]
    result = await graded("runc", author, learner)
    assert told(result) == {"one": "passed"}
    printed = cell_of(result, "answer").stdout.replace("\r", "").rstrip("\n")
    assert printed == "\n".join([NOTHING_INSTALLED] * len(lines))


async def test_a_visible_check_shows_what_was_expected_and_what_was_printed() -> None:
    author = [
        solution("answer", "def f(n):\n    return n"),
        check("compared", "assert f(1) == 5"),
        check("said", "assert f(1) == 5, 'f(1) should be 5'"),
        check("raised", "print('from the check')\nassert f(None) == 1"),
    ]
    learner = [solution("answer", "def f(n):\n    print('got', n)\n    return n + 1")]
    result = await graded("runc", author, learner)
    assert told_of(result, "compared").message.split("\n") == ["assert f(1) == 5", "got      2", "expected 5"]
    assert told_of(result, "compared").stdout == "got 1\n"
    assert told_of(result, "said").message == "f(1) should be 5"
    raised = told_of(result, "raised")
    assert raised.status == "error"
    assert raised.message.startswith("TypeError: unsupported operand")
    assert raised.message.endswith("in f, line 3: return n + 1")
    assert raised.stdout == "from the check\ngot None\n"


@RUNTIMES
@pytest.mark.parametrize(
    ("answer", "source"),
    [("import time; time.sleep(2)", "pass"), ("pass", "import time; time.sleep(2)")],
    ids=["a cell", "a check"],
)
async def test_what_takes_long_is_told_when_it_begins(runtime: str, answer: str, source: str) -> None:
    """Events of a quick run go out together, and nobody waits at an empty page for one that is not."""
    came: dict[tuple[str, str], float] = {}

    def note(event: dict[str, Any]) -> None:
        came[event["event"], event["data"]["id"]] = time.monotonic()

    await graded(runtime, [solution("answer", answer), check("check", source)], on_event=note)
    slow, kind = ("check", "check") if answer == "pass" else ("answer", "cell")
    assert came[kind, slow] - came["start", slow] > 1


# -- what an author may choose --------------------------------------------------------------------------

EQUAL = "class Always:\n    def __eq__(self, other): return True\n    def __gt__(self, other): return True\n"


@RUNTIMES
async def test_comparing_with_plain_data_asks_the_learner_only_on_request(runtime: str) -> None:
    learners = {"compare": "learner"}
    author = [
        solution("answer", EQUAL + "def f():\n    return Always()"),
        check("equal", "assert f() == 5"),
        check("greater", "assert f() > 5"),
        check("both", "assert f() == f()"),
        check("chosen", "assert f() == 5 and f() > 5", about=learners),
        check("after", "assert f() == 5"),
    ]
    assert told(await graded(runtime, author)) == {
        "equal": "failed",
        "greater": "error",
        "both": "passed",
        "chosen": "passed",
        "after": "failed",
    }


@RUNTIMES
async def test_a_check_may_run_in_the_learners_process(runtime: str) -> None:
    inside = {"judge": "in-kernel"}
    author = [
        solution("answer", "import os\npid = os.getpid()\nx = 4"),
        check("apart", hidden("print('marzipan')\nimport os\nassert os.getpid() != pid")),
        check("inside", "assert os.getpid() == pid and x == 4", about=inside),
        check("wrong", "assert x == 5", about=inside),
        check("broken", "x.y", about=inside),
        check("partial", "0.5", points=2, about=inside),
    ]
    result = await graded(runtime, author)
    assert told(result) == {
        "apart": "passed",
        "inside": "passed",
        "wrong": "failed",
        "broken": "error",
        "partial": "failed",
    }
    assert told_of(result, "partial").points == 0.5
    assert "marzipan" not in str(result), "what a hidden check printed is not the next one's"


CREDIT = {
    "whole": ("assert x == 1", "passed", 4.0),
    "all-of-it": ("x * 4", "passed", 4.0),
    "part": ("x + 1.5", "failed", 2.5),
    "nothing": ("x * 0", "failed", 0.0),
    "too-much": ("x * 9", "passed", 4.0),
    "negative": ("-x", "failed", 0.0),
    "nan": ("float('nan') * x", "failed", 0.0),
    "infinite": ("float('inf') * x", "failed", 0.0),
    "true": ("x == 1", "passed", 4.0),
    "false": ("x == 2", "failed", 0.0),
    "false-at-last": ("assert x == 1\nx == 1 and not x", "failed", 0.0),
    "text": ("str(x)", "passed", 4.0),
    "list": ("[x]", "passed", 4.0),
    "numpy-true": ("import numpy as np\nnp.equal(x, 1)", "passed", 4.0),
    "numpy-false": ("import numpy as np\nnp.equal(x, 2)", "failed", 0.0),
    "numpy-nan": ("import numpy as np\nnp.float32('nan')", "failed", 0.0),
    "numpy": ("import numpy as np\nnp.float64(2) * x", "failed", 2.0),
    "none": ("print(x)", "passed", 4.0),
    "object": ("thing", "passed", 4.0),
    "docstring": ("'just words'", "passed", 4.0),
    "suppressed": ("x * 0;", "passed", 4.0),
    "own-number": ("mine", "failed", 0.0),
    "own-equality": ("always == 5", "failed", 0.0),
}


@RUNTIMES
async def test_partial_credit(runtime: str) -> None:
    number = "class Four(float):\n    def __float__(self): return 4.0\nmine = Four(0)\n"
    own = f"class Thing: pass\nthing = Thing()\n{number}{EQUAL}always = Always()\n"
    author = [solution("answer", f"x = 1\n{own}")]
    author += [check(name, source, points=4) for name, (source, _, _) in CREDIT.items()]
    inside = {name: credit for name, credit in CREDIT.items() if not name.startswith("own-")}
    author += [
        check(f"in-kernel-{name}", source, points=4, about={"judge": "in-kernel"})
        for name, (source, _, _) in inside.items()
    ]
    result = await graded(runtime, author)
    assert {each.id: (each.status.value, each.points) for each in result.checks} == {
        **{name: (status, points) for name, (_, status, points) in CREDIT.items()},
        **{f"in-kernel-{name}": (status, points) for name, (_, status, points) in inside.items()},
    }


# -- the known differences to grading in one process: docs/judge.md's table -------------------------------


@functools.cache
def differences_graded(runtime: str, how: str) -> dict[str, CheckResult]:
    about = {"judge": "in-kernel"} if how == "in-kernel" else None
    author, learner = [], []
    for number, (name, (_, answer, source)) in enumerate(DIFFERENCES.items()):
        author += [
            solution(f"answer-{number}", AUTHORS.get(name, answer)),
            check(f"check-{number}", source, about=about),
        ]
        learner.append(solution(f"answer-{number}", answer))
    result = asyncio.run(graded(runtime, author, learner))
    return dict(zip(DIFFERENCES, result.checks, strict=True))


@pytest.mark.parametrize("name", DIFFERENCES)
def test_a_known_difference_is_one(name: str) -> None:
    """When this fails, a difference is gone: take it out of docs/judge.md."""
    assert differences_graded("runc", "in-kernel")[name].status == "passed"
    assert differences_graded("runc", "judge")[name].status in ("failed", "error")


def test_the_known_differences_are_those_of_the_documentation() -> None:
    section = JUDGE_MD.split("## Differences that an author may meet")[1].split("\n## ")[0]
    rows = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| ")][1:]
    assert set(rows) - {"what runs after a hidden check prints or fails"} == set(DIFFERENCES)
    explained = json.loads((ROOT / "bench" / "parity_known.json").read_text())
    assert {each["why"] for each in explained} <= set(rows)


async def test_verdicts_agree_with_grading_in_one_process() -> None:
    """A slice of `make parity`."""
    pairs = (pair for pair in human_eval() if int(pair.name.split("/")[0].split("-")[-1]) % 14 == 3)
    found = await run(pairs, jobs=3, runtime="runc")
    assert found.pairs >= 40
    assert 0 < found.passed < found.checks
    assert [each.pair for each in found.unexplained] == []
    assert found.broken == []
