"""What a cell imports and the sandbox has not, read from its text: told where sure, silent elsewhere."""

from __future__ import annotations

import ast
import keyword

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extension.imports import MOST, missing_modules

HAS = frozenset({"json", "math", "numpy", "sys", "typing", "contextlib", "importlib", "os"})


def found(*cells: str) -> list[str]:
    return missing_modules(cells, cells, HAS)


TOLD = {
    "import requests": ["requests"],
    "import numpy, requests as r, bs4.element": ["requests", "bs4"],
    "from bs4 import BeautifulSoup": ["bs4"],
    "import requests\nimport requests": ["requests"],
    "def f():\n    import requests": ["requests"],
    "class C:\n    from a import b": ["a"],
    "import importlib\nimportlib.import_module('requests.api')": ["requests"],
    "__import__('requests')": ["requests"],
    "if True:\n    import requests": ["requests"],
    # what is not expected to fail
    "try:\n    import requests\nexcept OSError:\n    pass": ["requests"],
    "try:\n    import requests\nfinally:\n    pass": ["requests"],
    "with open('x') as f:\n    import requests": ["requests"],
    # where the fallback is what runs, and is missing too
    "try:\n    import ujson\nexcept ImportError:\n    import simplejson as ujson": ["simplejson"],
    "try:\n    import json\nexcept ImportError:\n    pass\nelse:\n    import requests": ["requests"],
    # magics, as IPython reads them
    "%pip install requests\nimport requests": ["requests"],
    "!pip install requests\nimport requests": ["requests"],
    "%%time\nimport requests": ["requests"],
    "%time import requests": ["requests"],
    "%matplotlib inline\nfrom numpy import array\nimport seaborn": ["seaborn"],
    "requests?\nimport requests": ["requests"],
}


@pytest.mark.parametrize("cell", TOLD)
def test_what_is_missing_is_found(cell: str) -> None:
    assert found(cell) == TOLD[cell]


SILENT = [
    "",
    "x = 'import requests'",
    "# import requests",
    "import numpy.linalg, json",
    "from . import helpers\nfrom .helpers import f",
    # no Python yet
    "import requests\ndef f(",
    "import",
    "import requests\x00",
    # the code's own way out
    "try:\n    import ujson\nexcept ImportError:\n    import json as ujson",
    "try:\n    import requests\nexcept (OSError, ModuleNotFoundError):\n    requests = None",
    "try:\n    import requests\nexcept:\n    pass",
    "try:\n    import requests\nexcept Exception as e:\n    print(e)\nelse:\n    import bs4",
    "try:\n    import json\nexcept ImportError:\n    import simplejson as json",
    "from contextlib import suppress\nwith suppress(ImportError):\n    import requests",
    "import importlib.util\nif importlib.util.find_spec('requests'):\n    import requests",
    "import sys\nif sys.version_info < (3, 11):\n    import tomli",
    "if 'requests' in sys.modules:\n    import requests",
    # never run
    "import typing\nif typing.TYPE_CHECKING:\n    import requests",
    "from typing import TYPE_CHECKING\nif not TYPE_CHECKING:\n    pass\nelse:\n    import requests",
    # not Python, whatever it looks like
    "%%bash\nimport requests",
    "%%writefile helpers.txt\nimport requests",
    "%run -m import requests",
    # written by the notebook itself
    "%%writefile helpers.py\ndef f(): pass",
]


@pytest.mark.parametrize("cell", SILENT)
def test_what_is_not_sure_is_not_told(cell: str) -> None:
    assert found(cell) == []


def test_type_checking_the_other_way_round_runs() -> None:
    assert found("if TYPE_CHECKING:\n    import a\nelse:\n    import b") == ["b"]
    assert found("if not TYPE_CHECKING:\n    import b") == ["b"]


@pytest.mark.parametrize(
    "writer",
    [
        "%%writefile helpers.py\ndef f(): pass",
        "%%file -a 'helpers.py'\ndef f(): pass",
        "with open('lib/helpers.py', 'w') as file:\n    file.write('x = 1')",
        "from pathlib import Path\nPath('helpers.py').write_text('x = 1')",
    ],
)
def test_a_module_that_the_notebook_writes_is_there(writer: str) -> None:
    cells = [writer, "import helpers\nimport requests"]
    assert missing_modules(cells[1:], cells, HAS) == ["requests"]


def test_a_broken_cell_does_not_hide_another() -> None:
    assert found("def f(", "import requests") == ["requests"]


def test_what_it_costs_is_bounded() -> None:
    assert found("x = 1\n" * MOST, "import requests") == []
    deep = "(" * 5000 + "1" + ")" * 5000
    assert found(f"import requests\nx = {deep}", "-" * 50_000 + "1 # import", "import bs4") == ["bs4"]


NAMES = st.sampled_from(["json", "numpy", "requests", "bs4", "seaborn"])
LINE = st.one_of(
    NAMES.map("import {}".format),
    NAMES.map("import {}.part as x".format),
    NAMES.map("from {} import y".format),
)


@settings(deadline=None, max_examples=60)
@given(lines=st.lists(LINE, max_size=6), indent=st.integers(0, 3), magic=st.booleans())
def test_every_missing_module_is_told_once_and_in_order(lines: list[str], indent: int, magic: bool) -> None:
    """However deep it stands, and with a magic or without."""
    body = lines or ["pass"]
    for level in range(indent):
        body = [f"def f{level}():", *(f"    {line}" for line in body)]
    cell = "\n".join([*(["%pip install requests"] if magic else []), *body])
    names = [line.split()[1].split(".")[0] for line in lines]
    assert found(cell) == list(dict.fromkeys(name for name in names if name not in HAS))


@settings(deadline=None, max_examples=150)
@given(st.text(alphabet=st.sampled_from([*"import requests\n\t %!?()[]:'\"\\#.,=\x00é"]), max_size=60))
def test_no_text_breaks_it_and_nothing_is_told_but_names(cell: str) -> None:
    for name in found(cell, "import numpy"):
        assert name.isidentifier()
        assert not keyword.iskeyword(name)
        assert name in cell


@settings(deadline=None, max_examples=60)
@given(lines=st.lists(LINE, min_size=1, max_size=4))
def test_what_the_code_expects_to_fail_is_never_told(lines: list[str]) -> None:
    guarded = "\n".join(["try:", *(f"    {line}" for line in lines), "except ImportError:", "    pass"])
    ast.parse(guarded)
    assert found(guarded) == []
