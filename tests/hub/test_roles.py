"""What each part may and may not do, row by row, tried against a running Hub with its own scope checks."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from grader.hub import PARTS as GRADER_PARTS
from hub_config.roles import CUSTOM_SCOPES, GROUPS, MODERATE_SUBMISSIONS, READ_SUBMISSIONS, WRITE_CHALLENGES
from tests.hub.running_hub import (
    ADMIN_PASSWORD,
    CULLER_TOKEN,
    GRADER_TOKEN,
    PASSWORD,
    SELF_CHECK_TOKEN,
    Hub,
    Visitor,
)

Somebody = Callable[..., str]
PARTS = ("participant", "instructor", "moderator", "admin")
NOBODY: frozenset[str] = frozenset()
ADMIN = frozenset({"admin"})
CARE = frozenset({"moderator", "admin"})
STAFF = frozenset({"instructor", "moderator", "admin"})
ALL = frozenset(PARTS)


@dataclass(frozen=True)
class Row:
    """``{other}`` in path and body is a fresh account of part ``on``; ``{me}`` is the one who asks."""

    what: str
    method: str
    path: str
    may: frozenset[str]
    on: str = "participant"
    body: dict[str, Any] | None = None
    running: bool = field(default=False, kw_only=True)


ROWS = [
    Row("read one's own account", "GET", "/users/{me}", ALL),
    Row("start one's own server", "POST", "/users/{me}/server", ALL),
    Row("make a token for oneself", "POST", "/users/{me}/tokens", ALL, body={}),
    Row("read a learner's account", "GET", "/users/{other}", STAFF),
    Row("read an instructor's account", "GET", "/users/{other}", ADMIN, "instructor"),
    Row("read a moderator's account", "GET", "/users/{other}", ADMIN, "moderator"),
    Row("read an admin's account", "GET", "/users/{other}", ADMIN, "admin"),
    Row("list accounts", "GET", "/users", STAFF),
    Row("list groups", "GET", "/groups", ADMIN),
    Row("start a learner's server", "POST", "/users/{other}/server", CARE),
    Row("stop a learner's server", "DELETE", "/users/{other}/server", CARE, running=True),
    Row("start an instructor's server", "POST", "/users/{other}/server", ADMIN, "instructor"),
    Row("start an admin's server", "POST", "/users/{other}/server", ADMIN, "admin"),
    Row("stop an admin's server", "DELETE", "/users/{other}/server", ADMIN, "admin", running=True),
    Row("delete a learner's account", "DELETE", "/users/{other}", CARE),
    Row("delete an instructor", "DELETE", "/users/{other}", ADMIN, "instructor"),
    Row("delete a moderator", "DELETE", "/users/{other}", ADMIN, "moderator"),
    Row("delete an admin", "DELETE", "/users/{other}", ADMIN, "admin"),
    Row("change a learner's account", "PATCH", "/users/{other}", CARE, body={"name": "{other}"}),
    Row("change an admin's account", "PATCH", "/users/{other}", ADMIN, "admin", body={"name": "{other}"}),
    Row("make oneself an admin", "PATCH", "/users/{me}", ADMIN, body={"admin": True}),
    Row("make a learner an admin", "PATCH", "/users/{other}", ADMIN, body={"admin": True}),
    Row("take an admin's rights", "PATCH", "/users/{other}", ADMIN, "admin", body={"admin": False}),
    Row("give a learner another name", "PATCH", "/users/{other}", NOBODY, body={"name": "{other}-new"}),
    Row("make an account", "POST", "/users/{other}-made", ADMIN),
    Row("make accounts", "POST", "/users", ADMIN, body={"usernames": ["{other}-1", "{other}-2"]}),
    Row("make an admin account", "POST", "/users", ADMIN, body={"usernames": ["{other}-3"], "admin": True}),
    Row("make oneself a moderator", "POST", "/groups/moderators/users", ADMIN, body={"users": ["{me}"]}),
    Row(
        "make a learner an instructor",
        "POST",
        "/groups/instructors/users",
        ADMIN,
        body={"users": ["{other}"]},
    ),
    Row(
        "pull an admin in", "POST", "/groups/participants/users", ADMIN, "admin", body={"users": ["{other}"]}
    ),
    Row(
        "take a moderator out",
        "DELETE",
        "/groups/moderators/users",
        ADMIN,
        "moderator",
        {"users": ["{other}"]},
    ),
    Row("make a group", "POST", "/groups/of-{other}", ADMIN, body={}),
    Row("make a token for a learner", "POST", "/users/{other}/tokens", ADMIN, body={}),
    Row("make a token for an admin", "POST", "/users/{other}/tokens", ADMIN, "admin", body={}),
    Row("see a learner's tokens", "GET", "/users/{other}/tokens", ADMIN),
    Row("read the proxy's routes", "GET", "/proxy", ADMIN),
    Row("read the Hub's inner state", "GET", "/info", ADMIN),
    Row("list services", "GET", "/services", ADMIN),
    Row("read the grader's entry", "GET", "/services/grader", ADMIN),
]


def filled(value: Any, **names: str) -> Any:
    if isinstance(value, str):
        return value.format(**names)
    if isinstance(value, list):
        return [filled(item, **names) for item in value]
    if isinstance(value, dict):
        return {key: filled(item, **names) for key, item in value.items()}
    return value


def is_done(answer: requests.Response) -> bool:
    """True for a success, False for a refusal; anything else is a fault of the Hub or of the row."""
    assert answer.status_code < 300 or answer.status_code in (400, 403, 404), answer.text
    return answer.status_code < 300


@pytest.fixture
def tokens(hub: Hub, admin: str, somebody: Somebody) -> Callable[[str], tuple[str, str]]:
    """(name, token) of a fresh account of a part. Fresh, because some rows change who asks."""

    def of(part: str) -> tuple[str, str]:
        name = somebody(part)
        return name, hub.token(name)

    return of


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_row(
    row: Row, hub: Hub, admin: str, somebody: Somebody, tokens: Callable[[str], tuple[str, str]]
) -> None:
    for part in PARTS:
        me, token = tokens(part)
        other = somebody(row.on) if "{other}" in f"{row.path}{row.body}" else ""
        if row.running:
            start(hub, admin, other)
        answer = hub.api(
            row.method, filled(row.path, me=me, other=other), token, filled(row.body, me=me, other=other)
        )
        assert is_done(answer) == (part in row.may), f"{part}: {answer.status_code} {answer.text}"
        if other and row.on == "admin" and part not in row.may:
            model = hub.api("GET", f"/users/{other}", admin).json()
            assert (model["admin"], model["groups"]) == (True, []), "a refused request changed an admin"


def start(hub: Hub, admin: str, name: str) -> None:
    answer = hub.api("POST", f"/users/{name}/server", admin)
    assert answer.ok, answer.text
    while hub.api("GET", f"/users/{name}", admin).json()["pending"]:
        pass


def test_staff_see_learners_in_lists_and_nobody_else(hub: Hub, somebody: Somebody, admin: str) -> None:
    learner, colleague = somebody(), somebody("moderator")
    for part in ("instructor", "moderator"):
        listed = {user["name"] for user in hub.api("GET", "/users", hub.token(somebody(part))).json()}
        assert learner in listed
        assert not {"admin", colleague} & listed


# -- an admin or a colleague never falls into a moderator's hands ------------------------------------------


@pytest.mark.parametrize("part", ["instructor", "moderator", "admin"])
def test_staff_are_not_participants_whatever_is_asked(
    hub: Hub, admin: str, somebody: Somebody, part: str
) -> None:
    name, moderator = somebody(part), hub.token(somebody("moderator"))
    assert hub.api("POST", "/groups/participants/users", admin, {"users": [name]}).ok
    assert "participants" not in hub.api("GET", f"/users/{name}", admin).json()["groups"]
    assert hub.api("DELETE", f"/users/{name}", moderator).status_code == 404


def test_a_promotion_takes_a_learner_out_of_reach_and_its_end_brings_them_back(
    hub: Hub, admin: str, somebody: Somebody
) -> None:
    name = somebody()

    def groups() -> list[str]:
        return list(hub.api("GET", f"/users/{name}", admin).json()["groups"])

    hub.api("POST", "/groups/moderators/users", admin, {"users": [name]})
    assert groups() == ["moderators"]
    hub.api("DELETE", "/groups/moderators/users", admin, {"users": [name]})
    assert groups() == ["participants"]
    hub.api("PATCH", f"/users/{name}", admin, {"admin": True})
    assert groups() == []
    hub.api("PATCH", f"/users/{name}", admin, {"admin": False})
    assert groups() == ["participants"]
    hub.api("DELETE", "/groups/participants/users", admin, {"users": [name]})
    assert groups() == ["participants"], "a learner is never out of everybody's care"


# -- pages -------------------------------------------------------------------------------------------------


def signed_in(hub: Hub, name: str, password: str = PASSWORD) -> Visitor:
    visitor = hub.visitor()
    assert visitor.sign_in(name, password).status_code == 302
    return visitor


@pytest.mark.parametrize(
    ("path", "may"), [("/hub/admin", CARE), ("/hub/authorize", CARE), ("/hub/token", ALL)]
)
def test_pages(hub: Hub, somebody: Somebody, path: str, may: frozenset[str]) -> None:
    for part in PARTS:
        status = signed_in(hub, somebody(part)).get(path).status_code
        assert (status == 200, status in (200, 403)) == (part in may, True), part


def test_pages_ask_strangers_to_sign_in(hub: Hub) -> None:
    for path in ("/hub/authorize", "/hub/admin", "/hub/change-password"):
        answer = hub.visitor().get(path)
        assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (302, "/hub/login")


ACTIONS = [{"action": "suspend"}, {"action": "password", "new_password": "set by someone else"}]


@pytest.mark.parametrize("fields", ACTIONS, ids=lambda fields: fields["action"])
@pytest.mark.parametrize("on", PARTS)
def test_looking_after_accounts(hub: Hub, somebody: Somebody, fields: dict[str, str], on: str) -> None:
    for part in PARTS:
        other = somebody(on)
        visitor = signed_in(hub, somebody(part))
        page = visitor.get("/hub/authorize").text
        done = visitor.submit("/hub/authorize", username=other, **fields).status_code == 200
        may = part == "admin" or (part == "moderator" and on == "participant")
        assert done == may, part
        assert (other in page) == may, "the list has exactly those whom one may look after"
        assert (hub.visitor().sign_in(other).status_code == 302) == (not may)


def test_the_configured_admin_is_out_of_reach_also_by_page(hub: Hub, somebody: Somebody) -> None:
    visitor = signed_in(hub, somebody("moderator"))
    for fields in (*ACTIONS, {"action": "discard"}):
        assert visitor.submit("/hub/authorize", username="admin", **fields).status_code == 404
    assert signed_in(hub, "admin", ADMIN_PASSWORD).get("/hub/admin").status_code == 200


def test_links_change_nothing(hub: Hub, somebody: Somebody, admin: str) -> None:
    """NativeAuthenticator's own pages act on GET: an image in a page could approve or refuse an account."""
    learner, visitor = somebody(), signed_in(hub, "admin", ADMIN_PASSWORD)
    for path in (f"/hub/authorize/{learner}", f"/hub/discard/{learner}", f"/hub/change-password/{learner}"):
        assert visitor.get(path).status_code == 404
    assert hub.visitor().sign_in(learner).status_code == 302


