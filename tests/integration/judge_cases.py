"""What an author's ordinary check does, each with an answer that has to pass it: (name, answer, check).

Every case has names of its own, because all of them are cells of one notebook. Each check passes in one
process as well, and fails without its answer; test_judge.py holds all three.
"""

from __future__ import annotations

import textwrap

Case = tuple[str, str, str]


def case(name: str, answer: str, check: str) -> Case:
    return name, textwrap.dedent(answer).strip(), textwrap.dedent(check).strip()


LIBRARIES = [
    case(
        "bare asserts",
        "def add(a, b=1, *more, c=0):\n    return a + b + sum(more) + c",
        """
        assert add(1) == 2
        assert add(1, 2, 3, c=4) == 10, "all arguments arrive"
        assert add(0.5, 0.25) == 0.75 and add("a", "b", c=0) if False else True
        """,
    ),
    case(
        "a unittest class",
        "def triangle(n):\n    return n * (n + 1) // 2",
        """
        import io, unittest

        class TriangleTest(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                cls.table = {1: 1, 2: 3, 10: 55}
            def test_table(self):
                for n, expected in self.table.items():
                    with self.subTest(n=n):
                        self.assertEqual(triangle(n), expected)
            def test_type(self):
                self.assertIsInstance(triangle(3), int)
                self.assertAlmostEqual(triangle(3), 6.0)
                with self.assertRaisesRegex(TypeError, "unsupported|can't multiply|concatenate"):
                    triangle("x")

        suite = unittest.defaultTestLoader.loadTestsFromTestCase(TriangleTest)
        assert unittest.TextTestRunner(stream=io.StringIO()).run(suite).wasSuccessful()
        assert suite.countTestCases() == 2
        """,
    ),
    case(
        "unittest.main",
        "def half(n):\n    return n / 2",
        """
        import unittest
        class HalfTest(unittest.TestCase):
            def test_half(self):
                self.assertEqual(half(3), 1.5)
        unittest.main(argv=["x", "HalfTest"], exit=False)
        assert half(1) == 0.5
        """,
    ),
    case(
        "pytest.raises and approx",
        """
        class TooDear(ValueError):
            def __init__(self, price):
                super().__init__(f"{price} is too dear")
                self.price = price

        def buy(price):
            if price > 10:
                raise TooDear(price)
            return price * 1.1
        """,
        """
        import pytest
        with pytest.raises(TooDear, match="12 is too dear") as caught:
            buy(12)
        assert caught.value.price == 12 and isinstance(caught.value, ValueError)
        assert caught.type is TooDear and caught.value.args == ("12 is too dear",)
        assert buy(1) == pytest.approx(1.1)
        with pytest.raises(TypeError):
            buy(None)
        """,
    ),
    case(
        "numpy.testing",
        "import numpy as np\ndef unit(v):\n    return v / np.linalg.norm(v)\ndef fill(a):\n    a[:] = 7",
        """
        import numpy as np
        np.testing.assert_allclose(unit(np.array([3.0, 4.0])), [0.6, 0.8])
        np.testing.assert_array_equal(unit(np.eye(1)), [[1.0]])
        block = np.zeros((2, 2), dtype=int)
        fill(block)
        assert block.tolist() == [[7, 7], [7, 7]] and isinstance(unit(block), np.ndarray)
        """,
    ),
    case(
        "pandas comparisons",
        """
        import pandas as pd
        def totals(frame):
            return frame.groupby("who", as_index=False)["paid"].sum()
        def add_tax(frame):
            frame["tax"] = frame["paid"] * 0.5
        """,
        """
        import pandas as pd
        paid = pd.DataFrame({"who": ["b", "a", "b"], "paid": [1, 2, 3]})
        expected = pd.DataFrame({"who": ["a", "b"], "paid": [2, 4]})
        pd.testing.assert_frame_equal(totals(paid), expected)
        assert totals(paid).equals(expected)
        add_tax(paid)
        assert list(paid["tax"]) == [0.5, 1.0, 1.5]
        """,
    ),
    case(
        "input mocked three ways",
        "def greet():\n    first = input('first? ')\n    return f'{first} {input()}'",
        """
        from unittest import mock
        import builtins
        with mock.patch("builtins.input", side_effect=["Ada", "Lovelace"]) as asked:
            assert greet() == "Ada Lovelace"
        assert asked.call_args_list[0] == mock.call("first? ")
        answers = iter(["A", "B"])
        before = builtins.input
        builtins.input = lambda prompt="": next(answers)
        assert greet() == "A B"
        builtins.input = before
        import io, sys
        sys.stdin = io.StringIO("C\\nD\\n")
        assert greet() == "C D"
        """,
    ),
    case(
        "library functions mocked",
        """
        import random, time
        def roll():
            return random.randint(1, 6) + random.randint(1, 6)
        def wait():
            time.sleep(3600)
            return "done"
        """,
        """
        import random
        from unittest.mock import patch
        with patch("random.randint", return_value=5) as rolled:
            assert roll() == 10
        assert rolled.call_count == 2
        rolled.assert_called_with(1, 6)
        with patch("time.sleep"):
            assert wait() == "done"
        random.seed(7)
        first = roll()
        random.seed(7)
        assert roll() == first and 2 <= first <= 12
        """,
    ),
    case(
        "captured print",
        "import sys\ndef report(n):\n    print('n =', n)\n    print('odd' if n % 2 else 'even', end='!')",
        """
        import io
        from contextlib import redirect_stdout
        shown = io.StringIO()
        with redirect_stdout(shown):
            report(3)
        assert shown.getvalue() == "n = 3\\nodd!"
        """,
    ),
    case(
        "warnings",
        "import warnings\ndef old():\n    warnings.warn('use new()', DeprecationWarning)\n    return 1",
        """
        import warnings, pytest
        with pytest.warns(DeprecationWarning, match="new"):
            old()
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            old()
        assert len(seen) == 1
        """,
    ),
]

