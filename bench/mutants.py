"""Wrong answers made of right ones: small changes to a Python source, the same ones every time."""

from __future__ import annotations

import ast
import copy
import random
from collections.abc import Callable, Iterator

_SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.FloorDiv,
    ast.Mod: ast.FloorDiv,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


def _changes(node: ast.AST) -> Iterator[Callable[[ast.AST], None]]:
    """What can be changed at one node, each as a function that does it to (a copy of) that node."""
    operator = getattr(node, "op", None)
    if type(operator) in _SWAPPED:
        yield lambda at: setattr(at, "op", _SWAPPED[type(at.op)]())  # type: ignore[attr-defined]
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _SWAPPED:
        yield lambda at: at.ops.__setitem__(0, _SWAPPED[type(at.ops[0])]())  # type: ignore[attr-defined]
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield lambda at: setattr(at, "value", at.value + 1)  # type: ignore[attr-defined]
    if isinstance(node, ast.Constant) and type(node.value) is bool:
        yield lambda at: setattr(at, "value", not at.value)  # type: ignore[attr-defined]
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        yield lambda at: setattr(at, "test", ast.UnaryOp(ast.Not(), at.test))  # type: ignore[attr-defined]
    if isinstance(node, ast.Return) and node.value is not None:
        yield lambda at: setattr(at, "value", ast.Constant(None))
    if isinstance(node, ast.Return) and node.value is not None:
        # equal to nothing, but of the right type where it was a list
        yield lambda at: setattr(at, "value", ast.List([at.value], ast.Load()))  # type: ignore[attr-defined]


def mutants(source: str, number: int) -> list[str]:
    """Up to ``number`` sources that differ from ``source`` in one place each, and parse."""
    tree = ast.parse(source)
    found = [(at, which) for at, node in enumerate(ast.walk(tree)) for which, _ in enumerate(_changes(node))]
    random.Random(source).shuffle(found)  # noqa: S311 - a choice, no secret
    before = ast.unparse(tree)
    made: list[str] = []
    for at, which in found:
        if len(made) == number:
            break
        changed = copy.deepcopy(tree)
        node = next(n for i, n in enumerate(ast.walk(changed)) if i == at)
        list(_changes(node))[which](node)
        text = ast.unparse(ast.fix_missing_locations(changed))
        if text != before and text not in made:
            made.append(text)
    return made
