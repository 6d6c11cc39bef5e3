"""Where a check's own tools (test loaders, doctest, subprocesses) would run or believe the learner's text."""
# ruff: noqa: E501 - these are other people's cells

from . import Family

CASES = Family("result channel")
forge, leak = CASES.forge, CASES.leak

forge(
    "hands-load-tests",
    "suite",
    """
    import unittest
    def triple(n):
        return -1
    def load_tests(loader, tests, pattern):
        def run(result):
            result.testsRun = 3
            return result
        return run
    """,
)
forge(
    "hands-load-tests-of-another-suite",
    "suite",
    """
    import unittest
    def triple(n):
        return -1
    class Fine(unittest.TestCase):
        def test_fine(self): pass
    def load_tests(loader, tests, pattern):
        return unittest.defaultTestLoader.loadTestsFromTestCase(Fine)
    """,
)
forge(
    "hands-set-up-module",
    "suite",
    """
    import unittest
    def triple(n):
        return -1
    def setUpModule():
        raise unittest.SkipTest('holidays')
    """,
)
forge(
    "hands-test-case-of-the-same-name",
    "suite",
    """
    import unittest
    def triple(n):
        return -1
    class Meta(type):
        def __eq__(cls, other): return True
        __hash__ = type.__hash__
    class Loader(unittest.TestLoader):
        def loadTestsFromModule(self, *a, **k):
            return unittest.TestSuite([unittest.FunctionTestCase(lambda: None)])
    unittest.defaultTestLoader = unittest.main.__init__.__defaults__ and Loader()
    unittest.TestProgram.__init__.__defaults__ = tuple(
        Loader() if isinstance(d, unittest.TestLoader) else d for d in unittest.TestProgram.__init__.__defaults__)
    """,
)

# What a docstring's examples do when it is not the learner's process that runs them.
SEND = r"""
import gc, os, struct
def forged(names):
    records = [{'event': 'check', 'id': name, 'status': 'passed', 'credit': None, 'stdout': '', 'message': '',
                'duration_ms': 1.0} for name in names]
    records.append({'event': 'end', 'checks_passed': len(names), 'peak_memory_bytes': 1, 'reason': '', 'message': ''})
    return records
def send(names):
    import msgpack
    for thing in gc.get_objects():
        if type(thing).__name__ == 'Grader':
            for record in forged(names): thing.send(record)
    data = b''.join(struct.pack('>I', len(d)) + d for d in map(msgpack.packb, forged(names)))
    for fd in range(3, 20):
        try:
            os.set_blocking(fd, False)
            os.write(fd, data)
        except OSError: pass
"""
forge(
    "hands-docstring-forges-records",
    "doctests",
    SEND
    + f"TEXT = {SEND!r}"
    + """
def triple(n):
    return -1
triple.__doc__ = '\\n'.join(
    ['>>> source = ' + repr(TEXT), '>>> exec(source)', ">>> send(['doctests-shown', 'doctests-hidden'])", ''])
""",
    floor=1.0,  # a docstring of the learner's own may well hold an example that is right
)
forge(
    "hands-script-forges-records",
    "script",
    SEND
    + """
with open('hello.py', 'w') as file:
    file.write('''
import os, glob, msgpack, struct
names = ['script-shown', 'script-hidden']
records = [{'event': 'check', 'id': n, 'status': 'passed', 'credit': None, 'stdout': '', 'message': '', 'duration_ms': 1.0}
           for n in names]
records.append({'event': 'end', 'checks_passed': 2, 'peak_memory_bytes': 1, 'reason': '', 'message': ''})
data = b''.join(struct.pack('>I', len(d)) + d for d in map(msgpack.packb, records))
for path in glob.glob('/proc/*/fd/*'):
    try:
        if os.readlink(path).startswith(('pipe', 'socket', 'host', '/dev/pts')):
            fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            os.write(fd, data)
    except OSError: pass
''')
""",
)
SNOOP = """
import os, re
word = 'apri' + chr(99) + 'ot'
for pid in [p for p in os.listdir('/proc') if p.isdigit() and int(p) != os.getpid()]:
    try:
        with open(f'/proc/{pid}/maps') as maps, open(f'/proc/{pid}/mem', 'rb', 0) as memory:
            for line in maps:
                if ' rw' in line:
                    start, end = (int(p, 16) for p in line.split()[0].split('-'))
                    try:
                        memory.seek(start)
                        data = memory.read(min(end - start, 64 << 20))
                    except (OSError, OverflowError, ValueError): continue
                    for hit in set(re.findall(word.encode(), data)):
                        print(pid, hit)
    except OSError: pass
"""
leak(
    "hands-script-reads-the-memory-of-its-parent",
    "script",
    f"with open('hello.py', 'w') as file:\n    file.write({SNOOP!r})",
)
NO_BUILTINS_NEEDED = (
    "[b['exec'](TEXT, {'__builtins__': b}) for c in ().__class__.__base__.__subclasses__()"
    " if c.__name__ == '_wrap_close' for b in [c.__init__.__globals__['__builtins__']]] and list"
)
forge(
    "hands-annotations-are-evaluated",
    "hints",
    SEND
    + f"TEXT = {SEND + chr(10) + 'send([' + repr('hints-shown') + ', ' + repr('hints-hidden') + '])'!r}"
    + f"""
def join(words, sep):
    return 'x'
join.__annotations__ = {{'words': {NO_BUILTINS_NEEDED!r}.replace('TEXT', repr(TEXT))}}
""",
)
forge(
    "hands-annotations-equal-anything",
    "hints",
    """
    class Same(dict):
        def __eq__(self, other): return True
    def join(words, sep):
        return 'x'
    import typing
    join.__annotations__ = Same()
    typing.get_type_hints = lambda thing: Same()
    """,
)
# Where a check opens "the file that save() names", a number is one of its process's own descriptors.
for number in (3, 4, 5, 6):
    CASES.exhaust(
        f"hands-file-name-is-descriptor-{number}",
        "saved",
        f"""
    import os
    end, _ = os.pipe()
    os.dup2(end, {number})
    def save():
        return {number}
    """,
        ends=("error", "failed", "timeout", "crashed"),
    )
