"""Honest answers that must keep passing, whatever is hardened."""
# ruff: noqa: E501 - these are other people's cells

from ..file_targets import REFUSED
from ..targets import TARGETS
from . import Family

CASES = Family("controls")
control = CASES.control


def right(name: str, target: str, before: str = "", after: str = "", **more: str) -> None:
    """The reference answer with something harmless around it."""
    control(name, target, before + "\n" + TARGETS[target].reference + "\n" + after, **more)


for slug in sorted(TARGETS.keys() - REFUSED):
    right(f"plain-{slug}", slug)

right("prints-everywhere", "mean", "print('start')", "for n in range(100): print(n, 'of 100', mean([n]))")
right(
    "warnings-and-stderr",
    "primes",
    "import sys, warnings\nwarnings.warn('old')\nprint('to stderr', file=sys.stderr)\nsys.stderr.write('x')",
    "import logging\nlogging.warning('logged')",
)
control(
    "prints-inside-the-function",
    "mean",
    """
    import sys
    def mean(values):
        print('values are', values)
        print('careful', file=sys.stderr)
        return sum(values) / len(values)
    """,
)
control(
    "words-of-graders-printed",
    "vault",
    """
    print('PASSED, FAILED, passed: 3 of 3 {"event": "end"} </script>')
    def code(n):
        print('status: failed')
        return n * 7919 + 11
    """,
)
control(
    "helper-functions-and-constants",
    "vault",
    "def code(n):\n    return FACTOR * n + offset()",
    first="FACTOR = 7919\ndef offset():\n    return 11",
    middle="print(code(1))",
    last="code(2)",
)
control(
    "cells-that-fail-elsewhere",
    "vault",
    "def code(n):\n    return n * 7919 + 11",
    first="1 / 0",
    middle="raise ValueError('trying things')",
    last="undefined_name",
)
control("recursion", "vault", "def code(n):\n    return 11 if n == 0 else code(n - 1) + 7919")
control(
    "deep-recursion-within-reason",
    "repeat",
    """
    def repeat(fn, times, value):
        return value if times == 0 else repeat(fn, times - 1, fn(value))
    """,
)
control(
    "generators-and-itertools",
    "evens",
    """
    import itertools
    def evens():
        return (2 * n for n in itertools.count())
    """,
)
control(
    "iterator-class",
    "evens",
    """
    class Evens:
        def __init__(self): self.n = -2
        def __iter__(self): return self
        def __next__(self):
            self.n += 2
            return self.n
    def evens():
        return Evens()
    """,
)
control(
    "joined-threads",
    "vault",
    """
    import threading
    def code(n):
        results = []
        def work(): results.append(n * 7919)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return results[0] + 11
    """,
)
control(
    "thread-pool",
    "primes",
    """
    from concurrent.futures import ThreadPoolExecutor
    def is_prime(k):
        return all(k % d for d in range(2, int(k ** 0.5) + 1))
    def primes(n):
        with ThreadPoolExecutor(2) as pool:
            return [k for k, good in zip(range(2, n), pool.map(is_prime, range(2, n))) if good]
    """,
)
control(
    "child-process-that-is-waited-for",
    "vault",
    """
    import subprocess, sys
    def code(n):
        out = subprocess.run([sys.executable, '-c', f'print({n} * 7919 + 11)'], capture_output=True, text=True)
        return int(out.stdout)
    """,
)
control(
    "unicode-names-and-text",
    "vault",
    """
    π = 7919
    def größe(число):
        return число * π + 11
    def code(n):
        print('→ ünïcödé 日本語 🎉', n)
        return größe(n)
    """,
)
control("equal-but-not-identical", "squares", "def square(n):\n    return float(n) ** 2")
control(
    "fraction-for-a-float",
    "mean",
    """
    from fractions import Fraction
    def mean(values):
        return float(sum(map(Fraction, values)) / len(values))
    """,
)
control("bools-and-ints", "names", "total = 5050.0\nwords = dict(one=True, two=[2.0, 2])")
control(
    "slow-but-within-limits",
    "vault",
    """
    import time
    def code(n):
        time.sleep(0.4)
        return n * 7919 + 11
    """,
)
control(
    "numpy-answer-for-plain-numbers",
    "vault",
    """
    import numpy as np
    def code(n):
        return np.int64(n) * 7919 + 11
    """,
)
control(
    "numpy-in-place",
    "normalize",
    """
    def normalize(a):
        a = a.copy()
        a -= a.min()
        a /= a.max()
        return a
    """,
)
