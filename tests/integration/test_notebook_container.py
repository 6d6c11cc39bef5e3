"""A learner's notebook container, tried from inside: what it is, what it can reach, what it cannot.

Every "cannot reach" is preceded by the proof that something listens there.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from docker.errors import NotFound

from tests.conftest import Person, Stack

from .workspaces import HOME, Workspace


@pytest.fixture(scope="module")
def people(new_learner: Callable[[], Person]) -> tuple[Person, Person]:
    return new_learner(), new_learner()


@pytest.fixture(scope="module")
def workspace(stack: Stack, people: tuple[Person, Person]) -> Iterator[Workspace]:
    workspace = Workspace(stack, people[0]).start()
    yield workspace
    workspace.stop()


@pytest.fixture(scope="module")
def neighbour(stack: Stack, people: tuple[Person, Person]) -> Iterator[Workspace]:
    workspace = Workspace(stack, people[1]).start()
    yield workspace
    workspace.stop()


def listens(host: str, port: int) -> bool:
    """From the machine that the engine runs on, which reaches every container."""
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError:
        return False
    return True


def gone(container: Any) -> bool:
    """Waits for the engine, which takes a moment to remove what the Hub has stopped."""
    for _ in range(300):
        try:
            container.reload()
        except NotFound:
            return True
        time.sleep(0.1)
    return False


# -- what it is --------------------------------------------------------------------------------------------


def test_no_process_is_root_or_has_or_can_get_a_capability(workspace: Workspace) -> None:
    processes = workspace.python("""
import glob, json
found = []
for path in glob.glob("/proc/[0-9]*/status"):
    try:
        lines = open(path).read().splitlines()
    except FileNotFoundError:
        continue
    found.append({name: value.split() for name, _, value in (line.partition(":") for line in lines)})
print(json.dumps(found))""")
    found = json.loads(processes)
    assert any("jupyterhub" in " ".join(process["Name"]) for process in found)
    for process in found:
        assert process["Uid"] == process["Gid"] == ["1000"] * 4, process["Name"]
        assert process["NoNewPrivs"] == ["1"]
        assert process["Seccomp"] == ["2"]
        for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(process[kind][0], 16) == 0, (process["Name"], kind)


def test_nothing_in_it_lends_other_rights(workspace: Workspace) -> None:
    assert workspace.run("sh", "-c", "find / -xdev -perm /6000 2>/dev/null")[1] == ""
    assert workspace.run("sh", "-c", "echo nobody:x:0:0::/:/bin/sh >> /etc/passwd")[0] != 0


def test_only_the_home_tmp_and_a_sessions_packages_can_be_written_to(workspace: Workspace) -> None:
    for folder in ("/", "/usr/bin", "/opt/challengehub/lib", "/opt/python/lib", "/etc", "/var/tmp"):
        assert workspace.run("touch", f"{folder}/written")[0] != 0, folder
    for folder in (HOME, "/tmp", "/opt/python/session"):
        assert workspace.run("touch", f"{folder}/written")[0] == 0, folder
    (mount,) = workspace.container.attrs["Mounts"]
    assert (mount["Type"], mount["Destination"]) == ("volume", HOME)
    assert workspace.owner.name.split("-")[1] in mount["Name"]


def test_what_it_asks_the_engine_for(workspace: Workspace) -> None:
    host, settings = workspace.container.attrs["HostConfig"], workspace.stack.settings
    memory = int(
        float(settings["NOTEBOOK_MEMORY"].rstrip("GM"))
        * 1024 ** (2 + settings["NOTEBOOK_MEMORY"].endswith("G"))
    )
    assert (host["Memory"], host["MemorySwap"]) == (memory, memory)
    assert host["CpuQuota"] / host["CpuPeriod"] == float(settings["NOTEBOOK_CPUS"])
    assert host["PidsLimit"] == int(settings["NOTEBOOK_PIDS"])
    assert (host["Privileged"], host["ReadonlyRootfs"], host["CapDrop"]) == (False, True, ["ALL"])
    assert "no-new-privileges" in host["SecurityOpt"]
    assert not host["PortBindings"]


def test_too_much_memory_ends_the_program_and_not_the_server(workspace: Workspace) -> None:
    code, _ = workspace.run("python3", "-c", "kept = []\nwhile True: kept.append(b'x' * 10**7)")
    assert code in (1, 137), "a MemoryError, or killed"
    assert workspace.server("GET", "api/status").status_code == 200


def test_too_many_processes_are_refused_and_the_server_lives_on(workspace: Workspace) -> None:
    made = int(
        workspace.python("""
