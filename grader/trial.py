"""A challenge tried in real sandboxes, and what that shows of it.

The reference runs ten times in changing order, the stub that learners receive once, and then mutants of the
reference, which the checks have to notice.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from . import grading
from .errors import SandboxFailed
from .findings import CODES, Finding, FitnessReport, Severity, Survivor
from .grading import Sandboxes
from .models import Challenge, CheckResult, Job, Result, Role, Status
from .mutants import CEILING, Answer, Mutant, Mutants, grow
from .variants import in_one_process, in_order_of, shuffled, with_answer, without_secrets

UNFIT_BELOW = 0.9  # strength: the share of mutants that the checks notice
FEW_MUTANTS = 5  # below, a strength says little
RUNS = 10  # of the reference
RUNS_IN_ORDER = 5  # of these, as the notebook has it; in the others neighbouring checks change places
COMPARED = 3  # mutants that are judged in one process too
NEAR = 0.5  # share of a limit that the reference may use without a remark
# A mutant that runs so much longer than the reference never ends; most limits are far more generous.
PATIENCE, PATIENCE_S = 20.0, 3.0
OVER_LIMIT = (Status.TIMEOUT, Status.MEMORY_EXCEEDED, Status.OUTPUT_EXCEEDED, Status.CRASHED)


@dataclass(frozen=True, slots=True)
class Progress:
    """``done`` of ``total`` runs; the total grows once, when it is known how many mutants there are."""

    done: int
    total: int
    doing: str = ""


OnProgress = Callable[[Progress], None]


class _Noticed(Exception):
    """A mutant's run has shown what it can show."""


