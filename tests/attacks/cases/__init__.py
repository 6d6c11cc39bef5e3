"""The corpus: one module per family, each with the list ``CASES``."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from textwrap import dedent
from typing import Any

from ..model import Case


class Family(list[Case]):
    """The cases of one family; a method per aim adds one."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def _add(self, aim: str, name: str, target: str, cell: str, **more: Any) -> None:
        cells = {key: dedent(more.pop(key)).strip("\n") for key in ("first", "middle", "last") if key in more}
        self.append(Case(name, self.name, target, aim, dedent(cell).strip("\n"), **cells, **more))

    def forge(self, name: str, target: str, cell: str, **more: Any) -> None:
        """A wrong answer that wants to be passed."""
        self._add("forge", name, target, cell, **more)

    def leak(self, name: str, target: str, cell: str, **more: Any) -> None:
        """Wants hidden words, of the target or of ``secrets``, to be shown."""
        self._add("leak", name, target, cell, **more)

    def escape(self, name: str, target: str, cell: str, **more: Any) -> None:
        """Calls ``found`` when it got at something that it must not reach."""
        self._add("escape", name, target, cell, **more)

    def exhaust(self, name: str, target: str, cell: str, **more: Any) -> None:
        """Wants to hang, starve or litter the grader."""
        self._add("exhaust", name, target, cell, **more)

    def control(self, name: str, target: str, cell: str, **more: Any) -> None:
        """Honest and right: has to pass."""
        self._add("control", name, target, cell, **more)


def corpus() -> list[Case]:
    """All cases, controls included; ids are unique."""
    cases: list[Case] = []
    for module in sorted(iter_modules(__path__), key=lambda found: found.name):
        cases += import_module(f"{__name__}.{module.name}").CASES
    assert len({case.id for case in cases}) == len(cases), "two cases share an id"
    return cases
