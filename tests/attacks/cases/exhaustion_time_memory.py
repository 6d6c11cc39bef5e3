"""Running, filling and breeding without end: each has to end on time, with a proper status, leaving nothing."""
# ruff: noqa: E501 - these are other people's cells

from typing import Any

from . import Family

CASES = Family("exhaustion")

TIMEOUT = ("timeout",)
MEMORY = ("memory_exceeded",)
OUTPUT = ("output_exceeded",)
CUT = ("timeout", "memory_exceeded", "output_exceeded", "crashed", "error", "failed")


def bomb(name: str, cell: str, ends: tuple[str, ...] = CUT, target: str = "vault", **more: Any) -> None:
    CASES.exhaust(name, target, cell, ends=ends, **more)


WRONG = "\ndef code(n):\n    return 0\n"

# Time.
bomb("time-endless-loop", "while True: pass", TIMEOUT)
bomb("time-endless-loop-in-call", "def code(n):\n    while True: pass", TIMEOUT)
bomb(
    "time-endless-loop-in-hidden-check", "def code(n):\n    while n: pass\n    return 11", TIMEOUT, floor=1.0
)
bomb(
    "time-swallows-everything",
    """
    def code(n):
        while True:
            try:
                while True: pass
            except BaseException: pass
    """,
    TIMEOUT,
)
bomb(
    "time-signals-ignored-and-blocked",
    """
    import signal
    for number in range(1, 65):
        try: signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError): pass
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
    while True: signal.sigtimedwait([signal.SIGUSR1], 100)
    """,
    TIMEOUT,
)
bomb("time-sleep-in-c", "import ctypes\nctypes.PyDLL(None).sleep(1000)", TIMEOUT)
bomb(
    "time-lock-never-released",
    "import threading\nlock = threading.Lock()\nlock.acquire()\ndef code(n):\n    lock.acquire()",
    TIMEOUT,
)
bomb(
    "time-regular-expression",
    "import re\ndef code(n):\n    return re.match(r'(a|aa|a?)+$', 'a' * 60 + 'b')",
    TIMEOUT,
)
bomb(
    "time-huge-power",
    "def code(n):\n    return len(str((9 ** 9 ** 7) * (n + 1))) and 9 ** 9 ** 9",
    ("timeout", "memory_exceeded", "error"),
)
bomb(
    "time-huge-str-of-int",
    "import sys\nsys.set_int_max_str_digits(0)\ndef code(n):\n    return str(7 ** (10 ** 7))",
    TIMEOUT + OUTPUT,
)
bomb("time-sum-of-endless-range", "def code(n):\n    return sum(range(10 ** 14))", TIMEOUT)
bomb(
    "time-endless-generator-listed",
    "def evens():\n    while True:\n        yield from ()",
    TIMEOUT,
    target="evens",
)
bomb(
    "time-iterator-that-never-ends",
    """
    class Endless(list):
        def __iter__(self): return self
        def __next__(self): return 0
        def __len__(self): return 2 ** 62
    def primes(n):
        return Endless()
    """,
    ("timeout", "memory_exceeded", "failed", "error"),
    target="primes",
)
bomb(
    "time-await-forever",
    "import asyncio\nasync def later(n):\n    await asyncio.Event().wait()",
    TIMEOUT,
    target="later",
)
bomb(
    "time-input-forever",
    "import sys\ndef ask_sum():\n    while True:\n        try: input()\n        except BaseException: pass",
    TIMEOUT,
    target="ask",
)
bomb(
    "time-eq-that-loops",
    """
    class Slow(int):
        def __eq__(self, other):
            while True: pass
        __ne__ = __hash__ = __bool__ = __repr__ = __str__ = __format__ = __eq__
    def code(n):
        return Slow(n)
    """,
    ("timeout", "failed", "error"),
)
bomb(
    "time-exception-that-loops",
    """
    class Slow(Exception):
        def __str__(self):
            while True: pass
        __repr__ = __str__
    def code(n):
        raise Slow()
    """,
    ("timeout", "failed", "error"),
)
bomb(
    "time-class-whose-attributes-loop",
    """
    class Meta(type):
        def __getattribute__(cls, name):
            while name != '__class__' and not name.startswith('__m'): pass
            return type.__getattribute__(cls, name)
    class Stack(metaclass=Meta):
        def __getattribute__(self, name):
            while True: pass
    class EmptyStack(Exception): pass
    """,
    ("timeout", "failed", "error"),
    target="stack",
)
bomb(
    "time-callback-without-end",
    "def repeat(fn, times, value):\n    while True: fn(value)",
    TIMEOUT,
    target="repeat",
)
bomb(
    "time-ping-pong-recursion",
    """
    def repeat(fn, times, value):
        while True:
            try: fn(0)
            except BaseException: pass
    """,
    TIMEOUT,
    target="repeat",
)
bomb(
    "time-stopped-by-itself",
    "import os, signal\ndef code(n):\n    os.kill(os.getpid(), signal.SIGSTOP)",
    ("timeout", "crashed"),
)
bomb(
    "time-fifo-where-the-check-reads",
    "import os\ndef write_report(path):\n    os.mkfifo(path)",
    TIMEOUT,
    target="report",
)
bomb(
    "time-endless-device-where-the-check-reads",
    "import os\ndef write_report(path):\n    os.symlink('/dev/zero', path)",
    ("timeout", "memory_exceeded", "failed", "error", "crashed"),
    target="report",
)
bomb(
    "time-spread-over-cells",
    "import time\ntry: time.sleep(1.2)\nexcept BaseException: time.sleep(100)",
    TIMEOUT,
    last="import time\ntime.sleep(100)",
    middle="import time\ntime.sleep(1.2)",
)

