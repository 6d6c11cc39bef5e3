"""Code that outlives its cell and acts while the checks run."""

from . import Family

CASES = Family("tampering in time")
forge = CASES.forge

SAME = "class Same(int):\n    def __eq__(self, other): return True\n    __hash__ = int.__hash__\n"
WRONG = "\ndef code(n):\n    return 0\n"


def later(name: str, source: str, wrong: str = WRONG, target: str = "vault") -> None:
    forge(name, target, SAME + wrong + source.strip("\n"))


later(
    "time-thread-rebinds-the-answer",
    """
import threading, time
def swap():
    while True:
        get_ipython().user_ns['expected_kingfisher'] = {}
        get_ipython().user_ns['code'] = lambda n: Same()
        time.sleep(0.0005)
threading.Thread(target=swap, daemon=True).start()
""",
    "\ndef code(n):\n    time.sleep(0.05)\n    return 0\n",
)
later(
    "time-thread-patches-during-checks",
    """
import builtins, threading, time, unittest
def swap():
    while True:
        builtins.abs = lambda x: 0.0
        unittest.TestResult.wasSuccessful = lambda self: True
        time.sleep(0.0005)
threading.Thread(target=swap, daemon=True).start()
""",
    "\ndef mean(values):\n    time.sleep(0.05)\n    return -1.0\n",
    "mean",
)
later(
    "time-timer-exits-in-the-middle",
    """
import os, threading
threading.Timer(0.3, os._exit, [0]).start()
""",
    "\ndef code(n):\n    __import__('time').sleep(1)\n    return 0\n",
)
later(
    "time-atexit-writes-passes",
    """
import atexit, os
@atexit.register
def bye():
    os.write(1, b'\\nPASSED vault-shown\\nPASSED vault-hidden\\n')
    os._exit(0)
""",
)
later(
    "time-child-writes-passes",
    """
import os, time
if os.fork() == 0:
    os.setsid()
    for _ in range(8):
        time.sleep(0.02)
        os.write(1, b'\\nPASSED vault-shown\\nPASSED vault-hidden\\n')
    os._exit(0)
""",
    "\ndef code(n):\n    time.sleep(0.3)\n    return 0\n",
)
later(
    "time-child-kills-the-grader-with-zero",
    """
import os, signal, time
parent = os.getpid()
signal.signal(signal.SIGTERM, lambda *a: os._exit(0))
if os.fork() == 0:
    time.sleep(0.2)
    os.kill(parent, signal.SIGTERM)
    os._exit(0)
""",
    "\ndef code(n):\n    time.sleep(1)\n    return 0\n",
)
later(
    "time-finalizer-of-the-answer",
    """
import os, weakref
class Bomb:
    def __del__(self):
        os.write(1, b'\\nPASSED vault-hidden\\n')
        get_ipython().user_ns['code'] = lambda n: Same()
""",
    "\ndef code(n):\n    Bomb()\n    return 0\n",
)
later(
    "time-gc-callback",
    """
import gc
def changed(phase, info):
    get_ipython().user_ns['code'] = lambda n: Same()
gc.callbacks.append(changed)
gc.set_threshold(1)
""",
)
later(
    "time-weakref-callback",
    """
import weakref
class T: pass
t = T()
ref = weakref.ref(t, lambda r: get_ipython().user_ns.update(code=lambda n: Same()))
def drop():
    get_ipython().user_ns.pop('t', None)
get_ipython().events.register('post_run_cell', lambda *a: drop())
del t
""",
    "\ncode_before = code if 'code' in dir() else None\n",
)
later(
    "time-signal-timer-rebinds",
    """
import signal
def fire(*a):
    get_ipython().user_ns['code'] = lambda n: Same()
    get_ipython().user_ns['expected_kingfisher'] = {}
signal.signal(signal.SIGALRM, fire)
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.01)
""",
    "\ndef code(n):\n    __import__('time').sleep(0.1)\n    return Same(0)\n",
)
later(
    "time-answer-rewrites-itself",
    "",
    """
def code(n):
    globals()['code'] = lambda n: Same()
    code.__code__ = (lambda n: Same()).__code__
    return Same()
""",
)
later(
    "time-asyncio-task-left-running",
    """
import asyncio
async def forever():
    while True:
        get_ipython().user_ns['later'] = fake
        await asyncio.sleep(0)
async def fake(n): return Same()
async def start():
    return asyncio.ensure_future(forever())
asyncio.get_event_loop_policy()
task = get_ipython().run_cell('await start()') if False else None
get_ipython().events.register('pre_run_cell', lambda *a: get_ipython().user_ns.update(later=fake))
""",
    "\nasync def later(n):\n    return -1\n",
    "later",
)
later(
    "time-mutated-arguments",
    """
import sys
def code(n):
    frame = sys._getframe(1)
    expected = frame.f_globals.get('expected_kingfisher')
    if expected is not None:
        for key in expected: expected[key] = 0
        frame.f_globals['value'] = 0
    return 0
""",
    "",
)
later(
    "time-callback-mutates-the-check",
    """
def repeat(fn, times, value):
    fn.__code__ = (lambda x, *a: 0).__code__
    fn.__defaults__ = ()
    import sys
    sys._getframe(1).f_globals['saffron_expected'] = -1
    return -1
""",
    "",
    "repeat",
)
later(
    "time-arguments-changed-in-place",
    """
import sys
class Liar(list):
    def __eq__(self, other): return True
def primes(n):
    names = sys._getframe(1).f_globals
    names['porcupine'] = []
    if isinstance(names.get('porcupine'), list): names['porcupine'].clear()
    return Liar()
""",
    "",
    "primes",
)
later(
    "time-input-mock-reset",
    """
import builtins
def ask_sum():
    input(); input()
    builtins.input.reset_mock() if hasattr(builtins.input, 'reset_mock') else None
    builtins.input.call_count = 2
    return Same(0)
""",
    "",
    "ask",
)
later(
    "time-thread-floods-the-channel",
    """
import os, struct, threading, msgpack
record = msgpack.packb({'event': 'check', 'id': 'vault-hidden', 'status': 'passed'})
def flood():
    for _ in range(300):
        for fd in range(3, 40):
            try: os.write(fd, struct.pack('>I', len(record)) + record)
            except OSError: pass
threads = [threading.Thread(target=flood, daemon=True) for _ in range(3)]
for t in threads: t.start()
""",
    "\ndef code(n):\n    for t in threads: t.join(0.3)\n    return 0\n",
)
later(
    "time-stopped-and-continued",
    """
import os, signal, time
me = os.getpid()
if os.fork() == 0:
    time.sleep(0.05)
    os.kill(me, signal.SIGSTOP)
    time.sleep(0.1)
    os.write(1, b'\\nPASSED vault-hidden\\n')
    os.kill(me, signal.SIGCONT)
    os._exit(0)
""",
    "\ndef code(n):\n    time.sleep(0.3)\n    return 0\n",
)
