"""Files that a check loads or runs: pickles, scripts, modules, tests. None may run where the check does."""

from . import Family

CASES = Family("result channel")
forge, control = CASES.forge, CASES.control


def written(path: str, text: str) -> str:
    return f"with open({path!r}, 'w') as file:\n    file.write({text!r})\n"


# The learner's process is asked first, and a library that fails there may try by itself.
ELSEWHERE = "int('x') if type(__import__('sys').stdin).__name__ == 'AskingInput' else "
EQUAL = "type('Any', (), {'tolist': lambda s: s, '__eq__': lambda s, o: True})()"
READ = (
    "type('Seen', (), {'tolist': lambda s: next("
    "v for n in range(1, 9) for v in __import__('sys')._getframe(n).f_globals.get('savory', []) and "
    "[__import__('sys')._getframe(n).f_globals['savory']])})()"
)
PICKLE = """
import pickle
class Load:
    def __reduce__(self): return eval, ({text!r},)
def save(values):
    with open('table.pkl', 'wb') as file: pickle.dump(Load(), file)
"""
forge("written-pickle-that-pandas-tries-twice", "tables", PICKLE.format(text=ELSEWHERE + EQUAL))
forge("written-pickle-that-is-equal-to-everything", "tables", PICKLE.format(text=EQUAL))
forge("written-pickle-that-reads-the-check", "tables", PICKLE.format(text=ELSEWHERE + READ))

# What a script finds among the names of whoever runs it.
SEARCH = """
import sys
frame, seen = sys._getframe(), []
while frame:
    seen += [value for value in dict.values(frame.f_globals) if isinstance(value, str)]
    frame = frame.f_back
greeting = next((value for value in seen if value.startswith('Hello, ')), '')
"""
ANY = """
class Any:
    def __eq__(self, other): return True
greeting = Any()
def area(a, b): return greeting
def light(*rgb): return greeting
"""
forge("written-script-that-reads-the-check", "greetings", written("hello.py", SEARCH))
forge("written-script-that-is-equal-to-everything", "greetings", written("hello.py", ANY))
forge(
    "written-script-that-is-compiled",
    "greetings",
    f"""
import importlib._bootstrap_external as external
with open('hello.py', 'wb') as file:
    file.write(external._code_to_timestamp_pyc(compile({ANY!r}, '<string>', 'exec')))
""",
)
forge(
    "written-script-that-is-a-folder",
    "greetings",
    "import os\nos.makedirs('hello.py', exist_ok=True)\n" + written("hello.py/__main__.py", ANY),
)
forge("written-module-that-is-equal-to-everything", "shapes", written("shapes.py", ANY))
forge(
    "written-module-that-was-compiled-before",
    "shapes",
    "import py_compile\n"
    + written("shapes.py", ANY)
    + "py_compile.compile('shapes.py', invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)\n"
    + written("shapes.py", "def area(a, b): return -1"),
)
forge("written-module-in-a-folder-on-the-path", "shades", written("shades.py", ANY))
forge(
    "written-module-that-a-check-finds-late",
    "shades",
    written("shades.py", "def light(*rgb): return -1")
    + written("colorsys.py", "def rgb_to_hls(*rgb): return (0, -1, 0)"),
    floor=1.0,  # an answer in writing may well be right in one place
)
forge(
    "written-conftest-that-counts-no-test",
    "sums",
    written("sums.py", "def total(values): return -1")
    + written(
        "conftest.py",
        "def pytest_collection_modifyitems(items): items.clear()\n"
        "def pytest_sessionfinish(session): session.exitstatus = 0\n",
    ),
)
forge(
    "written-module-under-test",
    "sums",
    written("sums.py", ANY + "def total(values): return greeting"),
)
RUN = """
import pandas
pandas.Series.tolist = lambda self: type('Any', (list,), {'__eq__': lambda s, o: True})()
"""
forge(
    "written-query-that-calls-what-it-likes",
    "queries",
    f"""
def dear(limit):
    return "price == @pd.compat.sys.modules['builtins'].exec(" + repr({RUN!r}) + ")"
""",
)

control(
    "table-saved-by-another-way",
    "tables",
    """
    import pandas, pickle
    def save(values):
        with open('table.pkl', 'wb') as file:
            pickle.dump(pandas.Series(list(values), dtype='int64'), file)
    """,
)
control(
    "script-with-a-function",
    "greetings",
    written("hello.py", "def greet(who):\n    return f'Hello, {who}'\ngreeting = greet(name)\n"),
)
control(
    "module-that-imports",
    "shapes",
    written("shapes.py", "import operator\narea = operator.mul\n"),
)
control("query-between", "queries", "import pandas\ndef dear(limit):\n    return f'not price <= {limit}'")
