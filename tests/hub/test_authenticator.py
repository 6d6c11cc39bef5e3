"""Signing up and signing in, through the pages that people use, and the accounts that come of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest

from hub_config.settings import Settings, SettingsError
from tests.hub.running_hub import ADMIN_PASSWORD, PASSWORD, Hub, alert

Somebody = Callable[..., str]


def names_in_database(hub: Hub) -> list[str | None]:
    with sqlite3.connect(hub.directory / "hub.sqlite") as db:
        return [row[0] for row in db.execute("SELECT name FROM users")]


def test_who_signs_up_is_signed_in_at_once(hub: Hub) -> None:
    visitor = hub.visitor()
    answer = visitor.sign_up("fresh")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/hub/spawn")
    assert visitor.get("/hub/home").status_code == 200


def test_signing_in_works_on_this_jupyterhub(hub: Hub, somebody: Somebody) -> None:
    visitor = hub.visitor()
    answer = visitor.sign_in(somebody())
    assert answer.status_code == 302
    assert visitor.get("/hub/home").status_code == 200


def test_a_name_is_the_same_in_capitals(hub: Hub, somebody: Somebody) -> None:
    name = somebody()
    assert hub.visitor().sign_in(name.upper()).status_code == 302
    assert "taken" in alert(hub.visitor().sign_up(name.upper()))


@pytest.mark.parametrize("password", ["wrong", "", "x" * 73, "é" * 50, "nul\0nul"])
def test_a_wrong_password_is_answered_kindly(hub: Hub, somebody: Somebody, password: str) -> None:
    name = somebody()
    answer = hub.visitor().sign_in(name, password)
    assert answer.status_code == 403
    assert "The name or the password is wrong" in alert(answer)
    assert f'value="{name}"' in answer.text, "the name need not be typed again"
    assert hub.visitor().sign_in(name).status_code == 302, "one slip does not lock the account"


def test_an_unknown_name_is_answered_like_a_wrong_password(hub: Hub) -> None:
    answer = hub.visitor().sign_in("nobody-of-this-name")
    assert (answer.status_code, "The name or the password is wrong" in alert(answer)) == (403, True)


def test_what_is_typed_is_shown_as_text(hub: Hub) -> None:
    typed = '"><script>alert(1)</script>'
    assert "<script>alert(1)" not in hub.visitor().sign_in(typed).text
    assert "<script>alert(1)" not in hub.visitor().sign_up(typed).text


def test_guessing_is_slowed_down_and_said(hub: Hub, somebody: Somebody) -> None:
    name = somebody()
    for _ in range(10):
        hub.visitor().sign_in(name, "a wrong guess")
    answer = hub.visitor().sign_in(name)
    assert answer.status_code == 403
    assert "Wait 60 seconds" in alert(answer)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a b",
        "a/b",
        "a,b",
        "josé",
        "..",
        ".hidden",
        "-dash",
        "dot.",
        "x" * 33,
        "<b>",
        "ａ",
        "a\nb",
        "%2e%2e",
    ],
)
def test_names_that_make_trouble_are_refused(hub: Hub, name: str) -> None:
    answer = hub.visitor().sign_up(name)
    assert answer.status_code == 400
    assert "A name has 1 to 32 letters" in alert(answer)
    assert name not in names_in_database(hub)


@pytest.mark.parametrize("name", ["a", "7", "grace.hopper", "li_wei", "x" * 32, "a-b"])
def test_ordinary_names_are_fine(hub: Hub, name: str) -> None:
    assert hub.visitor().sign_up(name).status_code == 302


@pytest.mark.parametrize(
    ("password", "again", "reason"),
    [
        ("short", None, "too short"),
        ("", None, "too short"),
        ("x" * 73, None, "too long"),
        ("ä" * 37, None, "too long"),
        ("password", None, "first that anyone would guess"),
        ("Password", None, "first that anyone would guess"),
        ("my-own-name", None, "first that anyone would guess"),
        (PASSWORD, "something else", "not the same"),
    ],
)
def test_bad_passwords_are_refused_with_the_reason(
    hub: Hub, password: str, again: str | None, reason: str
) -> None:
    answer = hub.visitor().sign_up("my-own-name", password, again)
    assert answer.status_code == 400
    assert reason in alert(answer)
    assert 'value="my-own-name"' in answer.text


def test_a_password_may_be_any_text(hub: Hub) -> None:
    password = "  spaces, ünïcode and 'quotes\"  "
    assert hub.visitor().sign_up("any-text", password).status_code == 302
    assert hub.visitor().sign_in("any-text", password).status_code == 302
    assert hub.visitor().sign_in("any-text", password.strip()).status_code == 403


def test_a_form_from_another_site_does_nothing(hub: Hub) -> None:
    visitor = hub.visitor()
    fields = {"username": "forged", "signup_password": PASSWORD, "signup_password_confirmation": PASSWORD}
    answer = visitor.session.post(f"{hub.url}/hub/signup", data=fields, timeout=60)
    assert answer.status_code == 403
    assert "forged" not in names_in_database(hub)


@pytest.mark.parametrize("path", ["login", "signup", "home", "api/"])
def test_no_window_of_another_page_reaches_into_the_hubs(hub: Hub, path: str) -> None:
    visitor = hub.visitor()
    visitor.sign_in("admin", ADMIN_PASSWORD)
    headers = visitor.get(f"/hub/{path}").headers
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"], "JupyterHub's own are still there"
    assert headers["X-JupyterHub-Version"]


def test_the_next_page_cannot_be_on_another_site(hub: Hub) -> None:
    answer = hub.visitor().submit(
        "/hub/signup?next=https%3A%2F%2Fevil.example%2F",
        username="redirected",
        signup_password=PASSWORD,
        signup_password_confirmation=PASSWORD,
    )
    assert answer.headers["Location"].startswith("/hub/")


def test_a_new_account_is_a_participant_and_the_admin_is_not(
    hub: Hub, admin: str, somebody: Somebody
) -> None:
    assert hub.api("GET", f"/users/{somebody()}", admin).json()["groups"] == ["participants"]
    model = hub.api("GET", "/users/admin", admin).json()
    assert (model["admin"], model["groups"]) == (True, [])


def test_one_changes_ones_password(hub: Hub) -> None:
    here, there = hub.visitor(), hub.visitor()
    here.sign_up("changes")
    there.sign_in("changes")
    new = "another good password"
    fields = {"new_password": new, "new_password_confirmation": new}
    assert "not right" in alert(here.submit("/hub/change-password", old_password="guess", **fields))
    assert "is changed" in alert(here.submit("/hub/change-password", old_password=PASSWORD, **fields))
    assert here.get("/hub/home").status_code == 200
    assert there.get("/hub/home").status_code == 302, "the other browser has to sign in again"
    assert hub.visitor().sign_in("changes", PASSWORD).status_code == 403
    assert hub.visitor().sign_in("changes", new).status_code == 302


# -- a deleted account's name -------------------------------------------------------------------------------


def test_a_deleted_accounts_name_is_given_back_by_an_admin_alone(make_hub: Callable[..., Hub]) -> None:
    """The grader keeps by name what a learner did: somebody else under the name would have it."""
    hub = make_hub()
    admin = hub.token("admin", ADMIN_PASSWORD)

    def refused(name: str) -> bool:
        answer = hub.visitor().sign_up(name)
        return answer.status_code == 400 and "was deleted. Choose another" in alert(answer)

    for name in ("leaves", "comes-back"):
        assert hub.visitor().sign_up(name).status_code == 302
        assert hub.api("DELETE", f"/users/{name}", admin).ok
        assert hub.visitor().sign_in(name).status_code == 403
        assert refused(name)
        assert refused(name.upper())
    assert hub.api("POST", "/users", admin, {"usernames": ["comes-back"]}).ok
    assert hub.visitor().sign_up("comes-back").status_code == 302
    assert hub.api("DELETE", "/users/comes-back", admin).ok
    assert refused("comes-back")
    assert hub.api("POST", "/users/never-signed-up", admin).ok
    assert hub.api("DELETE", "/users/never-signed-up", admin).ok
    assert refused("never-signed-up")

    hub.stop()
    with sqlite3.connect(hub.directory / "hub.sqlite") as db:  # as if the Hub had died in a deletion
        db.execute("INSERT INTO users (name, admin, cookie_id) VALUES ('leaves', 0, 'x')")
    hub.start()
    assert refused("leaves")
    assert refused("comes-back")
    hub.stop()


# -- PATCH /users/NAME -------------------------------------------------------------------------------------


@pytest.mark.parametrize("extra", [{}, {"admin": False}])
def test_a_patch_that_repeats_the_name_keeps_it(
    hub: Hub, admin: str, somebody: Somebody, extra: dict[str, bool]
) -> None:
    """What the admin page's Edit User form sends; JupyterHub itself would set the name to NULL."""
    name = somebody()
    answer = hub.api("PATCH", f"/users/{name}", admin, {"name": name, **extra})
    assert (answer.status_code, answer.json()["name"]) == (200, name)
    assert None not in names_in_database(hub)
    assert hub.visitor().sign_in(name).status_code == 302


