"""Further challenges to attack: partial credit, generators, files, operators, mocks, computed data."""

from __future__ import annotations

from .model import Target

TARGETS = (
    Target(
        slug="squares",
        reference="def square(n):\n    return n * n",
        wrong="def square(n):\n    return -1",
        checks=(
            ("squares-shown", 1, False, "assert square(3) == 9"),
            (
                "squares-partial",
                4,
                True,
                "turmeric = 0\n"
                "for n in (12, 13, 14, 15):\n"
                "    if square(n) == n * n:\n        turmeric += 1\n"
                "turmeric",
            ),
            ("squares-value", 1, True, "turmeric = square(27) == 729\nassert turmeric"),
        ),
        secrets=("turmeric", "729"),
    ),
    Target(
        slug="evens",
        reference="def evens():\n    n = 0\n    while True:\n        yield n\n        n += 2",
        wrong="def evens():\n    while True:\n        yield -1",
        checks=(
            (
                "evens-shown",
                1,
                False,
                "import itertools\nassert list(itertools.islice(evens(), 4)) == [0, 2, 4, 6]",
            ),
            (
                "evens-hidden",
                2,
                True,
                "import itertools\n"
                "numbers = evens()\n"
                "assert [next(numbers) for _ in range(30)] == list(range(0, 60, 2)), 'coriander'\n"
                "coriander = dict(zip('abc', evens()))\n"
                "assert coriander == {'a': 0, 'b': 2, 'c': 4}",
            ),
        ),
        secrets=("coriander",),
    ),
    Target(
        slug="later",
        reference=("import asyncio\n\n\nasync def later(n):\n    await asyncio.sleep(0)\n    return n + 1"),
        wrong="async def later(n):\n    return -1",
        checks=(
            ("later-shown", 1, False, "assert await later(3) == 4"),
            (
                "later-hidden",
                2,
                True,
                "import asyncio\n"
                "async def peppermint():\n"
                "    return await asyncio.gather(*(later(n) for n in (10, 20, 30)))\n"
                "assert await peppermint() == [11, 21, 31], 'peppermint'",
            ),
        ),
        secrets=("peppermint",),
    ),
    Target(
        slug="report",
        reference=(
            "def write_report(path):\n"
            "    with open(path, 'w') as file:\n"
            "        file.write('3 apples\\n4 pears\\n')"
        ),
        wrong="def write_report(path):\n    open(path, 'w').close()",
        checks=(
            (
                "report-shown",
                1,
                False,
                "write_report('report.txt')\n"
                "with open('report.txt') as file:\n"
                "    text = file.read()\n"
                "assert text == '3 apples\\n4 pears\\n', text",
            ),
            (
                "report-hidden",
                2,
                True,
                "import pathlib\n"
                "write_report('cardamom.txt')\n"
                "assert pathlib.Path('cardamom.txt').read_text().count('apples') == 1, 'no apples'",
            ),
        ),
        secrets=(),  # the file's name crosses to the learner, so nothing in this check is secret
    ),
    Target(
        slug="vector",
        reference=(
            "class Vector:\n"
            "    def __init__(self, x, y):\n"
            "        self.x, self.y = x, y\n\n"
            "    def __sub__(self, other):\n"
            "        return Vector(self.x - other.x, self.y - other.y)\n\n"
            "    def length(self):\n"
            "        return (self.x**2 + self.y**2) ** 0.5"
        ),
        wrong=(
            "class Vector:\n"
            "    def __init__(self, x, y):\n"
            "        self.x = self.y = -1\n\n"
            "    def __sub__(self, other):\n"
            "        return self\n\n"
            "    def length(self):\n"
            "        return -1.0"
        ),
        checks=(
            (
                "vector-shown",
                1,
                False,
                "v = Vector(5, 7) - Vector(1, 2)\nassert (v.x, v.y) == (4, 5)",
            ),
            (
                "vector-length",
                2,
                True,
                "assert abs(Vector(3, 4).length() - 5.0) < 1e-9, 'paprika'",
            ),
            (
                "vector-all",
                1,
                True,
                "paprika = [(1, 2), (8, 9)]\n"
                "assert all(map(lambda p: Vector(*p).x == p[0] and Vector(*p).y == p[1], paprika))",
            ),
        ),
        secrets=("paprika",),
    ),
    Target(
        slug="notify",
        reference="def notify(send, names):\n    for name in names:\n        send(f'Dear {name}')",
        wrong="def notify(send, names):\n    pass",
        checks=(
            (
                "notify-shown",
                1,
                False,
                "from unittest.mock import Mock\n"
                "send = Mock()\n"
                "notify(send, ['Ada', 'Bo'])\n"
                "assert send.call_count == 2",
            ),
            (
                "notify-hidden",
                2,
                True,
                "from unittest.mock import Mock, call\n"
                "fennel = Mock()\n"
                "notify(fennel, ['Cy', 'Di'])\n"
                "fennel.assert_any_call('Dear Cy')\n"
                "fennel.assert_has_calls([call('Dear Cy'), call('Dear Di')])\n"
                "assert fennel.call_args_list == [call('Dear Cy'), call('Dear Di')], 'fennel'",
            ),
        ),
        secrets=("fennel",),
    ),
    Target(
        slug="table",
        setup=(
            "import random\n\n"
            "CUBES = {n: n**3 for n in range(2, 9)}\n\n\n"
            "def make_case(n):\n"
            "    return n, CUBES[n]"
        ),
        reference="def cube(n):\n    return n**3",
        wrong="def cube(n):\n    return -1",
        checks=(
            (
                "table-shown",
                1,
                False,
                "for n, expected in CUBES.items():\n    assert cube(n) == expected",
            ),
            (
                "table-hidden",
                2,
                True,
                "sesame, expected = make_case(7)\nassert cube(sesame) == expected, 'sesame'",
            ),
        ),
        secrets=("sesame",),
    ),
    Target(
        slug="shadow",
        reference=(
            "def total(prices):\n"
            "    result = 0.0\n"
            "    for price in prices:\n"
            "        result += price\n"
            "    return result"
        ),
        wrong="def total(prices):\n    return -1",
        checks=(
            ("shadow-shown", 1, False, "assert total([1.5, 2.25]) == 3.75"),
            (
                "shadow-hidden",
                2,
                True,
                "sum = 4117.625\nassert total([4000.5, 117.125]) == sum, 'tamarind'",
            ),
        ),
        secrets=("tamarind", "4117.625"),
    ),
    Target(
        slug="style",
        reference=(
            "def largest(values):\n"
            "    best = values[0]\n"
            "    for value in values:\n"
            "        if value > best:\n"
            "            best = value\n"
            "    return best"
        ),
        wrong="def largest(values):\n    return -1",
        checks=(
            (
                "style-shown",
                1,
                False,
                "import inspect\n"
                "assert largest([3, 9, 4]) == 9\n"
                "assert 'max' not in inspect.getsource(largest), 'without max, please'",
            ),
        ),
        secrets=(),
    ),
    Target(
        slug="page",
        reference="def render(title):\n    return b'<h1>' + title.encode() + b'</h1>'",
        wrong="def render(title):\n    return b''",
        checks=(
            (
                "page-shown",
                1,
                False,
                "import pathlib\n"
                "for number in range(3, 12):\n"
                "    page = pathlib.Path(f'page-{number}.bin')\n"
                "    try:\n        page.write_bytes(render('tea'))\n"
                "    except OSError:\n        pass\n"
                "assert render('tea') == b'<h1>tea</h1>'",
            ),
            ("page-hidden", 2, True, "assert render('a') == b'<h1>a</h1>', 'mulberry'"),
        ),
        secrets=("mulberry",),
    ),
    Target(
        slug="doubled",
        reference="def doubled(values):\n    return [2 * value for value in values]",
        wrong="def doubled(values):\n    return [-1.0] * len(values)",
        checks=(
            (
                "doubled-shown",
                1,
                False,
                "import pandas as pd\n"
                "wrong_by = pd.Series(doubled([1.0, 2.5])) - pd.Series([2.0, 5.0])\n"
                "assert wrong_by.abs().max() < 1e-9",
            ),
            (
                "doubled-hidden",
                2,
                True,
                "import pandas as pd\n"
                "juniper = pd.Series(doubled([4.25, 8.5])) - pd.Series([8.5, 17.0])\n"
                "assert abs(juniper.sum()) < 1e-9 and juniper.abs().max() < 1e-9, 'juniper'",
            ),
        ),
        secrets=("juniper",),
    ),
    Target(
        slug="suite",
        reference="def triple(n):\n    return 3 * n",
        wrong="def triple(n):\n    return -1",
        checks=(
            (
                "suite-shown",
                1,
                False,
                "import io, unittest\n"
                "class TripleTest(unittest.TestCase):\n"
                "    def test_three(self):\n"
                "        self.assertEqual(triple(3), 9)\n"
                "runner = unittest.TextTestRunner(stream=io.StringIO())\n"
                "outcome = unittest.main(argv=['check'], exit=False, testRunner=runner).result\n"
                "assert outcome.testsRun and outcome.wasSuccessful()",
            ),
            (
                "suite-hidden",
                2,
                True,
                "import io, unittest\n"
                "class NutmegTest(unittest.TestCase):\n"
                "    def test_numbers(self):\n"
                "        self.assertEqual([triple(n) for n in (0, 5, -2)], [0, 15, -6], 'nutmeg')\n"
                "runner = unittest.TextTestRunner(stream=io.StringIO())\n"
                "nutmeg = unittest.main(argv=['check'], exit=False, testRunner=runner).result\n"
                "assert not nutmeg.failures and not nutmeg.errors, 'nutmeg'",
            ),
        ),
        secrets=("nutmeg",),
    ),
    Target(
        slug="doctests",
        reference='def triple(n):\n    """Triples.\n\n    >>> triple(2)\n    6\n    """\n    return 3 * n',
        wrong="def triple(n):\n    return -1",
        checks=(
            (
                "doctests-shown",
                1,
                False,
                "import doctest\n"
                "finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner(verbose=False)\n"
                "for test in finder.find(triple, 'triple', module=False, globs={'triple': triple}):\n"
                "    runner.run(test)\n"
                "assert runner.tries > 0 and runner.failures == 0",
            ),
            ("doctests-hidden", 2, True, "assert triple(50) == 150, 'clementine'"),
        ),
        secrets=("clementine",),
    ),
    Target(
        slug="script",
        reference=(
            "with open('hello.py', 'w') as file:\n"
            "    file.write('import sys\\nprint(\"Hello,\", sys.argv[1])\\n')"
        ),
        wrong="open('hello.py', 'w').close()",
        checks=(
            (
                "script-shown",
                1,
                False,
                "import subprocess, sys\n"
                "ran = subprocess.run([sys.executable, 'hello.py', 'Ada'], capture_output=True, text=True)\n"
                "assert ran.stdout == 'Hello, Ada\\n', ran.stdout",
            ),
            (
                "script-hidden",
                2,
                True,
                "import subprocess, sys\n"
                "ran = subprocess.run([sys.executable, 'hello.py', 'Bo'], capture_output=True, text=True)\n"
                "assert ran.stdout.strip() == 'Hello, Bo' and ran.returncode == 0, 'apricot'",
            ),
        ),
        secrets=("apricot",),
    ),
    Target(
        slug="hints",
        reference="def join(words: list, sep: str) -> str:\n    return sep.join(words)",
        wrong="def join(words, sep):\n    return 'x'",
        checks=(
            (
                "hints-shown",
                1,
                False,
                "import typing\n"
                "assert typing.get_type_hints(join) == {'words': list, 'sep': str, 'return': str}",
            ),
            ("hints-hidden", 2, True, "assert join(['a', 'b'], '-') == 'a-b', 'elderflower'"),
        ),
        secrets=("elderflower",),
    ),
    Target(
        slug="saved",
        reference=(
            "def save():\n"
            "    with open('saved.txt', 'w') as file:\n"
            "        file.write('tea\\n')\n"
            "    return 'saved.txt'"
        ),
        wrong="def save():\n    return '/dev/null'",
        checks=(
            (
                "saved-shown",
                1,
                False,
                "with open(save()) as file:\n    assert file.read() == 'tea\\n'",
            ),
            (
                "saved-hidden",
                2,
                True,
                "with open(save()) as file:\n"
                "    lines = file.readlines()\n"
                "assert len(lines) == 1, 'tarragon'",
            ),
        ),
        secrets=("tarragon",),
    ),
)
