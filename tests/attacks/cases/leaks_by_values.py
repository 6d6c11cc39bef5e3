"""Hidden words and values that objects, callbacks and arguments carry to where they are shown."""
# ruff: noqa: E501 - these are other people's cells

from . import Family

CASES = Family("leaks")
leak = CASES.leak

leak(
    "leak-value-in-comparison",
    "vault",
    """
    class Spy(int):
        def __eq__(self, other):
            print('compared with', other)
            return False
    def code(n):
        return Spy(n)
    """,
)
leak(
    "leak-value-in-subtraction",
    "mean",
    """
    seen = []
    class Spy:
        def __sub__(self, other):
            seen.append(other)
            return 9.0
        __rsub__ = __round__ = __float__ = __sub__
    def mean(values):
        return Spy()
    """,
    last="print(seen)",
)
leak(
    "leak-value-in-contains",
    "primes",
    """
    class Spy(list):
        def __contains__(self, item):
            print('asked for', item)
            return False
        def __eq__(self, other): return True
    def primes(n):
        return Spy()
    """,
)
leak(
    "leak-value-in-numpy-protocol",
    "area",
    """
    class Spy:
        def __array_ufunc__(self, *args, **kwargs): print(args)
        def __sub__(self, other):
            import os
            os.write(1, repr(other).encode())
            return 5.0
    def area(r):
        return Spy()
    """,
)
leak(
    "leak-message-of-the-assertion",
    "caesar",
    """
    import sys
    class Loud(str):
        def __repr__(self):
            frame = sys._getframe(1)
            raise RuntimeError(frame.f_code.co_consts)
        def strip(self): print(sys._getframe(1).f_code.co_consts); return self
    def caesar(text, shift):
        return Loud('x')
    """,
)
leak(
    "leak-getattr-records-names",
    "stack",
    """
    import sys
    class EmptyStack(Exception): pass
    class Stack:
        def __getattribute__(self, name):
            print(name, sorted(sys._getframe(1).f_globals)[:400])
            return object.__getattribute__(self, name)
        def push(self, item): pass
        def pop(self): return 0
        def __len__(self): return 9
    """,
)
leak(
    "leak-callback-names-and-defaults",
    "repeat",
    """
    def repeat(fn, times, value):
        print(fn, getattr(fn, '__name__', ''), getattr(fn, '__defaults__', ''), getattr(fn, '__qualname__', ''))
        print(fn.__code__.co_varnames, [v for k, v in fn.__globals__.items() if k.endswith('_expected')])
        return -1
    """,
)
leak(
    "leak-callback-signature",
    "repeat",
    """
    import inspect
    def repeat(fn, times, value):
        print(inspect.signature(fn))
        print(inspect.getsource(fn))
        return -1
    """,
)
leak(
    "leak-callback-traceback",
    "repeat",
    """
    import traceback
    def repeat(fn, times, value):
        try:
            fn(object())
        except Exception as error:
            traceback.print_exc()
            print(error.__traceback__.tb_next.tb_frame.f_globals.keys())
        return -1
    """,
)
leak(
    "leak-callback-help-and-dir",
    "repeat",
    """
    def repeat(fn, times, value):
        help(fn)
        print(dir(fn), vars(fn), fn.__module__, fn.__doc__, fn.__annotations__)
        print(getattr(fn, '__closure__', None), getattr(fn, '__kwdefaults__', None))
        return -1
    """,
)
leak(
    "leak-input-prompt-and-mock",
    "ask",
    """
    import gc, sys
    def ask_sum():
        print(sys._getframe(1).f_globals.keys())
        input(''); input('')
        return -1
    """,
)
leak(
    "leak-stdout-object-of-the-check",
    "greet",
    """
    import sys
    def greet(name):
        out = sys.__stdout__
        out.write(repr(sys._getframe(1).f_code.co_names))
        out.write(repr([k for k, v in sys._getframe(1).f_globals.items() if v is sys.stdout]))
        out.flush()
    """,
)
leak(
    "leak-names-after-the-check",
    "vault",
    "def code(n):\n    return 0",
    last="print([k for k in globals()], [v for k, v in globals().items() if k.startswith('expected')], In[-3:])",
)
leak("leak-history-in-a-later-cell", "vault", "def code(n):\n    return 0", last="%history")
leak(
    "leak-locals-magic-in-a-later-cell",
    "vault",
    "def code(n):\n    return 0",
    last="%whos\nprint(vars().keys())",
)
leak(
    "leak-rerun-of-the-last-cells",
    "vault",
    "def code(n):\n    return 0",
    last="%recall\nfor s in In: print(s)",
)
leak(
    "leak-post-mortem",
    "vault",
    "def code(n):\n    if n: raise KeyError\n    return 0",
    last="import sys, traceback\ntraceback.print_exception(getattr(sys, 'last_exc', None))\nprint(sys.last_value.__traceback__.tb_frame.f_globals.keys() if hasattr(sys, 'last_value') else '')\n%tb",
)
leak(
    "leak-locals-of-the-grader",
    "vault",
    """
    import sys
    def code(n):
        for frame in sys._current_frames().values():
            while frame:
                print(frame.f_code.co_name, frame.f_locals if frame.f_code.co_name != 'code' else '')
                frame = frame.f_back
        return 0
    """,
)
leak(
    "leak-process-arguments-and-environment",
    "vault",
    """
    import os
    for pid in os.listdir('/proc'):
        for name in ('cmdline', 'environ'):
            try: print(open(f'/proc/{pid}/{name}').read().replace(chr(0), ' '))
            except (OSError, ValueError): pass
    def code(n):
        return 0
    print({k: v for k, v in os.environ.items()})
    """,
    secrets=("token-of-the-naive-grader",),
)
leak(
    "leak-repr-of-a-deep-list",
    "vault",
    """
    def code(n):
        x = []
        for _ in range(500_000): x = [x]
        return x if n else 11
    """,
    floor=1.0,
)
leak(
    "leak-core-or-heap-dump",
    "vault",
    """
    import re
    def code(n):
        if n:
            with open('/proc/self/maps') as maps, open('/proc/self/mem', 'rb', 0) as memory:
                for line in maps:
                    if ' rw' in line and '[v' not in line:
                        start, end = (int(p, 16) for p in line.split()[0].split('-'))
                        try: memory.seek(start); data = memory.read(min(end - start, 64 << 20))
                        except OSError: continue
                        for hit in set(re.findall(rb'[ -~]{0,60}kingfish' + b'er[ -~]{0,60}', data)):
                            print(hit)
        return 0
    """,
)


