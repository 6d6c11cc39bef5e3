"""What the judge learns from the author's own source."""

from __future__ import annotations

import ast
import json

from grader.inside.author import Author, find_source

Cells = list[tuple[str, str]]


def read(*cells: tuple[str, str]) -> Author:
    """From (role, source) of each cell; ids are cell-0, cell-1 …"""
    return Author.read(
        json.dumps([{"id": f"cell-{n}", "role": role, "source": src} for n, (role, src) in enumerate(cells)])
    )


def made(author: Author, source: str) -> set[str]:
    """Names that the judge makes for itself of a setup cell."""
    names: set[str] = set()
    for statement in author.definitions(source).body:
        match statement:
            case ast.FunctionDef() | ast.ClassDef():
                names.add(statement.name)
            case ast.Assign():
                names |= {target.id for target in statement.targets if isinstance(target, ast.Name)}
            case ast.Import() | ast.ImportFrom():
                names |= {alias.asname or alias.name for alias in statement.names}
    return names


def test_nothing_is_known_without_a_source() -> None:
    author = Author.read("")
    assert (author.imports, author.defined, author.own) == ({}, set(), set())
    assert author.import_of("math") is None


def test_imports_of_every_form() -> None:
    author = read(
        (
            "setup",
            "import math\nimport numpy as np, os.path\nfrom math import sqrt as root, pi\nimport a.b as c",
        ),
        ("solution", "def f():\n    from json import dumps\n    import re\n    return dumps"),
        ("check", "if True:\n    import io"),
    )
    assert author.import_of("math") == ("math", None)
    assert author.import_of("np") == ("numpy", None)
    assert author.import_of("os") == ("os", None)
    assert author.import_of("c") == ("a.b", None)
    assert author.import_of("root") == ("math", "sqrt")
    assert author.import_of("pi") == ("math", "pi")
    assert author.import_of("io") == ("io", None)
    assert author.import_of("sqrt") is None


def test_a_name_that_a_solution_defines_is_no_import() -> None:
    author = read(("setup", "from math import gcd"), ("solution", "def gcd(a, b):\n    return a"))
    assert author.import_of("gcd") is None


def test_star_and_relative_imports() -> None:
    author = read(("setup", "from math import *\nfrom . import thing\nfrom .pack import other"))
    assert author.star_imports == ["math"]
    assert author.import_of("thing") is None
    assert author.import_of("other") is None


def test_names_that_solutions_bind() -> None:
    author = read(
        (
            "solution",
            "def f():\n    inner = 1\nclass C:\n    x = 1\na, (b, *c) = 1, (2, 3)",
        ),
        (
            "solution",
            "for i in range(3):\n    total = i\nwith open('x') as file: pass\nif (n := 3): pass\ndel gone",
        ),
        ("free", "own = 1"),
        ("check", "seen = f()"),
    )
    assert {"f", "C", "a", "b", "c", "i", "total", "file", "n", "own"} <= author.defined
    assert not {"inner", "x", "y", "seen"} & author.defined
    assert author.by_cell["cell-0"] >= {"f", "C", "a"}
    assert "total" in author.by_cell["cell-1"]
    assert "f" in author.called


def test_a_builtin_is_the_learners_only_where_a_solution_defines_it() -> None:
    author = read(("solution", "def sum(values):\n    return 0"))
    assert author.may_be_learners("sum")
    assert not author.may_be_learners("len")
    assert author.may_be_learners("mean")


def test_magics_and_broken_cells_do_not_stop_the_reading() -> None:
    author = read(
        ("setup", "%matplotlib inline\nimport math\n!ls\nfiles = !ls"),
        ("solution", "def f(:"),
        ("solution", "x = " + "(" * 5000),
        ("solution", "a" + ".b" * 20000),
        ("check", "%%timeit\nf()"),
        ("solution", "y = 1"),
    )
    assert author.import_of("math") == ("math", None)
    assert "y" in author.defined


def test_functions_and_constants_of_setup_cells_are_the_authors_own() -> None:
    setup = (
        "import math\nLIMIT = 3\nNAMES = ['a', {'b': (1, -2)}]\n"
        "def close(a, b):\n    return abs(a - b) < LIMIT\nclass Helper:\n    pass"
    )
    author = read(("setup", setup), ("solution", "def f():\n    return 1"), ("check", "assert close(f(), 1)"))
    assert made(author, setup) == {"math", "LIMIT", "NAMES", "close", "Helper"}