import os, signal, sys, time
children = []
try:
    while len(children) < 5000:
        child = os.fork()
        if child == 0:
            time.sleep(60); os._exit(0)
        children.append(child)
except OSError:
    pass
for child in children:
    os.kill(child, signal.SIGKILL); os.waitpid(child, 0)
print(len(children))""")
    )
    assert 10 < made < int(workspace.stack.settings["NOTEBOOK_PIDS"])
    assert workspace.server("GET", "api/status").status_code == 200


def test_tmp_is_bounded(workspace: Workspace) -> None:
    assert workspace.run("dd", "if=/dev/zero", "of=/tmp/flood", "bs=1M", "count=2000")[0] != 0
    assert workspace.run("rm", "/tmp/flood")[0] == 0


def test_the_plugin_adds_little_to_the_page(workspace: Workspace) -> None:
    source = """
import pathlib
folder = pathlib.Path("/opt/challengehub/share/jupyter/labextensions/challengehub/static")
print(sum(file.stat().st_size for file in folder.glob("*.js")))"""
    assert 10_000 < int(workspace.python(source)) < 300 * 1024


# -- what it can reach -------------------------------------------------------------------------------------


def test_it_reaches_the_hub_through_the_proxy(workspace: Workspace) -> None:
    assert (
        workspace.python("import os; print(os.environ['JUPYTERHUB_API_URL'])") == "http://proxy:8000/hub/api"
    )
    status, body = workspace.ask("{JUPYTERHUB_API_URL}/user")
    assert (status, json.loads(body)["name"]) == (200, workspace.owner.name)


def test_it_reaches_the_grader_through_the_proxy(workspace: Workspace) -> None:
    status, body = workspace.ask("{CHALLENGEHUB_GRADER_URL}/api/v1/challenges")
    assert status == 200
    assert json.loads(body)["challenges"]


def test_it_reaches_a_package_index(workspace: Workspace) -> None:
    code, output = workspace.run("pip", "download", "--no-deps", "--dest", "/tmp", "cowsay")
    assert code == 0, output


# -- what it cannot reach ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "names", "port"),
    [
        ("db", ["db"], 3306),
        ("grader", ["grader"], 8010),
        ("proxy", ["proxy", "proxy-api"], 8001),
    ],
)
def test_it_cannot_reach_the_inner_parts(
    workspace: Workspace, part: str, names: list[str], port: int
) -> None:
    inner = workspace.stack.address(part)
    assert listens(inner, port)
    networks = workspace.stack.part(part).attrs["NetworkSettings"]["Networks"].values()
    for host in [*names, *(network["IPAddress"] for network in networks)]:
        assert not workspace.connects(host, port), host


def test_it_has_no_way_to_the_engine(workspace: Workspace) -> None:
    assert workspace.run("sh", "-c", "ls /var/run/docker.sock /run/docker.sock /run/containerd")[0] != 0
    networks = workspace.container.attrs["NetworkSettings"]["Networks"].values()
    for gateway in [network["Gateway"] for network in networks]:
        for port in (2375, 2376, 4243):
            assert not workspace.connects(gateway, port)


def test_its_token_is_not_the_owners(workspace: Workspace) -> None:
    """The server's token may submit and report activity; it cannot make tokens or start servers."""
    assert workspace.hub("GET", "/tokens").status_code == 200, "the owner may"
    assert workspace.ask("{JUPYTERHUB_API_URL}/users/" + workspace.owner.name + "/tokens")[0] == 403


def test_it_cannot_use_a_neighbours_server(workspace: Workspace, neighbour: Workspace) -> None:
    """The two share a network, so the other's port is there; what listens on it asks who calls."""
    assert workspace.connects(neighbour.address, 8888)
    name = neighbour.owner.name
    for root in (f"http://{neighbour.address}:8888", "http://proxy:8000"):
        for path in ("api/contents", "api/kernels", "api/terminals", "challengehub/api/challenges"):
            status, body = workspace.ask(f"{root}/user/{name}/{path}")
            assert status in (403, 404), (root, path, body)
    for method in ("GET", "POST", "DELETE"):
        assert neighbour.hub(method, "/server", who=workspace.owner).status_code in (403, 404, 405)
    assert neighbour.server("GET", "api/contents", who=workspace.owner).status_code == 403
    assert neighbour.server("GET", "api/contents").status_code == 200, "its owner may"


