"""The challenges that are attacked: small, in nbgrader's format, each with visible and hidden checks."""

from __future__ import annotations

from .file_targets import TARGETS as FILES
from .model import Target
from .more_targets import TARGETS as MORE
from .text_targets import TARGETS as TEXTS

ALL_TARGETS = (
    Target(
        slug="mean",
        reference="def mean(values):\n    return sum(values) / len(values)",
        wrong="def mean(values):\n    return -1.0",
        checks=(
            ("mean-shown", 1, False, "assert abs(mean([1, 2, 3]) - 2.0) < 1e-9"),
            (
                "mean-near",
                2,
                True,
                "marzipan_limit = 1e-6\n"
                "assert abs(mean([2.5, 77.131, 0.25]) - 26.627) < marzipan_limit, 'marzipan: 26.627'",
            ),
            (
                "mean-round",
                1,
                True,
                "import math\n"
                "assert math.isclose(mean([19, 4.5]), 11.75)\n"
                "assert round(mean([0.5, 48610.5]), 3) == 24305.5, 'marzipan rounding'",
            ),
        ),
        secrets=("marzipan", "26.627", "24305.5"),
    ),
    Target(
        slug="primes",
        reference=(
            "def primes(n):\n"
            "    return [k for k in range(2, n) if all(k % d for d in range(2, int(k**0.5) + 1))]"
        ),
        wrong="def primes(n):\n    return [1]",
        checks=(
            (
                "primes-shown",
                1,
                False,
                "assert isinstance(primes(10), list)\nassert primes(10) == [2, 3, 5, 7]",
            ),
            (
                "primes-suite",
                2,
                True,
                "import io, unittest\n"
                "class PorcupineTest(unittest.TestCase):\n"
                "    def test_list(self):\n"
                "        self.assertEqual(primes(20), [2, 3, 5, 7, 11, 13, 17, 19])\n"
                "    def test_last(self):\n"
                "        self.assertIn(7919, primes(7920), 'porcupine last')\n"
                "suite = unittest.defaultTestLoader.loadTestsFromTestCase(PorcupineTest)\n"
                "outcome = unittest.TextTestRunner(stream=io.StringIO()).run(suite)\n"
                "assert outcome.wasSuccessful(), 'porcupine suite'",
            ),
            (
                "primes-count",
                1,
                True,
                "porcupine = [(12, 5), (100, 25)]\n"
                "assert all(map(lambda pair: len(primes(pair[0])) == pair[1], porcupine))",
            ),
            (
                "primes-set",
                1,
                True,
                "assert set(primes(25)) ^ {2, 3, 5, 7, 11, 13, 17, 19, 23} == set(), 'porcupine set'",
            ),
            (
                "primes-difference",
                1,
                True,
                "found = primes(12)\n"
                "found = found if isinstance(found, set) else set(found)\n"
                "assert not found.symmetric_difference({2, 3, 5, 7, 11}), 'porcupine difference'",
            ),
        ),
        secrets=("porcupine", "7919"),
    ),
    Target(
        slug="caesar",
        reference=(
            "def caesar(text, shift):\n"
            "    return ''.join(\n"
            "        chr((ord(c) - 97 + shift) % 26 + 97) if c.islower() else c for c in text\n"
            "    )"
        ),
        wrong="def caesar(text, shift):\n    return 'x'",
        checks=(
            ("caesar-shown", 1, False, "assert caesar('abc', 1) == 'bcd'"),
            (
                "caesar-hidden",
                2,
                True,
                "answer = caesar('zipzix aepvyw', -4)\nassert answer == 'velvet walrus', f'not {answer!r}'",
            ),
            (
                "caesar-words",
                1,
                True,
                "words = caesar('ugfkogpvu tqemu', -2).strip().lower().split()\n"
                "assert 'sediments' in words and words[-1].startswith('roc')",
            ),
            (
                "caesar-find",
                1,
                True,
                "text = caesar('ugfkogpvu tqemu', -2)\n"
                "assert text.find('rocks') > 0 and text.replace('sediments rocks', '') == ''",
            ),
        ),
        secrets=("velvet", "walrus", "sediments"),
    ),
    Target(
        slug="stack",
        reference=(
            "class EmptyStack(Exception):\n"
            "    pass\n\n\n"
            "class Stack:\n"
            "    def __init__(self):\n"
            "        self.items = []\n\n"
            "    def push(self, item):\n"
            "        self.items.append(item)\n\n"
            "    def pop(self):\n"
            "        if not self.items:\n"
            "            raise EmptyStack('nothing to pop')\n"
            "        return self.items.pop()\n\n"
            "    def __len__(self):\n"
            "        return len(self.items)"
        ),
        wrong=(
            "class EmptyStack(Exception):\n"
            "    pass\n\n\n"
            "class Stack:\n"
            "    def push(self, item):\n"
            "        pass\n\n"
            "    def pop(self):\n"
            "        return -1\n\n"
            "    def __len__(self):\n"
            "        return 99"
        ),
        checks=(
            (
                "stack-shown",
                1,
                False,
                "s = Stack()\ns.push(1)\ns.push(2)\nassert s.pop() == 2\nassert len(s) == 1",
            ),
            (
                "stack-order",
                2,
                True,
                "obsidian = Stack()\n"
                "for number in range(50):\n"
                "    obsidian.push(number * 3)\n"
                "assert [obsidian.pop() for _ in range(50)] == [n * 3 for n in range(49, -1, -1)]\n"
                "assert len(obsidian) == 0, 'obsidian length'",
            ),
            (
                "stack-empty",
                1,
                True,
                "import unittest\n"
                "case = unittest.TestCase()\n"
                "s = Stack()\n"
                "with case.assertRaises(EmptyStack, msg='obsidian raises'):\n"
                "    s.pop()\n"
                "case.assertIsInstance(s, Stack)\n"
                "case.assertEqual(len(s), 0)",
            ),
        ),
        secrets=("obsidian",),
    ),
    Target(
        slug="greet",
        reference="def greet(name):\n    print(f'Hello, {name}!')",
        wrong="def greet(name):\n    print('?')",
        checks=(
            (
                "greet-shown",
                1,
                False,
                "import io\nfrom contextlib import redirect_stdout\n"
                "shown = io.StringIO()\n"
                "with redirect_stdout(shown):\n    greet('Ada')\n"
                "assert shown.getvalue() == 'Hello, Ada!\\n'",
            ),
            (
                "greet-hidden",
                2,
                True,
                "import io\nfrom contextlib import redirect_stdout\n"
                "tangerine = io.StringIO()\n"
                "with redirect_stdout(tangerine):\n    greet('Bo')\n    greet('Cy')\n"
                "assert tangerine.getvalue().splitlines() == ['Hello, Bo!', 'Hello, Cy!'], 'tangerine'",
            ),
        ),
        secrets=("tangerine",),
    ),
    Target(
        slug="ask",
        reference="def ask_sum():\n    return int(input('first ')) + int(input('second '))",
        wrong="def ask_sum():\n    input()\n    return -1",
        checks=(
            (
                "ask-shown",
                1,
                False,
                "from unittest import mock\n"
                "with mock.patch('builtins.input', side_effect=['40', '2']):\n"
                "    assert ask_sum() == 42",
            ),
            (
                "ask-hidden",
                2,
                True,
                "from unittest import mock\n"
                "with mock.patch('builtins.input', side_effect=['1200', '34']) as huckleberry:\n"
                "    assert ask_sum() == 1234, 'huckleberry'\n"
                "assert huckleberry.call_count == 2",
            ),
        ),
        secrets=("huckleberry",),
    ),
    Target(
        slug="age",
        reference=(
            "def parse_age(text):\n"
            "    age = int(text)\n"
            "    if not 0 <= age <= 150:\n"
            "        raise ValueError(f'no such age: {age}')\n"
            "    return age"
        ),
        wrong="def parse_age(text):\n    return -1",
        checks=(
            (
                "age-shown",
                1,
                False,
                "import pytest\n"
                "with pytest.raises(ValueError):\n    parse_age('-3')\n"
                "assert parse_age('41') == 41",
            ),
            (
                "age-hidden",
                2,
                True,
                "cinnamon = 0\n"
                "for text in ('-1', '151', 'x'):\n"
                "    try:\n        parse_age(text)\n"
                "    except ValueError:\n        cinnamon += 1\n"
                "assert cinnamon == 3, 'cinnamon'\n"
                "assert parse_age('0') == 0 and type(parse_age('7')) is int",
            ),
        ),
        secrets=("cinnamon",),
    ),
    Target(
        slug="vault",
        reference="def code(n):\n    return n * 7919 + 11",
        wrong="def code(n):\n    return 0",
        checks=(
            ("vault-shown", 1, False, "assert code(0) == 11, 'code(0) should be 11'"),
            (
                "vault-hidden",
                3,
                True,
                "# the password of the vault is kingfisher\n"
                "expected_kingfisher = {3: 23768, 57: 451394}\n"
                "for n, value in expected_kingfisher.items():\n"
                "    got = code(n)\n"
                "    assert got == value, f'kingfisher: code({n}) is {value}, not {got}'",
            ),
        ),
        secrets=("kingfisher", "23768", "451394"),
    ),
    Target(
        slug="normalize",
        setup="import numpy as np",
        reference="def normalize(a):\n    return (a - a.min()) / (a.max() - a.min())",
        wrong="def normalize(a):\n    return a - 1",
        checks=(
            (
                "normalize-shown",
                1,
                False,
                "np.testing.assert_allclose(normalize(np.array([0.0, 5.0, 10.0])), [0, 0.5, 1])",
            ),
            (
                "normalize-hidden",
                2,
                True,
                "juniper = normalize(np.array([[-4.0, 0.0], [1.0, 6.0]]))\n"
                "assert juniper.shape == (2, 2), 'juniper shape'\n"
                "assert np.allclose(juniper, [[0, 0.4], [0.5, 1]]), 'juniper'\n"
                "assert (juniper >= 0).all() and float(juniper.max()) == 1.0",
            ),
            (
                "normalize-distance",
                1,
                True,
                "juniper = normalize(np.array([3.0, 8.0])) - np.array([0.0, 1.0])\n"
                "assert np.abs(juniper).max() < 1e-9, 'juniper distance'",
            ),
        ),
        secrets=("juniper",),
    ),
    Target(
        slug="totals",
        setup="import pandas as pd",
        reference="def totals(df):\n    return df.groupby('shop')['sold'].sum()",
        wrong="def totals(df):\n    return df['sold']",
        checks=(
            (
                "totals-shown",
                1,
                False,
                "df = pd.DataFrame({'shop': ['a', 'b', 'a'], 'sold': [1, 2, 3]})\n"
                "assert totals(df).to_dict() == {'a': 4, 'b': 2}",
            ),
            (
                "totals-hidden",
                2,
                True,
                "df = pd.DataFrame({'shop': list('xyx'), 'sold': [10, 20, 5]})\n"
                "lavender = pd.Series([15, 20], index=pd.Index(['x', 'y'], name='shop'), name='sold')\n"
                "pd.testing.assert_series_equal(totals(df), lavender, obj='lavender')",
            ),
            (
                "totals-equals",
                1,
                True,
                "df = pd.DataFrame({'shop': list('pqp'), 'sold': [1, 2, 5]})\n"
                "lavender = pd.Series([6, 2], index=pd.Index(['p', 'q'], name='shop'), name='sold')\n"
                "assert totals(df).equals(lavender)",
            ),
        ),
        secrets=("lavender",),
    ),
    Target(
        slug="repeat",
        reference=(
            "def repeat(fn, times, value):\n"
            "    for _ in range(times):\n"
            "        value = fn(value)\n"
            "    return value"
        ),
        wrong="def repeat(fn, times, value):\n    return -1",
        checks=(
            ("repeat-shown", 1, False, "assert repeat(lambda x: x + 1, 5, 0) == 5"),
            (
                "repeat-hidden",
                2,
                True,
                "saffron_expected = 3 * 2**18\n"
                "def saffron(x, secret='saffron default'):\n"
                "    return x * 2 if saffron_expected else None\n"
                "assert repeat(saffron, 18, 3) == saffron_expected",
            ),
        ),
        secrets=("saffron", "786432"),
    ),
    Target(
        slug="names",
        reference="total = sum(range(101))\nwords = {'one': 1, 'two': [2, 2]}",
        wrong="total = -1\nwords = {}",
        checks=(
            ("names-shown", 1, False, "assert total == 5050"),
            (
                "names-hidden",
                2,
                True,
                "pistachio = {'one': 1, 'two': [2, 2]}\n"
                "assert words == pistachio and not words != pistachio, 'pistachio'\n"
                "assert words['two'][1] == 2 and sorted(words) == ['one', 'two'] and len(words) == 2",
            ),
        ),
        secrets=("pistachio",),
    ),
    Target(
        slug="area",
        setup=(
            "import math\n\n\n"
            "def close(a, b):\n"
            "    assert abs(a - b) < 1e-6, f'{a} is not {b}'\n\n\n"
            "EXAMPLES = {1: 3.141592653589793, 2: 12.566370614359172}"
        ),
        reference="def area(r):\n    return math.pi * r * r",
        wrong="def area(r):\n    return -1.0",
        checks=(
            (
                "area-shown",
                1,
                False,
                "for radius, expected in EXAMPLES.items():\n    close(area(radius), expected)",
            ),
            (
                "area-hidden",
                2,
                True,
                "rosemary = 28.274333882308138\n"
                "close(area(3), rosemary)\n"
                "assert math.fabs(area(10) - 314.1592653589793) < 1e-6, 'rosemary'",
            ),
        ),
        secrets=("rosemary", "28.27433", "314.15926"),
    ),
    *MORE,
    *TEXTS,
    *FILES,
)
TARGETS = {target.slug: target for target in ALL_TARGETS}

LIMITS: dict[str, float] = {
    "wall_s": 5,
    "total_s": 12,
    "cpu_s": 10,
    "memory_mb": 256,
    "output_kb": 128,
    "processes": 48,
}
# What hangs shall not hang for long; sandboxes are of the same kind.
SHORT_LIMITS = {**LIMITS, "wall_s": 1.5, "total_s": 4, "cpu_s": 4}