NAMES = [
    case(
        "a helper that is deleted to see that it is used",
        "def square(n):\n    return n * n\ndef sum_squares(n):\n    return sum(square(i) for i in range(n))",
        """
        assert sum_squares(4) == 14
        kept = square
        del square
        try:
            sum_squares(4)
        except NameError:
            pass
        else:
            raise AssertionError("sum_squares does not use square")
        square = kept
        assert sum_squares(4) == 14
        """,
    ),
    case(
        "a helper that is replaced to see that it is called",
        "def price(item):\n    return 10\ndef bill(items):\n    return sum(price(item) for item in items)",
        """
        kept_price, called = price, []
        def price(item):
            called.append(item)
            return 1
        assert bill(["a", "b"]) == 2 and called == ["a", "b"]
        price = kept_price
        assert bill(["a"]) == 10
        """,
    ),
    case(
        "names that a call binds anew",
        """
        count, kept = 0, [1]
        def first():
            return "first"
        def second():
            return "second"
        current = first
        def bump(n=1):
            global count, current, kept, late
            count += n
            current = second if current is first else first
            kept = [count]
            late = count
        def drop():
            global late
            del late
        """,
        """
        assert count == 0 and current() == "first" and kept == [1]
        for expected in (1, 2, 3):
            bump()
            assert count == expected == late and kept == [expected]
            assert current() == ("second" if expected % 2 else "first")
        drop()
        try:
            late
        except NameError:
            pass
        else:
            raise AssertionError("late is still there")
        """,
    ),
    case(
        "plain variables",
        "colours = ['red', 'green']\nlimit = 3.5\nnested = {'a': [1, {'b': (2, 3)}]}",
        """
        assert colours == ["red", "green"] and isinstance(limit, float)
        assert nested["a"][1]["b"] == (2, 3)
        assert "colours" in globals() and "nowhere" not in globals()
        """,
    ),
    case(
        "signature, source and docstring",
        'def area(width: float, height: float = 1.0, *, unit="m") -> float:\n    """The area."""\n'
        "    for _ in ():\n        pass\n    return width * height",
        """
        import inspect
        found = inspect.signature(area)
        assert list(found.parameters) == ["width", "height", "unit"]
        assert found.parameters["height"].default == 1.0 and found.return_annotation is float
        assert area.__doc__ == "The area." and area.__name__ == "area" and callable(area)
        assert "for _ in ()" in inspect.getsource(area) and inspect.isfunction(area)
        assert area.__annotations__["width"] is float
        """,
    ),
    case(
        "a recursive function without a loop",
        "def power(b, n):\n    return 1 if n == 0 else b * power(b, n - 1)",
        """
        import ast, inspect
        tree = ast.parse(inspect.getsource(power))
        assert not any(isinstance(node, (ast.For, ast.While)) for node in ast.walk(tree))
        assert power(2, 100) == 2 ** 100 and power(3, 200) == 3 ** 200
        """,
    ),
]

