"""``python -m tests.attacks``: the corpus against the real grader; ``--naive``: against the naive one."""

from __future__ import annotations

import argparse
import asyncio
import sys

from . import naive
from .cases import corpus
from .model import Case
from .runner import JOBS, RUNTIMES, Outcome, run_corpus


def _chosen(words: list[str]) -> list[Case]:
    cases = corpus()
    return [c for c in cases if not words or any(w == c.family or c.id.startswith(w) for w in words)]


def _tell(outcome: Outcome) -> None:
    if outcome.bad:
        print(f"{outcome.bad}: {outcome.case.id} ({outcome.case.family}): {outcome.why}", file=sys.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.attacks", description=__doc__)
    parser.add_argument("words", nargs="*", help="families, or beginnings of case names; none: all")
    parser.add_argument("--runtime", default="runc", choices=RUNTIMES)
    parser.add_argument("--jobs", type=int, default=JOBS, help="sandboxes at once (default: %(default)s)")
    parser.add_argument("--naive", action="store_true", help="show that every attack bites a naive grader")
    parser.add_argument("-v", "--verbose", action="store_true", help="print every result")
    arguments = parser.parse_args()
    cases = _chosen(arguments.words)
    if arguments.naive:
        return _naive([case for case in cases if case.aim != "control"])
    run = asyncio.run(run_corpus(cases, arguments.runtime, _tell, arguments.jobs))
    if arguments.verbose:
        for o in run.outcomes:
            print(f"== {o.case.id}: {o.bad or 'fine'} {o.why}\n{o.result}", file=sys.stderr)
    for each in run.left:
        print(f"left behind: {each}", file=sys.stderr)
    print(run.line)
    return 1 if run.left or any(o.bad for o in run.outcomes) else 0


def _naive(cases: list[Case]) -> int:
    bites = naive.bitten(cases)
    for name, why in bites.items():
        print(f"{name}: {why or 'DOES NOTHING'}")
    print(f"{sum(map(bool, bites.values()))} of {len(bites)} attacks work on the naive grader")
    return 0 if all(bites.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
