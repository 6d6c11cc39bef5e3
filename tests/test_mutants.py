"""Mutants: what is changed, what never is, and that they are the same ones every time."""

from __future__ import annotations

import ast
import asyncio
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader import mutants
from grader.mutants import Answer, Mutants, grow, mutate, solution_lines

QUICK = settings(deadline=None, max_examples=60)


def made(source: str, context: str = "", ceiling: int = 1000) -> Mutants:
    return mutate([Answer("answer", textwrap.dedent(source).strip("\n"))], context, ceiling)


def changed(source: str, context: str = "") -> set[str]:
    """The lines that differ from the source, one of each mutant, without their indentation."""
    before = textwrap.dedent(source).strip("\n").split("\n")
    found = set()
    for each in made(source, context).chosen:
        after = each.source.split("\n")
        found |= {new.strip() for old, new in zip(before, after, strict=False) if old != new}
    return found


# -- the usual operators ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = a + b", {"x = a - b"}),
        ("x = a * b / c", {"x = a + b / c", "x = a * b * c", "x = a * b // c"}),
        ("x = (a +  # first\n     b)", {"x = (a -  # first"}),
        ("x += 1", {"x -= 1", "x = 1", "x += 2", "x += 0", "pass"}),
        ("x = a < b", {"x = a <= b"}),
        ("x = a >= b", {"x = a > b"}),
        ("x = a < b <= c", {"x = a <= b <= c", "x = a < b < c"}),
        ("x = a == b", {"x = a != b"}),
        ("x = a not in b", {"x = a in b"}),
        ("x = a and b and c", {"x = a or b or c"}),
        ("x = not a", {"x = (a)"}),
        ("x = -a", {"x = (a)"}),
        ("x = 3", {"x = 4", "x = 2"}),
        ("x = 0", {"x = 1"}),
        ("x = 0.5", {"x = 1.5"}),
        ("x = True", {"x = False"}),
        ("x = 'ß'", {"x = 'XXßXX'"}),
        ('x = "it\'s"', {'x = "XXit\'sXX"'}),
        ("if a:\n    f = 0", {"if not (a):", "f = 1"}),
        ("x = [i for i in a if i]", {"x = [i for i in a if not (i)]"}),
        ("while not a:\n    a = b", {"while (a):"}),
        ("def f(a):\n    return a", {"return None"}),
        ("def f(a):\n    yield a", {"yield None"}),
        ("f = lambda a: a", {"f = lambda a: None"}),
        ("def f(a=1):\n    pass", {"def f(a=2):", "def f(a=0):"}),
        ("for a in b:\n    if a:\n        break", {"if not (a):", "continue"}),
        ("for a in b:\n    if a:\n        continue", {"if not (a):", "break"}),
        ("for i in a:\n    b = i", {"for i in [*a][:-1]:"}),
        ("for i in range(1, n):\n    b = i", {"for i in range(1, (n) - 1):", "for i in range(2, n):"}),
        ("x = a[1:b]", {"x = a[:b]", "x = a[1:]", "x = a[2:b]", "x = a[0:b]"}),
        ("x = f(a, b)", {"x = f(b, a)"}),
        ("x = g(a, key=b)", {"x = g(a)"}),
        ("x = g(key=b, *a)", {"x = g(*a)"}),
        ("x = max(a, b)", {"x = min(a, b)"}),
        ("x.y = a", {"pass"}),
        ("f(a)", {"pass"}),
        ("del a[b]", {"pass"}),
        ("raise KeyError(a)", {"pass", "raise ArithmeticError(a)"}),
        ("try:\n    f = a\nexcept KeyError:\n    pass", {"except ArithmeticError:"}),
        ("class A:\n    @property\n    def f(self):\n        pass", {"def f(self):", "pass"}),
        ("x = f'{a:.1f}'", {"x = f'{a}'"}),
        ("x = f'{a + b}!'", {"x = f'{a - b}!'", "x = f'{a + b}!XX'"}),
        ("match a:\n    case [b] if b > 1:\n        x = a", {"case [b] if not (b > 1):"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_changed(source: str, expected: set[str]) -> None:
    assert expected <= changed(source)


@pytest.mark.parametrize(
    "source",
    [
        '"""About 3 things."""',
        'def f(a):\n    """Gives 1."""',
        "def f(a: dict[str, 3]) -> 'list[4]':\n    pass",
        "a: 'int'",
        "if __name__ == '__main__':\n    main(1, 2)",
        "from a import b",
        "class A:\n    __slots__ = ('a', 'b')",
        "@functools.lru_cache(maxsize=100)\ndef f(a):\n    pass",
        "random.seed(5)",
        "a = open(b, encoding='utf-8')",
        "### a comment",
    ],
)
def test_what_no_check_could_see_is_left_alone(source: str) -> None:
    assert made(source).chosen == ()


@pytest.mark.parametrize("text", [r"r'a\d+'", r"'a\\d'", r"'tab\tline\n'"])
def test_backslashes_stay_what_they_are(text: str) -> None:
    (mutant,) = made(f"x = {text}").chosen
    assert ast.literal_eval(mutant.source.removeprefix("x = ")) == f"XX{ast.literal_eval(text)}XX"


def test_words_of_an_error_are_changed_where_a_check_reads_them() -> None:
    source = "raise ValueError('too small')"
    assert "raise ValueError('XXtoo smallXX')" not in changed(source)
    assert "raise ValueError('XXtoo smallXX')" in changed(source, "assert str(error) == 'too small'")


def test_what_compiles_to_the_same_is_no_mutant() -> None:
    assert made("x = 2 if 1 else 3").possible > len(made("x = 2 if 1 else 3").chosen)
    sources = [each.source for each in made("x = a < b\ny = -1 + 1").chosen]
    assert len(sources) == len(set(sources))


# -- only what a learner would write ----------------------------------------------------------------


def test_only_solution_regions_are_changed() -> None:
    source = "x = 1\n### BEGIN SOLUTION\ny = 2\n### END SOLUTION\nz = 3"
    assert {each.line for each in made(source).chosen} == {3}
    assert {each.line for each in made("x = 1\nz = 3").chosen} == {1, 2}


def test_the_diff_shows_the_one_place() -> None:
    (first, *_) = made("def f(a):\n    # of a\n    return a + 1").chosen
    assert [line for line in first.diff.split("\n")[2:] if line[:1] in "+-"] == [
        "-    return a + 1",
        "+    return a - 1",
    ]


def test_magics_are_kept_and_do_not_disturb() -> None:
    for each in made("%matplotlib inline\n!ls\nx = 1").chosen:
        assert each.source.startswith("%matplotlib inline\n!ls\nx = ")


@pytest.mark.parametrize("source", ["def (:", "%%bash\nls", "x = " + "(" * 5000, "x" + ".x" * 50_000])
def test_what_cannot_be_parsed_has_no_mutants_and_a_reason(source: str) -> None:
    found = made(source)
    assert found.chosen == ()
    assert found.unreadable == () or found.unreadable[0][0] == "answer"


# -- invariants -------------------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "größe"])
ATOMS = st.one_of(
    NAMES,
    st.integers(0, 99).map(str),
    st.sampled_from(["'x'", '"ü"', "None", "True", "1.5", "f'{a:.2f} {b!r}'", "[]", "b'z'"]),
)
OPERATORS = st.sampled_from(["+", "-", "*", "/", "//", "%", "<", "<=", "==", "!=", "in", "and", "or"])
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, OPERATORS, inner).map(lambda each: f"({' '.join(each)})"),
        inner.map(lambda each: f"(not {each})"),
        st.tuples(inner, inner).map(lambda each: f"f({each[0]}, {each[1]}, key={each[1]})"),
        st.tuples(inner, inner).map(lambda each: f"a[{each[0]}:{each[1]}]"),
        st.tuples(inner, inner).map(lambda each: f"[i for i in {each[0]} if {each[1]}]"),
        st.tuples(inner, inner, inner).map(lambda each: f"({each[0]} if {each[1]} else {each[2]})"),
    ),
    max_leaves=8,
)
STATEMENTS = st.one_of(
    st.tuples(NAMES, EXPRESSIONS).map(lambda each: f"{each[0]} = {each[1]}"),
    st.tuples(NAMES, EXPRESSIONS).map(lambda each: f"{each[0]} += {each[1]}"),
    EXPRESSIONS.map(lambda each: f"print({each})"),
    EXPRESSIONS.map(
        lambda each: f"if {each}:\n    a.b = {each}  # größer\nelse:\n    raise KeyError({each})"
    ),
    EXPRESSIONS.map(lambda each: f"def f(a={each}):\n    return {each}"),
    EXPRESSIONS.map(lambda each: f"while {each}:\n    break"),
)
PROGRAMS = st.lists(STATEMENTS, min_size=1, max_size=4).map("\n".join)


