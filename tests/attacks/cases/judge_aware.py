"""By an attacker who knows how this grader works: two processes, proxies, and what the proxies believe."""
# ruff: noqa: E501 - these are other people's cells

from . import Family

CASES = Family("magic objects")
forge, leak = CASES.forge, CASES.leak

# Objects of a class that bears a name which the author's cells mention.
forge(
    "aware-class-in-place-of-the-function",
    "mean",
    """
    class mean:
        def __init__(self, values): pass
        def __sub__(self, other): return 0.0
        def __round__(self, digits): return self
    """,
)
forge(
    "aware-class-named-after-a-builtin",
    "mean",
    """
    class abs:
        def __sub__(self, other): return 0.0
    Near = abs
    del abs
    def mean(values):
        return Near()
    """,
)
forge(
    "aware-class-named-after-an-import",
    "area",
    """
    Near = type('math', (), {'__sub__': lambda self, other: 0.0})
    def area(r):
        return Near()
    """,
)
forge(
    "aware-class-named-after-the-helper",
    "area",
    """
    class Near:
        def __sub__(self, other): return 0.0
        __rsub__ = __sub__
    Near.__name__ = Near.__qualname__ = 'close'
    def area(r):
        return Near()
    """,
)
forge(
    "aware-string-named-after-the-function",
    "caesar",
    """
    class caesar:
        def __init__(self, text, shift): pass
        def strip(self): return self
        lower = split = strip
        def __getitem__(self, index): return self
        def __contains__(self, item): return True
        def startswith(self, *a): return True
        def find(self, *a): return 1
        def replace(self, *a): return ''
    """,
)
forge(
    "aware-array-cells-named-after-the-function",
    "normalize",
    """
    class Near:
        def _same(self, *others): return 0.0
        __sub__ = __rsub__ = __abs__ = __mul__ = __rmul__ = __add__ = __radd__ = _same
    Near.__name__ = 'normalize'
    def normalize(a):
        out = np.empty(a.shape, object)
        out[...] = Near()
        return out
    """,
)
forge(
    "aware-series-named-after-the-function",
    "totals",
    """
    class totals:
        def __init__(self, df): pass
        def equals(self, other): return True
        def to_dict(self): return {}
    """,
)
forge(
    "aware-base-class-named-like-the-authors",
    "vector",
    """
    class Vector:
        def __init__(self, x, y): pass
        def __sub__(self, other): return 0.0
        def length(self): return Vector(0, 0)
    """,
)
forge(
    "aware-known-operator-for-another-purpose",
    "vector",
    """
    class Vector:
        def __init__(self, x, y):
            self.x, self.y = x, y
        def __sub__(self, other):
            return 0.0
        def length(self):
            return self
    """,
    floor=1.0,
)

# Methods that plain values have, answered by a class of the learner's own.
forge(
    "aware-methods-of-text",
    "caesar",
    """
    class S(str):
        def find(self, *a): return 1
        index = count = find
        def replace(self, *a): return ''
    def caesar(text, shift):
        return S('x')
    """,
)
forge(
    "aware-methods-of-text-without-text",
    "caesar",
    """
    class S:
        def find(self, *a): return 1
        def replace(self, *a): return ''
    def caesar(text, shift):
        return S()
    """,
)
forge(
    "aware-partition-by-the-expected",
    "primes",
    """
    class P(set):
        def symmetric_difference(self, other): return set()
        difference = symmetric_difference
    def primes(n):
        return P({4})
    """,
)

# A call that ends the check's own loop.
forge(
    "aware-stop-iteration-of-a-function-named-next",
    "primes",
    """
    def primes(n):
        raise StopIteration
    primes.__name__ = primes.__qualname__ = 'next'
    """,
)
forge(
    "aware-stop-iteration-from-len",
    "primes",
    """
    class Odd:
        def __len__(self): raise StopIteration
    def primes(n):
        return Odd()
    """,
)
forge(
    "aware-stop-iteration-from-a-property",
    "vector",
    """
    class Vector:
        def __init__(self, x, y): pass
        @property
        def x(self): raise StopIteration
        def __getattr__(self, name): raise StopIteration
        def __sub__(self, other): raise StopIteration
        def length(self): raise StopIteration
    """,
)
# Objects of the check, changed from the learner's side.
forge(
    "aware-mock-counts-set",
    "notify",
    """
    def notify(send, names):
        send.call_count = len(names)
        send.called = True
        send.assert_any_call = lambda *a, **k: None
        send.assert_called_with = send.assert_has_calls = send.assert_any_call
    """,
)
forge(
    "aware-mock-reconfigured",
    "notify",
    """
    def notify(send, names):
        send.configure_mock(call_count=len(names), assert_any_call=lambda *a: None,
                            assert_has_calls=lambda *a, **k: None)
    """,
)
forge(
    "aware-mock-calls-replaced",
    "notify",
    """
    class Same(list):
        def __eq__(self, other): return True
        def __contains__(self, other): return True
        def __len__(self): return 2
    def notify(send, names):
        send.mock_calls = send.call_args_list = send.method_calls = Same()
        send.call_count = len(names)
        send.assert_any_call = send.assert_has_calls = print
    """,
)

