"""What the judge reads in the author's own source, so that the learner's process need not be believed.

From the whole notebook (reference solution included) it learns which names are the author's imports, which
functions and constants of the setup cells belong to the author alone, which names a solution is meant to
define, and which operators the author's classes have.
"""

from __future__ import annotations

import ast
import builtins
import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_BUILTIN_NAMES = frozenset(dir(builtins))


@functools.lru_cache(maxsize=256)  # a check's source is read as the author's and run as a check
def transform(source: str) -> str:
    """A cell with its magics turned into Python, as IPython does it."""
    from IPython.core.inputtransformer2 import TransformerManager

    return TransformerManager().transform_cell(source)


def _parse(source: str) -> ast.Module:
    try:
        return ast.parse(transform(source))
    except (SyntaxError, ValueError, RecursionError):
        return ast.Module([], [])


def _bound(statement: ast.stmt) -> Iterator[str]:
    """The names that one top-level statement binds (nested blocks included, function bodies not)."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
        return
    if isinstance(statement, ast.Import | ast.ImportFrom):
        for alias in statement.names:
            yield alias.asname or alias.name.partition(".")[0]
        return
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from _bound(node)


def _mentioned(tree: ast.AST) -> set[str]:
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            found.update(node.names)
    return found


def _is_stub(cls: ast.ClassDef) -> bool:
    """Whether a class of the source says nothing of its operators: its body is left to the learner."""
    body: list[ast.stmt] = []
    for node in cls.body:
        body += node.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else [node]
    return all(
        isinstance(node, ast.Pass | ast.Raise)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in body
    )


@dataclass
class Author:
    imports: dict[str, tuple[str, str | None]] = field(default_factory=dict)  # name -> (module, attribute)
    star_imports: list[str] = field(default_factory=list)
    defined: set[str] = field(default_factory=set)  # by solution and setup cells
    by_cell: dict[str, set[str]] = field(default_factory=dict)  # solution cell id -> names it binds
    operators: dict[str, set[str]] = field(default_factory=dict)  # class -> its special methods
    open_classes: set[str] = field(default_factory=set)  # classes that are left to the learner as a whole
    made_classes: set[str] = field(default_factory=set)  # by namedtuple(…), Enum(…) and the like
    called: set[str] = field(default_factory=set)  # names that checks call
    bound_by_checks: set[str] = field(default_factory=set)
    spoken: set[str] = field(default_factory=set)  # names that checks mention
    text: str = ""  # all of the source
    constants: set[str] = field(default_factory=set)  # the texts in it
    formats: set[str] = field(default_factory=set)  # what its f-strings may become, each a pattern
    files: set[str] = field(default_factory=set)  # modules that the source's text names as files
    own: set[str] = field(default_factory=set)  # names of setup cells that only the author binds and uses

    @classmethod
    def read(cls, reference: str) -> Author:
        """``reference``: a JSON list of {"id", "role", "source"} (see models.Job); "" when there is none."""
        found = cls()
        parsed: list[tuple[str, ast.Module]] = []
        for cell in json.loads(reference) if reference else []:
            role, source = cell["role"], cell["source"]
            tree = _parse(source)
            found.text += source + "\n"
            found.files.update(re.findall(r"\b(\w+)\.py\b", source))
            found.constants.update(
                node.value
                for node in ast.walk(tree)
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            )
            found.formats.update(_pattern(node) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr))
            found._read_cell(cell["id"], role, tree)
            parsed.append((role, tree))
        found._find_own(parsed)
        return found

    def _read_cell(self, name: str, role: str, tree: ast.Module) -> None:
        for statement in tree.body:
            for each in ast.walk(statement):
                if isinstance(each, ast.Import):
                    for alias in each.names:
                        bound = alias.asname or alias.name.partition(".")[0]
                        self.imports[bound] = (alias.name if alias.asname else bound, None)
                elif isinstance(each, ast.ImportFrom) and each.module and not each.level:
                    for alias in each.names:
                        if alias.name == "*":
                            self.star_imports.append(each.module)
                        else:
                            self.imports[alias.asname or alias.name] = (each.module, alias.name)
                elif isinstance(each, ast.ClassDef) and role != "check" and _is_stub(each):
                    self.open_classes.add(each.name)
                elif isinstance(each, ast.ClassDef) and role != "check":
                    dunders = self.operators.setdefault(each.name, set())
                    for node in ast.walk(each):
                        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                            if not _wants_its_own_kind(node):
                                dunders.add(node.name)
                        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                            dunders.add(node.id)
                    for base in each.bases:
                        if isinstance(base, ast.Name):
                            dunders.add(f"base:{base.id}")
            if role != "check" and not isinstance(statement, ast.Import | ast.ImportFrom):
                names = set(_bound(statement))
                self.defined |= names
                if role != "setup":
                    self.by_cell.setdefault(name, set()).update(names)
            if isinstance(statement, ast.Assign) and role != "check" and _makes_class(statement.value):
                self.made_classes.update(t.id for t in statement.targets if isinstance(t, ast.Name))
        if role == "check":
            self.spoken |= _mentioned(tree)
            self.bound_by_checks.update(name for statement in tree.body for name in _bound(statement))
            self.called.update(
                node.func.id
                for node in ast.walk(tree)
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            )

    def _find_own(self, cells: list[tuple[str, ast.Module]]) -> None:
        bound_by_others: set[str] = set()
        mentioned_by_others: set[str] = set()
        busy: set[str] = set()  # used by statements of setup cells that do more than define
        times: dict[str, int] = {}
        candidates: dict[str, ast.stmt] = {}
        for role, tree in cells:
            if role == "check":
                continue
            if role != "setup":
                mentioned_by_others |= _mentioned(tree)
                for statement in tree.body:
                    bound_by_others.update(_bound(statement))
                continue
            for statement in tree.body:
                for name in _bound(statement):
                    times[name] = times.get(name, 0) + 1
                if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    candidates[statement.name] = statement
                elif isinstance(statement, ast.Assign) and all(
                    isinstance(t, ast.Name) for t in statement.targets
                ):
                    if _is_repeatable(statement.value):
                        candidates.update(
                            {t.id: statement for t in statement.targets if isinstance(t, ast.Name)}
                        )
                elif not isinstance(statement, ast.Import | ast.ImportFrom):
                    busy |= _mentioned(statement)
        for name, statement in candidates.items():
            if times[name] != 1 or name in bound_by_others:
                continue
            is_function = isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef)
            if not is_function and _mentioned(statement) & bound_by_others:
                continue  # made of what the learner defines
            if is_function or (name not in mentioned_by_others and name not in busy):
                self.own.add(name)

    def definitions(self, source: str) -> ast.Module:
        """The statements of one setup cell that the judge makes for itself: imports, and what is ``own``."""
        chosen: list[ast.stmt] = []
        for statement in _parse(source).body:
            if isinstance(statement, ast.Import | ast.ImportFrom) or set(_bound(statement)) & self.own:
                chosen.append(statement)
        return ast.Module(chosen, [])

    def wrote(self, text: str | bytes) -> bool:
        """Whether ``text`` stands in the source, or is an f-string of it filled with numbers and single
        words. A name alone could be one of the check's, and a learner could have said it."""
        text = text if isinstance(text, str) else text.decode("utf-8", "replace")
        if text in self.constants or text.strip() in self.text:
            return not text.strip().isidentifier()
        return any(re.fullmatch(pattern, text) for pattern in self.formats)

    def import_of(self, name: str) -> tuple[str, str | None] | None:
        if name in self.imports and name not in self.defined:
            return self.imports[name]
        return None

    def may_be_learners(self, name: str) -> bool:
        """Whether ``name`` is looked for in the learner's namespace: a builtin is not, unless a solution is
        meant to define it."""
        return name in self.defined or name not in _BUILTIN_NAMES

    def allows(self, classes: list[str], method: str) -> bool:
        """Whether an object whose class and base classes have these names may be asked ``method`` together
        with plain data: a class of the author's source may, by what it defines there; one that is left to
        the learner may, by anything."""
        for name in classes:
            if name in self.operators:
                if method in self._all_operators(name, set()):
                    return True
            elif self._is_open(name):
                return True
        return False

    def knows(self, classes: list[str]) -> bool:
        """Whether one of these names is a class of the author's, or one that is left to the learner."""
        return any(
            name in self.operators or name in self.made_classes or self._is_open(name) for name in classes
        )

    def _is_open(self, name: str) -> bool:
        """A name that a check calls, that is no builtin, and that nothing in the source binds to anything
        but an empty class. A learner's class that takes the name of a *function* is not meant."""
        if name in self.open_classes:
            return True
        bound = name in self.defined or name in self.imports or name in self.bound_by_checks
        return name in self.called and not bound and name not in _BUILTIN_NAMES

    def _all_operators(self, name: str, seen: set[str]) -> set[str]:
        if name in seen:
            return set()
        seen.add(name)
        found = set(self.operators.get(name, ()))
        for each in list(found):
            if each.startswith("base:"):
                found |= self._all_operators(each.removeprefix("base:"), seen)
        return found