def test_a_patch_can_make_an_admin(hub: Hub, admin: str, somebody: Somebody) -> None:
    name = somebody()
    answer = hub.api("PATCH", f"/users/{name}", admin, {"name": name, "admin": True})
    assert (answer.json()["name"], answer.json()["admin"]) == (name, True)


@pytest.mark.parametrize("body", [{"name": "other"}, {"name": ""}, {"groups": ["moderators"]}, {"roles": []}])
def test_a_patch_that_would_break_the_account_is_refused(
    hub: Hub, admin: str, somebody: Somebody, body: dict[str, object]
) -> None:
    name = somebody()
    answer = hub.api("PATCH", f"/users/{name}", admin, body)
    assert answer.status_code == 400
    assert hub.api("GET", f"/users/{name}", admin).json()["groups"] == ["participants"]


# -- the administrator's account and the settings -----------------------------------------------------------


def test_the_admin_password_in_env_is_honoured_at_every_start(make_hub: Callable[..., Hub]) -> None:
    hub = make_hub()
    assert hub.visitor().sign_in("admin", ADMIN_PASSWORD).status_code == 302
    learner = hub.visitor()
    learner.sign_up("stays")
    hub.stop()
    hub.start()
    assert "ADMIN_PASSWORD changed" not in hub.log(), "the same password again changes nothing"
    assert learner.get("/hub/home").status_code == 200, "a restart of the Hub signs nobody out"
    hub.stop()
    hub.start(ADMIN_PASSWORD="a new one from .env")
    assert "ADMIN_PASSWORD changed" in hub.log()
    assert hub.visitor().sign_in("admin", ADMIN_PASSWORD).status_code == 403
    admin = hub.visitor()
    assert admin.sign_in("admin", "a new one from .env").status_code == 302
    assert "ADMIN_PASSWORD in .env" in alert(admin.get("/hub/change-password"))
    hub.stop()
    hub.start(ADMIN_PASSWORD="")
    assert hub.visitor().sign_in("admin", "a new one from .env").status_code == 302, "empty: stays what it is"
    hub.stop()


