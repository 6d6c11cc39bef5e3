"""Figures into bench/results.json, a table and a picture in docs/performance.md, between its markers."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import time
from html import escape
from pathlib import Path
from typing import Any

from .rig import ROOT

RESULTS = ROOT / "bench" / "results.json"
PAGE = ROOT / "docs" / "performance.md"
PICTURE = ROOT / "docs" / "images" / "performance.svg"
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"


def write(found: dict[str, Any]) -> None:
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    page = PAGE.read_text()
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{text(found)}\n{END}{after}")
    if bars := _bars(found):
        PICTURE.write_text(_picture(bars))


def text(found: dict[str, Any]) -> str:
    """The figures as Markdown."""
    about = found["machine"]
    parts = [
        f"On {about['cores']} cores ({about['processor']}), Docker {about['engine']}, "
        f"runtime {about['runtime']}. What was measured in one run stands in one line:\n",
        _table(["measured", "load before", "commit", "what"], _runs(found["measured"])),
    ]
    rows = [*_ratios(found)]
    if rows:
        parts.append(_table(["what", "measured", "to compare", "ratio"], rows))
    if verdict := found.get("verdict"):
        stages = [
            [name, *(f"{each[p]:,.1f}" for p in ("p50", "p95", "p99"))]
            for name, each in verdict["stages_ms"].items()
        ]
        stages += [
            [
                f"of it, by the grader's own clock: `{name}`",
                *(f"{each[p]:,.1f}" for p in ("p50", "p95", "p99")),
            ]
            for name, each in verdict["grader_ms"].items()
        ]
        parts.append(_table(["ms after the click", "p50", "p95", "p99"], stages))
    if calls := found.get("calls"):
        rows = [
            [
                f"{name} ({runtime})",
                f"{line['judge_us']:,.1f}",
                f"{line['one_process_us']:,.2f}",
                f"{line['ratio']:,.0f} ×",
            ]
            for runtime, lines in calls.items()
            for name, line in lines.items()
        ]
        parts.append(_table(["a check's call of the answer, µs", "here", "in one process", "ratio"], rows))
    if growth := found.get("growth"):
        for what, title in (("waiting", "submissions waiting"), ("rows", "submissions on record")):
            sizes = list(growth[what])
            lines = [
                [name, *(f"{growth[what][size][name]['p50']:.2f}" for size in sizes)]
                for name in growth[what][sizes[-1]]
                if all(name in growth[what][size] for size in sizes)
            ]
            parts.append(_table([f"ms (p50) with {title}:", *(f"{int(s):,}" for s in sizes)], lines))
        sizes = list(growth["challenges"])
        line = ["list challenges", *(f"{growth['challenges'][size]['p50']:.2f}" for size in sizes)]
        parts.append(_table(["ms (p50) with challenges:", *sizes], [line]))
        scans = growth["scans"]
        parts.append(
            "No statement reads a large table from end to end, or sorts many of its rows.\n"
            if not scans
            else "Statements that read or sort many rows of a large table:\n\n"
            + "".join(f"- `{scan}`\n" for scan in scans)
        )
    if _bars(found):
        parts.append("![Time to a verdict, logarithmic](images/performance.svg)\n")
    return "\n".join(parts)


def _runs(measured: dict[str, dict[str, str]]) -> list[list[str]]:
    """A line for each run, the newest first, with the names of what it measured."""
    runs: dict[tuple[str, ...], list[str]] = {}
    for name, run in measured.items():
        runs.setdefault((run["when"], run["load"], run["commit"]), []).append(name)
    return [[*run, ", ".join(names)] for run, names in sorted(runs.items(), reverse=True)]


def _ratios(found: dict[str, Any]) -> list[list[str]]:
    rows = []
    verdict, other = found.get("verdict"), found.get("autograde")
    spawn, through = found.get("browser"), found.get("throughput")
    if verdict:
        each = verdict["stages_ms"]["verdict"]
        rows.append(["Submit → verdict, p50", f"{each['p50']:.1f} ms", "to reach: 25 ms", ""])
        rows.append(["Submit → verdict, p95", f"{each['p95']:.1f} ms", "to reach: 80 ms", ""])
        if other:
            ours = each["p50"] / 1000
            name = f"nbgrader {other['version']} autograde"
            for words, key in (("one", "single_s"), (f"each of {other['batch']}", "batch_each_s")):
                ratio = f"{other[key] / ours:,.0f} ×"
                rows.append(
                    [
                        "the same notebook",
                        f"{1000 * ours:.1f} ms",
                        f"{name}, {words}: {other[key]:.2f} s",
                        ratio,
                    ]
                )
    if through:
        rows.append(
            [
                f"submissions a second for {through['seconds']} s ({through['per_s_and_core']:.2f} a core)",
                f"{through['per_s']:.2f}",
                f"the engine alone: {through['engine_per_s']:.2f}",
                f"{100 * through['share_of_engine']:.0f} %",
            ]
        )
    if flood := found.get("overload"):
        rows.append(
            [
                f"{flood['submissions']} submissions at once from {flood['learners']} learners, "
                "one of whom sends half: all accepted within",
                f"{flood['accepted_ms']['p99'] / 1000:.1f} s",
                "",
                "",
            ]
        )
        rows.append(
            [
                "… the others' verdicts, p95; the flood's own",
                f"{flood['modest_s']['p95']:.0f} s",
                f"{flood['flood_s']['p95']:.0f} s",
                "",
            ]
        )
        rows.append(
            [
                "… the grader's memory and open files before, during, after",
                ", ".join(f"{flood[w]['memory_mb']:.0f} MB" for w in ("before", "during", "after")),
                ", ".join(f"{flood[w]['files']}" for w in ("before", "during", "after")),
                "",
            ]
        )
    if spawn:
        rows.append(["sign in → workspace usable, p50", f"{spawn['spawn_s']['p50']:.1f} s", "", ""])
        painted = f"{spawn['click_to_painted_ms']['p50']:.0f} ms"
        rows.append(["click → painted verdict, p50", painted, "to reach: 200 ms", ""])
    return rows


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def _bars(found: dict[str, Any]) -> list[tuple[str, float]]:
    """(what, milliseconds)"""
    bars = []
    if "verdict" in found:
        bars += [(f"ChallengeHub, {p}", found["verdict"]["stages_ms"]["verdict"][p]) for p in ("p50", "p95")]
    if "browser" in found:
        bars.append(("… painted in the browser, p50", found["browser"]["click_to_painted_ms"]["p50"]))
    if other := found.get("autograde"):
        bars.append((f"nbgrader, each of {other['batch']}", 1000 * other["batch_each_s"]))
        bars.append(("nbgrader, one", 1000 * other["single_s"]))
    return bars


def _picture(bars: list[tuple[str, float]]) -> str:
    """Bars on a logarithmic scale from 1 ms; legible on light and dark pages."""
    width, left, row = 720, 230, 34
    most = max(value for _, value in bars)
    decades = 1
    while 10**decades < most:
        decades += 1
    unit = (width - left - 90) / decades
    height = row * len(bars) + 40

    def x(value: float) -> float:
        return left + unit * max(0.0, math.log10(max(value, 1.0)))

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        'font-size="14" role="img" aria-label="Time to a verdict">',
        f'<rect width="{width}" height="{height}" rx="8" fill="#fff"/>',
    ]
    for decade in range(decades + 1):
        at = x(10**decade)
        label = f"{10**decade} ms" if decade < 3 else f"{10 ** (decade - 3)} s"
        lines.append(f'<path d="M{at:.1f} 10V{height - 26}" stroke="#ccc"/>')
        lines.append(f'<text x="{at:.1f}" y="{height - 8}" text-anchor="middle" fill="#444">{label}</text>')
    for place, (name, value) in enumerate(bars):
        top = 12 + row * place
        colour = "#a0a0a0" if name.startswith("nbgrader") else "#1f6f5c"
        shown = f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.1f} s"
        lines.append(
            f'<text x="{left - 10}" y="{top + 17}" text-anchor="end" fill="#222">{escape(name)}</text>'
            f'<rect x="{left}" y="{top}" width="{max(2, x(value) - left):.1f}" height="{row - 10}" '
            f'fill="{colour}"/>'
            f'<text x="{x(value) + 8:.1f}" y="{top + 17}" fill="#222">{shown}</text>'
        )
    return "\n".join([*lines, "</svg>"]) + "\n"


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT).stdout.strip()


def run() -> dict[str, str]:
    """When, on how busy a machine and of which commit: of everything that is measured in one go."""
    return {
        "when": time.strftime("%Y-%m-%d %H:%M"),
        "load": f"{os.getloadavg()[0]:.1f}",
        "commit": _said("git", "rev-parse", "--short", "HEAD"),
    }


def machine(runtime: str) -> dict[str, Any]:
    """What the figures were measured on; nothing that names it."""
    model = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return {
        "cores": os.cpu_count(),
        "processor": model[1] if model else "unknown",
        "engine": _said("docker", "version", "--format", "{{.Server.Version}}"),
        "runtime": runtime,
    }
