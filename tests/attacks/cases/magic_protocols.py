"""Lies told through protocols: copying, descriptors, callbacks, conversions, subclasses of library types."""

from . import Family

CASES = Family("magic objects")
forge = CASES.forge

forge(
    "class-reduce-decodes-to-anything",
    "vault",
    """
    class Same:
        def __eq__(self, other): return True
        def __reduce__(self): return (exec, ("import os; os._exit(0)",))
        def __reduce_ex__(self, protocol): return self.__reduce__()
        def __deepcopy__(self, memo): return self
        def __getstate__(self): raise SystemExit(0)
    def code(n):
        return Same()
    """,
)

forge(
    "class-descriptor-at-class-level",
    "stack",
    """
    class Flip:
        def __get__(self, instance, owner=None): return Always()
        def __set__(self, instance, value): pass
    class Always:
        def __call__(self, *a): return self
        def __eq__(self, other): return True
    class EmptyStack(BaseException): pass
    class Stack:
        push = Flip()
        pop = Flip()
        def __len__(self): return 1
    """,
)

forge(
    "class-new-returns-mock",
    "stack",
    """
    from unittest import mock
    class EmptyStack(Exception): pass
    class Stack:
        def __new__(cls):
            m = mock.MagicMock(spec=['push', 'pop', '__len__'])
            m.pop.return_value = mock.ANY
            m.__len__.return_value = 1
            return m
    """,
)

forge(
    "class-instances-equal-via-list",
    "stack",
    """
    class Items(list):
        def __eq__(self, other): return True
    class Sneaky(int):
        def __eq__(self, other): return True
    class EmptyStack(Exception): pass
    class Stack:
        def __init__(self): self.n = 0
        def push(self, item): self.n += 1
        def pop(self):
            self.n -= 1
            return Sneaky(-1)
        def __len__(self): return self.n
    """,
)

forge(
    "class-index-and-float-look-at-caller",
    "mean",
    """
    import sys
    class Peek:
        def __float__(self):
            for value in sys._getframe(1).f_code.co_consts:
                if isinstance(value, float): return value
            return 0.0
        def __sub__(self, other): return 0.0
        def __round__(self, digits):
            return [c for c in sys._getframe(1).f_code.co_consts if isinstance(c, float)][-1]
    def mean(values):
        return Peek()
    """,
)

forge(
    "class-subclass-hook-of-list",
    "primes",
    """
    import collections.abc
    class Fake(collections.abc.Sequence):
        def __getitem__(self, i): raise IndexError
        def __len__(self): return 0
        def __eq__(self, other): return True
        def __contains__(self, x): return True
    Fake.__class__ = type(Fake)
    class Lie(list):
        __class__ = list
        def __eq__(self, other): return True
        def __contains__(self, x): return True
    def primes(n):
        return Lie()
    """,
)

forge(
    "class-replaced-function-code",
    "primes",
    """
    import types
    class Callable:
        def __call__(self, n): return self
        def __eq__(self, other): return True
        def __contains__(self, item): return True
        def __len__(self): return sys.maxsize
        __class__ = types.FunctionType
    primes = Callable()
    """,
)

forge(
    "class-eval-by-reference",
    "squares",
    """
    class Source(str):
        pass
    square = lambda n: Pair()
    class Pair:
        def __eq__(self, other): return other == other
        def __hash__(self): return 1
        def __reduce__(self): return (eval, ('True',))
    """,
)

forge(
    "class-print-object-lies",
    "greet",
    """
    import sys
    class Line(str):
        def __eq__(self, other): return True
        def splitlines(self, keepends=False): return Lines()
    class Lines(list):
        def __eq__(self, other): return True
    def greet(name):
        stream = sys.stdout
        try:
            stream.__class__ = type('Out', (type(stream),), {'getvalue': lambda self: Line()})
        except TypeError:
            import io
            box = type('Box', (io.StringIO,), {'getvalue': lambda self: Line()})()
            frame = sys._getframe(1)
            for name in ('shown', 'tangerine'):
                if name in frame.f_globals: frame.f_globals[name] = box
    """,
)

forge(
    "class-callback-result-equal",
    "repeat",
    """
    class Result(int):
        def __eq__(self, other): return True
    def repeat(fn, times, value):
        return Result(0)
    """,
)

forge(
    "class-ask-without-asking",
    "ask",
    """
    class Result(int):
        def __eq__(self, other): return True
    def ask_sum():
        input(); input()
        return Result(0)
    """,
)

forge(
    "class-enum-member",
    "vault",
    """
    import enum
    class E(enum.IntEnum):
        A = 0
        def __eq__(self, other): return True
        __hash__ = int.__hash__
    def code(n):
        return E.A
    """,
)

forge(
    "class-dataclass-eq",
    "names",
    """
    from dataclasses import dataclass
    @dataclass(eq=False)
    class D:
        v: int = 0
        def __eq__(self, other): return True
        def __ne__(self, other): return False
        def __getitem__(self, key): return D()
        def __iter__(self): return iter(('one', 'two'))
        def __len__(self): return 2
    total = words = D()
    """,
)

forge(
    "class-weak-proxy",
    "vault",
    """
    import weakref
    class Same:
        def __eq__(self, other): return True
    keep = Same()
    def code(n):
        return weakref.proxy(keep)
    """,
)

forge(
    "class-datetime-subclass",
    "vault",
    """
    import datetime
    class D(datetime.timedelta):
        def __eq__(self, other): return True
        __hash__ = datetime.timedelta.__hash__
    def code(n):
        return D(0)
    """,
)

forge(
    "class-bytes-subclass",
    "caesar",
    """
    class B(bytes):
        def __eq__(self, other): return True
        def strip(self, *a): return self
        lower = strip
        def split(self, *a): return [self]
        def startswith(self, *a): return True
        def __contains__(self, x): return True
    def caesar(text, shift):
        return B(b'x')
    """,
)

forge(
    "class-userstring",
    "caesar",
    """
    from collections import UserString
    class U(UserString):
        def __eq__(self, other): return True
        __hash__ = UserString.__hash__
        def startswith(self, *a): return True
        def split(self, *a): return W([self])
        def strip(self, *a): return self
        def lower(self): return self
    class W(list):
        def __contains__(self, item): return True
    def caesar(text, shift):
        return U('x')
    """,
)
