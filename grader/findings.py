"""What can be wrong with a challenge before it is published: a code that never changes, and a sentence; and
all that was found of one.

docs/authoring.md says of every code what it means and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    ERROR = "error"  # not fit to publish
    WARNING = "warning"  # for the author to judge


CODES: dict[str, Severity] = {
    # the file cannot be taken as a challenge
    "challenge_invalid": Severity.ERROR,
    "notebook_malformed": Severity.ERROR,
    "notebook_too_large": Severity.ERROR,
    "notebook_not_python": Severity.ERROR,
    # it does not fit beside the others
    "slug_duplicate": Severity.ERROR,
    "prerequisite_cyclic": Severity.ERROR,
    "prerequisite_unknown": Severity.ERROR,
    "prerequisite_unseen": Severity.WARNING,
    # what can be read off
    "no_checks": Severity.ERROR,
    "hidden_text_leaks": Severity.ERROR,
    "hidden_repeats_visible": Severity.WARNING,
    "forgeable": Severity.WARNING,
    "prompt_stripped": Severity.ERROR,
    "metadata_misspelt": Severity.WARNING,
    "link_malformed": Severity.ERROR,
    "link_broken": Severity.ERROR,
    "link_not_sent": Severity.WARNING,
    "image_without_words": Severity.WARNING,
    # what shows when it runs
    "reference_fails": Severity.ERROR,
    "reference_over_limit": Severity.ERROR,
    "reference_cell_error": Severity.WARNING,
    "nondeterministic": Severity.ERROR,
    "checks_depend_on_order": Severity.WARNING,
    "stub_passes": Severity.ERROR,
    "check_passes_on_stub": Severity.WARNING,
    "checks_weak": Severity.ERROR,
    "few_mutants": Severity.WARNING,
    "judge_disagrees": Severity.ERROR,
    "time_near_limit": Severity.WARNING,
    "memory_near_limit": Severity.WARNING,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. ``cell`` is its grade_id or ``cell-<index>``; "" when it is of no one cell."""

    code: str
    message: str
    cell: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def severity(self) -> Severity:
        return CODES[self.code]

    def as_dict(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "severity": self.severity.value,
            "cell": self.cell or None,
            "message": self.message,
            "details": self.details,
        }


@dataclass(frozen=True, slots=True)
class Survivor:
    """A wrong answer that passed every check, as a unified diff against the reference."""

    cell: str
    line: int
    operator: str
    diff: str

    def as_dict(self) -> dict[str, Any]:
        return {"cell": self.cell, "line": self.line, "operator": self.operator, "diff": self.diff}


@dataclass(frozen=True, slots=True)
class FitnessReport:
    """What was found. ``possible`` changes of the reference there are, ``mutants`` of them were tried."""

    slug: str
    title: str
    findings: tuple[Finding, ...] = ()
    possible: int = 0
    mutants: int = 0
    killed: int = 0
    survivors: tuple[Survivor, ...] = ()
    runs: int = 0  # sandboxes used
    reference_ms: float | None = None  # the quickest whole run
    peak_memory_bytes: int | None = None
    total_ms: float = 0.0

    @property
    def fit(self) -> bool:
        return not any(each.severity is Severity.ERROR for each in self.findings)

    @property
    def strength(self) -> float | None:
        """Share of the mutants that the checks noticed; None when none was tried."""
        return self.killed / self.mutants if self.mutants else None

    def with_findings(self, more: Iterable[Finding]) -> FitnessReport:
        """The report with findings from elsewhere put first."""
        return replace(self, findings=(*more, *self.findings))

    def as_dict(self) -> dict[str, Any]:
        """The JSON form; keys and their order are part of the command line's interface."""
        return {
            "slug": self.slug,
            "title": self.title,
            "fit": self.fit,
            "strength": None if self.strength is None else round(self.strength, 4),
            "findings": [each.as_dict() for each in self.findings],
            "mutants": {"possible": self.possible, "tried": self.mutants, "killed": self.killed},
            "survivors": [each.as_dict() for each in self.survivors],
            "runs": self.runs,
            "timings": {"reference_ms": self.reference_ms, "total_ms": self.total_ms},
            "peak_memory_bytes": self.peak_memory_bytes,
        }