def test_approval_when_the_setting_asks_for_it(make_hub: Callable[..., Hub]) -> None:
    hub = make_hub(SIGN_UP="approval")
    answer = hub.visitor().sign_up("patient")
    assert "A moderator has to let you in" in alert(answer)
    assert "patient" not in names_in_database(hub)
    answer = hub.visitor().sign_in("patient")
    assert (answer.status_code, "waiting for approval" in alert(answer)) == (403, True)
    for wrong in ("a guess", "é" * 40):
        answer = hub.visitor().sign_in("patient", wrong)
        assert (answer.status_code, "The name or the password is wrong" in alert(answer)) == (403, True)
    admin = hub.visitor()
    admin.sign_in("admin", ADMIN_PASSWORD)
    assert "may sign in now" in alert(admin.submit("/hub/authorize", username="patient", action="approve"))
    patient = hub.visitor()
    assert patient.sign_in("patient").status_code == 302
    assert patient.get("/hub/home").status_code == 200
    admin.submit("/hub/authorize", username="patient", action="suspend")
    answer = hub.visitor().sign_in("patient")
    assert (answer.status_code, "is suspended" in alert(answer)) == (403, True)
    assert "The name or the password is wrong" in alert(hub.visitor().sign_in("patient", "é" * 40))
    token = hub.token("admin", ADMIN_PASSWORD)
    assert hub.api("POST", "/users", token, {"usernames": ["expected"]}).ok
    hub.visitor().sign_up("expected")
    assert "waiting for approval" in alert(hub.visitor().sign_in("expected"))
    hub.stop()


def test_no_sign_up_when_it_is_closed(make_hub: Callable[..., Hub]) -> None:
    hub = make_hub(SIGN_UP="closed")
    assert hub.visitor().get("/hub/signup").status_code == 404
    assert "signup" not in hub.visitor().get("/hub/login").text
    hub.stop()


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"SIGN_UP": "perhaps"}, "write open, approval or closed"),
        ({"NOTEBOOK_CPUS": "many"}, "NOTEBOOK_CPUS is 'many'"),
        ({"NOTEBOOK_PIDS": "0"}, "NOTEBOOK_PIDS is '0'; it must be a number, 32 or more"),
        ({"NOTEBOOK_PACKAGES": "0M"}, "NOTEBOOK_PACKAGES is '0M'; write a size such as 384M"),
        ({"NOTEBOOK_CPUS": "nan"}, "NOTEBOOK_CPUS is 'nan'"),
        ({"GRADER_API_TOKEN": ""}, "GRADER_API_TOKEN is not set"),
        ({"CHALLENGEHUB_SUBDOMAIN_HOST": "hub.example.org"}, "such as https://hub.example.org"),
        ({"CHALLENGEHUB_SUBDOMAIN_HOST": "https://10.0.0.1"}, "by name"),
    ],
)
def test_a_wrong_setting_is_named(env: dict[str, str], said: str) -> None:
    secrets = ("MYSQL_HUB_PASSWORD", "CONFIGPROXY_AUTH_TOKEN", "JUPYTERHUB_CRYPT_KEY", "GRADER_API_TOKEN")
    given = dict.fromkeys(secrets, "x")
    assert Settings.from_environ(given).sign_up == "open"
    with pytest.raises(SettingsError, match=said):
        Settings.from_environ({**given, **env})


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"ADMIN_PASSWORD": ""}, "there is no administrator yet"),
        ({"ADMIN_USER": "the boss"}, "ADMIN_USER is 'the boss'"),
    ],
)
def test_an_administrator_that_cannot_be_is_said_at_the_start(
    make_hub: Callable[..., Hub], env: dict[str, str], said: str
) -> None:
    with pytest.raises(RuntimeError, match=said):
        make_hub(**env)