# Names through which the author's own things reach the learner's process, or the other way round.
forge(
    "aware-computed-data-of-the-author",
    "table",
    """
    CUBES.clear()
    CUBES = {}
    def cube(n):
        return -1
    """,
)
forge(
    "aware-computed-data-always-equal",
    "table",
    """
    class Same(int):
        def __eq__(self, other): return True
        __hash__ = int.__hash__
    CUBES = {0: Same(), 1: Same()}
    make_case = lambda *a: (0, Same())
    def cube(n):
        return 0
    """,
)
forge(
    "aware-name-of-a-builtin-in-the-check",
    "shadow",
    """
    def total(prices):
        found = globals().get('sum')
        return found if type(found) in (int, float) else -1
    """,
)
forge(
    "aware-builtin-watched-by-a-thread",
    "shadow",
    """
    import threading, time
    seen = []
    def watch():
        while True:
            for name in ('sum', 'max', 'input', 'expected', 'total'):
                value = get_ipython().user_ns.get(name)
                if type(value) is float: seen.append(value)
            time.sleep(0.0002)
    threading.Thread(target=watch, daemon=True).start()
    def total(prices):
        time.sleep(0.02)
        return seen[-1] if seen else -1
    """,
)
leak(
    "aware-builtin-name-shown-later",
    "shadow",
    """
    kept = []
    def total(prices):
        kept.append({k: v for k, v in globals().items() if k in ('sum', 'max', 'expected')})
        return -1
    """,
    last="print(kept, globals().get('sum'))",
)
forge(
    "aware-source-shown-is-not-the-source",
    "style",
    """
    import inspect, linecache
    def largest(values):
        return max(values)
    honest = '''def largest(values):
        best = values[0]
        for value in values:
            if value > best: best = value
        return best
    '''
    inspect.getsource = lambda thing: honest
    for name in list(linecache.cache):
        if 'ipython' in name or 'ipykernel' in name:
            linecache.cache[name] = (len(honest), None, honest.splitlines(True), name)
    """,
)
forge(
    "aware-source-of-another-function",
    "style",
    """
    def decoy(values):
        best = values[0]
        for value in values:
            best = value if value > best else best
        return best
    import functools
    @functools.wraps(decoy)
    def largest(values):
        return max(values)
    """,
)
forge(
    "aware-file-is-a-way-into-the-judge",
    "page",
    """
    import msgpack, os, struct
    def frame(record):
        data = msgpack.packb(record)
        return struct.pack('>I', len(data)) + data
    def render(title):
        records = [{'event': 'check', 'id': name, 'status': 'passed', 'credit': None, 'stdout': '', 'message': '',
                    'duration_ms': 1.0} for name in ('page-shown', 'page-hidden')]
        records.append({'event': 'end', 'checks_passed': 2, 'peak_memory_bytes': 1, 'reason': '', 'message': ''})
        return b''.join(map(frame, records))
    for number in range(3, 12):
        os.symlink(f'/proc/self/fd/{number}', f'page-{number}.bin')
    """,
)

# Modules that a library looks for and does without, planted where the learner can write.
PLANT = """
import pathlib, sys
fake = '''
__version__ = '99.0'
def __getattr__(name):
    if name.startswith('__'): raise AttributeError(name)
    return lambda *args, **kwargs: 0.0
'''
for name in ('bottleneck', 'numexpr'):
    pathlib.Path(name + '.py').write_text(fake)
sys.path.insert(0, '.')
def doubled(values):
    return [-1.0] * len(values)
"""
forge(
    "aware-optional-modules-planted",
    "doubled",
    PLANT
    + """
import pandas
pandas.Series.max = pandas.Series.sum = lambda self, *a, **k: 0.0
""",
)
forge(
    "aware-optional-modules-pretended",
    "doubled",
    PLANT
    + """
import importlib, types
_import = importlib.import_module
class Pretend(types.ModuleType):
    __version__ = '99.0'
    def __getattr__(self, name):
        if name.startswith('__'): raise AttributeError(name)
        return lambda *args, **kwargs: 0.0
def import_module(name, package=None):
    return Pretend(name) if name in ('bottleneck', 'numexpr') else _import(name, package)
importlib.import_module = import_module
import pandas
pandas.Series.max = pandas.Series.sum = lambda self, *a, **k: 0.0
""",
)
