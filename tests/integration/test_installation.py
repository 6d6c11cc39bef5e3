"""What `make up` promises of an installation: who can reach what, what survives, and that it mends itself."""

from __future__ import annotations

import stat
import subprocess
import time
from collections.abc import Callable

import pytest
import requests

from tests.conftest import ROOT, SETTINGS_FILE, Person, Stack

PARTS = ["db", "proxy", "hub", "grader"]


def wait_until(true: Callable[[], bool], what: str, limit_s: float = 120) -> None:
    until = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < until, f"{what}: not within {limit_s:.0f} s"
        time.sleep(0.25)


def healthy(stack: Stack, service: str) -> bool:
    return bool(stack.part(service).attrs["State"].get("Health", {}).get("Status") == "healthy")


def answers(url: str, session: requests.Session | None = None) -> bool:
    try:
        return (session or requests).get(url, timeout=10, allow_redirects=False).status_code == 200
    except requests.RequestException:
        return False


def reaches(stack: Stack, network: str, host: str, port: int) -> bool:
    """Whether a container on that network gets a connection."""
    script = f"exec 3<>/dev/tcp/{host}/{port}"
    label = f"challengehub={stack.project}"
    command = ["docker", "run", "--rm", "--network", f"{stack.project}-{network}", "--label", label]
    ended = subprocess.run(
        [*command, "challengehub/base:trixie", "timeout", "3", "bash", "-c", script],
        capture_output=True,
        text=True,
    )
    assert ended.returncode in (0, 1, 124), ended.stderr
    return ended.returncode == 0


def test_the_settings_are_readable_by_their_owner_alone(stack: Stack) -> None:
    assert stat.S_IMODE(SETTINGS_FILE.stat().st_mode) == 0o600


def test_no_two_secrets_are_the_same(stack: Stack) -> None:
    secrets = [
        value for name, value in stack.settings.items() if name.endswith(("_PASSWORD", "_TOKEN", "_KEY"))
    ]
    assert len(secrets) >= 8
    assert len(set(secrets)) == len(secrets)
    assert min(map(len, secrets)) >= 20


def test_only_the_proxy_is_published_and_only_where_the_settings_say(stack: Stack) -> None:
    published = {
        service: [
            binding["HostIp"] for bindings in stack.part(service).ports.values() for binding in bindings or []
        ]
        for service in PARTS
    }
    assert published == {"db": [], "proxy": [stack.settings["CHALLENGEHUB_BIND"]], "hub": [], "grader": []}


@pytest.mark.parametrize(
    ("host", "port"), [("db", 3306), ("grader", 8010), ("proxy-api", 8001), ("proxy", 8001)]
)
def test_a_learners_network_has_no_way_to_the_inner_parts(stack: Stack, host: str, port: int) -> None:
    assert reaches(stack, "core", host, port), "nothing listens there, so the next line would prove nothing"
    assert not reaches(stack, "notebooks", host, port)


@pytest.mark.parametrize(("service", "port"), [("db", 3306), ("grader", 8010), ("proxy", 8001)])
def test_knowing_the_address_of_an_inner_part_does_not_help(stack: Stack, service: str, port: int) -> None:
    assert not reaches(stack, "notebooks", stack.address(service, "core"), port)


@pytest.mark.parametrize(("host", "port"), [("proxy", 8000), ("hub", 8081)])
def test_a_learners_network_reaches_what_asks_who_calls(stack: Stack, host: str, port: int) -> None:
    assert reaches(stack, "notebooks", host, port)


def test_the_inner_network_has_no_way_out(stack: Stack) -> None:
    internal = {network.name: network.attrs["Internal"] for network in stack.engine.networks.list()}
    assert internal[f"{stack.project}-core"] is True
    assert internal[f"{stack.project}-notebooks"] is False


