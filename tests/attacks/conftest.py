"""The corpus takes minutes, and much of that is waiting. So it runs beside the other tests, from the first of
them on, and its own tests, the last before those in browsers, ask how it ended."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tests.conftest import ROOT

from . import naive
from .runner import RUNTIMES

JOBS = 2  # sandboxes at once: others are at work too


@functools.cache
def gvisor() -> bool:
    """Has the engine both runtimes?"""
    told = subprocess.run(
        ["docker", "info", "--format", "{{json .Runtimes}}"], capture_output=True, text=True, check=False
    )
    return "runsc" in (json.loads(told.stdout or "{}") or {})


class Beside:
    """Runs of ``python -m tests.attacks``, one after the other. ``names``: "naive" or a runtime."""

    def __init__(self, names: list[str]) -> None:
        self._thread = ThreadPoolExecutor(1, "attacks")
        self._process: subprocess.Popen[str] | None = None
        both = gvisor()
        self._share = ["--share"] if both else []
        self._runs: dict[str, Future[tuple[str, str]]] = {
            name: self._thread.submit(self._run, name) for name in names if both or name != "runsc"
        }

    def _run(self, name: str) -> tuple[str, str]:
        what = ["--runtime", name, *self._share] if name in RUNTIMES else ["--naive"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.attacks", *what, "--jobs", str(JOBS), "--json"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        return self._process.communicate()

    def result(self, name: str) -> Any:
        """What that run told, as soon as it is over."""
        told, complaints = self._runs[name].result()
        assert told, complaints
        return json.loads(told)

    def stop(self) -> None:
        """Nothing goes on after the tests, whatever ended them."""
        for run in self._runs.values():
            run.cancel()
        if self._process and self._process.poll() is None:
            self._process.terminate()
            self._process.wait()
            naive.remove_containers(self._process.pid)
        self._thread.shutdown()


BESIDE = pytest.StashKey[Beside]()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Starts those that the chosen tests will ask for."""
    chosen = [item for item in session.items if "beside" in getattr(item, "fixturenames", ())]
    names = [item.callspec.params["runtime"] if hasattr(item, "callspec") else "naive" for item in chosen]
    if names and not session.config.option.collectonly:
        session.config.stash[BESIDE] = beside = Beside(names)
        session.config.add_cleanup(beside.stop)


@pytest.fixture
def beside(pytestconfig: pytest.Config) -> Beside:
    return pytestconfig.stash[BESIDE]