@QUICK
@given(before=PROGRAMS, within=PROGRAMS, after=PROGRAMS)
def test_every_mutant_parses_differs_and_keeps_to_the_region(before: str, within: str, after: str) -> None:
    source = f"{before}\n### BEGIN SOLUTION\n{within}\n### END SOLUTION\n{after}"
    lines = source.split("\n")
    allowed = solution_lines(source)
    kept_before, kept_after = lines[: min(allowed) - 1], lines[max(allowed) :]
    for each in made(source).chosen:
        ast.parse(each.source)
        assert ast.dump(ast.parse(each.source)) != ast.dump(ast.parse(source))
        assert each.line in allowed
        now = each.source.split("\n")
        assert now[: len(kept_before)] == kept_before
        assert now[-len(kept_after) :] == kept_after


@QUICK
@given(source=PROGRAMS, ceiling=st.integers(0, 12))
def test_a_choice_is_within_the_ceiling_and_always_the_same(source: str, ceiling: int) -> None:
    chosen = made(source, ceiling=ceiling).chosen
    assert len(chosen) <= ceiling
    assert chosen == made(source, ceiling=ceiling).chosen
    assert set(chosen) <= set(made(source).chosen)


def test_a_choice_has_something_of_every_kind() -> None:
    source = "\n".join(f"x = {number}" for number in range(5, 300)) + "\ny = a < b\nz = f(a, b)"
    kinds = {each.operator for each in made(source, ceiling=10).chosen}
    assert {"constant", "boundary", "arguments"} <= kinds


# -- in a process of its own ------------------------------------------------------------------------


async def test_another_process_makes_the_same() -> None:
    answers = [Answer("one", "x = 1 + a"), Answer("two", "def (:")]
    assert await grow(answers) == mutate(answers)


async def test_a_source_that_breaks_that_process_breaks_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutants, "CHILD_S", 0.0)
    found = await grow([Answer("one", "x = 1")])
    assert found.chosen == ()
    assert found.unreadable[0][0] == "one"


async def test_who_asks_may_change_their_mind() -> None:
    task = asyncio.create_task(grow([Answer("one", "x = 1")]))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
