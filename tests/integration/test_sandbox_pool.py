"""The pool against the real engine: bounded, refilled, tidy, and clear about what is wrong."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from grader.confinement import Spec
from grader.errors import EngineUnavailable, ImageUnknown, SandboxFailed
from grader.models import Job, Limits, Step
from grader.pool import HEAD_START, Pool
from grader.sandbox import Engine

from .sandboxes import PROJECT, containers, engine_settings, run_job, runtimes

JOB = Job((Step("cell", "cell", "print(6 * 7)"), Step("check", "check", "assert True", points=1.0)), Limits())
SLEEP = Job((Step("cell", "cell", "import time; time.sleep(30)"),), Limits(wall_s=40.0, total_s=50.0))
PATIENCE_S = 60.0


async def until(true: Callable[[], bool]) -> None:
    """Wait for something that must come; how long it takes is not what is tested."""
    async with asyncio.timeout(PATIENCE_S):
        while not true():
            await asyncio.sleep(0.05)


@pytest.fixture(autouse=True)
async def _nothing_left() -> AsyncIterator[None]:
    yield
    assert containers() == []


async def test_a_challenge_with_an_image_of_its_own_runs_in_that_image() -> None:
    real = engine_settings().image
    usual = "challengehub/never-made:latest"
    async with Pool(engine_settings(image=usual, images={"other": real}), size=0) as pool:
        ending, events = await run_job(pool, JOB, Spec(image="other"))
        assert ending.kind == "done"
        assert events[-1]["checks_passed"] == 1
        with pytest.raises(ImageUnknown, match="“nowhere”"):
            await pool.take(Spec(image="nowhere"))


@pytest.mark.parametrize("runtime", runtimes())
async def test_one_job_from_a_ready_sandbox(runtime: str) -> None:
    async with Pool(engine_settings(runtime), size=1, max_total=2) as pool:
        await until(lambda: pool.ready == 1)
        (before,) = [each["ID"] for each in containers()]
        sandbox = await pool.take()
        assert sandbox.id == before
        assert sandbox.spec.runtime == runtime
        events: list[dict[str, Any]] = []
        ending = await sandbox.run(JOB, events.append)
        await sandbox.close()
        await sandbox.close()
        assert ending.kind == "done"
        assert not ending.ours
        cell = next(event for event in events if event["event"] == "cell")
        assert cell["stdout"] == "42\n"
        assert events[-1]["checks_passed"] == 1
        with pytest.raises(RuntimeError):
            await sandbox.run(JOB, events.append)
        await until(lambda: before not in {each["ID"] for each in containers()})


async def test_it_refills_after_a_job_and_never_hands_one_out_twice() -> None:
    seen = set()
    async with Pool(engine_settings(), size=2, max_total=4) as pool:
        for _ in range(5):
            await until(lambda: pool.ready == 2)
            sandbox = await pool.take()
            assert sandbox.id not in seen
            seen.add(sandbox.id)
            await sandbox.close()


async def test_no_more_than_max_total_exist_however_many_are_asked_for() -> None:
    most = 0
    async with Pool(engine_settings(), size=2, max_total=3) as pool:

        async def one() -> str:
            nonlocal most
            sandbox = await pool.take()
            try:
                most = max(most, pool.total, len(containers()))
                return (await sandbox.run(JOB, lambda event: None)).kind
            finally:
                await sandbox.close()

        assert await asyncio.gather(*(one() for _ in range(9))) == ["done"] * 9
        await until(lambda: pool.ready == 2)
        assert pool.running == 0
        assert len(containers("status=running")) == 2
    assert most <= 3


async def test_another_kind_is_made_to_order_kept_ready_and_makes_room() -> None:
    big = Spec(memory_mb=300, runtime="runc")
    async with Pool(engine_settings(), size=2, max_total=3) as pool:
        await until(lambda: pool.ready == 2)
        sandbox = await pool.take(big)
        assert sandbox.spec == big
        inspected = subprocess.run(
            ["docker", "inspect", "--format", "{{.HostConfig.Memory}}", sandbox.id],
            capture_output=True,
            text=True,
            check=True,
        )
        assert int(inspected.stdout) == 300 * 1024 * 1024
        await sandbox.close()
        await until(lambda: len(pool._ready.get(big, ())) == 1)
        ready = pool._ready[big][0].id
        again = await pool.take(big)
        assert again.id == ready
        # All three places are taken by now, two of them by ready ones of the wrong kind.
        other = await pool.take(Spec(memory_mb=200, runtime="runc"))
        assert pool.total <= 3
        await again.close()
        await other.close()


async def test_the_stock_is_of_the_kind_that_is_asked_for_and_was_expected_before() -> None:
    small, tiny = Spec(memory_mb=256, runtime="runc"), Spec(memory_mb=128, runtime="runc")
    async with Pool(engine_settings(), size=2, max_total=6) as pool:
        pool.expect(Spec(memory_mb=256))
        await until(lambda: len(pool._ready.get(small, ())) == 2)
        for _ in range(HEAD_START + 1):
            await (await pool.take(tiny)).close()
        await until(lambda: len(pool._ready.get(tiny, ())) == 2)


@pytest.mark.parametrize("runtime", runtimes())
async def test_a_ready_one_that_died_is_replaced(runtime: str) -> None:
    async with Pool(engine_settings(runtime), size=1, max_total=2) as pool:
        await until(lambda: pool.ready == 1)
        (dead,) = [each["ID"] for each in containers()]
        subprocess.run(["docker", "kill", dead], check=True, capture_output=True)
        await until(lambda: dead not in {each["ID"] for each in containers()} and pool.ready == 1)
        ending, _ = await run_job(pool, JOB)
        assert ending.kind == "done"


@pytest.mark.parametrize("runtime", runtimes())
async def test_one_that_is_killed_while_it_runs_is_our_fault_not_a_verdict(runtime: str) -> None:
    async with Pool(engine_settings(runtime), size=0, max_total=1) as pool:
        sandbox = await pool.take()
        events: list[dict[str, Any]] = []
        run = asyncio.create_task(sandbox.run(SLEEP, events.append))
        await until(lambda: any(event["event"] == "start" for event in events))
        subprocess.run(["docker", "kill", sandbox.id], check=True, capture_output=True)
        ending = await run
        await sandbox.close()
        assert ending.ours
        assert (ending.kind, ending.oom_killed, ending.exit_code) == ("eof", False, 137)


async def test_the_wall_outside_holds_when_the_judge_does_not_answer() -> None:
    job = Job((Step("cell", "cell", "import time; time.sleep(60)"),), Limits(wall_s=0.5, total_s=0.5))
    async with Pool(engine_settings(), size=0, max_total=1) as pool:
        sandbox = await pool.take()
        subprocess.run(["docker", "pause", sandbox.id], check=True)
        ending = await sandbox.run(job, lambda event: None)
        assert ending.kind == "wall"
        await sandbox.close()


async def test_an_error_of_the_listener_ends_the_run() -> None:
    def listen(event: dict[str, Any]) -> None:
        raise LookupError(event["event"])

    async with Pool(engine_settings(), size=0, max_total=1) as pool:
        sandbox = await pool.take()
        with pytest.raises(LookupError, match="start"):
            await sandbox.run(JOB, listen)
        await sandbox.close()


async def test_a_cancelled_take_leaves_its_sandbox_to_nobody() -> None:
    async with Pool(engine_settings(), size=0, max_total=2) as pool:
        waiting = asyncio.create_task(pool.take())
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.wait([waiting])
        ending, _ = await run_job(pool, JOB)
        assert ending.kind == "done"


async def test_closing_removes_running_ones_too() -> None:
    pool = Pool(engine_settings(), size=2, max_total=4)
    await pool.start()
    sandbox = await pool.take()
    run = asyncio.create_task(sandbox.run(SLEEP, lambda event: None))
    await asyncio.sleep(0.1)
    await pool.close()
    assert (await run).kind == "eof"
    assert containers() == []
    with pytest.raises(EngineUnavailable, match="stopping"):
        await pool.take()


FORMER_LIFE = """
    import asyncio
    from grader.models import *
    from grader.pool import HEAD_START, Pool
    from tests.integration import sandboxes
    sandboxes.PROJECT = {project!r}
    async def main():
        pool = Pool(sandboxes.engine_settings({runtime!r}, owner="former"), size=2, max_total=3)
        await pool.start()
        sandbox = await pool.take()
        job = Job((Step("cell", "cell", "while True: pass"),), Limits(wall_s=99.0, total_s=99.0, cpu_s=99.0))
        await sandbox.run(job, lambda event: print(event, flush=True))
    asyncio.run(main())
