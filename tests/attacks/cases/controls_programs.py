"""Honest programs with classes, exceptions, files, input and the like, that must keep passing."""

from . import Family

CASES = Family("controls")
control = CASES.control

control(
    "pandas-another-way",
    "totals",
    """
    def totals(df):
        table = df.pivot_table(index='shop', values='sold', aggfunc='sum')
        return table['sold']
    """,
)
control(
    "async-with-tasks",
    "later",
    """
    import asyncio
    async def step(n):
        await asyncio.sleep(0.001)
        return n + 1
    async def later(n):
        return await asyncio.create_task(step(n))
    """,
)
control(
    "nested-functions-and-closures",
    "vault",
    """
    def make(factor):
        offset = 11
        def inner(n):
            nonlocal offset
            return n * factor + offset
        return inner
    code = make(7919)
    """,
)
control(
    "lambda-and-partial",
    "vault",
    """
    from functools import partial
    code = partial(lambda factor, n: factor * n + 11, 7919)
    """,
)
control(
    "decorated-and-cached",
    "vault",
    """
    import functools
    @functools.lru_cache
    def code(n):
        return n * 7919 + 11
    """,
)
control(
    "callable-object",
    "vault",
    """
    class Code:
        def __call__(self, n): return n * 7919 + 11
    code = Code()
    """,
)
control(
    "class-with-own-eq-and-repr",
    "stack",
    """
    class EmptyStack(Exception):
        def __str__(self): return 'nothing there'
    class Stack:
        def __init__(self): self._items = ()
        def __eq__(self, other): return isinstance(other, Stack) and self._items == other._items
        def __repr__(self): return f'Stack{self._items}'
        def push(self, item): self._items += (item,)
        def pop(self):
            try:
                *rest, last = self._items
            except ValueError:
                raise EmptyStack from None
            self._items = tuple(rest)
            return last
        def __len__(self): return len(self._items)
    """,
)
control(
    "stack-as-a-list-subclass",
    "stack",
    """
    class EmptyStack(LookupError): pass
    class Stack(list):
        push = list.append
        def pop(self):
            if not self: raise EmptyStack()
            return super().pop()
    """,
)
control(
    "dataclass-and-namedtuple-and-enum",
    "vault",
    """
    import enum
    from collections import namedtuple
    from dataclasses import dataclass
    class Part(enum.Enum):
        FACTOR = 7919
        OFFSET = 11
    Pair = namedtuple('Pair', 'factor offset')
    @dataclass(frozen=True)
    class Line:
        pair: Pair
        def at(self, n): return self.pair.factor * n + self.pair.offset
    def code(n):
        return Line(Pair(Part.FACTOR.value, Part.OFFSET.value)).at(n)
    """,
)
control(
    "intenum-result",
    "squares",
    """
    import enum
    class N(enum.IntEnum):
        NINE = 9
    def square(n):
        return N.NINE if n == 3 else n * n
    """,
)
control(
    "in-place-sort-of-a-copy",
    "primes",
    """
    def primes(n):
        found = [k for k in range(n - 1, 1, -1) if all(k % d for d in range(2, k))]
        found.sort()
        return found
    """,
)
control(
    "sieve-with-bytearray",
    "primes",
    """
    def primes(n):
        sieve = bytearray(b'\\x01') * n
        sieve[:2] = b'\\x00\\x00'
        for k in range(2, int(n ** 0.5) + 1):
            if sieve[k]: sieve[k * k::k] = bytes(len(range(k * k, n, k)))
        return [k for k, good in enumerate(sieve) if good]
    """,
)
control(
    "exceptions-caught-and-chained",
    "age",
    """
    def parse_age(text):
        try:
            age = int(text)
        except ValueError as error:
            raise ValueError(f'not a number: {text!r}') from error
        if age < 0 or age > 150:
            raise ValueError('out of range')
        return age
    """,
)
control(
    "own-exception-class",
    "age",
    """
    class BadAge(ValueError):
        def __init__(self, age):
            super().__init__(f'{age} is no age')
            self.age = age
    def parse_age(text):
        age = int(text)
        if not 0 <= age <= 150: raise BadAge(age)
        return age
    """,
)
control(
    "input-by-lines",
    "ask",
    """
    def ask_sum():
        total = 0
        for _ in range(2):
            total += int(input().strip())
        print('sum', total)
        return total
    """,
)
control(
    "prints-by-stdout-write",
    "greet",
    """
    import sys
    def greet(name):
        sys.stdout.write(f'Hello, {name}!')
        print()
    """,
)
control(
    "own-redirect",
    "greet",
    """
    import contextlib, io
    def greet(name):
        buffer = io.StringIO()
        with contextlib.redirect_stdout(buffer):
            print('Hello', name, sep=', ', end='!')
        print(buffer.getvalue())
    """,
)
control("big-output-within-limits", "vault", "print('x' * 60_000)\ndef code(n):\n    return n * 7919 + 11")
control(
    "big-values-within-limits",
    "vault",
    """
    table = {n: n * 7919 + 11 for n in range(200_000)}
    def code(n):
        return table[n]
    """,
)
control(
    "file-with-pathlib",
    "report",
    """
    from pathlib import Path
    def write_report(path):
        Path(path).write_text('\\n'.join(['3 apples', '4 pears', '']))
    """,
)
control(
    "callback-by-map-and-reduce",
    "repeat",
    """
    from functools import reduce
    def repeat(fn, times, value):
        return reduce(lambda acc, _: fn(acc), range(times), value)
    """,
)
control(
    "magics-and-shell", "vault", "%time sum(range(10))\n!echo hello\ndef code(n):\n    return n * 7919 + 11"
)
control(
    "seeded-random",
    "vault",
    """
    import random
    random.seed(3)
    def code(n):
        noise = random.random()
        return round(n * 7919 + 11 + noise - noise)
    """,
)
control(
    "match-walrus-and-typing",
    "age",
    """
    from typing import Annotated
    def parse_age(text: Annotated[str, 'digits']) -> int:
        match (age := int(text)):
            case n if 0 <= n <= 150: return n
            case _: raise ValueError(age)
    """,
)
