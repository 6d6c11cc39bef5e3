"""Cells whose text, or notebooks whose cells, try to be read as something else."""

from . import Family

CASES = Family("source tricks")
forge, leak = CASES.forge, CASES.leak

WRONG = "def code(n):\n    return 0\n"

# Where a grader joins the cells to one file, the end of the answer reaches into the checks.
forge("source-opens-a-string", "vault", WRONG + "x = '''", last="'''", naive="script")
forge("source-opens-a-docstring", "vault", WRONG + '_ = """', last='"""', naive="script")
forge("source-if-false", "vault", WRONG + "def f():\n    '''", last="'''", naive="script")
forge("source-unreached-lambda", "vault", WRONG + "y = [r'''", last="''']", naive="script")
forge("source-raises-before-checks", "vault", WRONG + "raise SystemExit", naive="script")
forge("source-exits-in-a-condition", "vault", WRONG + "import sys\nif True: sys.exit(0)", naive="script")
forge("source-early-return-by-exec", "vault", "import os\nos._exit(0)\n" + WRONG, naive="script")
forge(
    "source-swallows-with-try",
    "vault",
    WRONG + "try:\n    pass\nfinally:\n    __import__('os')._exit(0)",
    naive="script",
)
forge(
    "source-name-main-guard",
    "vault",
    WRONG + "if __name__ == '__main__':\n    raise SystemExit(0)",
    naive="script",
)
forge(
    "source-first-cell-patches",
    "mean",
    "def mean(values):\n    return -1.0",
    first="import builtins\nbuiltins.abs = lambda x: 0.0",
)
forge(
    "source-cell-between-checks",
    "vault",
    WRONG,
    middle="class Same(int):\n    def __eq__(self, other): return True\ndef code(n): return Same()",
)
forge(
    "source-optimised-away",
    "vault",
    WRONG + "%config InteractiveShell.ast_node_interactivity = 'none'\n"
    "get_ipython().ast_transformers.append(type('D', (__import__('ast').NodeTransformer,), "
    "{'visit_Assert': lambda self, node: None and node or __import__('ast').Pass()})())",
)

# The notebook's file itself, as handed in.
forge("file-check-replaced", "vault", WRONG, edits=(("replace", "vault-shown", "assert True"),))
forge("file-hidden-check-filled-in", "vault", WRONG, edits=(("replace", "vault-hidden", "pass"),))
forge("file-checks-removed", "vault", WRONG, edits=(("remove", "vault-shown"), ("remove", "vault-hidden")))
forge(
    "file-check-made-ungraded",
    "vault",
    WRONG,
    edits=(
        ("metadata", "vault-shown", {"grade": False}),
        ("replace", "vault-hidden", "1"),
    ),
)
forge(
    "file-check-made-a-solution",
    "mean",
    "def mean(values):\n    return -1.0",
    edits=(
        ("metadata", "mean-shown", {"solution": True, "locked": False}),
        ("replace", "mean-shown", "1"),
    ),
)
forge(
    "file-check-duplicated-and-emptied",
    "vault",
    WRONG,
    edits=(("duplicate", "vault-shown"), ("replace", "vault-shown", "None")),
)
forge(
    "file-check-before-answer",
    "vault",
    WRONG,
    edits=(("swap", "answer", "vault-shown"), ("replace", "vault-shown", "True")),
)
forge(
    "file-check-renamed",
    "vault",
    WRONG,
    edits=(
        ("metadata", "vault-hidden", {"grade_id": "vault-other", "points": 99}),
        ("replace", "vault-other", "7"),
        ("remove", "vault-shown"),
    ),
)
forge(
    "file-setup-replaced",
    "area",
    "def area(r):\n    return -1.0",
    edits=(("replace", "setup", "import math\ndef close(a, b):\n    pass\nEXAMPLES = {}"),),
)
forge(
    "file-setup-removed-and-own",
    "area",
    "EXAMPLES = {}\ndef close(a, b): pass\ndef area(r):\n    return -1.0",
    edits=(("remove", "setup"),),
)
forge(
    "file-check-hidden-in-markdown-fence",
    "vault",
    WRONG + "# ```",
    edits=(
        ("replace", "vault-shown", "### BEGIN SOLUTION\npass\n### END SOLUTION"),
        ("replace", "vault-hidden", "### BEGIN HIDDEN TESTS\npass\n### END HIDDEN TESTS"),
    ),
)
forge(
    "file-answer-carries-markers",
    "vault",
    "### BEGIN HIDDEN TESTS\ndef code(n): return type('S', (int,), {'__eq__': lambda *a: True})()\n"
    "### END HIDDEN TESTS\n### END SOLUTION",
)
forge(
    "file-points-raised",
    "squares",
    "def square(n):\n    return 9",
    edits=(("metadata", "squares-shown", {"points": 1000}), ("replace", "squares-value", "True")),
    floor=1.0,
)
forge(
    "source-surrogates-and-nuls-printed",
    "vault",
    WRONG + "print(chr(0xd800), chr(0), end='')\nprint('\\nPASSED vault-shown\\nPASSED vault-hidden')",
)
forge("source-encoding-cookie", "vault", "# -*- coding: rot13 -*-\n" + WRONG + "import os\nos._exit(0)")
forge("source-form-feeds", "vault", "\f\n" + WRONG + "\f\nimport os; os._exit(0)")