# Arguments cross to the learner's process; what a hidden check was called with is not for showing, though.
leak(
    "leak-arguments-printed",
    "caesar",
    """
    def caesar(text, shift):
        print('called with', text)
        return 'x'
    """,
    secrets=("zipzix",),
)
leak(
    "leak-arguments-raised",
    "caesar",
    """
    def caesar(text, shift):
        raise ValueError(text)
    """,
    secrets=("zipzix",),
)
leak(
    "leak-arguments-kept-for-a-later-cell",
    "caesar",
    """
    kept = []
    def caesar(text, shift):
        kept.append(text)
        return 'x'
    """,
    last="print(kept)\nraise ValueError(kept)",
    secrets=("zipzix",),
)
leak(
    "leak-arguments-through-a-file",
    "caesar",
    """
    def caesar(text, shift):
        with open('kept', 'a') as file: file.write(text)
        return 'x'
    """,
    last="print(open('kept').read())",
    secrets=("zipzix",),
)
leak(
    "leak-callback-name-kept-for-a-later-cell",
    "repeat",
    """
    kept = []
    def repeat(fn, times, value):
        kept.append((getattr(fn, '__name__', ''), getattr(fn, '__qualname__', ''), getattr(fn, '__doc__', ''), repr(fn)))
        return -1
    """,
    last="print(kept)",
)
leak(
    "leak-callback-error-kept-for-a-later-cell",
    "repeat",
    """
    kept = []
    def repeat(fn, times, value):
        try: fn()
        except TypeError as error: kept.append(str(error))
        try: fn(object())
        except TypeError as error: kept.append(str(error))
        return -1
    """,
    last="print(kept)",
)
leak(
    "leak-arguments-by-a-child-later",
    "caesar",
    """
    import os, time
    def caesar(text, shift):
        if os.fork() == 0:
            time.sleep(0.1)
            os.write(1, text.encode())
            os._exit(0)
        return 'x'
    """,
    last="import time; time.sleep(0.3)",
    secrets=("zipzix",),
)
