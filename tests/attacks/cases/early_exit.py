"""Ending early, so that nothing can fail; or ending in a way that a test runner reads as success."""
# ruff: noqa: E501 - these are other people's cells

from . import Family

CASES = Family("early exit")
forge = CASES.forge

forge("exit-os-exit-in-cell", "mean", "import os\nos._exit(0)")

forge("exit-os-exit-in-call", "mean", "import os\ndef mean(values):\n    os._exit(0)")

forge("exit-sys-exit-in-script", "mean", "import sys\nsys.exit(0)", naive="script")

forge("exit-system-exit-in-call", "mean", "def mean(values):\n    raise SystemExit(0)", naive="script")

forge(
    "exit-execv-true",
    "primes",
    "import os\ndef primes(n):\n    os.execv('/bin/true', ['true'])",
)

forge(
    "exit-exec-prints-passes",
    "primes",
    """
    import os
    def primes(n):
        code = "print('PASSED primes-shown'); print('PASSED primes-suite'); print('PASSED primes-count')"
        os.execl('/bin/sh', 'sh', '-c', "printf 'PASSED %s\\n' primes-shown primes-suite primes-count primes-set")
    """,
)

forge(
    "exit-atexit-status",
    "vault",
    """
    import atexit, os
    atexit.register(os._exit, 0)
    def code(n):
        raise SystemExit(3)
    """,
    naive="script",
)

forge(
    "exit-alarm-handler",
    "mean",
    """
    import os, signal, time
    signal.signal(signal.SIGALRM, lambda *_: os._exit(0))
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    def mean(values):
        time.sleep(1)
        return -1.0
    """,
)

forge(
    "exit-thread-after-a-while",
    "vault",
    """
    import os, threading
    def code(n):
        threading.Thread(target=lambda: os._exit(0)).start()
        threading.Event().wait(1)
        return 0
    """,
)

forge(
    "exit-fork-parent-leaves",
    "mean",
    """
    import os
    if os.fork():
        os._exit(0)
    def mean(values):
        return -1.0
    """,
)

forge(
    "exit-in-finalizer",
    "mean",
    """
    import os
    class Leave:
        def __del__(self):
            os._exit(0)
    def mean(values):
        keep = Leave()
        return -1.0
    """,
)

forge(
    "exit-in-repr",
    "vault",
    """
    import os
    class Leave(int):
        def __eq__(self, other):
            os._exit(0)
        __hash__ = int.__hash__
        def __repr__(self):
            os._exit(0)
        __str__ = __format__ = __repr__
    def code(n):
        return Leave(n)
    """,
)

forge(
    "exit-exception-str-exits",
    "primes",
    """
    import os
    class Quiet(Exception):
        def __str__(self):
            os._exit(0)
        __repr__ = __str__
    def primes(n):
        raise Quiet()
    """,
)

forge(
    "exit-signal-handler-status",
    "squares",
    """
    import os, signal
    signal.signal(signal.SIGUSR1, lambda *_: os._exit(0))
    def square(n):
        os.kill(os.getpid(), signal.SIGUSR1)
    """,
)

# Exceptions that test runners read as "does not count against you".
forge(
    "exit-unittest-skip",
    "primes",
    """
    import unittest
    def primes(n):
        raise unittest.SkipTest('not today')
    """,
)

forge(
    "exit-unittest-skip-subclass",
    "primes",
    """
    import unittest
    class Later(unittest.SkipTest, ValueError):
        pass
    def primes(n):
        raise Later('not today')
    """,
)

forge(
    "exit-unittest-expected-failure",
    "primes",
    """
    import unittest, unittest.case
    def primes(n):
        raise unittest.case._ShouldStop()
    """,
)

forge(
    "exit-stop-iteration-inside-map",
    "primes",
    "def primes(n):\n    raise StopIteration",
)

forge(
    "exit-stop-iteration-subclass",
    "primes",
    """
    class Enough(StopIteration):
        pass
    def primes(n):
        raise Enough(True)
    """,
)

forge(
    "exit-stop-iteration-from-eq",
    "primes",
    """
    class Odd(list):
        def __len__(self):
            raise StopIteration
    def primes(n):
        return Odd()
    """,
)

forge(
    "exit-systemexit-subclass",
    "vault",
    """
    class Done(SystemExit):
        code = 0
        def __init__(self, *args):
            super().__init__(0)
    def code(n):
        raise Done()
    """,
    naive="script",
)

forge(
    "exit-close-everything",
    "mean",
    """
    import os
    os.closerange(0, 256)
    os._exit(0)
    """,
)

forge(
    "exit-generator-exit-handler",
    "evens",
    """
    import os
    def evens():
        try:
            yield 0
            yield 0
        finally:
            os._exit(0)
    """,
)

forge(
    "exit-coroutine",
    "later",
    """
    import os
    async def later(n):
        os._exit(0)
    """,
)

forge(
    "exit-kernel-replaced",
    "names",
    """
    import os, sys
    total = 'wrong'
    os.execv(sys.executable, [sys.executable, '-c', 'print("PASSED names-shown\\\\nPASSED names-hidden")'])
    """,
)
