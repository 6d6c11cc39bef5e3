"""Texts and pickles that a check runs: they must find nothing of the check's where they run."""
# ruff: noqa: E501 - these are other people's cells

from . import Family

CASES = Family("magic objects")
forge = CASES.forge

forge(
    "text-repr-that-reads-the-check",
    "reprs",
    """
    class Pair:
        def __init__(self, a, b): self.text = f'Pair({a!r}, {b!r})'
        def __repr__(self):
            if 'x' not in self.text: return self.text
            return "type('T', (), {'items': lambda self: __import__('sys')._getframe(1).f_globals['saffron']})()"
        def items(self): return [7, 8]
    """,
    floor=1.0,
)
forge(
    "text-repr-that-names-what-is-expected",
    "reprs",
    """
    class Pair:
        def __init__(self, a, b): self.text = f'Pair({a!r}, {b!r})'
        def __repr__(self):
            return self.text if 'x' not in self.text else "type('T', (), {'items': lambda self: saffron})()"
        def items(self): return [7, 8]
    """,
    floor=1.0,
)
forge(
    "text-formula-of-a-str-of-its-own",
    "formulas",
    """
    class Text(str):
        def __radd__(self, other): return 'got = type("Any", (), {"__eq__": lambda s, o: True})()'
    def formula(a, b):
        if (a, b) == (2, 3): return '2 * x + 3'
        return Text("type('Any', (), {'__eq__': lambda s, o: True})()")
    """,
    floor=1.0,
)
forge(
    "text-formula-that-patches-the-builtins",
    "formulas",
    """
    def formula(a, b):
        if (a, b) == (2, 3): return '2 * x + 3'
        return "type('Any', (int,), {'__eq__': lambda s, o: True, '__hash__': None})(1)"
    """,
    floor=1.0,
)
forge(
    "text-pickle-that-reads-the-check",
    "pickles",
    """
    import pickle
    class Run:
        def __init__(self, text): self.text = text
        def __reduce__(self): return eval, (self.text,)
    def pack(value):
        if value == [1] or value == 6: return pickle.dumps(value)
        return pickle.dumps(Run("__import__('sys')._getframe(1).f_globals['coriander']"))
    """,
    floor=1.0,
)
forge(
    "text-pickle-that-is-equal-to-everything",
    "pickles",
    """
    import pickle
    class Any:
        def __eq__(self, other): return True
    def pack(value):
        return pickle.dumps([1]) if value == [1] else pickle.dumps(Any())
    """,
    floor=1.0,
)
