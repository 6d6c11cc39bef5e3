"""The known differences to grading in one process: docs/judge.md's table, row by row.

By a row's first cell: the answer, and a check that passes in one process and does not pass in the judge's.
"""

from __future__ import annotations

from .judge_cases import case

UNKNOWN_CLASS = (
    "an object of a class that the author's notebook does not have, in arithmetic or `in` with plain data"
)
MONEY = "class Money:\n    def __init__(self, n): self.n = n\n"

DIFFERENCES = {
    "threads of a check call the answer at the same time": case(
        "",
        """
        import threading
        barrier = threading.Barrier(2)
        def meet():
            return barrier.wait(1)
        """,
        """
        import threading
        met = []
        threads = [threading.Thread(target=lambda: met.append(meet())) for _ in range(2)]
        threading.excepthook = lambda details: None
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        assert sorted(met) == [0, 1]
        """,
    ),
    "two names for one very large list (over 256 KB)": case(
        "",
        """
        def keep(items):
            global kept_items
            kept_items = items
        def grow():
            kept_items.append("y")
        """,
        """
        mine = ["x" * 1000 + str(n) for n in range(1000)]
        keep(mine)
        grow()
        assert len(mine) == 1001
        """,
    ),
    "`StopIteration` out of an ordinary call": case(
        "",
        "def head(items):\n    return next(iter(items))",
        "import pytest\nwith pytest.raises(StopIteration):\n    head([])",
    ),
    "patching a library by assignment (`random.randint = …`)": case(
        "",
        "import random\ndef dice():\n    return random.randint(1, 6) * 1000",
        "import random\nkept = random.randint\nrandom.randint = lambda a, b: 7\nassert dice() == 7000\n"
        "random.randint = kept",
    ),
    "a value with more than two million items, or nested deeper than 120": case(
        "",
        "def deep():\n    value = []\n    for _ in range(200):\n        value = [value]\n    return value",
        "assert isinstance(deep()[0][0], list)",
    ),
    "a check gives a name of the answer's a value, and the answer's code changes it": case(
        "",
        "score = 0\ndef win():\n    global score\n    score += 1",
        "score = 10\nwin()\nassert score == 11",
    ),
    "tests in a file (`pytest.main`, `unittest`'s discovery), a pickle that only a library's own unpickler "
    "reads (`joblib`)": case(
        "",
        "with open('test_own.py', 'w') as file:\n    file.write('def test_own():\\n    assert True\\n')",
        "import pytest\nassert pytest.main(['-q', '-p', 'no:cacheprovider', 'test_own.py']) == 0",
    ),
    "an object of the learner's is compared with plain data": case(
        "",
        MONEY + "    def __eq__(self, other): return self.n == other\ndef cost():\n    return Money(5)",
        "assert cost() == 5",
    ),
    UNKNOWN_CLASS: case(
        "",
        "class Metres:\n    n = 5\n    def __sub__(self, other): return self.n - other\n"
        "def distance():\n    return Metres()",
        "assert abs(distance() - 5) < 0.01",
    ),
}
# The author's own answer, where it matters that the learner's is another one.
AUTHORS = {UNKNOWN_CLASS: "def distance():\n    return 5"}
