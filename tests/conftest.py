"""What tests of more than one folder need: the running installation, its people, its database, the engine.

Where one of these is missing the test fails, and says what to do; it is never skipped, because a skipped
proof looks like a proof.
"""

from __future__ import annotations

import functools
import itertools
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from grader.database import Database

ROOT = Path(__file__).parents[1]
# `make test` says which; otherwise the one that `make up` built
SANDBOX_IMAGE = os.environ.get("SANDBOX_IMAGE", "challengehub/sandbox:latest")
SETTINGS_FILE = ROOT / os.environ.get("CHALLENGEHUB_ENV_FILE", ".env.test")
NEEDS_MAKE_TEST = (
    "`make test` makes an installation for the tests, and KEEP=1 leaves it running for single tests by hand"
)
# By folder. The tests of the Hub and of the extension start servers: no engine, but not seconds either.
_FOLDERS = {"integration": "integration", "hub": "integration", "extension": "integration", "e2e": "e2e"}
_ORDER = {"integration": 1, "e2e": 2}
LANES = ("installation", "graders", "attacks", "alone")


@pytest.hookimpl(tryfirst=True)  # xdist looks at the lanes in a hook of its own
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks by folder; the quick first, the browser last, because its library keeps an event loop running.

    And lanes, three at a time under ``make test``, because much of a test is waiting, but one by one in each:
    what stops the running installation's parts must not meet others who use it; graders of the tests' own
    share a database and a Hub; attacks keep every processor busy by themselves, are few, and so come last.
    """
    for item in items:
        for part in item.path.relative_to(ROOT / "tests").parts if item.path.is_relative_to(ROOT) else ():
            if part in _FOLDERS:
                item.add_marker(_FOLDERS[part])

        needs = getattr(item, "fixturenames", ())
        own = item.path.parent.name == "integration" and {"server", "small_server"} & set(needs)
        lane = "installation" if "stack" in needs else "graders" if own else "alone"
        if not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(lane))
    items.sort(key=lambda item: max((_ORDER.get(mark.name, 0) for mark in item.iter_markers()), default=0))


def pytest_collection_finish(session: pytest.Session) -> None:
    if getattr(session.config.option, "loadgroup", False):
        for item in session.items:
            assert item.nodeid.rpartition("@")[2] in LANES, "pytest-xdist does not keep to the lanes"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What a test has to say beside that it passed (``record_property("says", …)``)."""
    for report in (*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")):
        for name, value in report.user_properties:
            if name == "says" and report.when == "call":
                terminalreporter.write_line(value)


@dataclass(frozen=True)
class Person:
    name: str
    password: str
    token: str


@dataclass(frozen=True)
class Stack:
    """The running installation. ``settings`` is what its settings file says; ``url`` ends without a slash."""

    settings: dict[str, str]
    url: str = field(init=False)

    def __post_init__(self) -> None:
        address = f"{self.settings['CHALLENGEHUB_BIND']}:{self.settings['CHALLENGEHUB_PORT']}"
        object.__setattr__(self, "url", f"http://{address}")

    @property
    def project(self) -> str:
        return self.settings["COMPOSE_PROJECT_NAME"]

    @property
    def api(self) -> str:
        return f"{self.url}/services/grader/api/v1"

    @functools.cached_property
    def engine(self) -> Any:
        import docker

        return docker.DockerClient(base_url=f"unix://{self.settings['DOCKER_SOCKET']}", timeout=120)

    def part(self, service: str) -> Any:
        """The container of db, proxy, hub or grader."""
        wanted = [f"com.docker.compose.project={self.project}", f"com.docker.compose.service={service}"]
        found = self.engine.containers.list(all=True, filters={"label": wanted})
        if len(found) != 1:
            pytest.fail(f"{len(found)} containers are the {service} of {self.project}. {NEEDS_MAKE_TEST}")
        return found[0]

    def address(self, service: str, network: str = "core") -> str:
        """A part's IP address; the test machine can reach it, whatever the containers may not."""
        networks = self.part(service).attrs["NetworkSettings"]["Networks"]
        return str(networks[f"{self.project}-{network}"]["IPAddress"])

    @contextmanager
    def database(self, connections: int = 1) -> Iterator[Database]:
        """The grader's database, as the grader opens it."""
        from grader.database import Database

        database = Database(
            host=self.address("db"),
            port=3306,
            user="grader",
            password=self.settings["MYSQL_GRADER_PASSWORD"],
            name="grader",
            connections=connections,
        )
        try:
            yield database
        finally:
            database.close()

    def mysql(self, user: str = "grader") -> Any:
        """A new connection as ``grader`` (database grader) or ``hub`` (jupyterhub), autocommitting."""
        import pymysql

        return pymysql.connect(
            host=self.address("db"),
            user=user,
            password=self.settings[f"MYSQL_{user.upper()}_PASSWORD"],
            database={"grader": "grader", "hub": "jupyterhub"}[user],
            cursorclass=pymysql.cursors.DictCursor,
            autocommit=True,
        )

    def sign_in(self, name: str, password: str) -> Any:
        """A browser's session at the Hub, signed in through its page."""
        session = self._form("/hub/login", {"username": name, "password": password})
        if session.get(f"{self.url}/hub/home", allow_redirects=False).status_code != 200:
            pytest.fail(f"{name} could not sign in")
        return session

    def token(self, name: str, password: str) -> str:
        """A token of that person, as their Token page gives it: it may do what they may."""
        session = self.sign_in(name, password)
        answer = session.post(
            f"{self.url}/hub/api/users/{name}/tokens",
            json={"note": "tests", "expires_in": 3600},
            headers={"X-XSRFToken": _xsrf(session.get(f"{self.url}/hub/token").text)},
        )
        answer.raise_for_status()
        return str(answer.json()["token"])

    def sign_up(self, name: str, password: str) -> Person:
        fields = {"username": name, "signup_password": password, "signup_password_confirmation": password}
        self._form("/hub/signup", fields)
        return Person(name, password, self.token(name, password))

    def _form(self, path: str, fields: dict[str, str]) -> Any:
        import requests

        session = requests.Session()
        page = session.get(self.url + path)
        page.raise_for_status()
        # not on to where it leads: that starts a notebook server
        answer = session.post(
            self.url + path, data={**fields, "_xsrf": _xsrf(page.text)}, allow_redirects=False
        )
        answer.raise_for_status()
        return session


def _xsrf(page: str) -> str:
    found = re.search(r'name="_xsrf" value="([^"]+)"|xsrf_token:\s*"([^"]+)"', page)
    assert found, "the page has no form"
    return found[1] or found[2]


def _settings() -> dict[str, str]:
    if not SETTINGS_FILE.exists():
        pytest.fail(f"There is no {SETTINGS_FILE.name}. {NEEDS_MAKE_TEST}.")
    lines = (line for line in SETTINGS_FILE.read_text().splitlines() if line and not line.startswith("#"))
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


@pytest.fixture(scope="session")
def stack() -> Stack:
    """The running installation; its parts may be stopped and started by a test that puts them right again."""
    import requests

    stack = Stack(_settings())
    try:
        requests.get(f"{stack.api}/health", timeout=10).raise_for_status()
    except requests.RequestException as error:
        pytest.fail(f"The installation {stack.project} does not answer ({error}). {NEEDS_MAKE_TEST}.")
    return stack


@pytest.fixture(scope="session")
def admin(stack: Stack) -> Person:
    name, password = stack.settings["ADMIN_USER"], stack.settings["ADMIN_PASSWORD"]
    return Person(name, password, stack.token(name, password))


@pytest.fixture(scope="session")
def new_learner(stack: Stack) -> Callable[[], Person]:
    """Signs a new learner up, by the page that learners use.

    Names are new in every run, so that a kept installation can be tested again.
    """
    numbers = itertools.count(1)
    run = os.urandom(3).hex()
    return lambda: stack.sign_up(f"learner-{run}-{next(numbers)}", "correct horse battery")


@pytest.fixture(scope="session")
def learner(new_learner: Callable[[], Person]) -> Person:
    """One learner for tests to whom it does not matter what the learner did before."""
    return new_learner()


@pytest.fixture
def mysql(stack: Stack) -> Iterator[Any]:
    """A connection to the grader's database, as the grader."""
    connection = stack.mysql()
    yield connection
    connection.close()