@dataclass
class Trial:
    """A challenge's runs in the sandbox, and what they show."""

    challenge: Challenge
    reference: Job
    stub: Job
    sandboxes: Sandboxes
    jobs: int = 2
    ceiling: int = CEILING
    on_progress: OnProgress | None = None
    findings: list[Finding] = field(default_factory=list)
    _done: int = 0
    _total: int = 0
    _doing: str = ""

    async def run(self) -> FitnessReport:
        self._doing = "reference and stub"
        first: list[Result] = []
        stub: list[Result] = []
        await self._all(
            [
                lambda: self._keep(first, self.reference),
                lambda: self._keep(stub, self.stub),
            ]
        )
        self._judge_stub(stub[0])
        right = await self._judge_reference(first[0])
        if not right or stub[0].status is Status.PASSED:
            # mutants tell nothing while the one is wrong or the other right
            return self._report(first, Mutants(), {})
        grown = await grow(self._answers(), self._context(), self.ceiling)
        self._doing = "mutants"
        return await self._second_round(first, grown)

    async def _second_round(self, first: list[Result], grown: Mutants) -> FitnessReport:
        """All the rest, in a random order that is the same every time."""
        draw = random.Random(hashlib.sha256(self.challenge.slug.encode()).digest())  # noqa: S311
        in_order, reordered = first, list[Result]()
        survived: dict[Mutant, bool] = {}
        in_one: dict[str, tuple[Result, Result]] = {}
        hurried = self._hurried(first[0])
        compared = set(draw.sample(grown.chosen, min(COMPARED, len(grown.chosen))))

        async def mutant(each: Mutant) -> None:
            survived[each] = not await self._noticed(with_answer(hurried, each))

        async def both_ways(name: str, job: Job, each: Mutant | None = None) -> None:
            judge = await self._grade(job)
            in_one[name] = judge, await self._grade(in_one_process(job))
            if each is not None:
                survived[each] = judge.status is Status.PASSED

        work: list[Callable[[], Awaitable[None]]] = []
        work += [lambda: self._keep(in_order, self.reference)] * (RUNS_IN_ORDER - 2)
        for _ in range(RUNS - RUNS_IN_ORDER):
            job = shuffled(self.reference, draw)
            work.append(lambda job=job: self._keep(reordered, job))  # type: ignore[misc]
        work.append(lambda: both_ways("the reference", self.reference))
        for each in grown.chosen:
            if each in compared:
                name = f"the reference with line {each.line} of {each.cell} changed ({each.operator})"
                job = with_answer(hurried, each)
                work.append(lambda n=name, j=job, e=each: both_ways(n, j, e))  # type: ignore[misc]
            else:
                work.append(lambda e=each: mutant(e))  # type: ignore[misc]
        draw.shuffle(work)
        await self._all(work)
        in_order.append(in_one["the reference"][0])
        self._judge_repeats(in_order, reordered)
        self._judge_agreement(in_one)
        self._judge_mutants(grown, survived)
        self._judge_limits([*in_order, *reordered])
        return self._report(in_order, grown, survived)

    # -- runs -------------------------------------------------------------------------------------------

    async def _all(self, work: Sequence[Callable[[], Awaitable[None]]]) -> None:
        """Do it all, ``jobs`` at a time; the first failure ends the others."""
        self._total += len(work)
        self._tell()
        waiting = iter(work)

        async def worker() -> None:
            for each in waiting:
                await each()
                self._done += 1
                self._tell()

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self.jobs, len(work))):
                    group.create_task(worker())
        except BaseExceptionGroup as errors:
            raise _first(errors) from errors

    def _tell(self) -> None:
        if self.on_progress is not None:
            self.on_progress(Progress(self._done, self._total, self._doing))

    async def _keep(self, results: list[Result], job: Job) -> None:
        results.append(await self._grade(job))

    async def _grade(self, job: Job, on_event: grading.OnEvent | None = None) -> Result:
        """Raises SandboxFailed for what is no verdict."""
        result = await grading.run(in_order_of(job, self.challenge), job, self.sandboxes, on_event)
        if result.status is Status.INTERNAL_ERROR:
            raise SandboxFailed(f"A run of {self.challenge.slug} broke: {result.message}")
        return result

    async def _noticed(self, job: Job) -> bool:
        """Whether a check does not pass; the run ends at the first one."""

        def look(event: dict[str, Any]) -> None:
            if event["event"] == "check" and event["data"]["status"] != Status.PASSED:
                raise _Noticed

        try:
            return (await self._grade(job, look)).status is not Status.PASSED
        except _Noticed:
            return True

    def _hurried(self, reference: Result) -> Job:
        """The reference's job with as much time as a mutant gets."""
        slowest = max((took for _, took in _steps(reference)), default=0.0)
        wall_s = min(self.reference.limits.wall_s, max(PATIENCE_S, PATIENCE * slowest / 1000))
        return replace(self.reference, limits=replace(self.reference.limits, wall_s=wall_s))

    # -- what is to be made of them -----------------------------------------------------------------------

    def _add(self, code: str, message: str, cell: str = "", **details: Any) -> None:
        self.findings.append(Finding(code, message, cell, details))

    async def _judge_reference(self, result: Result) -> bool:
        """Whether the reference passes every check with full points."""
        for cell in result.cells:
            if cell.status in (Status.ERROR, Status.FAILED):
                error = cell.error or {}
                words = f"{error.get('name', '')}: {error.get('message', '')}".strip(": ")
                self._add("reference_cell_error", f"This cell of the reference ends with {words}", cell.id)
            elif cell.status in OVER_LIMIT:
                self._add(
                    "reference_over_limit", _over("This cell of the reference", cell.status, result), cell.id
                )
        wrong = [check for check in result.checks if check.status is not Status.PASSED]
        if not wrong and result.status is Status.PASSED:
            return True
        again = (
            [await self._grade(without_secrets(self.reference)) for _ in range(3)] if _worth(wrong) else []
        )
        for check in wrong:
            self._judge_failure(check, result, again)
        if not any(CODES[each.code] is Severity.ERROR for each in self.findings):
            self._add("reference_over_limit", _over("The reference", result.status, result))
        return False

    def _judge_failure(self, check: CheckResult, result: Result, again: Sequence[Result]) -> None:
        """Why the reference does not pass this check; ``again``: further runs, without secrets."""
        if check.status in OVER_LIMIT:
            self._add("reference_over_limit", _over("The reference", check.status, result), check.id)
            return
        if check.status is Status.NOT_RUN:
            return
        later = [_of(each, check.id) for each in again]
        if any(each.status is Status.PASSED for each in later):
            passes = sum(each.status is Status.PASSED for each in later)
            self._add(
                "nondeterministic",
                f"The reference passed this check in {passes} of {len(later) + 1} runs of the same notebook.",
                check.id,
            )
            return
        words = next((each.message for each in later if each.message), check.message)
        points = f"{check.points:g} of {check.max_points:g} points"
        self._add(
            "reference_fails",
            f"The reference does not pass this check ({check.status}, {points}): "
            f"{words or 'no reason given'}",
            check.id,
            status=check.status.value,
        )

    def _judge_stub(self, result: Result) -> None:
        if result.status is Status.PASSED:
            self._add("stub_passes", "What learners receive passes every check as it is.")
            return
        for check in result.checks:
            if check.points > 0:
                part = "passes" if check.status is Status.PASSED else f"earns {check.points:g} points of"
                self._add(
                    "check_passes_on_stub",
                    f"What learners receive {part} this check before they have written a line.",
                    check.id,
                )

    def _judge_repeats(self, in_order: Sequence[Result], reordered: Sequence[Result]) -> None:
        """The reference's verdict has to be the same every time."""
        for check in self.challenge.checks:
            plain = Counter(_of(each, check.id).status for each in in_order)
            mixed = Counter(_of(each, check.id).status for each in reordered)
            if len(plain) > 1:
                self._add(
                    "nondeterministic",
                    f"The reference passed this check in {plain[Status.PASSED]} of {plain.total()} runs of "
                    "the same notebook. Does it depend on chance, on the time, or on the order of a set?",
                    check.id,
                )
            elif mixed[Status.PASSED] < mixed.total():
                self._add(
                    "checks_depend_on_order",
                    f"This check passed in {mixed[Status.PASSED]} of {mixed.total()} runs in which checks "
                    "that follow each other had changed places; does it use what another one left behind?",
                    check.id,
                )

    def _judge_agreement(self, in_one: dict[str, tuple[Result, Result]]) -> None:
        told: set[str] = set()
        for name, (judge, one) in in_one.items():
            for ours in judge.checks:
                theirs = _of(one, ours.id)
                limited = {ours.status, theirs.status} & {*OVER_LIMIT, Status.NOT_RUN}
                same = (ours.status is Status.PASSED, ours.points) == (
                    theirs.status is Status.PASSED,
                    theirs.points,
                )
                if same or ours.id in told or (limited and name != "the reference"):
                    continue
                told.add(ours.id)
                self._add(
                    "judge_disagrees",
                    f"For {name} this check says {ours.status} ({ours.points:g} points), but in one process "
                    f"with the answer {theirs.status} ({theirs.points:g} points)"
                    f"{f': {theirs.message}' if theirs.message else ''}. See “Differences” in docs/judge.md.",
                    ours.id,
                )

    def _judge_mutants(self, grown: Mutants, survived: dict[Mutant, bool]) -> None:
        for cell, reason in grown.unreadable:
            self._add("few_mutants", f"No mutants could be made of this cell: {reason}.", cell)
        if len(survived) < FEW_MUTANTS:
            number = "no mutant" if not survived else f"only {len(survived)} of them"
            self._add(
                "few_mutants",
                f"The reference leaves little to change ({number}), so that it is not known how much its "
                "checks notice.",
            )
        lived = sum(survived.values())
        if survived and 1 - lived / len(survived) < UNFIT_BELOW:
            self._add(
                "checks_weak",
                f"{lived} of {len(survived)} wrong answers pass every check: strength "
                f"{1 - lived / len(survived):.0%}, and {UNFIT_BELOW:.0%} are needed. Add checks that tell "
                "the survivors from the reference.",
            )

    def _judge_limits(self, results: Sequence[Result]) -> None:
        limits = self.challenge.limits
        steps: dict[str, float] = {}
        for result in results:
            for id, took in _steps(result):
                steps[id] = min(took, steps.get(id, took))
        slowest = max(steps, key=steps.__getitem__, default="")
        if slowest and steps[slowest] > NEAR * limits.wall_s * 1000:
            self._add(
                "time_near_limit",
                f"At its quickest it took the reference {steps[slowest] / 1000:.1f} s of the "
                f"{limits.wall_s:g} s (wall_s) that a learner's cell or check may take.",
                slowest,
            )
        whole = min(each.timings.run_ms for each in results)
        if whole > NEAR * limits.total_s * 1000:
            self._add(
                "time_near_limit",
                f"At its quickest the whole reference took {whole / 1000:.1f} s of "
                f"{limits.total_s:g} s (total_s).",
            )
        peak = max((each.peak_memory_bytes or 0 for each in results), default=0)
        if peak > NEAR * limits.memory_mb * 2**20:
            self._add(
                "memory_near_limit",
                f"The reference took {peak / 2**20:.0f} MB of {limits.memory_mb} MB (memory_mb); "
                "a learner's answer may need more.",
            )

    def _report(
        self, results: Sequence[Result], grown: Mutants, survived: dict[Mutant, bool]
    ) -> FitnessReport:
        lived = [each for each in grown.chosen if survived.get(each)]
        return FitnessReport(
            self.challenge.slug,
            self.challenge.title,
            tuple(self.findings),
            possible=grown.possible,
            mutants=len(survived),
            killed=len(survived) - len(lived),
            survivors=tuple(Survivor(each.cell, each.line, each.operator, each.diff) for each in lived),
            runs=self._done,
            reference_ms=min(each.timings.run_ms for each in results),
            peak_memory_bytes=max((each.peak_memory_bytes or 0 for each in results), default=0) or None,
        )

    def _answers(self) -> list[Answer]:
        return [Answer(cell.id, cell.source) for cell in self.challenge.cells if cell.role is Role.SOLUTION]

    def _context(self) -> str:
        return "\n".join(check.source for check in self.challenge.checks)


# -- results --------------------------------------------------------------------------------------------


def _of(result: Result, id: str) -> CheckResult:
    return next(each for each in result.checks if each.id == id)


def _steps(result: Result) -> Iterator[tuple[str, float]]:
    """Every cell and check with the milliseconds that it took."""
    for check in result.checks:
        yield check.id, check.duration_ms
    for cell in result.cells:
        yield cell.id, cell.duration_ms


def _worth(wrong: Sequence[CheckResult]) -> bool:
    """Whether running it again may tell more: not after a limit, which may take long."""
    return any(each.status in (Status.FAILED, Status.ERROR) for each in wrong) and not any(
        each.status in OVER_LIMIT for each in wrong
    )


def _over(what: str, status: Status, result: Result) -> str:
    words = result.message or next((each.message for each in result.checks if each.status is status), "")
    told = {
        Status.TIMEOUT: "ran into a time limit",
        Status.MEMORY_EXCEEDED: "ran out of memory",
        Status.OUTPUT_EXCEEDED: "printed too much",
        Status.CRASHED: "made Python crash",
    }.get(status, f"ended with {status}")
    return f"{what} {told} here. {words}".strip()


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """One error of a group, whose others are mostly of the same cause."""
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
