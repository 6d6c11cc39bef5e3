"""What can be wrong with a challenge before it is published: a code that never changes, and a sentence.

docs/authoring.md says of every code what it means and what to do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
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
