"""``eval``, ``exec`` and ``compile`` in a check.

A text is run here only when it stands in the author's source as it is. Any other (``eval(repr(thing))``, a
file that the learner wrote) may be the learner's: it is run in the learner's process, on the learner's names.
"""

from __future__ import annotations

import ast
import builtins
import sys
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .judge import Judge

RUNNERS = frozenset({"eval", "exec", "compile"})


class Texts:
    def __init__(self, judge: Judge, namespace: dict[str, Any]) -> None:
        self._judge = judge
        self._namespace = namespace
        self._foreign: dict[types.CodeType, str] = {}

    def _is_authors(self, text: Any) -> bool:
        if isinstance(text, bytes | bytearray):
            text = bytes(text).decode("utf-8", "replace")
        # A name alone could be one of the check's, and a learner could have said it.
        return (
            isinstance(text, str) and text in self._judge.author.constants and not text.strip().isidentifier()
        )

    def eval(self, source: Any, globals: Any = None, locals: Any = None, /) -> Any:
        return self._run("eval", source, globals, locals, sys._getframe(1))

    def exec(self, source: Any, globals: Any = None, locals: Any = None, /, *, closure: Any = None) -> None:
        self._run("exec", source, globals, locals, sys._getframe(1))

    def compile(self, source: Any, *args: Any, **named: Any) -> Any:
        code = builtins.compile(source, *args, **named)
        if isinstance(code, types.CodeType) and not self._is_authors(source):
            self._foreign[code] = ast.unparse(source) if isinstance(source, ast.AST) else source
        return code

    def _run(self, how: str, source: Any, globals: Any, locals: Any, frame: types.FrameType) -> Any:
        is_code = isinstance(source, types.CodeType)
        own = source not in self._foreign if is_code else self._is_authors(source)
        # A check may hand eval itself over; what the learner's code calls it with is the learner's.
        if own and frame.f_globals is self._namespace:
            if globals is None:
                globals, locals = frame.f_globals, frame.f_locals if locals is None else locals
            return getattr(builtins, how)(source, globals, locals)
        text = self._foreign[source] if is_code else source
        globals, locals = (None if each is self._namespace else each for each in (globals, locals))
        return self._judge.request("evaluate", how, text, globals, locals)
