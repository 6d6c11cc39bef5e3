"""The Hubs that the tests talk to, and the people in them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from tests.hub.running_hub import ADMIN_PASSWORD, Hub


@pytest.fixture(scope="session")
def make_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Hub]]:
    hubs: list[Hub] = []

    def make(**env: str) -> Hub:
        hubs.append(Hub(tmp_path_factory.mktemp("hub"), **env))
        return hubs[-1].start()

    yield make
    for hub in hubs:
        hub.stop()


@pytest.fixture(scope="session")
def hub(make_hub: Callable[..., Hub]) -> Hub:
    return make_hub()


@pytest.fixture(scope="session")
def admin(hub: Hub) -> str:
    """The administrator's token."""
    return hub.token("admin", ADMIN_PASSWORD)


_numbers = itertools.count(1)


@pytest.fixture
def somebody(hub: Hub, admin: str) -> Callable[..., str]:
    """Makes a new account of a part (participant, instructor, moderator, admin) and returns its name."""

    def make(part: str = "participant") -> str:
        name = f"{part}-{next(_numbers)}"
        assert hub.visitor().sign_up(name).status_code == 302
        if part == "admin":
            assert hub.api("PATCH", f"/users/{name}", admin, {"admin": True}).ok
        elif part != "participant":
            assert hub.api("POST", f"/groups/{part}s/users", admin, {"users": [name]}).ok
        return name

    return make