# -- what survives -----------------------------------------------------------------------------------------


def test_the_home_survives_a_stop_and_the_container_does_not(
    stack: Stack, new_learner: Callable[[], Person]
) -> None:
    workspace = Workspace(stack, new_learner()).start()
    note = {"type": "file", "format": "text", "content": "kept"}
    assert workspace.server("PUT", "api/contents/note.txt", json=note).status_code == 201
    first, home = workspace.container, workspace.home
    assert stack.engine.volumes.get(home).attrs["Labels"]["challengehub"] == stack.project
    workspace.stop()
    assert gone(first)
    workspace.start()
    assert workspace.server("GET", "api/contents/note.txt").json()["content"] == "kept"
    assert workspace.container.id != first.id
    workspace.stop()


def test_a_deleted_accounts_home_is_gone_when_its_name_is_given_back(
    stack: Stack, admin: Person, new_learner: Callable[[], Person]
) -> None:
    workspace = Workspace(stack, new_learner()).start()
    home = workspace.home
    assert workspace.run("touch", f"{HOME}/private")[0] == 0
    assert workspace.hub("DELETE", who=admin).status_code == 204
    with pytest.raises(NotFound):
        stack.engine.volumes.get(home)
    with pytest.raises(requests.HTTPError, match="400"):
        stack.sign_up(workspace.owner.name, "another good password")
    assert workspace.hub("POST", who=admin).status_code == 201
    again = Workspace(stack, stack.sign_up(workspace.owner.name, "another good password")).start()
    assert again.run("ls", f"{HOME}/private")[0] != 0
    again.stop()


def test_a_server_runs_no_code_from_its_learners_home_and_keeps_their_settings(
    stack: Stack, new_learner: Callable[[], Person]
) -> None:
    """Such code could serve a page to anybody, under the address that the Hub has."""
    workspace = Workspace(stack, new_learner()).start()
    workspace.python("""
import json, pathlib
home = pathlib.Path.home()
ran = "import pathlib; pathlib.Path('/tmp/ran').touch()\\n"
(home / ".jupyter" / "jupyter_server_config.d").mkdir(parents=True, exist_ok=True)
for name in ("jupyter", "jupyter_server", "jupyter_lab", "jupyter_notebook"):
    (home / ".jupyter" / (name + "_config.py")).write_text(ran)
(home / "mine.py").write_text(ran)
enabled = {"ServerApp": {"jpserver_extensions": {"mine": True}}}
(home / ".jupyter" / "jupyter_server_config.d" / "mine.json").write_text(json.dumps(enabled))""")
    settings = "lab/api/settings/@jupyterlab/apputils-extension:themes"
    chosen = {"raw": '{"theme": "JupyterLab Dark"}'}
    assert workspace.server("PUT", settings, json=chosen).status_code == 204
    workspace.stop()
    workspace.start()
    assert workspace.run("ls", "/tmp/ran")[0] != 0
    assert workspace.server("GET", settings).json()["raw"] == chosen["raw"]
    assert workspace.server("GET", "challengehub/api/challenges").status_code == 200, "our extension is there"
    specs = workspace.server("GET", "api/kernelspecs").json()["kernelspecs"]
    assert specs["python3"]["spec"]["argv"][0].startswith("/opt/python/")
    workspace.stop()


def test_people_work_on_while_the_hub_is_away(workspace: Workspace) -> None:
    before = workspace.container.id
    assert workspace.server("GET", "api/status").status_code == 200
    hub = workspace.stack.part("hub")
    hub.stop()
    try:
        assert workspace.server("GET", "api/status").status_code == 200
    finally:
        hub.start()
    until = time.monotonic() + 120
    while workspace.stack.part("hub").attrs["State"]["Health"]["Status"] != "healthy":
        assert time.monotonic() < until
        time.sleep(0.25)
    assert workspace.hub("GET").json()["servers"][""]["ready"]
    assert workspace.container.id == before, "the Hub found the server that runs, and started no other"
    assert workspace.server("GET", "api/status").status_code == 200