"""


@pytest.mark.parametrize("runtime", runtimes())
async def test_what_a_killed_grader_left_is_swept_by_its_next_life_and_only_by_it(runtime: str) -> None:
    source = textwrap.dedent(FORMER_LIFE.format(project=PROJECT, runtime=runtime))
    root = Path(__file__).parents[2]
    former = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, cwd=root)
    assert former.stdout is not None
    await asyncio.to_thread(former.stdout.readline)
    former.send_signal(signal.SIGKILL)
    former.wait()
    former.stdout.close()
    assert len(containers()) >= 1
    stranger = Engine(engine_settings(runtime, owner="stranger"))
    assert await stranger.sweep(()) == 0
    await stranger.close()
    # A judge that waits for a job ends by itself when its grader is gone; one that is busy is swept.
    async with Pool(engine_settings(runtime, owner="former"), size=0, max_total=1):
        assert containers() == []


async def test_what_nobody_owns_any_more_is_swept_by_anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(engine_settings(owner="gone"))
    name = f"{PROJECT}-forgotten"
    config = engine.config(Spec(runtime="runc"))
    client = engine._client()
    await client.containers.create(config, name=name)
    stranger = Engine(engine_settings(owner="stranger"))
    assert await stranger.sweep(()) == 0
    monkeypatch.setattr("grader.sandbox.ORPHAN_S", -5.0)
    assert await stranger.sweep(()) == 1
    await engine.close()
    await stranger.close()


async def test_no_engine_is_said_at_once_and_started_anyway() -> None:
    settings = engine_settings(url="unix:///nowhere/docker.sock")
    async with Pool(settings, size=1, max_total=1) as pool:
        with pytest.raises(EngineUnavailable, match="does not answer"):
            await pool.take()
        await until(lambda: bool(pool.fault))
        assert pool.ready == 0


async def test_a_missing_image_says_what_to_do() -> None:
    async with Pool(engine_settings(image="challengehub/never-built:1"), size=1, max_total=1) as pool:
        with pytest.raises(EngineUnavailable, match="make up"):
            await pool.take()


async def test_an_unknown_runtime_says_what_to_do() -> None:
    async with Pool(engine_settings("kata"), size=0, max_total=1) as pool:
        with pytest.raises(EngineUnavailable, match="SANDBOX_RUNTIME"):
            await pool.take()


async def test_an_image_without_a_judge_is_a_failed_sandbox() -> None:
    """And it is tried again with pauses, not without end."""
    seccomp = Path(__file__).parents[2] / "images" / "sandbox" / "seccomp.json"
    settings = engine_settings(seccomp=seccomp)
    pool = Pool(settings, size=0, max_total=1)
    broken = Engine.config

    def config(self: Engine, spec: Spec) -> dict[str, Any]:
        return {**broken(self, spec), "Cmd": ["/bin/false"]}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "config", config)
        await pool.start()
        with pytest.raises(SandboxFailed) as raised:
            await pool.take()
        assert "exit" in raised.value.log_message or "eof" in raised.value.log_message
        assert pool.fault
        assert pool._not_before > time.monotonic()
    await pool.close()


async def test_a_look_for_leftovers_that_stumbles_is_not_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.pool.ROUND_S", 0.05)
    looks: list[int] = []

    async def stumble(pool: Pool) -> int:
        looks.append(len(looks))
        raise RuntimeError("stumbled")

    async with Pool(engine_settings(), size=0, max_total=1):
        with monkeypatch.context() as patch:
            patch.setattr(Pool, "sweep", stumble)
            await until(lambda: len(looks) > 2)


async def test_a_missing_seccomp_profile_is_never_done_without() -> None:
    settings = engine_settings(seccomp=Path("/nowhere/seccomp.json"))
    async with Pool(settings, size=0, max_total=1) as pool:
        with pytest.raises(EngineUnavailable, match="seccomp"):
            await pool.take()


async def test_a_large_job_and_a_large_answer_pass_whole() -> None:
    text = "x" * 900_000
    job = Job((Step("cell", "cell", f"print({text!r})"),), Limits(output_kb=1024))
    async with Pool(engine_settings(), size=0, max_total=1) as pool:
        _, events = await run_job(pool, job)
    (cell,) = [event for event in events if event["event"] == "cell"]
    assert cell["stdout"] == text + "\n"