def test_who_is_suspended_gets_no_token(hub: Hub, somebody: Somebody) -> None:
    learner = somebody()
    signed_in(hub, somebody("moderator")).submit("/hub/authorize", username=learner, action="suspend")
    answer = requests.post(
        f"{hub.url}/hub/api/users/{learner}/tokens",
        json={"auth": {"username": learner, "password": PASSWORD}},
        timeout=60,
    )
    assert answer.status_code == 403


def test_a_server_has_a_name_of_its_own_where_the_setting_asks_for_it(make_hub: Callable[..., Hub]) -> None:
    hub = make_hub(CHALLENGEHUB_SUBDOMAIN_HOST="https://hub.example.org:8443/")
    admin = hub.token("admin", ADMIN_PASSWORD)
    start(hub, admin, "admin")
    assert hub.api("GET", "/users/admin", admin).json()["servers"][""]["full_url"] == (
        "https://admin.hub.example.org:8443/user/admin/"
    )
    while "/" not in (routes := hub.api("GET", "/proxy", admin).json()):
        time.sleep(0.2)
    graders = {route for route, data in routes.items() if data["target"] == "http://127.0.0.1:9"}
    assert {"hub.example.org/services/grader/", "proxy/services/grader/"} <= graders
    answer = hub.visitor().get(
        "/hub/api/oauth2/authorize?client_id=service-grader&response_type=code"
        "&redirect_uri=%2Fservices%2Fgrader%2Foauth_callback"
    )
    assert answer.headers["Location"].startswith("/hub/login"), "the grader sends people back to where it is"
    hub.stop()


