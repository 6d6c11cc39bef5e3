"""Changing Python itself beneath the checks: its objects in memory, tracing, hooks, namespaces."""
# ruff: noqa: E501 - these are other people's cells

from . import Family
from .monkeypatching import WRONG_CODE, WRONG_MEAN, WRONG_PRIMES

CASES = Family("monkeypatching")


def small(name: str, target: str, wrong: str, source: str) -> None:
    CASES.forge(name, target, wrong + source)


small(
    "patch-cached-small-ints",
    "squares",
    "\ndef square(n):\n    return 4\n",
    """
import ctypes
# The small integers are shared objects: make the one called 9 hold 4.
ctypes.memmove(id(9) + 24, id(4) + 24, 4)
""",
)
small(
    "patch-int-compare-slot",
    "vault",
    WRONG_CODE,
    """
import ctypes
@ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.py_object, ctypes.c_int)
def compare(a, b, op):
    return True
# tp_richcompare is the 26th pointer of a type object
ctypes.cast(id(int), ctypes.POINTER(ctypes.c_void_p))[25] = ctypes.cast(compare, ctypes.c_void_p).value
""",
)
small(
    "patch-list-eq-through-gc",
    "primes",
    WRONG_PRIMES,
    """
import ctypes
@ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.py_object, ctypes.c_int)
def compare(a, b, op):
    return True
for kind in (list, set):
    ctypes.cast(id(kind), ctypes.POINTER(ctypes.c_void_p))[25] = ctypes.cast(compare, ctypes.c_void_p).value
""",
)
small(
    "patch-own-builtins-dict",
    "mean",
    WRONG_MEAN,
    """
__builtins__ = {**(vars(__builtins__) if not isinstance(__builtins__, dict) else __builtins__),
                'abs': lambda x: 0.0, 'round': lambda *a: 24305.5}
import builtins
vars(builtins).update(abs=lambda x: 0.0)
""",
)
small(
    "patch-settrace-jumps-over-assert",
    "vault",
    WRONG_CODE,
    """
import sys
def trace(frame, event, arg):
    if frame.f_code.co_filename.startswith(('/tmp/ipykernel', '<ipython')) and frame.f_code.co_name == '<module>':
        frame.f_trace_lines = True
        if event == 'line':
            for name in list(frame.f_globals):
                if name.startswith('expected'):
                    frame.f_globals[name] = {}
        return trace
    return trace
sys.settrace(trace)
_run = get_ipython().run_code
def run_code(*a, **k):
    sys.settrace(trace)
    return _run(*a, **k)
get_ipython().run_code = run_code
""",
)
small(
    "patch-monitoring-edits-names",
    "vault",
    WRONG_CODE,
    """
import sys
TOOL = 3
sys.monitoring.use_tool_id(TOOL, 'x')
def line(code, number):
    frame = sys._getframe(1)
    for name in ('expected_kingfisher',):
        if isinstance(frame.f_globals.get(name), dict):
            frame.f_globals[name].clear()
sys.monitoring.register_callback(TOOL, sys.monitoring.events.LINE, line)
sys.monitoring.set_events(TOOL, sys.monitoring.events.LINE)
""",
)
small(
    "patch-audit-hook-edits-names",
    "vault",
    WRONG_CODE,
    """
import sys
def hook(event, args):
    if event == 'exec' and 'code' in get_ipython().user_ns:
        get_ipython().user_ns['code'].__code__ = (lambda n: Same()).__code__
class Same(int):
    def __eq__(self, other): return True
sys.addaudithook(hook)
""",
)
small(
    "patch-namespace-dict-subclass",
    "vault",
    WRONG_CODE,
    """
class Names(dict):
    def __missing__(self, key): raise KeyError(key)
    def __setitem__(self, key, value):
        super().__setitem__(key, {} if 'expected' in key else value)
    def __getitem__(self, key):
        return {} if 'expected' in key else super().__getitem__(key)
import IPython.core.interactiveshell as module
def execute(code_obj, g, l):
    exec(code_obj, g, Names(l))
module.exec = execute
""",
)