def _pattern(node: ast.JoinedStr) -> str:
    parts = [str(value.value) if isinstance(value, ast.Constant) else None for value in node.values]
    if not re.search(r"\w", "".join(part or "" for part in parts)):
        return "(?!)"  # f"{name}({value})" could be a call of anything
    return "".join(r"[-+]?\w*(?:\.\d*)?" if part is None else re.escape(part) for part in parts)


def _wants_its_own_kind(method: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether an operator of the author's uses attributes of its operand without asking what it is: with
    plain data it would fail, so no check uses it with plain data."""
    if not method.name.startswith("__") or len(method.args.args) != 2:
        return False
    other = method.args.args[1].arg
    asks = any(isinstance(node, ast.Try | ast.Match) for node in ast.walk(method)) or bool(
        {"isinstance", "type", "hasattr", "getattr", "issubclass"} & _mentioned(method)
    )
    return not asks and any(
        isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == other
        for node in ast.walk(method)
    )


def find_source(cells: list[str], name: str) -> str | None:
    """The text of the last statement in these cells that binds ``name`` ("f", or "Class.method"), as
    ``inspect.getsource`` gives it; None when no cell binds it in so many words."""
    top, _, method = name.partition(".")
    for source in reversed(cells):
        text = transform(source)
        for statement in reversed(_parse(source).body):
            if top not in _bound(statement):
                continue
            found: ast.AST | None = statement
            if method:
                inner = [n for n in ast.walk(statement) if getattr(n, "name", "") == method]
                found = inner[-1] if inner else None
            if not isinstance(found, ast.stmt):
                return None
            first = min([found.lineno, *(d.lineno for d in getattr(found, "decorator_list", []))])
            return "\n".join(text.splitlines()[first - 1 : found.end_lineno]) + "\n"
    return None


def _makes_class(node: ast.expr) -> bool:
    """``namedtuple("Point", "x y")`` and its relatives."""
    makers = (
        "namedtuple",
        "NamedTuple",
        "make_dataclass",
        "Enum",
        "IntEnum",
        "Flag",
        "StrEnum",
        "type",
        "new_class",
    )
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name in makers and len(node.args) > 1


def _is_repeatable(node: ast.expr) -> bool:
    """Whether the judge may compute a value for itself a second time: data and calls, but nothing that asks
    a person or reads what the learner's code may have written."""
    called = {n.func.id for n in ast.walk(node) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    return not called & {"input", "open", "get_ipython", "exec", "eval", "globals", "locals", "vars"}