# -- what the grader is told, and what tokens in other hands can do ----------------------------------------


@pytest.mark.parametrize(
    ("part", "scopes"),
    [
        ("participant", set()),
        ("instructor", {WRITE_CHALLENGES, READ_SUBMISSIONS}),
        ("moderator", {MODERATE_SUBMISSIONS, READ_SUBMISSIONS}),
    ],
)
def test_what_the_grader_learns_of_a_caller(
    hub: Hub, somebody: Somebody, part: str, scopes: set[str]
) -> None:
    model = hub.api("GET", "/user", hub.token(somebody(part))).json()
    assert set(model["scopes"]) & CUSTOM_SCOPES.keys() == scopes
    assert "access:services!service=grader" in model["scopes"]
    assert model["groups"] == [f"{part}s"]


def test_the_grader_takes_no_group_of_ours_for_a_class(hub: Hub, admin: str, somebody: Somebody) -> None:
    assert frozenset(GROUPS) == GRADER_PARTS
    name = somebody()
    assert hub.api("POST", f"/groups/class-of-{name}", admin, {}).ok
    assert hub.api("POST", f"/groups/class-of-{name}/users", admin, {"users": [name]}).ok
    groups = hub.api("GET", "/user", hub.token(name)).json()["groups"]
    assert set(groups) - GRADER_PARTS == {f"class-of-{name}"}