# Memory.
bomb("memory-list", "data = []\nwhile True: data.append(bytearray(1 << 20))", MEMORY + TIMEOUT)
bomb(
    "memory-in-call",
    "def code(n):\n    return len([bytearray(1 << 24) for _ in range(10 ** 6)])",
    (*MEMORY, "timeout", "error"),
)
bomb(
    "memory-one-giant",
    "def code(n):\n    import ctypes\n    x = bytearray(300 << 20)\n    x[::4096] = b'x' * len(x[::4096])\n    return bytes(x) * 4",
    (*MEMORY, "error", "timeout"),
)
bomb(
    "memory-endless-recursion",
    "import sys\nsys.setrecursionlimit(10 ** 9)\ndef code(n):\n    return code(n + 1)",
    CUT,
)
bomb("memory-c-stack", "import sys, ctypes\nctypes.string_at(0)", ("crashed", "error", "failed"))
bomb(
    "memory-attribute-chain",
    "x = 1\nx" + ".real" * 9000 + "\nimport os; os.abort()",
    ("crashed", "error", "failed"),
)
bomb(
    "memory-self-containing-list",
    "def primes(n):\n    x = []\n    x.append(x)\n    y = [x, x]\n    for _ in range(40): y = [y, y]\n    return y",
    CUT,
    target="primes",
)
bomb("memory-giant-reply", "def primes(n):\n    return [0] * 60_000_000", CUT, target="primes")
bomb(
    "memory-giant-string-reply",
    "def caesar(text, shift):\n    return 'x' * 400_000_000",
    CUT,
    target="caesar",
)
bomb("memory-giant-exception", "def code(n):\n    raise ValueError('x' * 200_000_000)", CUT)
bomb(
    "memory-giant-names-and-docstring",
    """
    def code(n): return 0
    code.__doc__ = 'x' * 150_000_000
    code.__name__ = code.__qualname__ = 'y' * 150_000_000
    """,
    CUT,
)
bomb(
    "memory-endless-range-in-the-check",
    """
    import sys
    class Same(list):
        def __eq__(self, other): return True
    def primes(n):
        return Same() if n == 10 else range(2, 10 ** 15)
    """,
    CUT,
    target="primes",
)
bomb(
    "time-fractions-that-take-long-to-read",
    """
    from fractions import Fraction
    def primes(n):
        big = [Fraction(2 ** 900_000 + k, 3 ** 560_000) for k in range(60)]
        while len(big) < 61: big.append(sum(big))
        return big
    """,
    CUT,
    target="primes",
)
bomb(
    "memory-growing-global",
    """
    kept = []
    def primes(n):
        while True: kept.append([0] * 200_000)
    """,
    (*MEMORY, "timeout"),
    target="primes",
)
bomb(
    "memory-callback-fed-giants",
    """
    def repeat(fn, times, value):
        while True: fn([value] * 900_000)
    """,
    CUT,
    target="repeat",
)
bomb(
    "memory-zip-bomb",
    """
    import zlib
    data = zlib.compress(b'0' * 50_000_000)
    def code(n):
        kept = []
        while True: kept.append(zlib.decompress(data))
    """,
    MEMORY + TIMEOUT,
)
bomb(
    "memory-shared-anonymous",
    """
    import mmap
    kept = []
    while True:
        kept.append(mmap.mmap(-1, 16 << 20))
        kept[-1].write(b'x' * (16 << 20))
    """,
    (*MEMORY, "crashed", "error", "timeout"),
)
bomb(
    "memory-numpy",
    "def normalize(a):\n    return np.ones((1 << 15, 1 << 15)) * a.sum()",
    (*MEMORY, "error", "failed", "crashed", "timeout"),
    target="normalize",
)
bomb(
    "memory-pipes-and-sockets",
    """
    import os, socket
    kept = []
    try:
        while True:
            pair = socket.socketpair()
            pair[0].setblocking(False)
            kept.append(pair)
            try:
                while True: pair[0].send(b'x' * 65536)
            except BlockingIOError: pass
    except OSError:
        import time; time.sleep(100)
    """,
    MEMORY + TIMEOUT + ("crashed",),
)
