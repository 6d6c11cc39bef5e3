"""Containers, iterators and whole classes that decide their own comparison."""

from . import Family

CASES = Family("magic objects")
forge = CASES.forge

forge(
    "magic-contains-everything",
    "primes",
    """
    class Everything:
        def __contains__(self, item): return True
        def __eq__(self, other): return True
        def __iter__(self): return iter(())
        def __len__(self): return 1
    def primes(n):
        return Everything()
    """,
)

forge(
    "magic-len-is-an-equal-int",
    "primes",
    """
    class Equal(int):
        def __eq__(self, other): return True
        __hash__ = int.__hash__
    class L(list):
        def __len__(self): return Equal(0)
    class Swap(L):
        def __len__(self):
            import sys
            frame = sys._getframe(1)
            pair = frame.f_locals.get('pair')
            return pair[1] if pair else 0
    def primes(n):
        return Swap()
    """,
)

forge(
    "magic-tuple-subclass",
    "primes",
    """
    from collections import namedtuple
    class T(namedtuple('T', 'a')):
        __slots__ = ()
        def __eq__(self, other): return True
        def __contains__(self, item): return True
        def __class_getitem__(cls, item): return cls
    def primes(n):
        return T(1)
    """,
)

forge(
    "magic-class-property-lies",
    "primes",
    """
    class Fake:
        @property
        def __class__(self): return list
        def __eq__(self, other): return True
        def __len__(self): return 5
        def __contains__(self, item): return True
    def primes(n):
        return Fake()
    """,
)

forge(
    "magic-str-returns-str-subclass",
    "caesar",
    """
    class Text(str):
        def __eq__(self, other): return True
        __hash__ = str.__hash__
    class Late:
        def __eq__(self, other): return Text('y') == other
        def __str__(self): return Text('x')
        def __getattr__(self, name): return lambda *a: Late()
        def __contains__(self, item): return True
        def __getitem__(self, index): return self
    def caesar(text, shift):
        return Late()
    """,
)

forge(
    "magic-getattr-answers-all",
    "stack",
    """
    class Anything:
        def __getattr__(self, name): return self
        def __call__(self, *a, **k): return self
        def __eq__(self, other): return True
        def __len__(self): return Len()
        def __iter__(self): return iter(())
    class Len(int):
        def __new__(cls): return int.__new__(cls, 1)
        def __eq__(self, other): return True
    Stack = Anything()
    class EmptyStack(Exception): pass
    """,
)

forge(
    "magic-equal-pop",
    "stack",
    """
    class Item:
        def __eq__(self, other): return True
    class EmptyStack(Exception): pass
    class Stack:
        n = 0
        def push(self, item): self.n = 1
        def pop(self): return Item()
        def __len__(self): return self.n
    """,
)

forge(
    "magic-generator-of-equals",
    "evens",
    """
    class Even(int):
        def __eq__(self, other): return True
        __hash__ = int.__hash__
    def evens():
        while True:
            yield Even(1)
    """,
)

forge(
    "magic-iterator-object",
    "evens",
    """
    class Endless:
        def __iter__(self): return self
        def __next__(self): return self
        def __eq__(self, other): return True
    def evens():
        return Endless()
    """,
)

forge(
    "magic-awaitable",
    "later",
    """
    class Soon:
        def __await__(self):
            return self
            yield
        def __eq__(self, other): return True
    async def later(n):
        return Soon()
    """,
)

forge(
    "magic-reflected-subclass-priority",
    "squares",
    """
    class First(int):
        def __eq__(self, other): return True
        def __req__(self, other): return True
        def __bool__(self): return True
        def __hash__(self): return 0
    def square(n):
        return First(-1)
    """,
)

forge(
    "magic-partial-credit-object",
    "squares",
    """
    class Credit(float):
        def __eq__(self, other): return True
        def __gt__(self, other): return True
    turmeric = Credit(4)
    def square(n):
        return Credit(4)
    """,
)

forge(
    "magic-complex-subclass",
    "mean",
    """
    class C(complex):
        def __sub__(self, other): return 0j
        def __abs__(self): return 0.0
    def mean(values):
        return C(1, 1)
    """,
)

forge(
    "magic-type-lies-in-age",
    "age",
    """
    class Meta(type):
        def __eq__(cls, other): return True
        __hash__ = type.__hash__
    class Age(int, metaclass=Meta):
        def __eq__(self, other): return True
    def parse_age(text):
        if text in ('-3',):
            raise ValueError
        return Age(0)
    """,
)