@pytest.fixture
def server_token(hub: Hub, admin: str, somebody: Somebody) -> tuple[str, str]:
    """(owner, the token in the environment of the owner's running server); the owner is a moderator."""
    name = somebody("moderator")
    start(hub, admin, name)
    query = """SELECT servers.port FROM servers JOIN spawners ON spawners.server_id = servers.id
               JOIN users ON users.id = spawners.user_id WHERE users.name = ?"""
    with sqlite3.connect(hub.directory / "hub.sqlite") as db:
        port = db.execute(query, (name,)).fetchone()[0]
    return name, requests.get(f"http://127.0.0.1:{port}/", timeout=60).text


def test_the_token_in_a_container_submits_and_little_else(
    hub: Hub, somebody: Somebody, server_token: tuple[str, str]
) -> None:
    """The owner is a moderator here: code in the container gets none of a moderator's powers."""
    owner, token = server_token
    model = hub.api("GET", "/user", token).json()
    assert (model["name"], model["groups"]) == (owner, ["moderators"])
    assert "access:services!service=grader" in model["scopes"]
    now = datetime.now(UTC).isoformat()
    assert hub.api("POST", f"/users/{owner}/activity", token, {"last_activity": now}).ok
    other = somebody()
    for method, path, body in [
        ("GET", "/users", None),
        ("GET", f"/users/{other}", None),
        ("DELETE", f"/users/{other}", None),
        ("PATCH", f"/users/{owner}", {"admin": True}),
        ("POST", f"/users/{owner}/tokens", {}),
        ("GET", f"/users/{owner}/tokens", None),
        ("POST", f"/users/{other}/server", None),
        ("DELETE", f"/users/{owner}/server", None),
        ("POST", "/groups/moderators/users", {"users": [other]}),
    ]:
        assert not is_done(hub.api(method, path, token, body)), f"{method} {path}"
    assert not any(scope.startswith("custom:") for scope in model["scopes"])


