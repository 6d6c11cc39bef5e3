"""A real Jupyter server with the extension in it, as a process of its own, and before it a grader that can be
told to misbehave. The real grader meets the extension in the end-to-end tests."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

REPOSITORY = Path(__file__).parents[2]
HUB_TOKEN = "token-of-this-notebook-server"
PREFIX = "/services/grader/api/v1"
MODULES = ["json", "math", "numpy", "sys", "typing", "contextlib", "importlib"]


def notebook(
    slug: str = "first-steps", version: int = 1, answer: str = "raise NotImplementedError()"
) -> dict[str, Any]:
    """A release as the grader makes it: one cell to answer, one check."""

    def cell(grade_id: str, source: str, *, solution: bool) -> dict[str, Any]:
        marks = {"grade_id": grade_id, "solution": solution, "grade": not solution, "locked": not solution}
        return {
            "cell_type": "code",
            "id": grade_id,
            "metadata": {"nbgrader": {**marks, "schema_version": 3, "task": False}},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }

    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"challenge": {"slug": slug, "title": "First steps", "version": version}},
        "cells": [cell("answer", answer, solution=True), cell("check", "assert f(1) == 2", solution=False)],
    }


@dataclass
class Grader:
    """What the stand-in is asked, and what it is to answer."""

    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    # asked for now and then in the background, so not among the requests
    sandbox: dict[str, Any] = field(default_factory=dict)
    sandbox_asked: int = 0
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    version: int = 1
    # a stream sends its first event, waits for this, then sends the rest
    go_on: threading.Event = field(default_factory=threading.Event)
    cut_streams: bool = False
    stream_left: threading.Event = field(default_factory=threading.Event)

    def say(self, route: str, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        """Answer ``route`` ("GET challenges") with ``body``: bytes as they are, anything else as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers[route] = (status, headers or {"Content-Type": "application/json"}, content)

    def reset(self) -> None:
        self.requests.clear()
        self.answers.clear()
        self.version = 1
        self.cut_streams = False
        self.go_on.clear()
        self.stream_left.clear()
        self.sandbox = {"language": "Python", "version": "3.13.5", "packages": [], "modules": MODULES}
        self.say("GET challenges", 200, {"challenges": [{"slug": "first-steps"}]})
        self.say("POST submissions", 202, {"id": "0-1", "state": "queued", "position": 1})


class _Answers(BaseHTTPRequestHandler):
    grader: Grader

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, *args: object) -> None:
        pass

    def _serve(self) -> None:
        path = self.path.removeprefix(PREFIX + "/")
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if path == "sandbox":
            self.grader.sandbox_asked += 1
            self._send(200, {"Content-Type": "application/json"}, json.dumps(self.grader.sandbox).encode())
            return
        self.grader.requests.append(
            {"method": self.command, "path": path, "headers": dict(self.headers), "content": content}
        )
        route = f"{self.command} {path}"
        if route in self.grader.answers:
            status, headers, body = self.grader.answers[route]
            self._send(status, headers, body)
        elif path.endswith("/release"):
            slug = path.split("/")[1]
            release = {
                "slug": slug,
                "version": self.grader.version,
                "notebook": notebook(slug, self.grader.version),
            }
            self._send(200, {"Content-Type": "application/json"}, json.dumps(release).encode())
        elif path.endswith("/events"):
            self._stream()
        else:
            error = {"error": {"code": "not_found", "message": "No such page.", "details": {}}}
            self._send(404, {"Content-Type": "application/json"}, json.dumps(error).encode())

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(b'event: state\ndata: {"state": "running", "position": null}\n\n')
        if self.grader.cut_streams:
            return
        self.grader.go_on.wait(20)
        try:
            for _ in range(100):
                self.wfile.write(b'event: result\ndata: {"id": "0-1"}\n\n')
                time.sleep(0.001)
        except OSError:
            self.grader.stream_left.set()


@pytest.fixture(scope="session")
def _grader() -> Iterator[Grader]:
    grader = Grader()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Answers", (_Answers,), {"grader": grader}))
    server.daemon_threads = True
    grader.url = f"http://127.0.0.1:{server.server_port}/services/grader"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield grader
    grader.go_on.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def grader(_grader: Grader) -> Grader:
    _grader.reset()
    return _grader


@dataclass
class Notebook:
    """A running notebook server: ``http`` is signed in as the learner, ``home`` is the learner's home."""

    http: httpx.Client
    home: Path

    @property
    def spool(self) -> Path:
        return self.home.parent / "jupyter_data_dir" / "challengehub" / "spool"


def _start(folder: Path, environment: dict[str, str]) -> tuple[subprocess.Popen[bytes], str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = folder / "home"
    home.mkdir(exist_ok=True)
    settings = {
        "ServerApp": {
            "root_dir": str(home),
            "port": port,
            "port_retries": 0,
            "open_browser": False,
            "allow_root": True,
            "jpserver_extensions": {"extension": True},
        },
        "IdentityProvider": {"token": "the-learner"},
    }
    config = folder / "config.json"
    config.write_text(json.dumps(settings))
    jupyter = {
        name: str(folder / name.lower())
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    }
    log = (folder / "server.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyter_server", "--config", str(config)],
        env={**os.environ, **jupyter, "HOME": str(home), "PYTHONPATH": str(REPOSITORY), **environment},
        stdout=log,
        stderr=log,
        cwd=home,
    )
    log.close()
    url = f"http://127.0.0.1:{port}"
    for _ in range(600):
        with suppress(httpx.TransportError):
            httpx.get(f"{url}/api")
            return process, url
        assert process.poll() is None, (folder / "server.log").read_text()
        time.sleep(0.1)
    raise AssertionError((folder / "server.log").read_text())


def serve(folder: Path, environment: dict[str, str]) -> Iterator[Notebook]:
    process, url = _start(folder, environment)
    try:
        with httpx.Client(base_url=url, headers={"Authorization": "token the-learner"}, timeout=30) as http:
            yield Notebook(http, folder / "home")
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="session")
def _server(_grader: Grader, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    environment = {"CHALLENGEHUB_GRADER_URL": _grader.url, "JUPYTERHUB_API_TOKEN": HUB_TOKEN}
    yield from serve(tmp_path_factory.mktemp("server"), environment)


@pytest.fixture
def server(_server: Notebook) -> Notebook:
    """The learner's server, with an empty home."""
    for path in _server.home.glob("challenges*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return _server


@pytest.fixture(scope="session")
def server_without_grader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    """A server whose grader's address nobody listens on."""
    environment = {
        "CHALLENGEHUB_GRADER_URL": "http://127.0.0.1:9/services/grader",
        "JUPYTERHUB_API_TOKEN": HUB_TOKEN,
    }
    yield from serve(tmp_path_factory.mktemp("alone"), environment)
