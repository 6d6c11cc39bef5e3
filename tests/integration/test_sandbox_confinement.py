"""What is promised of a sandbox's walls, tried from inside, as the learner, under each runtime.

The probes (sandbox_probes.py) run as cells of a submission: with the rights that a learner's code has.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from typing import Any

import pytest

from grader.confinement import TMPFS, ULIMITS
from grader.models import Job, Limits, Step
from grader.pool import Pool

from . import sandbox_probes
from .sandboxes import engine_settings, run_job, runtimes

PROBES = [each for each in vars(sandbox_probes).values() if inspect.isfunction(each)]


@pytest.fixture(scope="module", params=runtimes())
def told(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What each probe found in a sandbox of its own, under one runtime; "runtime" says which."""

    sources = {each.__name__: inspect.getsource(each) for each in PROBES}
    tell = "import json\nfrom typing import Any\n{}\nprint('told:' + json.dumps({}()))"
    steps = [Step("cell", name, tell.format(source, name)) for name, source in sources.items()]
    job = Job(tuple(steps), Limits(wall_s=60, total_s=200, cpu_s=200, output_kb=1024))

    async def ask() -> dict[str, Any]:
        async with Pool(engine_settings(request.param), size=0, max_total=1) as pool:
            _, events = await run_job(pool, job)
        answers: dict[str, Any] = {}
        for cell in (event for event in events if event["event"] == "cell"):
            lines = [line for line in cell["stdout"].splitlines() if line.startswith("told:")]
            answers[cell["id"]] = json.loads(lines[0][5:]) if lines else cell
        return answers

    return {"runtime": request.param, **asyncio.run(ask())}


def test_the_learner_is_nobody_and_cannot_become_anybody(told: dict[str, Any]) -> None:
    who = told["who"]
    assert who["uids"] == [2000] * 3
    assert who["gids"] == [2000] * 3
    assert set(who["groups"]) <= {2000}
    attempts = who["attempts"]
    if told["runtime"] == "runsc":  # its own kernel ignores the one, and lets nobody open the other
        del attempts["nice"], attempts["mknod"]
    assert set(attempts.values()) <= {"Operation not permitted", "Permission denied"}
    assert len(attempts) >= 6
    for kind in ("CapInh", "CapPrm", "CapEff"):
        assert int(who["status"][kind], 16) == 0
    if told["runtime"] == "runc":  # gVisor does not show these two
        assert who["status"]["NoNewPrivs"] == "1"
        assert who["status"]["Seccomp"] == "2"


def test_the_judge_cannot_be_signalled_read_or_written_to(told: dict[str, Any]) -> None:
    judge = told["judge"]
    assert (judge["signals"], judge["reached"]) == ([], [])
    # gVisor does not guard these links themselves, only what they lead to.
    assert set(judge["opened"]) <= ({"/dev/null"} if told["runtime"] == "runsc" else set())


def test_no_environment_holds_a_secret(told: dict[str, Any]) -> None:
    assert told["environment"]
    for environment in told["environment"]:
        for name in environment:
            assert not any(
                word in name.upper() for word in ("TOKEN", "PASSWORD", "SECRET", "KEY", "MYSQL", "HUB")
            )


def test_nothing_can_be_written_but_the_three_small_places(told: dict[str, Any]) -> None:
    files = told["files"]
    places = {p for p in files["writable"] if not p.startswith("/dev/") or p in ("/dev/shm", "/dev/mqueue")}
    assert places - {"/dev/mqueue"} <= set(TMPFS)
    assert files["created"] == []


def test_no_file_lends_rights_and_no_socket_or_disk_is_in_reach(told: dict[str, Any]) -> None:
    files = told["files"]
    assert (files["setuid"], files["sockets"], files["devices"]) == ([], [], [])


def test_nothing_of_the_host_is_mounted(told: dict[str, Any]) -> None:
    of_docker = {"/etc/resolv.conf", "/etc/hostname", "/etc/hosts"}
    harmless = {"overlay", "proc", "tmpfs", "devpts", "sysfs", "cgroup", "cgroup2", "mqueue"}
    for _, point, kind, options, *_ in told["mounts"]:
        assert kind in harmless or point in of_docker or (kind == "9p" and point == "/"), point
        assert "docker.sock" not in point
        if point in of_docker or point == "/":
            assert "ro" in options.split(",")


def test_there_is_no_network_but_the_loopback(told: dict[str, Any]) -> None:
    assert set(told["network"]["interfaces"]) <= {"lo"}
    assert told["network"]["reached"] == []


def test_only_local_and_plain_sockets_open(told: dict[str, Any]) -> None:
    opened = {(family, kind) for family, kind, _ in told["sockets"]}
    allowed = {(1, 1), (1, 2), (1, 3), (1, 5), (2, 1), (2, 2), (10, 1), (10, 2)}
    if told["runtime"] == "runsc":
        # gVisor's own kernel answers these: of netlink it has what its own empty network shows.
        allowed |= {(16, 2), (16, 3)}
    assert opened <= allowed
    assert {(1, 1), (2, 1), (2, 2)} <= opened  # asyncio and lessons on sockets need these


def test_dangerous_system_calls_are_refused(told: dict[str, Any]) -> None:
    calls = told["calls"]
    if calls["machine"] != "x86_64":
        pytest.skip("the numbers of the calls are those of x86_64")
    if told["runtime"] == "runc":
        refused = {n: e for n, (result, e) in calls["answers"].items() if result == -1 and e in (1, 38)}
        assert set(calls["answers"]) == set(refused)
        return
    # gVisor answers calls itself, within its own kernel; what could reach beyond that is not there.
    beyond = "io_uring_setup keyctl add_key userfaultfd bpf perf_event_open mount syslog reboot init_module"
    for name in [*beyond.split(), "kexec_load", "open_by_handle_at", "settimeofday", "iopl", "setns"]:
        assert calls["answers"][name][0] == -1, name


def test_system_calls_of_another_architecture_are_refused(told: dict[str, Any]) -> None:
    if told["calls"]["machine"] != "x86_64":
        pytest.skip("only x86_64 has two kinds of system calls")
    assert told["old_calls"] != 42


def test_limits_of_a_process(told: dict[str, Any]) -> None:
    for name, (soft, hard) in told["limits"].items():
        assert hard == ULIMITS[name]
        assert soft <= hard


def test_space_and_files_run_out_early(told: dict[str, Any]) -> None:
    if told["runtime"] == "runsc" and "status" in told["space"]:
        pytest.fail(f"the probe did not end: {told['space']}")
    for place, options in TMPFS.items():
        size = int(options.split("size=")[1].split("m")[0])
        inodes = int(options.split("nr_inodes=")[1].split(",")[0])
        assert told["space"][place]["megabytes"] <= size * 1.05
        if told["runtime"] == "runc":  # gVisor counts files as memory and has no other limit for them
            assert told["space"][place]["files"] <= inodes


def test_what_a_learner_writes_cannot_be_executed(told: dict[str, Any]) -> None:
    assert told["executable"] == []