def test_the_token_in_a_container_ends_with_its_server(
    hub: Hub, admin: str, server_token: tuple[str, str]
) -> None:
    owner, token = server_token
    assert hub.api("GET", "/user", token).ok
    assert hub.api("DELETE", f"/users/{owner}/server", admin).ok
    while hub.api("GET", f"/users/{owner}", admin).json()["pending"]:
        pass
    assert hub.api("GET", "/user", token).status_code == 403


def test_the_graders_own_token_is_known_and_sees_nobody(hub: Hub, somebody: Somebody) -> None:
    learner = somebody()
    model = hub.api("GET", "/user", GRADER_TOKEN).json()
    assert (model["kind"], model["name"]) == ("service", "grader")
    for method, path in [
        ("GET", "/users"),
        ("GET", f"/users/{learner}"),
        ("GET", "/groups"),
        ("DELETE", f"/users/{learner}"),
        ("POST", f"/users/{learner}/server"),
        ("POST", f"/users/{learner}/tokens"),
        ("POST", "/groups/moderators/users"),
        ("GET", "/proxy"),
    ]:
        body = None if method == "GET" else {"users": [learner]}
        assert not is_done(hub.api(method, path, GRADER_TOKEN, body)), f"{method} {path}"


def test_what_a_role_may_no_longer_is_taken_from_it_at_the_next_start(make_hub: Callable[..., Hub]) -> None:
    hub = make_hub()
    hub.stop()
    with sqlite3.connect(hub.directory / "hub.sqlite") as db:
        db.execute("""UPDATE roles SET scopes = '["list:users"]' WHERE name = 'grader-service'""")
    hub.start()
    assert hub.api("GET", "/users", GRADER_TOKEN).status_code == 403
    hub.stop()


def test_the_idle_culler_sees_what_runs_and_may_stop_it_and_nothing_else(
    hub: Hub, admin: str, somebody: Somebody
) -> None:
    learner = somebody()
    start(hub, admin, learner)
    # as the culler asks: of all people the Hub would give the first fifty
    active = hub.api("GET", "/users?state=active", CULLER_TOKEN).json()
    (seen,) = (user for user in active if user["name"] == learner)
    assert {"last_activity", "servers"} <= seen.keys()
    assert not {"groups", "roles", "auth_state"} & seen.keys()
    for method, path, body in [
        ("DELETE", f"/users/{learner}", None),
        ("PATCH", f"/users/{learner}", {"admin": True}),
        ("POST", f"/users/{somebody()}/server", None),
        ("POST", f"/users/{learner}/tokens", {}),
        ("GET", f"/users/{learner}/tokens", None),
        ("POST", f"/users/{learner}/activity", {"last_activity": datetime.now(UTC).isoformat()}),
        ("POST", "/groups/moderators/users", {"users": [learner]}),
        ("GET", "/groups", None),
        ("GET", "/proxy", None),
        ("GET", "/info", None),
    ]:
        assert not is_done(hub.api(method, path, CULLER_TOKEN, body)), f"{method} {path}"
    scopes = hub.api("GET", "/user", CULLER_TOKEN).json()["scopes"]
    assert not [scope for scope in scopes if scope.startswith(("access:", "custom:"))]
    assert hub.api("DELETE", f"/users/{learner}/server", CULLER_TOKEN).ok


def test_the_self_check_may_call_the_grader_and_nothing_else(hub: Hub, somebody: Somebody) -> None:
    model = hub.api("GET", "/user", SELF_CHECK_TOKEN).json()
    assert (model["kind"], model["name"]) == ("service", "self-check")
    assert "access:services!service=grader" in model["scopes"]
    for method, path in [
        ("GET", "/users"),
        ("GET", f"/users/{somebody()}"),
        ("GET", "/groups"),
        ("GET", "/proxy"),
    ]:
        assert not is_done(hub.api(method, path, SELF_CHECK_TOKEN)), f"{method} {path}"
