"""``make bench``: everything that is measured, in one run on one machine, side by side.

    python -m bench [--only NAME,NAME] [--quick | --long] [--runtime auto|runc|runsc] [--installation FILE]

Names: verdict, autograde (nbgrader), throughput, overload, browser, growth, calls. Starts an installation
of its own and takes it away again; ``--installation .env.test`` measures one that runs already. Writes
bench/results.json and the figures in docs/performance.md; figures of names that were not asked for stay.
Times on a machine that does other things too mean little: compare within one run.
"""

from __future__ import annotations

import argparse
import asyncio
import inspect
import json
import os
import sys
import time
import traceback
from typing import Any

from . import autograde, browser, growth, overload, report, roundtrip, throughput, verdict
from .rig import Rig, installation, say


async def calls(rig: Rig) -> dict[str, Any]:
    """What a proxy call of a check costs (roundtrip.py), under the installation's runtime."""
    os.environ["SANDBOX_IMAGE"] = f"challengehub/sandbox:{rig.image_tag}"
    runtimes = roundtrip.installed()
    return {each: await roundtrip.measure(each) for each in (runtimes[:1] if rig.quick else runtimes)}


# the quiet ones first: what follows a heavy load is measured on a machine that is still at work
SUBJECTS = {
    "verdict": verdict.measure,
    "browser": browser.measure,
    "calls": calls,
    "autograde": autograde.measure,
    "growth": growth.measure,
    "throughput": throughput.measure,
    "overload": overload.measure,
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default=",".join(SUBJECTS), help="names with commas between them")
    parser.add_argument("--quick", action="store_true", help="few of everything: does it work?")
    parser.add_argument("--long", action="store_true", help="two minutes of load, a million rows")
    parser.add_argument("--runtime", default="auto", choices=["auto", "runc", "runsc"])
    parser.add_argument("--installation", metavar="FILE", help="settings of one that runs already")
    parser.add_argument("--dry", action="store_true", help="print the figures, write no file")
    arguments = parser.parse_args()
    names = ["autograde" if name == "nbgrader" else name for name in arguments.only.split(",")]
    if unknown := set(names) - set(SUBJECTS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(SUBJECTS)}")
    run = report.run()
    found: dict[str, Any] = json.loads(report.RESULTS.read_text()) if report.RESULTS.exists() else {}
    failed = []
    with installation(arguments.installation, arguments.runtime, arguments.quick, arguments.long) as rig:
        runtime = rig.stack.settings["SANDBOX_RUNTIME"]
        found["machine"] = report.machine(roundtrip.installed()[-1] if runtime == "auto" else runtime)
        for name in (name for name in SUBJECTS if name in names):
            began = time.monotonic()
            say(f"{name} …")
            subject = SUBJECTS[name]
            try:
                got = asyncio.run(subject(rig)) if inspect.iscoroutinefunction(subject) else subject(rig)
            except Exception:
                # the others are worth having all the same
                traceback.print_exc()
                failed.append(name)
                continue
            found[name] = got
            found.setdefault("measured", {})[name] = run
            if not arguments.dry:  # after each: what follows may be stopped
                report.write(found)
            say(f"{name}: {time.monotonic() - began:.0f} s")
    print(report.text(found))
    if not arguments.dry:
        say(f"written: {report.RESULTS.relative_to(report.ROOT)}, {report.PAGE.relative_to(report.ROOT)}")
    if failed:
        say(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
