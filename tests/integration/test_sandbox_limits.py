"""What a submission may use has an end, under each runtime, and what it leaves behind is nothing."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from grader.confinement import Spec
from grader.models import Job, Limits, Step
from grader.pool import Pool
from grader.sandbox import Ending

from .sandboxes import containers, engine_settings, run_job, runtimes


async def submit(runtime: str, source: str, **limits: Any) -> tuple[Ending, list[dict[str, Any]]]:
    """How a submission of one cell ended, and its events."""
    job = Job((Step("cell", "cell", textwrap.dedent(source)),), Limits(**{"wall_s": 20.0, **limits}))
    async with Pool(engine_settings(runtime), size=0, max_total=1) as pool:
        return await run_job(pool, job)


@pytest.mark.parametrize("runtime", runtimes())
@pytest.mark.parametrize(
    "source",
    ["x = bytearray(3_000_000_000)", "x = []\nwhile True: x.append(bytearray(1_000_000))"],
    ids=["at once", "bit by bit"],
)
async def test_memory_has_an_end(runtime: str, source: str) -> None:
    ending, events = await submit(runtime, source, memory_mb=256)
    told = {str(event.get("reason") or event.get("status")) for event in events}
    assert ending.oom_killed or "memory_exceeded" in told or "MemoryError" in repr(events)


@pytest.mark.parametrize("runtime", runtimes())
async def test_memory_of_children_counts(runtime: str) -> None:
    source = """
        import os, signal
        while True:
            if os.fork() == 0:
                x = bytearray(50_000_000)
                os.kill(os.getpid(), signal.SIGSTOP)
    """
    ending, events = await submit(runtime, source, memory_mb=256, wall_s=3.0, total_s=6.0)
    assert ending.oom_killed or "passed" not in {event.get("status") for event in events}


@pytest.mark.parametrize("runtime", runtimes())
async def test_a_fork_bomb_stays_in_its_sandbox(runtime: str) -> None:
    bomb = """
        import os, threading, time
        def bomb():
            while True:
                try:
                    if os.fork() == 0:
                        threading.Thread(target=bomb).start()
                except (OSError, RuntimeError):
                    time.sleep(0.001)
        bomb()
    """
    ending, events = await submit(runtime, bomb, wall_s=2.0, total_s=4.0, memory_mb=256)
    assert ending.kind in ("done", "wall") or ending.oom_killed
    assert "passed" not in {event.get("status") for event in events}
    assert containers() == []


async def test_processes_and_threads_are_counted() -> None:
    """Under gVisor they are not: there, memory is what limits them."""
    source = """
        import threading, time
        number = 0
        try:
            while number < 500:
                threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
                number += 1
        except RuntimeError:
            print("after", number)
        assert number < 40
    """
    job = Job((Step("cell", "cell", textwrap.dedent(source)),), Limits(processes=32))
    async with Pool(engine_settings("runc"), size=0, max_total=1) as pool:
        _, events = await run_job(pool, job, Spec.of(job.limits))
    (cell,) = [event for event in events if event["event"] == "cell"]
    assert cell["status"] == "passed"
    assert cell["stdout"].startswith("after")


@pytest.mark.parametrize("runtime", runtimes())
@pytest.mark.parametrize(
    "source",
    [
        "while True: pass",
        "import signal, time\nfor n in (2, 10, 14, 15): signal.signal(n, signal.SIG_IGN)\ntime.sleep(60)",
        "9 ** 9 ** 9",
    ],
    ids=["loop", "deaf", "in C"],
)
async def test_time_has_an_end(runtime: str, source: str) -> None:
    ending, events = await submit(runtime, source, wall_s=1.0, total_s=2.0)
    assert ending.kind in ("done", "wall")
    assert "passed" not in {event.get("status") for event in events}