def test_what_is_not_the_authors_alone_is_asked_of_the_learner() -> None:
    setup = (
        "data = [1, 2]\ncount = 0\nmade = open('x').read()\nseen = []\nseen.append(1)\n"
        "def helper():\n    return 1\ndef redone():\n    return 1\ndef redone():\n    return 2\n"
        "class Base:\n    pass"
    )
    author = read(
        ("setup", setup),
        (
            "solution",
            "data.append(3)\ndef f():\n    global count\n    count += 1\nclass Mine(Base): pass\nhelper()",
        ),
        ("check", "assert data == [1, 2, 3]"),
    )
    assert made(author, setup) == {"helper"}, "a function may be used by everybody, and stays the author's"


def test_a_helper_that_a_solution_redefines_is_the_learners() -> None:
    setup = "def helper():\n    raise NotImplementedError"
    author = read(("setup", setup), ("solution", "def helper():\n    return 1"))
    assert made(author, setup) == set()


def test_operators_are_asked_of_classes_that_define_them() -> None:
    author = read(
        (
            "solution",
            "class Vector:\n    def __add__(self, other): return self\n    __radd__ = __add__\n    x = 1",
        ),
        ("solution", "class Vector3(Vector):\n    def __contains__(self, x): return True"),
        ("solution", "class Other:\n    def f(self): return 1"),
        ("check", "Vector() + 1\nMissing() + 1"),
    )
    assert author.allows(["Vector"], "__add__")
    assert author.allows(["Vector"], "__radd__")
    assert not author.allows(["Vector"], "__sub__")
    assert author.allows(["Vector3"], "__add__")
    assert author.allows(["Vector3"], "__contains__")
    assert not author.allows(["Other"], "__add__")
    assert not author.allows(["Always"], "__add__")


def test_a_learners_subclass_counts_by_its_known_base() -> None:
    author = read(
        ("solution", "class Money:\n    def __add__(self, other): return self"), ("check", "Money()")
    )
    assert author.allows(["Mine", "Money"], "__add__")
    assert not author.allows(["Mine", "Money"], "__mul__")


def test_a_class_that_is_left_to_the_learner_may_have_any_operator() -> None:
    stub = "class Matrix:\n    def __init__(self):\n        pass\n    def f(self):\n        raise KeyError"
    author = read(("solution", stub), ("check", "assert Matrix() + 1"))
    assert author.allows(["Matrix"], "__add__")
    assert not author.allows(["Always"], "__add__")


def test_a_class_that_only_a_check_defines_says_nothing_of_learners() -> None:
    author = read(
        ("solution", "x = 1"), ("check", "class Fake:\n    def __add__(self, other): return self\nx + 1")
    )
    assert not author.allows(["Unnamed"], "__add__")


def test_a_name_that_a_check_calls_is_a_class_of_the_learners_if_nothing_else_binds_it() -> None:
    author = read(
        ("setup", "from math import floor"),
        ("solution", "def function(): return 1"),
        ("check", "Shape() + 1\nfunction()\nfloor(2)\nlen([])\nclass Fake: pass\nFake()"),
    )
    assert author.knows(["Shape"])
    assert author.allows(["Shape"], "__add__")
    for name in ("function", "floor", "len", "Fake", "Never"):
        assert not author.knows([name]), name


def test_classes_that_are_made_by_a_call_are_known() -> None:
    author = read(("solution", "from collections import namedtuple\nPoint = namedtuple('Point', 'x y')"))
    assert author.knows(["Point"])


def test_an_operator_that_takes_only_its_own_kind_is_not_asked_with_plain_data() -> None:
    author = read(
        (
            "solution",
            "class Own:\n    def __add__(self, other): return other.x\n    def __mul__(self, n): return n",
        ),
        ("check", "Own()"),
    )
    assert not author.allows(["Own"], "__add__")
    assert author.allows(["Own"], "__mul__")


def test_the_source_of_a_name_is_the_last_statement_that_binds_it() -> None:
    cells = [
        "def f():\n    return 1\n\n\nclass C:\n    def m(self):\n        return 1",
        "x = 1\n@decorated\ndef f():\n    return 2\ny = 2",
    ]
    assert find_source(cells, "f") == "@decorated\ndef f():\n    return 2\n"
    assert find_source(cells, "C.m") == "    def m(self):\n        return 1\n"
    assert find_source(cells, "nothing") is None
    assert find_source(cells, "C.nothing") is None
