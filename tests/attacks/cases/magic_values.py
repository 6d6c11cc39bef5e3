"""Values that decide their own comparison, arithmetic, length or truth."""

from . import Family

CASES = Family("magic objects")
forge = CASES.forge

# One object that agrees with everything; used in several guises below.
YES = """
def _yes(*args, **kwargs):
    return True
class Yes:
    __eq__ = __lt__ = __gt__ = __le__ = __ge__ = __contains__ = __bool__ = _yes
    def __ne__(self, other): return False
    def __hash__(self): return 0
"""

forge("magic-always-equal", "vault", YES + "def code(n):\n    return Yes()")

forge(
    "magic-always-equal-name",
    "names",
    YES
    + """
class All(Yes):
    def __getitem__(self, key): return Yes()
    def __iter__(self): return iter(['one', 'two'])
    def __len__(self): return 2
total, words = Yes(), All()
""",
)

forge(
    "magic-int-subclass-eq",
    "squares",
    """
    class N(int):
        def __eq__(self, other): return True
        __hash__ = int.__hash__
    def square(n):
        return N(0)
    """,
)

forge(
    "magic-list-subclass-eq",
    "primes",
    """
    class L(list):
        def __eq__(self, other): return True
        def __contains__(self, item): return True
    def primes(n):
        return L([1])
    """,
)

forge(
    "magic-str-subclass-eq",
    "caesar",
    """
    class S(str):
        def __eq__(self, other): return True
        __hash__ = str.__hash__
        def __contains__(self, other): return True
        def strip(self, *a): return self
        lower = strip
        def split(self, *a): return [S('sediments'[:0]), self]
        def startswith(self, *a): return True
    def caesar(text, shift):
        return S('x')
    """,
)

forge(
    "magic-float-subtraction-is-zero",
    "mean",
    """
    class Near(float):
        def __sub__(self, other): return 0.0
        __rsub__ = __sub__
        def __abs__(self): return 0.0
        def __round__(self, digits=None): return self
        def __eq__(self, other): return True
    def mean(values):
        return Near(-1)
    """,
)

forge(
    "magic-object-subtraction-is-zero",
    "mean",
    """
    class Near:
        def __sub__(self, other): return 0.0
    def mean(values):
        return Near()
    """,
)

forge(
    "magic-abs-returns-itself",
    "mean",
    """
    class Small:
        def __sub__(self, other): return self
        def __abs__(self): return self
        def __lt__(self, other): return True
    def mean(values):
        return Small()
    """,
)

forge(
    "magic-int-subtraction-zero-int",
    "area",
    """
    class Near:
        def __sub__(self, other): return 0
        __rsub__ = __sub__
    def area(r):
        return Near()
    """,
)

forge(
    "magic-round-to-anything",
    "mean",
    """
    class Any:
        def __eq__(self, other): return True
    class Near(float):
        def __new__(cls): return float.__new__(cls, 11.75)
        def __round__(self, digits=None): return Any()
        def __sub__(self, other): return 0.0
    def mean(values):
        return Near()
    """,
)

forge("magic-mock-any", "vault", "from unittest import mock\ndef code(n):\n    return mock.ANY")

forge(
    "magic-mock-configured",
    "vault",
    """
    from unittest.mock import MagicMock
    def code(n):
        m = MagicMock()
        m.__eq__.side_effect = lambda other: True
        return m
    """,
)

forge(
    "magic-pytest-approx",
    "vault",
    """
    import pytest
    def code(n):
        return pytest.approx(0, abs=float('inf'))
    """,
)

forge(
    "magic-pytest-approx-near",
    "mean",
    """
    import pytest
    class Shim(type(pytest.approx(1.0))):
        def __sub__(self, other): return 0.0
        def __eq__(self, other): return True
    def mean(values):
        return Shim(0, None, float('inf'), False)
    """,
)

forge(
    "magic-numpy-array-truth",
    "vault",
    """
    import numpy as np
    class A(np.ndarray):
        def __eq__(self, other): return np.True_
    def code(n):
        return np.zeros(1).view(A)
    """,
)

forge(
    "magic-nested-deep",
    "names",
    """
    class Same(int):
        def __eq__(self, other): return True
        def __ne__(self, other): return False
        __hash__ = int.__hash__
    total = Same(0)
    words = {'one': Same(0), 'two': [Same(0), Same(0)]}
    """,
)

forge(
    "magic-dict-subclass",
    "names",
    """
    class D(dict):
        def __eq__(self, other): return True
        def __ne__(self, other): return False
        def __missing__(self, key): return [2, 2]
        def __iter__(self): return iter(['two', 'one'])
        def keys(self): return ['one', 'two']
        def __len__(self): return 2
    class T(int):
        def __eq__(self, other): return True
    total, words = T(), D()
    """,
)

forge(
    "magic-fraction-subclass",
    "mean",
    """
    from fractions import Fraction
    class F(Fraction):
        def __sub__(self, other): return Fraction(0)
        def __eq__(self, other): return True
    def mean(values):
        return F(1, 3)
    """,
)

forge(
    "magic-decimal-subclass",
    "mean",
    """
    from decimal import Decimal
    class D(Decimal):
        def __sub__(self, other): return Decimal(0)
        def __float__(self): return 11.75
        def __round__(self, n=None): return D(0)
        def __eq__(self, other): return True
        __hash__ = Decimal.__hash__
    def mean(values):
        return D(-1)
    """,
)

forge(
    "magic-numpy-scalar-subclass",
    "mean",
    """
    import numpy as np
    class F(np.float64):
        def __sub__(self, other): return 0.0
        def __eq__(self, other): return True
        def __round__(self, n=None): return self
    def mean(values):
        return F(-1.0)
    """,
)
