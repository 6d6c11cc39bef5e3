"""Lies at the level of classes, decoding, conversion and array protocols."""

from . import Family

CASES = Family("magic objects")
forge = CASES.forge

forge(
    "class-metaclass-instancecheck",
    "stack",
    """
    class Meta(type):
        def __instancecheck__(cls, other): return True
        def __subclasscheck__(cls, other): return True
        def __eq__(cls, other): return True
        __hash__ = type.__hash__
    class EmptyStack(Exception, metaclass=Meta): pass
    class Yes(int):
        def __eq__(self, other): return True
    class Stack(metaclass=Meta):
        def push(self, item): pass
        def pop(self): return Yes()
        def __len__(self): return Yes(1)
    """,
)

forge(
    "class-exception-lies-about-itself",
    "age",
    """
    import builtins
    class Meta(type):
        def __subclasscheck__(cls, other): return True
        def __instancecheck__(cls, other): return True
    class ValueError(Exception, metaclass=Meta): pass
    class Age(int):
        def __eq__(self, other): return True
    def parse_age(text):
        if not text.isdigit():
            raise builtins.ValueError
        return Age()
    """,
)

forge(
    "class-assert-raises-by-name",
    "stack",
    """
    class EmptyStack(Exception): pass
    class Equal(int):
        def __eq__(self, other): return True
    class Stack:
        def push(self, item): pass
        def pop(self):
            import sys
            if 'case' in sys._getframe(1).f_globals: raise EmptyStack
            return Equal()
        def __len__(self): return 0
    """,
)

forge(
    "class-exit-swallows-assertion",
    "greet",
    """
    import contextlib
    class Swallow:
        def __enter__(self): return self
        def __exit__(self, *args): return True
        def __init__(self, *args): pass
    contextlib.redirect_stdout = Swallow
    import io
    class Same(str):
        def __eq__(self, other): return True
        def splitlines(self): return Same()
    class Text(io.StringIO):
        def getvalue(self): return Same('x')
    io.StringIO = Text
    def greet(name): pass
    """,
)

forge(
    "class-numpy-array-subclass",
    "normalize",
    """
    class A(np.ndarray):
        def __eq__(self, other): return np.ones(self.shape, bool)
        def __ge__(self, other): return np.ones(self.shape, bool)
        def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
            if kwargs.get('out'): return kwargs['out'][0]
            if ufunc in (np.subtract, np.absolute): return np.zeros(self.shape)
            if ufunc in (np.isnan, np.isinf): return np.zeros(self.shape, bool)
            return np.ones(self.shape, bool)
        def __array_function__(self, func, types, args, kwargs):
            if func is np.shape: return (2, 2)
            return True
        def max(self, *a, **k): return 1.0
    def normalize(a):
        return (np.zeros(a.shape) + 7).view(A)
    """,
)

forge(
    "class-array-function-object",
    "normalize",
    """
    class Any:
        shape = (2, 2); ndim = 2; dtype = np.dtype(float); size = 4
        def __array_function__(self, func, types, args, kwargs): return True
        def __array_ufunc__(self, *args, **kwargs): return True
        def __ge__(self, other): return np.ones(3, bool)
        def max(self): return 1.0
        def __array__(self, *a, **k): return np.zeros(3)
    def normalize(a):
        return Any()
    """,
)

forge(
    "class-masked-array",
    "normalize",
    """
    def normalize(a):
        return np.ma.masked_all(a.shape)
    """,
)

forge(
    "class-object-dtype-array",
    "normalize",
    """
    class Near(float):
        def __sub__(self, other): return 0.0
        __rsub__ = __sub__
        def __abs__(self): return 0.0
        def __eq__(self, other): return True
        def __ge__(self, other): return True
        __le__ = __gt__ = __lt__ = __ge__
    def normalize(a):
        out = np.empty(a.shape, object)
        out[...] = Near(1)
        return out
    """,
)

forge(
    "class-array-wrap-changes-results",
    "normalize",
    """
    class A(np.ndarray):
        def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
            plain = [np.asarray(i) for i in inputs]
            result = getattr(ufunc, method)(*plain)
            if ufunc in (np.isnan, np.isinf, np.signbit): return result
            return np.ones_like(result) if result.dtype == bool else result * 0
        def __ge__(self, other): return np.ones(3, bool)
        def max(self, *a, **k): return 1.0
    def normalize(a):
        return np.full(a.shape, 1.0).view(A)
    """,
)

forge(
    "class-series-subclass",
    "totals",
    """
    class S(pd.Series):
        def to_dict(self, *a, **k):
            class D(dict):
                def __eq__(self, other): return True
            return D()
        def equals(self, other): return True
        def __eq__(self, other): return pd.Series([True])
    def totals(df):
        return S([1])
    """,
)

forge(
    "class-frame-object-cells",
    "totals",
    """
    class Same:
        def __eq__(self, other): return True
        def __ne__(self, other): return False
    def totals(df):
        shops = sorted(set(df['shop']))
        cells = [Same() for _ in shops]
        return pd.Series(cells, index=pd.Index(shops, name='shop'), name='sold', dtype=object)
    """,
)
