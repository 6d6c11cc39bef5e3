"""More of what an author's ordinary check does: Python's own libraries on what the answer defines."""

from __future__ import annotations

from .judge_cases import case

LIBRARY_CASES = [
    case(
        "frozen and ordered data classes",
        """
        from dataclasses import dataclass
        @dataclass(order=True, frozen=True)
        class Version:
            major: int
            minor: int = 0
        """,
        """
        import dataclasses, pytest
        assert Version(1) < Version(1, 2) and len({Version(1), Version(1), Version(2)}) == 2
        assert dataclasses.replace(Version(1), minor=3) == Version(1, 3)
        with pytest.raises(dataclasses.FrozenInstanceError):
            Version(1).major = 2
        assert eval(repr(Version(4, 5))) == Version(4, 5)
        match Version(7, 8):
            case Version(7, minor=minor):
                assert minor == 8
            case _:
                raise AssertionError
        """,
    ),
    case(
        "exceptions of libraries, groups and notes",
        """
        import json, statistics
        def parse_text(text):
            return json.loads(text)
        def average(values):
            return statistics.mean(values)
        def several():
            raise ExceptionGroup("many", [ValueError(1), TypeError("x")])
        def noted():
            error = ValueError("n")
            error.add_note("a hint")
            raise error
        """,
        """
        import json, pytest, statistics
        with pytest.raises(json.JSONDecodeError) as caught:
            parse_text("{")
        assert caught.value.pos == 1
        with pytest.raises(statistics.StatisticsError):
            average([])
        with pytest.raises(ExceptionGroup) as caught:
            several()
        assert caught.value.subgroup(ValueError).exceptions[0].args == (1,)
        try:
            several()
        except* TypeError as group:
            assert str(group.exceptions[0]) == "x"
        except* ValueError:
            pass
        with pytest.raises(ValueError) as caught:
            noted()
        assert caught.value.__notes__ == ["a hint"]
        """,
    ),
    case(
        "properties, slots and static methods, seen from the class",
        """
        class Celsius:
            __slots__ = ("_degrees",)
            def __init__(self, degrees=0):
                self.degrees = degrees
            @property
            def degrees(self):
                "in Celsius"
                return self._degrees
            @degrees.setter
            def degrees(self, value):
                if value < -273:
                    raise ValueError("too cold")
                self._degrees = value
            @property
            def fahrenheit(self):
                return self._degrees * 9 / 5 + 32
            @staticmethod
            def zero():
                return Celsius(0)
        """,
        """
        import pytest
        warm = Celsius(10)
        warm.degrees = 20
        assert warm.fahrenheit == 68 and Celsius.zero().degrees == 0
        assert isinstance(Celsius.degrees, property) and Celsius.degrees.__doc__ == "in Celsius"
        assert Celsius.fahrenheit.fset is None and isinstance(vars(Celsius)["degrees"], property)
        assert isinstance(Celsius.__dict__["zero"], staticmethod) and not hasattr(warm, "__dict__")
        with pytest.raises(ValueError, match="cold"):
            warm.degrees = -300
        with pytest.raises(AttributeError):
            warm.fahrenheit = 1
        with pytest.raises(AttributeError):
            warm.other = 1
        """,
    ),
    case(
        "abstract classes and protocols",
        """
        from abc import ABC, abstractmethod
        from collections.abc import MutableMapping
        from typing import Protocol, runtime_checkable
        class Shape(ABC):
            @property
            @abstractmethod
            def name(self): ...
        class Disc(Shape):
            @property
            def name(self): return "disc"
        @runtime_checkable
        class Quacks(Protocol):
            def quack(self): ...
        class Duck:
            def quack(self): return "quack"
        class Lower(MutableMapping):
            def __init__(self): self.held = {}
            def __getitem__(self, key): return self.held[key.lower()]
            def __setitem__(self, key, value): self.held[key.lower()] = value
            def __delitem__(self, key): del self.held[key.lower()]
            def __iter__(self): return iter(self.held)
            def __len__(self): return len(self.held)
        """,
        """
        import inspect
        from abc import ABC
        from collections.abc import Mapping
        assert issubclass(Shape, ABC) and inspect.isabstract(Shape) and not inspect.isabstract(Disc)
        assert Disc().name == "disc" and Shape.__abstractmethods__ == {"name"}
        class Mine(Shape):
            pass
        for abstract in (Shape, Mine):
            try:
                abstract()
            except TypeError:
                pass
            else:
                raise AssertionError("it can be made")
        assert isinstance(Duck(), Quacks) and not isinstance(3, Quacks) and not isinstance(Disc(), Quacks)
        lower = Lower()
        lower.update(A=1, b=2)
        assert dict(lower) == {"a": 1, "b": 2} and lower.pop("B") == 2 and isinstance(lower, Mapping)
        """,
    ),
    case(
        "a check's subclass that leaves things to the learner's class",
        """
        class Shelf:
            kind = "shelf"
            def __init__(self, *items):
                self.items = list(items)
            def add(self, item):
                self.items.append(self.label(item))
                return self
            def label(self, item):
                return item
            @property
            def first(self):
                return self.items[0]
            def __len__(self): return len(self.items)
            def __iter__(self): return iter(self.items)
            def __str__(self): return f"{self.kind} of {len(self)}"
            def __add__(self, other): return Shelf(*self.items, *other.items)
        """,
        """
        class Labelled(Shelf):
            def __init__(self, *items):
                super().__init__(*items)
                self.added = 0
            def label(self, item):
                self.added += 1
                return f"<{super().label(item)}>"
        shelf = Labelled("a", "b").add("c")
        assert shelf.items == ["a", "b", "<c>"] and shelf.added == 1 and shelf.first == "a"
        assert len(shelf) == 3 and list(shelf) == ["a", "b", "<c>"] and str(shelf) == "shelf of 3"
        assert isinstance(shelf, Shelf) and len(shelf + Shelf("d")) == 4
        """,
    ),
    case(
        "generators that are closed and thrown at",
        """
        closed = []
        def totals():
            total = 0
            try:
                while True:
                    total += yield total
            except ValueError:
                yield "reset"
            finally:
                closed.append(total)
        """,
        """
        running = totals()
        next(running)
        assert running.send(3) == 3 and running.throw(ValueError) == "reset"
        running.close()
        assert closed == [3]
        for total in totals():
            break
        assert closed == [3, 0]
        """,
    ),
    case(
        "a check's coroutines, awaited by the answer",
        """
        import asyncio
        async def retry(action, times):
            for _ in range(times):
                try:
                    return await action()
                except ValueError:
                    await asyncio.sleep(0)
        async def both(one, other):
            return await asyncio.gather(one(), other())
        """,
        """
        import asyncio
        tries = []
        async def fails_twice():
            tries.append(1)
            if len(tries) < 3:
                raise ValueError
            return "done"
        async def slow():
            await asyncio.sleep(0.01)
            return 1
        assert await retry(fails_twice, 5) == "done" and len(tries) == 3
        assert await both(slow, fails_twice) == [1, "done"]
        """,
    ),
    case(
        "names of a class that its mirror could have itself",
        """
        class Pair:
            __slots__ = ("left", "right")
            left: int
            def __init__(self, left, right):
                self.left, self.right = left, right
        def doubled(pair: Pair) -> int:
            return 2 * pair.left
        """,
        """
        assert Pair.__slots__ == Pair(1, 2).__slots__ == ("left", "right")
        assert Pair.__annotations__ == Pair(1, 2).__annotations__ == {"left": int}
        assert doubled.__annotations__["return"] is int and doubled(Pair(3, 4)) == 6
        assert not hasattr(Pair(1, 2), "__dict__")
        """,
    ),
    case(
        "coroutines of the answer's that are cancelled",
        """
        import asyncio
        ended = []
        async def tidies_up():
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                ended.append("cancelled")
                raise
            finally:
                ended.append("tidy")
        async def answers_all_the_same():
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                return "late"
        async def cancels_its_own():
            task = asyncio.create_task(tidies_up())
            await asyncio.sleep(0)
            task.cancel()
            await task
        """,
        """
        import asyncio
        async def cancelled(coroutine):
            task = asyncio.create_task(coroutine)
            await asyncio.sleep(0.01)
            task.cancel()
            return await task
        try:
            await cancelled(tidies_up())
        except asyncio.CancelledError:
            assert ended == ["cancelled", "tidy"]
        else:
            assert False
        assert await cancelled(answers_all_the_same()) == "late"
        try:
            await asyncio.wait_for(tidies_up(), 0.05)
        except asyncio.TimeoutError:
            assert len(ended) == 4
        else:
            assert False
        try:
            await cancels_its_own()
        except asyncio.CancelledError:
            assert len(ended) == 6
        else:
            assert False
        """,
    ),
    case(
        "files and settings that a check prepares",
        """
        import json, os
        def load(path):
            with open(path) as file:
                return json.load(file)
        def save(path, text):
            with open(path, "a") as file:
                file.write(text)
        def mode():
            return os.environ.get("MODE", "none")
        """,
        """
        import os, tempfile
        from unittest import mock
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write('{"k": [1]}')
            file.flush()
            assert load(file.name) == {"k": [1]}
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "out.txt")
            with open(path, "w") as file:
                file.write("a")
            save(path, "b")
            save(os.path.join(folder, "new.txt"), "c")
            with open(path) as file:
                assert file.read() == "ab"
            with open(os.path.join(folder, "new.txt"), "a+") as file:
                file.write("d")
                file.seek(0)
                assert file.read() == "cd"
        with mock.patch.dict(os.environ, {"MODE": "test"}):
            assert mode() == "test"
        assert mode() == "none"
        """,
    ),
    case(
        "logs, doctests and pickles",
        '''
        import logging
        def careful(n):
            """Doubles.

            >>> careful(2)
            4
            """
            logging.getLogger("careful").info("given %d", n)
            return n * 2
        class Kept:
            def __init__(self, n): self.n = n
            def __eq__(self, other): return isinstance(other, Kept) and self.n == other.n
        ''',
        """
        import doctest, pickle, unittest
        with unittest.TestCase().assertLogs("careful", level="INFO") as logged:
            assert careful(4) == 8
        assert logged.output == ["INFO:careful:given 4"]
        def told():
            '''
            >>> careful(3)
            6
            '''
        runner = doctest.DocTestRunner()
        for test in doctest.DocTestFinder().find(told, "told", globs=globals()):
            runner.run(test)
        assert runner.summarize() == (0, 1)
        assert pickle.loads(pickle.dumps(Kept(5))) == Kept(5) and pickle.loads(pickle.dumps([1])) == [1]
        """,
    ),
    case(
        "lists and dicts made of collections' classes",
        """
        from collections import UserDict, UserList
        class Loud(UserDict):
            def __setitem__(self, key, value): super().__setitem__(key.upper(), value)
        class Sorted(UserList):
            def append(self, item):
                super().append(item)
                self.data.sort()
        """,
        """
        loud = Loud(a=1)
        loud["b"] = 2
        assert loud == {"A": 1, "B": 2} and "B" in loud and dict(loud) == {"A": 1, "B": 2}
        items = Sorted([2, 3])
        items.append(1)
        assert items == [1, 2, 3] and items[1:] == [2, 3] and items != [3, 2, 1]
        """,
    ),
    case(
        "pandas and numpy with a check's functions",
        """
        import numpy as np, pandas as pd
        def per_row(frame, function):
            return frame.apply(function, axis=1).tolist()
        def per_value(function, values):
            return np.vectorize(function)(values).tolist()
        def draw():
            return np.random.rand()
        """,
        """
        import numpy as np, pandas as pd
        assert per_row(pd.DataFrame({"v": [1, 2]}), lambda row: row["v"] * 2) == [2, 4]
        assert per_value(lambda v: v + 1, np.array([1, 2])) == [2, 3]
        np.random.seed(3)
        first = draw()
        np.random.seed(3)
        assert first == np.random.rand() == 0.5507979025745755
        """,
    ),
    case(
        "a script run with runpy",
        """
        with open("greet_script.py", "w") as file:
            file.write("import sys\\nwho = sys.argv[1] if len(sys.argv) > 1 else input()\\n"
                       "def shout(text): return text.upper()\\nprint('Hello,', who)\\n"
                       "if __name__ == '__main__': sys.exit(3)\\n")
        """,
        """
        import contextlib, io, pytest, runpy, sys
        from unittest import mock
        out = io.StringIO()
        with contextlib.redirect_stdout(out), mock.patch("sys.argv", ["greet_script.py", "Ada"]):
            names = runpy.run_path("greet_script.py")
        assert out.getvalue() == "Hello, Ada\\n" and names["who"] == "Ada" and names["shout"]("x") == "X"
        with mock.patch("sys.argv", ["greet_script.py"]), mock.patch("builtins.input", lambda *_: "Bo"):
            with contextlib.redirect_stdout(io.StringIO()) as out, pytest.raises(SystemExit) as caught:
                runpy.run_path("greet_script.py", run_name="__main__")
        assert out.getvalue() == "Hello, Bo\\n" and caught.value.code == 3
        with mock.patch("sys.argv", ["-m", "Cy"]):
            assert runpy.run_module("greet_script")["who"] == "Cy"
        """,
    ),
    case(
        "a module loaded from its file or from a folder",
        """
        import os
        os.makedirs("parts", exist_ok=True)
        for path in ("own_shapes.py", "parts/own_colours.py"):
            with open(path, "w") as file:
                file.write("SIDES = 4\\nclass Square:\\n    def __init__(self, a): self.a = a\\n"
                           "    def area(self): return self.a ** 2\\n")
        """,
        """
        import importlib.util, sys
        from importlib.machinery import SourceFileLoader
        spec = importlib.util.spec_from_file_location("own_shapes", "own_shapes.py")
        sys.modules["own_shapes"] = shapes = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(shapes)
        assert shapes.SIDES == 4 and shapes.Square(3).area() == 9 and not hasattr(shapes, "Circle")
        from own_shapes import Square
        assert Square(2).area() == 4
        assert SourceFileLoader("again", "own_shapes.py").load_module().Square(1).area() == 1
        sys.path.insert(0, "parts")
        import own_colours
        assert own_colours.Square(5).area() == 25
        """,
    ),
    case(
        "files that libraries load, and texts that they evaluate",
        """
        import numpy as np, pandas as pd
        def keep(frame):
            frame.to_pickle("kept_frame.pkl")
            np.save("kept_objects.npy", np.array([1, "a", None], dtype=object))
        def condition(limit):
            return "v > " + str(limit)
        """,
        """
        import numpy as np, pandas as pd, timeit
        frame = pd.DataFrame({"v": [1, 2, 3]})
        keep(frame)
        assert pd.read_pickle("kept_frame.pkl").equals(frame)
        assert np.load("kept_objects.npy", allow_pickle=True).tolist() == [1, "a", None]
        frame.to_pickle("own_frame.pkl")
        assert pd.read_pickle("own_frame.pkl").equals(frame)
        least, column = 1, "v"
        assert frame.query(condition(2))["v"].tolist() == [3]
        for text in ("v > @least", f"{column} > @least"):
            assert frame.query(text)["v"].tolist() == [2, 3]
        assert frame.eval("w = v + @least")["w"].tolist() == [2, 3, 4]
        assert timeit.timeit(f"condition({least})", globals=globals(), number=2) < 9
        """,
    ),
]