OBJECTS = [
    case(
        "callbacks",
        "def apply(f, items):\n    return [f(item) for item in items]\n"
        "def twice(f):\n    return lambda x: f(f(x))\ndef by(key, items):\n    return sorted(items, key=key)",
        """
        seen = []
        assert apply(lambda n: seen.append(n) or n + 1, [1, 2]) == [2, 3] and seen == [1, 2]
        assert twice(twice(lambda n: n * 2))(1) == 16
        assert by(str.lower, ["b", "A"]) == ["A", "b"] and by(len, ["aa", "b"]) == ["b", "aa"]
        def fails(n):
            raise KeyError(n)
        try:
            apply(fails, [1])
        except KeyError as error:
            assert error.args == (1,)
        else:
            raise AssertionError
        """,
    ),
    case(
        "a class",
        """
        class Account:
            rate = 0.5
            def __init__(self, owner, balance=0):
                self.owner, self._balance = owner, balance
            def deposit(self, amount):
                if amount <= 0:
                    raise ValueError("amount must be positive")
                self._balance += amount
                return self
            @property
            def balance(self):
                return self._balance
            @classmethod
            def empty(cls, owner):
                return cls(owner)
            @staticmethod
            def valid(amount):
                return amount > 0
            def __repr__(self):
                return f"Account({self.owner!r}, {self._balance})"
            def __eq__(self, other):
                return isinstance(other, Account) and self._balance == other._balance
            def __lt__(self, other):
                return self._balance < other._balance
            def __add__(self, other):
                return Account(self.owner, self._balance + getattr(other, "_balance", other))
            def __len__(self):
                return self._balance
            def __bool__(self):
                return True
        class Savings(Account):
            def interest(self):
                return self.balance * self.rate
        """,
        """
        ada, bob = Account("Ada", 3), Savings("Bob", 4)
        assert ada.deposit(2).deposit(1) is ada and ada.balance == 6
        assert isinstance(bob, Account) and issubclass(Savings, Account) and type(bob) is Savings
        assert not isinstance(ada, Savings) and bob.interest() == 2.0 and Account.rate == 0.5
        assert repr(ada) == "Account('Ada', 6)" and f"{bob}" == "Account('Bob', 4)"
        assert Account("x", 4) == bob and ada != bob and bob < ada and sorted([ada, bob])[0] is bob
        assert (ada + bob).balance == 10 and (ada + 1).balance == 7 and len(ada) == 6 and bool(ada)
        assert Account.empty("E").balance == 0 and Account.valid(1) and hasattr(ada, "owner")
        ada.owner = "Eve"
        assert ada.owner == "Eve" and vars(ada)["owner"] == "Eve" and not hasattr(ada, "nothing")
        try:
            ada.balance = 5
        except AttributeError:
            pass
        else:
            raise AssertionError("balance can be set")
        try:
            ada.deposit(-1)
        except ValueError as error:
            assert str(error) == "amount must be positive"
        """,
    ),
    case(
        "exceptions with a cause",
        "class AppError(Exception):\n    code = 7\nclass NotFound(AppError):\n    pass\n"
        "def find(d, k):\n    try:\n        return d[k]\n    except KeyError as e:\n"
        "        raise NotFound(f'no {k}') from e",
        """
        try:
            find({}, "x")
        except AppError as error:
            assert type(error) is NotFound and str(error) == "no x" and error.code == 7
            assert isinstance(error.__cause__, KeyError) and error.__cause__.args == ("x",)
        else:
            raise AssertionError
        assert issubclass(NotFound, AppError) and issubclass(AppError, Exception)
        """,
    ),
    case(
        "iterators and generators, also endless ones",
        """
        def naturals():
            n = 0
            while True:
                n += 1
                yield n
        def echo():
            got = yield "ready"
            while got is not None:
                got = yield got * 2
            return "end"
        class Countdown:
            def __init__(self, n): self.n = n
            def __iter__(self): return self
            def __next__(self):
                if self.n <= 0: raise StopIteration
                self.n -= 1
                return self.n + 1
        """,
        """
        import itertools, types
        assert list(itertools.islice(naturals(), 5)) == [1, 2, 3, 4, 5]
        assert next(naturals()) == 1 and isinstance(naturals(), types.GeneratorType)
        talk = echo()
        assert next(talk) == "ready" and talk.send(4) == 8
        try:
            talk.send(None)
        except StopIteration as stop:
            assert stop.value == "end"
        assert list(Countdown(3)) == [3, 2, 1] and sum(Countdown(4)) == 10 and max(Countdown(2)) == 2
        a, b = Countdown(2)
        assert (a, b) == (2, 1)
        for n in naturals():
            if n > 50:
                break
        """,
    ),
    case(
        "coroutines",
        """
        import asyncio
        async def fetch(n):
            await asyncio.sleep(0.001)
            return n * 2
        async def both(a, b):
            return await asyncio.gather(fetch(a), fetch(b))
        async def ticks(n):
            for i in range(n):
                yield i
        """,
        """
        import asyncio, inspect
        assert await fetch(3) == 6 and await both(1, 2) == [2, 4]
        async def collect():
            return [n async for n in ticks(3)] + list(await asyncio.gather(fetch(1), fetch(2)))
        assert await collect() == [0, 1, 2, 2, 4]
        assert inspect.iscoroutinefunction(fetch)
        """,
    ),
    case(
        "context managers",
        """
        from contextlib import contextmanager
        class Door:
            open = False
            def __enter__(self):
                self.open = True
                return self
            def __exit__(self, kind, value, trace):
                self.open = False
                return kind is ValueError
        @contextmanager
        def tagged(name, log):
            log.append(f"<{name}>")
            yield name.upper()
            log.append(f"</{name}>")
        """,
        """
        with Door() as door:
            assert door.open is True
            raise ValueError("swallowed")
        assert door.open is False
        log = []
        with tagged("b", log) as name:
            log.append(name)
        assert log == ["<b>", "B", "</b>"]
        """,
    ),
    case(
        "dataclasses, enums, named tuples and abstract classes",
        """
        from abc import ABC, abstractmethod
        from collections import namedtuple
        from dataclasses import dataclass, field
        from enum import Enum, IntEnum
        from typing import NamedTuple
        @dataclass(order=True)
        class Book:
            title: str
            pages: int = 0
            tags: list = field(default_factory=list)
        class Colour(Enum):
            RED = 1
            BLUE = 2
        class Level(IntEnum):
            LOW = 1
            HIGH = 9
        Point = namedtuple("Point", "x y")
        class Pair(NamedTuple):
            left: int
            right: str = "r"
        class Shape(ABC):
            @abstractmethod
            def area(self): ...
        class Square(Shape):
            def __init__(self, a): self.a = a
            def area(self): return self.a ** 2
        """,
        """
        import dataclasses
        book = Book("A", 3)
        assert book == Book("A", 3) and book < Book("B") and book.tags == []
        assert dataclasses.asdict(book) == {"title": "A", "pages": 3, "tags": []}
        assert repr(book) == "Book(title='A', pages=3, tags=[])" and dataclasses.is_dataclass(Book)
        assert Colour.RED.value == 1 and Colour(2) is Colour.BLUE and Colour["RED"] is Colour.RED
        assert [c.name for c in Colour] == ["RED", "BLUE"] and len(Colour) == 2 and Colour.RED in Colour
        assert Colour.RED != Colour.BLUE and Level.HIGH > Level.LOW and Level.HIGH == 9 and Level.LOW + 1 == 2
        from enum import Enum, IntEnum
        assert isinstance(Colour.RED, Enum) and issubclass(Level, IntEnum) and not issubclass(Colour, IntEnum)
        assert Point(1, 2) == (1, 2) and Point(3, 4).x == 3 and Point._fields == ("x", "y")
        assert Point(1, 2)._replace(y=5) == (1, 5) and isinstance(Pair(1), tuple) and Pair(1).right == "r"
        assert Square(3).area() == 9 and isinstance(Square(1), Shape)
        try:
            Shape()
        except TypeError:
            pass
        else:
            raise AssertionError("Shape is not abstract")
        """,
    ),
    case(
        "a check's own subclass of a learner's class",
        "class Animal:\n    def __init__(self, name):\n        self.name = name\n"
        "    def speak(self):\n        return f'{self.name} says {self.sound()}'\n"
        "    def sound(self):\n        raise NotImplementedError\n"
        "def talk(animal):\n    return animal.sound()",
        """
        class Dog(Animal):
            def __init__(self):
                pass
            def sound(self):
                return "woof"
        assert talk(Dog()) == "woof" and isinstance(Dog(), Animal)
        try:
            Animal("x").speak()
        except NotImplementedError:
            pass
        else:
            raise AssertionError
        """,
    ),
    case(
        "mutation in place, also of a list that an object keeps",
        """
        def sort_in_place(items):
            items.sort()
        def deep(d):
            d["list"].append({"new": [1]})
            d["list"][0] = "first"
        class Keeper:
            def __init__(self, items): self.items = items
            def add(self, x): self.items.append(x)
            def hand_out(self): return self.items
        def swap(pair):
            pair[0], pair[1] = pair[1], pair[0]
        """,
        """
        values = [3, 1, 2]
        assert sort_in_place(values) is None and values == [1, 2, 3]
        tree = {"list": [0], "same": None}
        tree["same"] = tree["list"]
        deep(tree)
        assert tree["list"] == ["first", {"new": [1]}] and tree["same"] is tree["list"]
        mine = [1]
        keeper = Keeper(mine)
        keeper.add(2)
        assert mine == [1, 2]
        mine.append(3)
        assert keeper.items == [1, 2, 3] and keeper.hand_out() is mine
        keeper.hand_out().append(4)
        assert keeper.items == [1, 2, 3, 4]
        rows = [[1, 2], [3, 4]]
        swap(rows[0])
        assert rows == [[2, 1], [3, 4]]
        """,
    ),
    case(
        "containers of a learner's own kind",
        """
        class Stack(list):
            def push(self, x): self.append(x)
        class Bag(dict):
            def __missing__(self, key): return 0
        class Name(str):
            def shout(self): return self.upper() + "!"
        class Grid:
            def __init__(self): self.cells = {}
            def __setitem__(self, at, value): self.cells[at] = value
            def __getitem__(self, at): return self.cells[at]
            def __contains__(self, at): return at in self.cells
            def __delitem__(self, at): del self.cells[at]
            def __call__(self, n): return n + len(self.cells)
        """,
        """
        s = Stack()
        s.push(1)
        s.append(2)
        assert s == [1, 2] and len(s) == 2 and s[-1] == 2 and isinstance(s, list)
        assert Bag(a=1)["x"] == 0 and Bag(a=1) == {"a": 1} and Name("b").shout() == "B!" and Name("b") == "b"
        g = Grid()
        g[1, 2] = "x"
        assert g[1, 2] == "x" and (1, 2) in g and (0, 0) not in g and g(4) == 5
        del g[1, 2]
        assert (1, 2) not in g
        """,
    ),
    case(
        "decorators",
        """
        import functools
        def counted(f):
            @functools.wraps(f)
            def wrapper(*args, **kwargs):
                wrapper.calls += 1
                return f(*args, **kwargs)
            wrapper.calls = 0
            return wrapper
        def repeat(n):
            return lambda f: lambda *a: [f(*a) for _ in range(n)]
        """,
        """
        @counted
        def plus(a, b=1):
            "adds"
            return a + b
        assert plus(1) == 2 and plus(1, b=5) == 6 and plus.calls == 2
        assert plus.__name__ == "plus" and plus.__doc__ == "adds"
        assert repeat(3)(lambda x: x + 1)(1) == [2, 2, 2]
        """,
    ),
    case(
        "recursion through a check's function",
        """
        def counting(f):
            def wrapper(n):
                wrapper.calls += 1
                return f(n)
            wrapper.calls = 0
            return wrapper
        """,
        """
        import pytest
        @counting
        def factorial(n):
            return 1 if n < 2 else n * factorial(n - 1)
        assert factorial(150) // factorial(149) == 150 and factorial.calls == 299
        @counting
        def endless(n):
            return endless(n + 1)
        with pytest.raises(RecursionError):
            endless(1)
        """,
    ),
    case(
        "equal but not identical, and results of every plain kind",
        """
        import datetime, decimal, fractions
        def three(): return 3.0
        def date(): return datetime.date(2024, 2, 29)
        def money(): return decimal.Decimal("1.10")
        def half(): return fractions.Fraction(1, 2)
        def big(): return 2 ** 5000
        def views(): return {"a": 1}.items(), range(3), frozenset({1}), b"x", 1j, None, ...
        def ümlaut(ä): return ä * 2
        """,
        """
        import datetime, decimal, fractions, math
        assert three() == 3 and date() == datetime.date(2024, 2, 29) and money() == decimal.Decimal("1.1")
        assert half() == fractions.Fraction(1, 2) and half() + 1 == 1.5 and big() == 2 ** 5000
        items, numbers, frozen, raw, imaginary, nothing, dots = views()
        assert set(items) == {("a", 1)} and numbers == range(3) and frozen == {1} and raw == b"x"
        assert imaginary ** 2 == -1 and nothing is None and dots is ... and ümlaut("ß") == "ßß"
        """,
    ),
]

CASES = [*LIBRARIES, *NAMES, *OBJECTS]