@pytest.mark.parametrize("service", PARTS)
def test_no_part_has_more_rights_than_it_needs(stack: Stack, service: str) -> None:
    host = stack.part(service).attrs["HostConfig"]
    assert host["CapDrop"] == ["ALL"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert host["Privileged"] is False
    if service != "db":
        assert not host["CapAdd"]


def test_a_database_user_sees_only_its_own_database(stack: Stack) -> None:
    for user, own in [("grader", "grader"), ("hub", "jupyterhub")]:
        with stack.mysql(user) as connection, connection.cursor() as cursor:
            cursor.execute("SHOW DATABASES")
            seen = {row["Database"] for row in cursor.fetchall()}
        assert seen - {"information_schema", "performance_schema"} == {own}


def test_the_record_is_kept_by_mysql(stack: Stack) -> None:
    """The Hub's state too: its accounts are rows, not a file in a container."""
    with stack.mysql("hub") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT VERSION() AS version")
        assert "MariaDB" not in cursor.fetchone()["version"]
        cursor.execute("SELECT name FROM users")
        assert stack.settings["ADMIN_USER"] in {row["name"] for row in cursor.fetchall()}


def test_the_self_checks_submission_is_in_the_record(stack: Stack) -> None:
    with stack.mysql() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT state, status FROM submissions WHERE username = 'service:self-check'")
        assert {"state": "finished", "status": "passed"} in cursor.fetchall()


@pytest.mark.parametrize("service", PARTS)
def test_a_part_that_is_killed_comes_back_and_people_stay_signed_in(
    stack: Stack, learner: Person, service: str
) -> None:
    session = stack.sign_in(learner.name, learner.password)
    container = stack.part(service)
    restarts = container.attrs["RestartCount"]
    # As if it had crashed: its own first process ends, with nobody's help.
    subprocess.run(["kill", "-9", str(container.attrs["State"]["Pid"])], check=True)
    wait_until(lambda: stack.part(service).attrs["RestartCount"] > restarts, f"{service} is started again")
    wait_until(lambda: healthy(stack, service), f"{service} is healthy again")
    wait_until(lambda: answers(f"{stack.api}/health"), "the grader says that all is well")
    wait_until(lambda: answers(f"{stack.url}/hub/home", session), "the learner is still signed in")
    listed = requests.get(
        f"{stack.api}/challenges", headers={"Authorization": f"token {learner.token}"}, timeout=30
    )
    assert listed.json()["challenges"]


def test_up_again_changes_nothing(stack: Stack) -> None:
    def containers() -> dict[str, str]:
        return {
            service: stack.part(service).id + stack.part(service).attrs["State"]["StartedAt"]
            for service in PARTS
        }

    settings, before = SETTINGS_FILE.read_text(), containers()
    images = {image.id for image in stack.engine.images.list("challengehub/*")}
    ended = subprocess.run(
        [
            "bash",
            "-c",
            f"CHALLENGEHUB_ENV_FILE={SETTINGS_FILE.name} CHALLENGEHUB_EXTRA=test exec images/up.sh",
        ],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "passed" in ended.stdout
    assert stack.url in ended.stdout
    assert containers() == before
    assert SETTINGS_FILE.read_text() == settings
    assert {image.id for image in stack.engine.images.list("challengehub/*")} == images


def test_a_step_that_fails_says_which_why_and_what_to_do(stack: Stack) -> None:
    settings = ROOT / ".env.blocked"
    text = SETTINGS_FILE.read_text()
    settings.write_text(
        text.replace(f"COMPOSE_PROJECT_NAME={stack.project}", f"COMPOSE_PROJECT_NAME={stack.project}-2")
    )
    try:
        ended = subprocess.run(
            ["bash", "-c", "CHALLENGEHUB_ENV_FILE=.env.blocked CHALLENGEHUB_EXTRA=test exec images/up.sh"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
        )
    finally:
        settings.unlink()
        (ROOT / "logs" / "up.blocked.log").unlink(missing_ok=True)
    assert ended.returncode != 0
    assert "Start, and wait for every part" in ended.stdout.split("FAILED")[0].splitlines()[-1]
    assert "another program listens on port" in ended.stdout
    assert "What to do: write another CHALLENGEHUB_PORT" in ended.stdout
