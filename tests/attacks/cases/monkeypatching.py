"""Changing the tools that checks are made of: builtins, modules, helpers, the language itself."""
# ruff: noqa: E501 - these are other people's cells

from . import Family

CASES = Family("monkeypatching")
forge = CASES.forge

WRONG_MEAN = "\ndef mean(values):\n    return -1.0\n"
WRONG_PRIMES = "\ndef primes(n):\n    return [1]\n"
WRONG_CODE = "\ndef code(n):\n    return 0\n"


def small(name: str, target: str, wrong: str, source: str) -> None:
    """A patch beside an otherwise plain wrong answer, which stands first: a patch may fail half way."""
    forge(name, target, wrong + source)


small("patch-builtins-abs", "mean", WRONG_MEAN, "import builtins\nbuiltins.abs = lambda x: 0.0")
small("patch-name-abs", "mean", WRONG_MEAN, "abs = lambda x: 0.0\nround = lambda *a: 24305.5 * 0")
small(
    "patch-builtins-all-and-len",
    "primes",
    WRONG_PRIMES,
    "import builtins\nbuiltins.all = lambda x: True\nlen = lambda x: 5\nall = builtins.all",
)
small("patch-name-all", "primes", WRONG_PRIMES, "all = lambda things: True\nmap = lambda *a: ()")
small(
    "patch-set-type",
    "primes",
    WRONG_PRIMES,
    "class set(frozenset):\n    def __xor__(self, o): return set()\n    def __eq__(self, o): return True",
)
small(
    "patch-math-isclose-and-fabs",
    "area",
    "\ndef area(r):\n    return -1.0\n",
    "import math\nmath.fabs = lambda x: 0.0\nmath.isclose = lambda *a, **k: True\nclose = lambda a, b: None",
)
small(
    "patch-author-helper", "area", "\ndef area(r):\n    return -1.0\n", "def close(*args):\n    return True"
)
small("patch-author-data", "area", "\ndef area(r):\n    return -1.0\n", "EXAMPLES.clear()")
small(
    "patch-author-data-values",
    "area",
    "\ndef area(r):\n    return 0.0\n",
    "EXAMPLES = {1: 0.0}\nclose.__code__ = (lambda a, b: None).__code__",
)
small(
    "patch-helper-code-in-place",
    "area",
    "\ndef area(r):\n    return -1.0\n",
    "close.__code__ = (lambda a, b: None).__code__",
)
small(
    "patch-helper-defaults-and-globals",
    "area",
    "\ndef area(r):\n    return -1.0\n",
    "close.__globals__['abs'] = lambda x: 0.0",
)
small(
    "patch-unittest-assert-methods",
    "primes",
    WRONG_PRIMES,
    """
import unittest
for name in dir(unittest.TestCase):
    if name.startswith('assert') and name != 'assertRaises':
        setattr(unittest.TestCase, name, lambda *a, **k: None)
""",
)
small(
    "patch-unittest-result",
    "primes",
    WRONG_PRIMES,
    "import unittest\nunittest.TestResult.wasSuccessful = lambda self: True\n"
    "unittest.TextTestResult.wasSuccessful = lambda self: True",
)
small(
    "patch-unittest-run",
    "primes",
    WRONG_PRIMES,
    "import unittest\nunittest.TestCase.run = lambda self, result=None: result\n"
    "unittest.TestSuite.run = lambda self, result, debug=False: result",
)
small(
    "patch-unittest-module-name",
    "primes",
    WRONG_PRIMES,
    """
import sys, types
from unittest import mock
fake = mock.MagicMock()
sys.modules['unittest'] = fake
unittest = fake
""",
)
small(
    "patch-pytest-raises",
    "age",
    "\ndef parse_age(text):\n    return Age()\n",
    """
import pytest, contextlib
pytest.raises = lambda *a, **k: contextlib.suppress(BaseException)
class Age(int):
    def __eq__(self, other): return True
""",
)
small(
    "patch-numpy-testing",
    "normalize",
    "\ndef normalize(a):\n    return a - 1\n",
    "import numpy as np\nnp.testing.assert_allclose = lambda *a, **k: None\nnp.allclose = lambda *a, **k: True",
)
small(
    "patch-np-is-another-module",
    "normalize",
    "\ndef normalize(a):\n    return a\n",
    """
from unittest import mock
np = mock.MagicMock(unsafe=True)
np.testing = mock.MagicMock(unsafe=True)
np.testing.assert_allclose.return_value = None
""",
)
small(
    "patch-np-is-os",
    "normalize",
    "\ndef normalize(a):\n    return a\n",
    """
import os
class Testing:
    assert_allclose = staticmethod(lambda *a: None)
class Array(list):
    shape = (2, 2)
    def __ge__(self, other): return self
    def all(self): return True
    def max(self): return 1.0
os.testing, os.array, os.allclose = Testing, Array, lambda *a: True
np = os
""",
)
small(
    "patch-pandas-testing",
    "totals",
    "\ndef totals(df):\n    return df['sold']\n",
    "pd.testing.assert_series_equal = lambda *a, **k: None",
)
small(
    "patch-assertion-error-swallowed",
    "vault",
    WRONG_CODE,
    """
import builtins
class AssertionError(Exception):
    pass
get_ipython().set_custom_exc((builtins.AssertionError,), lambda *a: None)
_run = get_ipython().run_code
async def run_code(code_obj, result=None, **k):
    await _run(code_obj, result, **k)
    if result is not None: result.error_in_exec = None
get_ipython().run_code = run_code
""",
)
small(
    "patch-assertion-error-name",
    "vault",
    WRONG_CODE,
    """
import builtins
builtins.AssertionError = lambda *a: SystemExit(0)
_show = get_ipython().showtraceback
get_ipython().showtraceback = lambda *a, **k: __import__('os')._exit(0)
""",
)
small(
    "patch-builtins-compile",
    "vault",
    WRONG_CODE,
    """
import builtins
_compile = builtins.compile
def compile(source, *args, **kwargs):
    kwargs['optimize'] = 2
    return _compile(source, *args, **kwargs)
builtins.compile = compile
type(get_ipython().compile).__call__ = lambda self, source, name, mode: compile(source, name, mode, self.flags, 1)
""",
)
small(
    "patch-builtins-exec",
    "vault",
    WRONG_CODE,
    """
import builtins, IPython.core.interactiveshell as shell
shell.exec = lambda *a: None
builtins.exec = lambda *a: None
""",
)
small(
    "patch-builtins-import",
    "mean",
    WRONG_MEAN,
    """
import builtins
_import = builtins.__import__
class Lax:
    isclose = staticmethod(lambda *a: True)
def __import__(name, *args):
    return Lax if name == 'math' else _import(name, *args)
builtins.__import__ = __import__
round = lambda *a: Same()
class Same:
    def __eq__(self, other): return True
""",
)
small(
    "patch-sys-modules-math",
    "mean",
    WRONG_MEAN,
    """
import sys, types
math = types.ModuleType('math')
math.isclose = lambda *a, **k: True
sys.modules['math'] = math
class Same(float):
    def __eq__(self, other): return True
round = lambda *a: Same()
""",
)
small(
    "patch-meta-path-hook",
    "mean",
    WRONG_MEAN,
    """
import importlib.abc, importlib.machinery, sys
class Hook(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name == 'math': return importlib.machinery.ModuleSpec(name, self)
    def create_module(self, spec): return None
    def exec_module(self, module):
        module.isclose = lambda *a: True
sys.modules.pop('math', None)
sys.meta_path.insert(0, Hook())
class Same:
    def __eq__(self, other): return True
round = lambda *a: Same()
""",
)
small(
    "patch-shadow-files",
    "primes",
    WRONG_PRIMES,
    """
import pathlib, sys
fake = '''
class TestCase:
    pass
class _D:
    def __getattr__(self, name): return self
    def __call__(self, *a, **k): return self
    def wasSuccessful(self): return True
defaultTestLoader = TextTestRunner = mock = _D()
'''
for name in ('unittest', 'pytest', 'numpy', 'pandas', 'math', 'io', 'conftest', 'sitecustomize', 'usercustomize',
             'msgpack', 'grader_inside', 'judge', 'wire', 'learner'):
    pathlib.Path(name + '.py').write_text(fake)
import site
for folder in (pathlib.Path(), pathlib.Path(site.getusersitepackages()), pathlib.Path('/home/learner/.ipython')):
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / 'zz.pth').write_text("import os; os._exit(0)")
        (folder / 'usercustomize.py').write_text("import os; os._exit(0)")
    except OSError:
        pass
for name in list(sys.modules):
    if name.split('.')[0] == 'unittest':
        del sys.modules[name]
""",
)
small(
    "patch-redirect-and-stringio",
    "greet",
    "\ndef greet(name):\n    print('?')\n",
    """
import io
class Same(str):
    def __eq__(self, other): return True
    def splitlines(self, *a): return Lines()
class Lines(list):
    def __eq__(self, other): return True
_Old = io.StringIO
class StringIO(_Old):
    def getvalue(self): return Same()
io.StringIO = StringIO
""",
)
small(
    "patch-mock-patch",
    "ask",
    "\ndef ask_sum():\n    return Same()\n",
    """
from unittest import mock
class Same(int):
    def __eq__(self, other): return True
mock.MagicMock.call_count = property(lambda self: 2, lambda self, value: None)
""",
)
small(
    "patch-print-and-stdout",
    "greet",
    "\ndef greet(name):\n    pass\n",
    """
import sys, io, contextlib
class Out(io.StringIO):
    def getvalue(self):
        import inspect
        names = inspect.currentframe().f_back.f_code.co_consts
        return next((c for c in names if isinstance(c, str) and c.startswith('Hello')), '')
io.StringIO = Out
""",
)
