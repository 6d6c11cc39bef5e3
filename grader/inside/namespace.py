"""The names of the checks: their own, and behind them the learner's."""

from __future__ import annotations

import builtins
import contextlib
import importlib
import sys
import types
from collections.abc import Iterator
from typing import Any

from . import proxies
from .author import Author
from .judge import Judge
from .texts import RUNNERS, Texts

_MISSING = object()


class CheckNamespace(dict[str, Any]):
    """The globals of the check cells: their own names, and behind them the learner's, asked for one by one.

    ``exec`` honours ``__missing__`` for every name that is not a dict entry, before the builtins.
    """

    def __init__(self, judge: Judge) -> None:
        super().__init__()
        self.judge = judge
        self.adopting = False  # what a setup cell defines is in the learner's namespace already
        dict.update(self, {"__name__": "__main__", "__builtins__": builtins, "__doc__": None})
        dict.__setitem__(self, "get_ipython", lambda: _Shell(judge))
        dict.__setitem__(self, "display", lambda *values, **_: print(*values, sep="\n"))
        self.given = set(dict.keys(self))
        self.texts = Texts(judge, self)
        self.taken: set[str] = set()  # names that a check has deleted in the learner's namespace

    def __missing__(self, name: str) -> Any:
        remembered = self.judge.remembered
        if name in remembered:
            return remembered[name]
        value = self.learners(name)
        if value is _MISSING:
            if name in RUNNERS:
                return getattr(self.texts, name)
            raise KeyError(name)
        if _is_lasting(value):
            remembered[name] = value
        return value

    def learners(self, name: str) -> Any:
        """The value of ``name`` in the learner's namespace, or the author's own where it is an import."""
        author = self.judge.author
        if not author.may_be_learners(name):
            return _MISSING
        wanted = author.import_of(name)
        if wanted is None and author.star_imports and name not in author.defined:
            wanted = _star_import(author, name)
        if wanted is not None:
            # In the learner's namespace anything may stand behind the name of a library.
            if not self.judge.request("has", name):
                return _MISSING
            with contextlib.suppress(ImportError):
                return _import_name(*wanted)
        found, value = self.judge.request("get", name)
        if type(value) is proxies.Function:
            object.__setattr__(value, "_ch_asked_as", name)
        elif isinstance(value, proxies.Mirror):
            self.judge.asked_as[value] = name
        return value if found else _MISSING

    def _is_learners(self, name: str) -> bool:
        """Whether a check that binds ``name`` means the learner's own: a name that solutions define, or a
        builtin that the learner's code would look up (``input = lambda _: "5"``)."""
        return name in self.judge.author.defined or (hasattr(builtins, name) and not name.startswith("_"))

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        self.judge.remembered.pop(name, None)
        if self.adopting or not isinstance(name, str) or not self._is_learners(name):
            return
        if name not in self.judge.author.defined:
            # A stand-in for a builtin (``input = lambda _: "5"``); data under such a name is the check's own.
            if callable(value):
                self.judge.request("set", name, value)
        elif name in self.taken or self.judge.request("has", name):
            self.judge.request("set", name, value)

    def __delitem__(self, name: str) -> None:
        mine = name in dict.keys(self)
        theirs = self._is_learners(name) and self.judge.request("delete", name)
        if theirs:
            self.taken.add(name)
        if mine:
            super().__delitem__(name)
        elif not theirs:
            raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (isinstance(name, str) and self.learners(name) is not _MISSING)

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default

    def pop(self, name: str, *default: Any) -> Any:
        try:
            value = self[name]
            del self[name]
            return value
        except KeyError:
            if default:
                return default[0]
            raise

    def keys(self) -> Any:
        theirs = [name for name in self.judge.request("names") if self.judge.author.may_be_learners(name)]
        return dict.fromkeys([*dict.keys(self), *theirs]).keys()

    def copy(self) -> dict[str, Any]:
        return dict(self.items())

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def items(self) -> Any:
        return {name: self[name] for name in self.keys()}.items()

    def is_spoken_of(self, name: str) -> bool:
        author = self.judge.author
        return dict.__contains__(self, name) or name in author.defined or name in author.spoken

    def forget(self, names: set[str]) -> None:
        """A solution cell that binds these has just run: what checks before it made of them is over."""
        for name in names - self.given:
            if dict.__contains__(self, name):
                dict.__delitem__(self, name)


def _is_lasting(value: Any) -> bool:
    """Whether what a name stands for can be remembered: it is a value that cannot change, or asks when it
    is used. Containers are not, whose content is brought up to date when they cross."""
    kind = type(value)
    if kind in (proxies.Function, int, float, bool, str, type(None), types.ModuleType, types.FunctionType):
        return True
    return isinstance(value, proxies.Mirror) or (
        isinstance(kind, proxies.Mirror) and kind.__basicsize__ == proxies.LearnerObject.__basicsize__
    )


def _star_import(author: Author, name: str) -> tuple[str, str] | None:
    for module in author.star_imports:
        with contextlib.suppress(ImportError):
            public = _import_name(module, None)
            names = getattr(public, "__all__", None) or [each for each in vars(public) if each[0] != "_"]
            if name in names:
                return module, name
    return None


def _import_name(module: str, attribute: str | None) -> Any:
    """What ``import module`` or ``from module import attribute`` binds, of this process's own libraries."""
    found: Any = importlib.import_module(module)
    if attribute is None:
        return found
    try:
        return getattr(found, attribute)
    except AttributeError:
        return importlib.import_module(f"{module}.{attribute}")


class Main(types.ModuleType):
    """``__main__`` as a check imports or patches it: the namespace, seen as a module."""

    def __init__(self, namespace: CheckNamespace) -> None:
        super().__init__("__main__")
        object.__setattr__(self, "_namespace", namespace)

    def __getattribute__(self, name: str) -> Any:
        if name in ("__class__", "__spec__", "__name__", "__loader__", "__file__"):
            return super().__getattribute__(name)
        namespace = object.__getattribute__(self, "_namespace")
        if name == "__dict__":
            return namespace
        # Libraries look here for names with a meaning (``load_tests``): the learner's count only where the
        # author's notebook speaks of them.
        try:
            if namespace.is_spoken_of(name):
                return namespace[name]
            raise KeyError(name)
        except KeyError:
            if name.startswith("__"):
                return super().__getattribute__(name)
            raise AttributeError(f"module '__main__' has no attribute {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        object.__getattribute__(self, "_namespace")[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del object.__getattribute__(self, "_namespace")[name]
        except KeyError:
            raise AttributeError(name) from None

    def __dir__(self) -> list[str]:
        namespace = object.__getattribute__(self, "_namespace")
        return [name for name in namespace.keys() if namespace.is_spoken_of(name)]


class _Shell:
    """``get_ipython()`` in a check: magics run where the learner's code runs."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self.user_ns = sys.modules["__main__"].__dict__

    def run_line_magic(self, name: str, line: str, **_: Any) -> None:
        self._judge.request("run_cell", "check", f"%{name} {line}")

    def run_cell_magic(self, name: str, line: str, cell: str) -> None:
        self._judge.request("run_cell", "check", f"%%{name} {line}\n{cell}")

    def system(self, command: str) -> None:
        self._judge.request("run_cell", "check", f"!{command}")
