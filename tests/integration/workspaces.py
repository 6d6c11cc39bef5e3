"""A person's notebook server as its owner uses it, and the kernels in it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests
import websocket

from tests.conftest import Person, Stack

HOME = "/home/learner"


@dataclass
class Workspace:
    """One person's notebook server, started and stopped as its owner does."""

    stack: Stack
    owner: Person

    def hub(self, method: str, path: str = "", who: Person | None = None) -> requests.Response:
        headers = {"Authorization": f"token {(who or self.owner).token}"}
        url = f"{self.stack.url}/hub/api/users/{self.owner.name}{path}"
        return requests.request(method, url, headers=headers, timeout=60)

    def server(self, method: str, path: str, who: Person | None = None, **kwargs: Any) -> requests.Response:
        headers = {"Authorization": f"token {(who or self.owner).token}"}
        url = f"{self.stack.url}/user/{self.owner.name}/{path}"
        return requests.request(method, url, headers=headers, timeout=60, allow_redirects=False, **kwargs)

    def start(self) -> Workspace:
        answer = self.hub("POST", "/server")
        assert answer.ok or "already running" in answer.text, answer.text
        self._wait(lambda server: bool(server.get("ready")))
        return self

    def stop(self) -> None:
        answer = self.hub("DELETE", "/server")
        assert answer.ok, answer.text
        self._wait(lambda server: not server)

    def _wait(self, reached: Callable[[dict[str, Any]], bool]) -> None:
        until = time.monotonic() + 180
        while not reached(server := self.hub("GET").json()["servers"].get("", {})):
            assert time.monotonic() < until, server
            time.sleep(0.25)

    @property
    def container(self) -> Any:
        labels = [f"challengehub={self.stack.project}", f"challengehub.learner={self.owner.name}"]
        (container,) = self.stack.engine.containers.list(all=True, filters={"label": labels})
        return container

    @property
    def address(self) -> str:
        networks = self.container.attrs["NetworkSettings"]["Networks"]
        return str(networks[f"{self.stack.project}-notebooks"]["IPAddress"])

    @property
    def home(self) -> str:
        (mount,) = self.container.attrs["Mounts"]
        return str(mount["Name"])

    def run(self, *command: str) -> tuple[int, str]:
        """(exit code, output) of a command inside, with the user and the rights that the server has."""
        ended = self.container.exec_run(list(command))
        return ended.exit_code, ended.output.decode(errors="replace")

    def python(self, source: str) -> str:
        code, output = self.run("python3", "-c", source)
        assert code == 0, output
        return output.strip()

    def ask(self, url: str) -> tuple[int, str]:
        """(status, body) of a GET from inside, with the token that lies in the server's environment."""
        source = f"""
import os, urllib.error, urllib.request
headers = {{"Authorization": "token " + os.environ["JUPYTERHUB_API_TOKEN"]}}
try:
    answer = urllib.request.urlopen(urllib.request.Request({url!r}.format(**os.environ), headers=headers))
except urllib.error.HTTPError as error:
    answer = error
print(answer.status, answer.read().decode())"""
        status, _, body = self.python(source).partition(" ")
        return int(status), body

    def kernel(self) -> Kernel:
        answer = self.server("POST", "api/kernels", json={"name": "python3"})
        assert answer.status_code == 201, answer.text
        return Kernel(self, answer.json()["id"])

    def connects(self, host: str, port: int) -> bool:
        source = f"""
import socket
try:
    socket.create_connection(({host!r}, {port}), timeout=3); print("yes")
except OSError:
    print("no")"""
        return self.python(source) == "yes"


class Kernel:
    """A running kernel, spoken to as JupyterLab does."""

    def __init__(self, workspace: Workspace, id: str) -> None:
        self._workspace, self._id = workspace, id
        url = workspace.stack.url.replace("http", "ws", 1)
        self._socket = websocket.create_connection(
            f"{url}/user/{workspace.owner.name}/api/kernels/{id}/channels",
            header=[f"Authorization: token {workspace.owner.token}"],
            timeout=180,
        )

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._workspace.server("DELETE", f"api/kernels/{self._id}")

    def run(self, code: str) -> str:
        """All that it prints, its error included."""
        id = uuid.uuid4().hex
        header = {
            "msg_id": id,
            "msg_type": "execute_request",
            "session": id,
            "username": "",
            "version": "5.3",
        }
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        self._socket.send(json.dumps({**message, "channel": "shell", "buffers": []}))
        said = ""
        while True:
            told = json.loads(self._socket.recv())
            if told["parent_header"].get("msg_id") != id:
                continue
            kind, content = told["msg_type"], told["content"]
            if kind == "stream":
                said += content["text"]
            elif kind == "error":
                said += f"{content['ename']}: {content['evalue']}"
            elif kind == "status" and content["execution_state"] == "idle":
                return said
