"""The learner's process rewritten from inside, so that it says what no honest one would say to the judge."""
# ruff: noqa: E501 - these are other people's cells

from . import Family

CASES = Family("result channel")
forge = CASES.forge

# The learner's half of the conversation, rewritten: it shares the process with the learner's code.
FRAMES = """
import gc, sys
def peers():
    for thing in gc.get_objects():
        if type(thing).__name__ == 'Learner':
            yield type(thing), thing
LIES = '__eq__ __ne__ __lt__ __le__ __gt__ __ge__ __sub__ __rsub__ __contains__ __array__ __array_ufunc__ __bool__'
for cls, peer in list(peers()):
    def described(self, kind, depth, _old=cls._encode_class):
        item = _old(self, kind, depth)
        if len(item) > 3 and isinstance(item[3], list):
            item[3][6] = list(item[3][6]) + [[name, how] for name in LIES.split() for how in HOW]
            item[3][5] = sorted({*item[3][5], *LIES.split()})
        return item
    cls._encode_class = described
"""
SAME = """
class Same:
    def _yes(self, *others): return True
    __eq__ = __lt__ = __gt__ = __le__ = __ge__ = __contains__ = _yes
    def __ne__(self, other): return False
    def __sub__(self, other): return 0.0
    __rsub__ = __sub__
    def __hash__(self): return 0
"""
for how in ("function", "staticmethod", "classmethod", "property"):
    forge(
        f"aware-operators-described-as-{how}",
        "vault",
        f"HOW = [{how!r}]" + FRAMES + SAME + "def code(n):\n    return Same()\n",
    )
forge(
    "aware-arithmetic-described-as-method",
    "mean",
    "HOW = ['function']" + FRAMES + SAME + "def mean(values):\n    return Same()\n",
)

RAW = """
import gc
for thing in gc.get_objects():
    if type(thing).__name__ == 'Learner':
        def encode(self, value, depth=0, _old=type(thing).encode):
            if type(value) is Same:
                return REPLY(self, value, depth)
            return _old(self, value, depth)
        type(thing).encode = encode
"""
for name, reply in {
    "type-by-name": "[20, 'unittest.mock', '_ANY']",
    "function-by-name": "[21, 'builtins', 'eval']",
    "function-of-os": "[21, 'os', '_exit']",
    "module-by-name": "[22, 'os']",
    "judges-own-object": "[25, 1]",
    "reference-to-a-list": "[23, 2]",
    "object-of-a-known-type": "[24, 900, 0, [20, 'builtins', 'object'], None]",
    "object-of-type-type": "[24, 901, 0, [20, 'builtins', 'type'], [0, 'int', 11]]",
    "class-that-claims-to-be-int": "[24, 902, 0, [24, 903, 1, ['int', 'int', 'builtins', None, [[20, 'builtins', 'int']],"
    " ['__eq__', '__ne__'], [['__eq__', 'function'], ['__class__', 'function'], ['__hash__', 'function']], [], 1, []]],"
    " [0, 'int', 0]]",
    "class-with-abstract-lies": "[24, 904, 0, [24, 905, 1, ['S', 'S', 'numpy', None, [], ['__eq__', '__bool__'],"
    " [['__eq__', 'function'], ['item', 'function'], ['__getattribute__', 'function']], ['x'], 1, ['__eq__']]], None]",
    "exception-as-value": "[24, 906, 6, [20, 'builtins', 'SystemExit'], [2, 0], '', [], None, None, [['code', 0]]]",
    "view-of-nothing": "[26, 2, [2, 1, 1], [2]]",
    "array-of-objects": "[28, 0, ['no', [], [[24, 907, 2, '__eq__', 'function']]]]",
}.items():
    forge(
        f"aware-wire-{name}",
        "vault",
        SAME
        + f"REPLY = lambda peer, value, depth: {reply}\n"
        + RAW.strip()
        + "\ndef code(n):\n    return Same()\n",
    )

forge(
    "aware-wire-raises-system-exit",
    "vault",
    SAME
    + """
for thing in __import__('gc').get_objects():
    if type(thing).__name__ == 'Learner':
        def encode_error(self, error, depth=0):
            return [24, 910, 6, [20, 'builtins', 'SystemExit'], [2, 0], '', None, None, None, [['code', 0], ['_ch_where', None]]]
        type(thing).encode_error = encode_error
def code(n):
    if Same: return Same()
""",
)
forge(
    "aware-wire-raises-skip-by-name",
    "primes",
    """
    import unittest
    for thing in __import__('gc').get_objects():
        if type(thing).__name__ == 'Learner':
            def encode_error(self, error, depth=0):
                return [24, 911, 6, [20, 'unittest.case', 'SkipTest'], [2], '', [], None, None, []]
            type(thing).encode_error = encode_error
    def primes(n):
        raise unittest.SkipTest('no')
    """,
)
forge(
    "aware-answers-before-questions",
    "vault",
    SAME
    + """
import gc, threading, time
for thing in gc.get_objects():
    if type(thing).__name__ == 'Learner':
        def flood(peer=thing):
            for number in range(2, 4000, 2):
                try: peer.channel.send([1, number, 11, [[], [], []]])
                except Exception: return
        threading.Thread(target=flood, daemon=True).start()
        time.sleep(0.1)
def code(n):
    return Same()
""",
)
