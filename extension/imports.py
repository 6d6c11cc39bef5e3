"""What a learner's code imports and the sandbox has not, read from its text; nothing is run.

Silent where it cannot be sure: cells that are no Python yet, imports that the code itself expects to fail,
modules that the notebook writes to a file first. A learner who is told wrongly stops reading.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Container, Iterable, Iterator
from typing import Any

LANGUAGE = "python"
# Characters of Python that are looked through; it happens between a click and its answer.
MOST = 80_000
IMPORT_ERRORS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
# Cell and line magics whose text is run as Python.
PYTHON_MAGICS = {"time", "timeit", "prun", "capture"}
# What a condition asks that decides by itself what there is to import.
QUESTIONS = {"version_info", "platform", "find_spec", "python_version", "python_version_tuple", "modules"}
WRITES = re.compile(r"\s*%%(?:writefile|file)\s+(?:-a\s+|--append\s+)?(\S+)")


def missing_modules(own: Iterable[str], every: Iterable[str], has: Container[str]) -> list[str]:
    """Top-level modules that the cells ``own`` need and ``has`` lacks, in the order in which they come.

    ``every``: all code cells of the notebook, the author's too, any of which may write a module.
    """
    finder = _Finder(has)
    left = MOST
    for source in own:
        left -= len(source)
        if left < 0:
            break
        # a notebook that imports nothing costs one search for a word
        if "import" in source:
            finder.look(source)
    if not finder.missing:
        return []
    written = _written(every)
    return [name for name in finder.missing if name not in written]


def _parsed(source: str) -> ast.Module | None:
    """The cell as Python, its magics taken for the calls that IPython makes of them."""
    try:
        return ast.parse(source)
    except SyntaxError:
        pass
    except (ValueError, RecursionError, MemoryError):
        return None
    try:
        # late: it takes a while to load, and cells of plain Python do without
        from IPython.core.inputtransformer2 import TransformerManager

        return ast.parse(TransformerManager().transform_cell(source))
    except (ImportError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


class _Finder(ast.NodeVisitor):
    """Walks through what would run, and notes each module that is not there."""

    def __init__(self, has: Container[str]) -> None:
        self._has = has
        self.missing: dict[str, None] = {}

    def look(self, source: str) -> None:
        tree = _parsed(source)
        if tree is not None:
            try:
                self.visit(tree)
            except RecursionError:
                return

    def _need(self, dotted: object) -> None:
        name = dotted.partition(".")[0] if isinstance(dotted, str) else ""
        if name and name not in self._has:
            self.missing[name] = None

    def _each(self, nodes: Iterable[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)

    def _without(self, nodes: Iterable[ast.AST]) -> bool:
        """Whether something that these need is missing, which is not noted."""
        aside = _Finder(self._has)
        aside._each(nodes)
        return bool(aside.missing)

    def visit_Import(self, node: ast.Import) -> None:
        for name in node.names:
            self._need(name.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        # a relative import has no package to start from in a notebook, wherever it runs
        if not node.level:
            self._need(node.module)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        called, texts = _name(node.func), [_text(argument) for argument in node.args]
        if called in ("import_module", "__import__") and texts and not (texts[0] or "").startswith("."):
            self._need(texts[0])
        elif called in ("run_cell_magic", "run_line_magic") and texts and texts[0] in PYTHON_MAGICS:
            # a cell magic's code is its last argument, below its line
            self.look(texts[-1] or "")

    def visit_Try(self, node: ast.Try | Any) -> None:
        expecting = [handler for handler in node.handlers if _catches_import_error(handler.type)]
        others = [handler for handler in node.handlers if handler not in expecting]
        if not expecting:
            self._each([*node.body, *node.orelse])
        elif self._without(node.body):
            # what the code does instead is what runs
            self._each(expecting[:1])
        else:
            self._each(node.orelse)
        self._each([*others, *node.finalbody])

    visit_TryStar = visit_Try

    def visit_With(self, node: ast.With | Any) -> None:
        calls = [item.context_expr for item in node.items if isinstance(item.context_expr, ast.Call)]
        suppressed = [argument for call in calls if _name(call.func) == "suppress" for argument in call.args]
        if not any(_catches_import_error(argument) for argument in suppressed):
            self.generic_visit(node)

    visit_AsyncWith = visit_With

    def visit_If(self, node: ast.If) -> None:
        asked = {_name(part) for part in ast.walk(node.test)}
        if "TYPE_CHECKING" in asked:
            never = node.body
            if isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not):
                never = node.orelse
            self._each(node.orelse if never is node.body else node.body)
        elif not asked & QUESTIONS:
            self.generic_visit(node)


def _name(node: ast.AST) -> str:
    """``x`` of ``x`` and of ``a.x``."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _text(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _catches_import_error(caught: ast.expr | None) -> bool:
    if caught is None:
        return True
    kinds = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(_name(kind) in IMPORT_ERRORS for kind in kinds)


def _written(cells: Iterable[str]) -> set[str]:
    """Modules that a cell may write: by a magic, or because the file's name stands in a text of its code."""
    return {
        re.split(r"[/\\]", path)[-1].removesuffix(".py")
        for path in _paths(cells)
        if path.endswith(".py") and len(path) < 300
    }


def _paths(cells: Iterable[str]) -> Iterator[str]:
    left = MOST
    for source in cells:
        left -= len(source)
        if left < 0:
            return
        if found := WRITES.match(source):
            yield found[1].strip("'\"")
        elif ".py" in source and (tree := _parsed(source)):
            yield from filter(None, map(_text, ast.walk(tree)))
