from __future__ import annotations

import os
from dataclasses import fields

import pytest

from grader.settings import SettingInvalid, Settings, read_images

NEEDED = {"JUPYTERHUB_API_TOKEN": "token-in-a-test", "MYSQL_GRADER_PASSWORD": "password-in-a-test"}


def test_two_secrets_are_all_that_must_be_set() -> None:
    settings = Settings.read(NEEDED)
    assert settings.port == 8010
    assert settings.workers == os.cpu_count()
    assert settings.name


def test_every_missing_or_unreadable_variable_is_named_at_once() -> None:
    with pytest.raises(SettingInvalid) as refusal:
        Settings.read({"GRADER_PORT": "eight", "GRADER_LEASE_S": "-1", "JUPYTERHUB_API_TOKEN": "token"})
    for name in ("GRADER_PORT", "GRADER_LEASE_S", "MYSQL_GRADER_PASSWORD"):
        assert name in str(refusal.value)
    assert "JUPYTERHUB_API_TOKEN" not in str(refusal.value)


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    assert Settings.read(NEEDED | {"GRADER_WORKERS": "", "GRADER_QUEUE_MAX": " "}).queue_max == 1000
    with pytest.raises(SettingInvalid):
        Settings.read(NEEDED | {"MYSQL_GRADER_PASSWORD": ""})


def test_further_images_have_names_of_their_own() -> None:
    assert read_images("geo=me/geo:1, stats=stats") == {"geo": "me/geo:1", "stats": "stats"}
    assert Settings.read(NEEDED).sandbox_images == {}
    for written in ("geo", "=me/geo", "geo=", "Geo=x", "geo=x,../y=z"):
        with pytest.raises(SettingInvalid, match="SANDBOX_IMAGES"):
            Settings.read(NEEDED | {"SANDBOX_IMAGES": written})


def test_a_log_level_is_one_that_there_is() -> None:
    assert Settings.read(NEEDED | {"GRADER_LOG_LEVEL": "debug"}).log_level == "DEBUG"
    for written in ("VERBOSE", "10", "NOTSET"):
        with pytest.raises(SettingInvalid, match=r"GRADER_LOG_LEVEL .* DEBUG, INFO, WARNING, ERROR"):
            Settings.read(NEEDED | {"GRADER_LOG_LEVEL": written})


@pytest.mark.parametrize("written", ["/services/grader/", "services/grader", "/services/grader"])
def test_a_prefix_has_its_slashes(written: str) -> None:
    assert Settings.read(NEEDED | {"JUPYTERHUB_SERVICE_PREFIX": written}).prefix == "/services/grader/"


def test_no_secret_is_shown() -> None:
    shown = repr(Settings.read(NEEDED))
    assert not [secret for secret in NEEDED.values() if secret in shown]


def test_every_setting_says_what_it_is_for() -> None:
    described = Settings.described()
    assert len(described) == len(fields(Settings)) == len({name for name, _, _ in described})
    for name, _, help in described:
        assert help.endswith("."), name
