"""``python bench/roundtrip.py [--json] [--runtime runc|runsc]``: what one proxy call of a check costs.

Each line is timed twice in the real sandbox: as a check cell of the judge's process, where every call
crosses to the learner's process and back, and as the same cell in one process. Times on shared machines
wander; the ratio of two times from one run is what to compare. The check with 10,000 calls is held
against the 3 seconds that are promised for it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from grader.confinement import EngineSettings  # noqa: E402
from grader.grading import run  # noqa: E402
from grader.models import Cell, Challenge, Job, Limits, Role, Step  # noqa: E402
from grader.pool import Pool  # noqa: E402

PROMISED_S = 3.0
MANY = 10_000
ANSWER = """
def add(a, b):
    return a + b
class Counter:
    def __init__(self):
        self.n = 0
    def step(self, by):
        self.n += by
        return self.n
def apply(f, x):
    return f(x)
def reverse(items):
    items.reverse()
"""
# name -> (what is done first, what is timed)
LINES = {
    "name lookup": ("", "add"),
    "function call with two ints": ("f = add", "f(2, 3)"),
    "name lookup and call": ("", "add(2, 3)"),
    "method call": ("made = Counter()", "made.step(1)"),
    "attribute": ("made = Counter()", "made.n"),
    "callback": ("f, g = apply, lambda x: x + 1", "f(g, 1)"),
    "list of 100 in place": ("f, items = reverse, list(range(100))", "f(items)"),
}
TIMED = """
import json, time
{first}
best = None
for _ in range(5):
    began = time.perf_counter()
    for _ in range({number}):
        {line}
    took = (time.perf_counter() - began) / {number}
    best = took if best is None else min(best, took)
print(json.dumps(best * 1e6))
"""
WHOLE = """
import json, time
began = time.perf_counter()
assert all(add(n, 1) == n + 1 for n in range({number}))
print(json.dumps((time.perf_counter() - began) * 1e6))
"""
LIMITS = Limits(wall_s=60.0, total_s=300.0, cpu_s=200.0)


def checks() -> dict[str, str]:
    found = {name: TIMED.format(first=first, line=line, number=400) for name, (first, line) in LINES.items()}
    return {**found, f"a check with {MANY:,} calls": WHOLE.format(number=MANY)}


def challenge_and_job() -> tuple[Challenge, Job]:
    answer = textwrap.dedent(ANSWER)
    cells = [Cell("answer", Role.SOLUTION, answer, answer)]
    for judge in ("process", "in-kernel"):
        cells += [
            Cell(f"{judge}: {name}", Role.CHECK, source, source, points=1.0, judge=judge)
            for name, source in checks().items()
        ]
    steps = tuple(
        Step("check" if c.role is Role.CHECK else "cell", c.id, c.source, c.points, judge=c.judge)
        for c in cells
    )
    reference = json.dumps([{"id": c.id, "role": c.role.value, "source": c.source} for c in cells])
    return Challenge("bench", "", "", tuple(cells), LIMITS), Job(steps, LIMITS, reference)


async def measure(runtime: str) -> dict[str, dict[str, float]]:
    """By line: microseconds in the judge, in one process, and their ratio."""
    challenge, job = challenge_and_job()
    settings = EngineSettings(
        image=os.environ.get("SANDBOX_IMAGE", "challengehub/sandbox:latest"),
        project="challengehub-bench",
        runtime=runtime,
    )
    async with Pool(settings, size=0, max_total=1) as pool:
        result = await run(challenge, job, pool)
    times = {}
    for check in result.checks:
        if check.status != "passed":
            raise SystemExit(f"{check.id}: {check.status}: {check.message or result.message}")
        times[check.id] = float(json.loads(check.stdout))
    return {
        name: {
            "judge_us": times[f"process: {name}"],
            "one_process_us": times[f"in-kernel: {name}"],
            "ratio": times[f"process: {name}"] / times[f"in-kernel: {name}"],
        }
        for name in checks()
    }


def installed() -> list[str]:
    told = subprocess.run(
        ["docker", "info", "--format", "{{json .Runtimes}}"], capture_output=True, text=True, check=True
    )
    return [name for name in ("runc", "runsc") if name in json.loads(told.stdout)]


def show(found: dict[str, dict[str, dict[str, float]]]) -> None:
    console = Console()
    for runtime, lines in found.items():
        table = Table(title=f"One proxy call, {runtime}")
        for head in ("", "judge, µs", "one process, µs", "ratio"):
            table.add_column(head, justify="left" if not head else "right")
        for name, line in lines.items():
            table.add_row(
                name, f"{line['judge_us']:,.1f}", f"{line['one_process_us']:,.2f}", f"{line['ratio']:,.0f}"
            )
        console.print(table)
        took = lines[f"a check with {MANY:,} calls"]["judge_us"] / 1e6
        word = "within" if took <= PROMISED_S else "NOT within"
        console.print(f"{MANY:,} calls took {took:.2f} s, {word} the promised {PROMISED_S:g} s ({runtime})\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON instead of tables")
    parser.add_argument("--runtime", action="append", help="runc or runsc; both where the engine has them")
    arguments = parser.parse_args()
    found: dict[str, Any] = {each: asyncio.run(measure(each)) for each in arguments.runtime or installed()}
    if arguments.json:
        print(json.dumps(found))
    else:
        show(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
