"""From what a sandbox reported, and how it ended, to the verdict on a submission.

The rule that everything here serves: a check passes only because its own event said so, once, in its
turn, in a run that came to its proper end. An exit status, a missing event or a strange one is never
read in a learner's favour.
"""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from typing import Any

from .models import CellResult, Challenge, CheckResult, Job, Limits, Result, Status, Step, Timings
from .sandbox import Ending

MESSAGE_MAX = 4_000  # characters of one message or error text
TRACEBACK_MAX = 20_000  # characters of one traceback
HIDDEN_STEP_MS = 100  # nothing about a hidden check, and what runs after one, is told more finely
_MIB = 1024 * 1024
# A learner's code can keep what a hidden check handed to it, and say it later.
WITHHELD = "Not shown: it ran after a hidden check, and could repeat what that check used."
SORRY = "Something went wrong on our side and your answer was not judged. Please submit it again."

# A run that was cut short by one of these says so, whatever its checks said before.
CUTS = (
    Status.TIMEOUT,
    Status.MEMORY_EXCEEDED,
    Status.OUTPUT_EXCEEDED,
    Status.CRASHED,
    Status.INTERNAL_ERROR,
)


class _Untrusted(Exception):
    """The sandbox's report breaks a rule of the protocol."""


class Verdict:
    """The verdict on one run, fed with the sandbox's events as they come."""

    def __init__(self, challenge: Challenge, job: Job) -> None:
        """Raises ValueError when the job does not hold exactly the challenge's checks, in their order."""
        self._cells = {cell.id: cell for cell in challenge.checks}
        self._steps = job.steps
        self._limits = job.limits
        if [step.id for step in job.steps if step.kind == "check"] != list(self._cells):
            raise ValueError("the job does not hold the challenge's checks")
        self._max_score = challenge.max_score
        self._next = 0  # the step whose result is due
        self._hidden_ran = False  # from then on no text of the learner's process is passed on
        self._started = False  # whether that step said that it began
        self._checks: dict[str, CheckResult] = {}
        self._results: list[CellResult] = []
        self._text_left = job.limits.output_kb * 1024  # characters of output that are still passed on
        self._passes_told = 0
        self._end: dict[str, Any] | None = None
        self.violation = ""  # how the report broke the protocol; for the log

    def feed(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        """Take one event of the sandbox; returns what a watcher may be shown now.

        That is ``{"event": "start" | "cell" | "check", "data": {...}}`` with hidden checks already
        reduced to what a learner may know. Never raises: an event that breaks a rule spoils the
        whole report (``violation``), and no later one counts.
        """
        if self.violation:
            return []
        try:
            return self._take(event)
        except _Untrusted as error:
            self.violation = str(error)
            return []

    def finish(self, ending: Ending, timings: Timings | None = None) -> Result:
        """The verdict, given how the sandbox ended. Checks without a result get the reason why."""
        cut, message = self._cut(ending)
        if cut is Status.INTERNAL_ERROR:
            # A report that cannot be trusted is not trusted in part either.
            self._checks.clear()
        checks, cells = self._complete(cut, message)
        score = min(sum(check.points for check in checks), self._max_score)
        peak = self._end.get("peak_memory_bytes") if self._end else None
        return Result(
            status=cut or self._overall(checks, cells),
            score=score,
            max_score=self._max_score,
            checks=tuple(checks),
            cells=tuple(cells),
            timings=self._coarse(timings or Timings()),
            peak_memory_bytes=-(-peak // _MIB) * _MIB if type(peak) is int and peak >= 0 else None,
            message=message,
        )

    # -- events ---------------------------------------------------------------------------------------

    def _take(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        kind = event.get("event")
        if self._end is not None:
            raise _Untrusted(f"{kind!r} after the end")
        if kind == "end":
            return self._take_end(event)
        if kind not in ("start", "cell", "check"):
            raise _Untrusted(f"unknown event {kind!r}")
        if self._next >= len(self._steps):
            raise _Untrusted(f"{kind!r} after the last step")
        step = self._steps[self._next]
        if event.get("id") != step.id:
            raise _Untrusted(f"{kind!r} for {event.get('id')!r} where {step.id!r} is due")
        if kind == "start":
            if self._started:
                raise _Untrusted(f"{step.id!r} started twice")
            self._started = True
            self._hidden_ran |= step.hidden
            return [{"event": "start", "data": {"id": step.id}}]
        if (kind == "check") is not (step.kind == "check"):
            raise _Untrusted(f"{kind!r} for a step that is a {step.kind!r}")
        shown = self._take_check(event, step) if kind == "check" else self._take_cell(event, step)
        self._next += 1
        self._started = False
        return [{"event": kind, "data": asdict(shown)}]

    def _take_check(self, event: dict[str, Any], step: Step) -> CheckResult:
        told = _status(event)
        status, points = _earned(told, event.get("credit"), self._cells[step.id].points)
        message = _text(event.get("message"), MESSAGE_MAX)
        if status is Status.ERROR and told is Status.PASSED:
            message = "This check did not give a usable number of points. Please tell your instructor."
        cell = self._cells[step.id]
        hidden = step.hidden or cell.hidden
        result = CheckResult(
            id=step.id,
            title=cell.title,
            status=status,
            points=points,
            max_points=cell.points,
            hidden=hidden,
            message="" if hidden else self._allowed(message, cell.source),
            stdout="" if hidden or self._hidden_ran else self._printed(event.get("stdout")),
            duration_ms=_duration(event.get("duration_ms"), HIDDEN_STEP_MS if hidden else self._step_ms()),
            hint=cell.hint,
        )
        self._checks[step.id] = result
        self._passes_told += told is Status.PASSED
        return result

    def _take_cell(self, event: dict[str, Any], step: Step) -> CellResult:
        error = event.get("error")
        if error is not None:
            if not isinstance(error, dict):
                raise _Untrusted("an error that is no map")
            line = error.get("line")
            error = {
                "name": _text(error.get("name"), 200),
                "message": _text(error.get("message"), MESSAGE_MAX),
                "traceback": _text(error.get("traceback"), TRACEBACK_MAX),
                "line": line if type(line) is int else None,
            }
            if self._hidden_ran:
                error = {"name": "Error", "message": WITHHELD, "traceback": "", "line": None}
        result = CellResult(
            id=step.id,
            status=_status(event),
            stdout="" if self._hidden_ran else self._printed(event.get("stdout")),
            error=error,
            duration_ms=_duration(event.get("duration_ms"), self._step_ms()),
        )
        self._results.append(result)
        return result

    def _take_end(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        if type(event.get("checks_passed")) is not int or event["checks_passed"] != self._passes_told:
            raise _Untrusted(
                f"{event.get('checks_passed')!r} passes at the end, {self._passes_told} before it"
            )
        reason = event.get("reason", "")
        if reason not in ("", *CUTS):
            raise _Untrusted(f"unknown reason {reason!r}")
        if not reason and self._next < len(self._steps):
            raise _Untrusted("an end without a result for every step")
        self._end = event
        return []

    def _allowed(self, message: str, source: str) -> str:
        """After a hidden check, only words that stand in the visible check's own source are passed on."""
        if not self._hidden_ran or not message or message in source:
            return message
        return WITHHELD

    def _step_ms(self) -> int:
        """After a hidden check, ``sleep(argument)`` would carry out what a function was called with."""
        return HIDDEN_STEP_MS if self._hidden_ran else 0

    def _printed(self, value: Any) -> str:
        text = _text(value, self._text_left)
        self._text_left = max(0, self._text_left - len(text))
        return text

    # -- the end ---------------------------------------------------------------------------------------

    def _complete(self, cut: Status | None, message: str) -> tuple[list[CheckResult], list[CellResult]]:
        """All checks and the cells that ran, those that the run was cut short in named as such."""
        checks, cells = dict(self._checks), list(self._results)
        if cut is Status.MEMORY_EXCEEDED:  # the judge may only have seen that the process was gone
            checks = {
                id: replace(c, status=cut, message="" if c.hidden else message)
                if c.status is Status.CRASHED
                else c
                for id, c in checks.items()
            }
            cells = [replace(c, status=cut) if c.status is Status.CRASHED else c for c in cells]
        culprit = self._culprit(cut)
        for at, step in enumerate(self._steps):
            blamed = cut if at == culprit else None
            if step.kind == "check":
                checks.setdefault(step.id, self._unrun(step, cut, blamed, message))
            elif blamed:
                cells.append(CellResult(step.id, blamed))
        return [checks[id] for id in self._cells], cells

    def _cut(self, ending: Ending) -> tuple[Status | None, str]:
        """Why the run ended early, and that in words; (None, "") when it did not."""
        if self.violation:
            return Status.INTERNAL_ERROR, _words(Status.INTERNAL_ERROR, self._limits)
        if ending.kind == "done" and self._end is not None:
            if self._end.get("reason", "") == "":
                return None, ""
            cut = Status(self._end["reason"])
            if cut is Status.CRASHED and ending.oom_killed:
                return Status.MEMORY_EXCEEDED, _words(Status.MEMORY_EXCEEDED, self._limits)
            told = self._end.get("message")
            if isinstance(told, str) and told and not self._hidden_now():
                return cut, _text(told, MESSAGE_MAX)
            return cut, _words(cut, self._limits)
        if ending.kind == "wall":
            return Status.TIMEOUT, _words(Status.TIMEOUT, self._limits, whole=True)
        cut = Status.INTERNAL_ERROR
        if ending.kind == "output":
            cut = Status.OUTPUT_EXCEEDED
        elif ending.kind == "eof" and ending.oom_killed:
            cut = Status.MEMORY_EXCEEDED
        return cut, _words(cut, self._limits)

    def _hidden_now(self) -> bool:
        """Whether the run stopped at a hidden check."""
        culprit = self._culprit(Status.CRASHED)
        at = self._next - 1 if culprit is None else culprit
        return 0 <= at < len(self._steps) and self._steps[at].hidden

    def _culprit(self, cut: Status | None) -> int | None:
        """The step without a result that the run was cut short in, None when it has its result."""
        if cut is None or cut is Status.INTERNAL_ERROR or self._next >= len(self._steps):
            return None
        told = [*(c.status for c in self._checks.values()), *(c.status for c in self._results)]
        return self._next if self._started or not any(status in CUTS for status in told) else None

    def _unrun(self, step: Step, cut: Status | None, blamed: Status | None, message: str) -> CheckResult:
        cell = self._cells[step.id]
        hidden = step.hidden or cell.hidden
        status = blamed or (Status.INTERNAL_ERROR if cut is Status.INTERNAL_ERROR else Status.NOT_RUN)
        if status is Status.NOT_RUN:
            message = "This check did not run, because the run ended before it."
        return CheckResult(
            id=step.id,
            title=cell.title,
            status=status,
            points=0.0,
            max_points=cell.points,
            hidden=hidden,
            message="" if hidden else message,
            hint=cell.hint,
        )

    def _overall(self, checks: list[CheckResult], cells: list[CellResult]) -> Status:
        """Of a run that came to its end."""
        told = [check.status for check in checks] or [cell.status for cell in cells]
        if all(status is Status.PASSED for status in told):
            return Status.PASSED
        if checks and any(status in (Status.FAILED, Status.ERROR) for status in told):
            return Status.FAILED
        return next(status for status in told if status is not Status.PASSED)

    def _coarse(self, timings: Timings) -> Timings:
        """The times of the whole run, which would tell a hidden check's as well."""
        if not any(step.hidden for step in self._steps):
            return timings
        return replace(
            timings,
            run_ms=_duration(timings.run_ms, HIDDEN_STEP_MS),
            total_ms=_duration(timings.total_ms, HIDDEN_STEP_MS),
        )


def _earned(status: Status, credit: Any, points: float) -> tuple[Status, float]:
    """A check's status and points. ``credit`` None: all or nothing; else what the check itself gave,
    within [0, points]. NaN, a bool, text or a number outside the range earns nothing."""
    if credit is None:
        return status, points if status is Status.PASSED else 0.0
    if type(credit) not in (int, float) or not 0 <= credit <= points:
        return (Status.ERROR if status is Status.PASSED else status), 0.0
    if status is Status.PASSED:
        return (Status.PASSED if credit == points else Status.FAILED), float(credit)
    return status, float(credit) if status is Status.FAILED and credit < points else 0.0


def _status(event: dict[str, Any]) -> Status:
    try:
        return Status(event["status"])
    except (KeyError, ValueError):
        raise _Untrusted(f"unknown status {event.get('status')!r}") from None


def _text(value: Any, most: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _Untrusted("something else where text is due")
    return value if len(value) <= most else value[:most] + " …"


def _duration(value: Any, step: int = 0) -> float:
    if type(value) not in (int, float) or not 0 <= value < 1e12:
        return 0.0
    return float(math.ceil(value / step) * step if step else round(value, 3))


def _words(cut: Status, limits: Limits, *, whole: bool = False) -> str:
    match cut:
        case Status.TIMEOUT:
            if whole:
                return f"Your code took longer than the {limits.total_s:g} s that it has altogether."
            return f"Your code was still running after {limits.wall_s:g} s; is there a loop that never ends?"
        case Status.MEMORY_EXCEEDED:
            return f"Your code used more than {limits.memory_mb} MB of memory."
        case Status.OUTPUT_EXCEEDED:
            return f"Your code printed more than {limits.output_kb} KB; is there a print in a long loop?"
        case Status.CRASHED:
            return "Python itself stopped while your code ran, so what comes after could not be checked."
        case _:
            return SORRY
