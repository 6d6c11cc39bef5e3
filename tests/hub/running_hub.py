"""A real Hub in a process of its own, and visitors who use its pages and its REST API."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import requests

HERE = Path(__file__).parent
ADMIN_PASSWORD = "the administrator's own"
PASSWORD = "correct horse battery"
GRADER_TOKEN = "grader-token-for-tests-0123456789"
SELF_CHECK_TOKEN = "self-check-token-for-tests-01234"
CULLER_TOKEN = "idle-culler-token-for-tests-0123"


class Visitor:
    """A browser without pictures: keeps cookies and sends the form's XSRF token back."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()

    def get(self, path: str) -> requests.Response:
        return self.session.get(f"{self.url}{path}", allow_redirects=False, timeout=60)

    def submit(self, path: str, **fields: str) -> requests.Response:
        self.get(path)
        # cookies are kept by path; the one of the form's own path is the last
        tokens = [cookie.value for cookie in self.session.cookies if cookie.name == "_xsrf"]
        data = {"_xsrf": tokens[-1], **fields}
        return self.session.post(f"{self.url}{path}", data=data, allow_redirects=False, timeout=60)

    def sign_up(self, name: str, password: str = PASSWORD, again: str | None = None) -> requests.Response:
        return self.submit(
            "/hub/signup",
            username=name,
            signup_password=password,
            signup_password_confirmation=password if again is None else again,
        )

    def sign_in(self, name: str, password: str = PASSWORD) -> requests.Response:
        return self.submit("/hub/login", username=name, password=password)


def alert(response: requests.Response) -> str:
    """The words of the message boxes on a page."""
    return " ".join(re.findall(r'<div class="alert[^>]*>(.*?)</div>', response.text, re.S))


class Hub:
    def __init__(self, directory: Path, **env: str) -> None:
        self.directory = directory
        self.env = env
        self.process: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self, **env: str) -> Hub:
        self.env.update(env)
        settings = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(HERE.parents[1]),
            "TEST_HUB_PORT": str(self.port),
            "TEST_HUB_HOMES": str(self.directory),
            "TEST_HUB_CULLER_TOKEN": CULLER_TOKEN,
            "HUB_DB_URL": f"sqlite:///{self.directory}/hub.sqlite",
            "CONFIGPROXY_AUTH_TOKEN": "unused-in-these-tests",
            "JUPYTERHUB_CRYPT_KEY": "0" * 64,
            "GRADER_API_TOKEN": GRADER_TOKEN,
            "SELF_CHECK_TOKEN": SELF_CHECK_TOKEN,
            "GRADER_URL": "http://127.0.0.1:9",
            "ADMIN_USER": "admin",
            "ADMIN_PASSWORD": ADMIN_PASSWORD,
            **self.env,
        }
        with (self.directory / "hub.log").open("ab") as log:
            command = [sys.executable, "-m", "jupyterhub", "-f", str(HERE / "local_hub_config.py")]
            self.process = subprocess.Popen(
                command, cwd=self.directory, env=settings, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + 120
        while True:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"the Hub did not start:\n{self.log()[-4000:]}")
            try:
                requests.get(f"{self.url}/hub/health", timeout=5)
                return self
            except requests.ConnectionError:
                time.sleep(0.2)

    def log(self) -> str:
        return (self.directory / "hub.log").read_text(errors="replace")

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def visitor(self) -> Visitor:
        return Visitor(self.url)

    def api(self, method: str, path: str, token: str, json: Any = None) -> requests.Response:
        headers = {"Authorization": f"token {token}"}
        return requests.request(
            method, f"{self.url}/hub/api{path}", headers=headers, json=json, allow_redirects=False, timeout=60
        )

    def token(self, name: str, password: str = PASSWORD) -> str:
        """A token with everything that the account may do, asked for with its password."""
        answer = requests.post(
            f"{self.url}/hub/api/users/{name}/tokens",
            json={"auth": {"username": name, "password": password}},
            timeout=60,
        )
        answer.raise_for_status()
        return str(answer.json()["token"])
