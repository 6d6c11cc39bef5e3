"""The Hub's environment variables, all read here; ``.env.example`` explains them to people."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

SignUp = Literal["open", "approval", "closed"]


class SettingsError(ValueError):
    """A variable is missing or makes no sense; the message names it and says what to write instead."""


@dataclass(frozen=True)
class Settings:
    """``notebook_memory`` and ``notebook_packages`` as Docker writes sizes (``1G``); ``notebook_cpus`` in
    cores; times in seconds where no unit is named. 0 minutes switch a session rule off. ``subdomain_host`` is
    empty, or scheme and host, perhaps with a port."""

    project: str
    subdomain_host: str
    db_url: str
    proxy_api_url: str
    proxy_auth_token: str
    cookie_secret: bytes
    grader_url: str
    grader_api_token: str
    self_check_token: str
    admin_user: str
    admin_password: str
    sign_up: SignUp
    password_min_length: int
    notebook_image: str
    notebook_memory: str
    notebook_packages: str
    notebook_cpus: float
    notebook_pids: int
    notebook_start_timeout: int
    session_idle_minutes: float
    session_warning_minutes: float
    session_closed_minutes: float

    @property
    def network(self) -> str:
        return f"{self.project}-notebooks"

    @classmethod
    def from_environ(cls, env: Mapping[str, str]) -> Settings:
        def text(name: str, default: str | None = None) -> str:
            value = env.get(name, "").strip() or default
            if value is None:
                raise SettingsError(f"{name} is not set. `make up` writes it into .env; run it again.")
            return value

        def number(name: str, default: float, least: float) -> float:
            raw = text(name, str(default))
            try:
                value = float(raw)
            except ValueError:
                value = least - 1
            if not value >= least:
                raise SettingsError(f"{name} is {raw!r}; it must be a number, {least:g} or more.")
            return value

        def size(name: str, default: str) -> str:
            value = text(name, default)
            # a size of nothing would be no limit at all
            if not re.fullmatch(r"[1-9]\d{0,5}[KMG]", value):
                raise SettingsError(f"{name} is {value!r}; write a size such as {default}.")
            return value

        sign_up = text("SIGN_UP", "open")
        if sign_up not in ("open", "approval", "closed"):
            raise SettingsError(f"SIGN_UP is {sign_up!r}; write open, approval or closed.")
        subdomain_host = env.get("CHALLENGEHUB_SUBDOMAIN_HOST", "").strip().rstrip("/")
        if subdomain_host and not re.fullmatch(
            r"https?://[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z][a-z0-9-]*(:\d+)?", subdomain_host
        ):
            raise SettingsError(
                f"CHALLENGEHUB_SUBDOMAIN_HOST is {subdomain_host!r}; "
                "write an address by name, such as https://hub.example.org, or nothing."
            )
        return cls(
            subdomain_host=subdomain_host,
            project=text("COMPOSE_PROJECT_NAME", "challengehub"),
            db_url=env.get("HUB_DB_URL") or _mysql_url(text("MYSQL_HUB_PASSWORD")),
            proxy_api_url=text("CONFIGPROXY_API_URL", "http://proxy:8001"),
            proxy_auth_token=text("CONFIGPROXY_AUTH_TOKEN"),
            cookie_secret=_cookie_secret(text("JUPYTERHUB_CRYPT_KEY")),
            grader_url=text("GRADER_URL", "http://grader:8010"),
            grader_api_token=text("GRADER_API_TOKEN"),
            self_check_token=env.get("SELF_CHECK_TOKEN", "").strip(),
            admin_user=text("ADMIN_USER", "admin").lower(),
            admin_password=env.get("ADMIN_PASSWORD", ""),
            sign_up=sign_up,  # type: ignore[arg-type]
            password_min_length=int(number("PASSWORD_MIN_LENGTH", 8, 1)),
            notebook_image=text("NOTEBOOK_IMAGE", "challengehub/notebook:latest"),
            notebook_memory=text("NOTEBOOK_MEMORY", "1G"),
            notebook_packages=size("NOTEBOOK_PACKAGES", "384M"),
            notebook_cpus=number("NOTEBOOK_CPUS", 1, 0.1),
            notebook_pids=int(number("NOTEBOOK_PIDS", 512, 32)),
            notebook_start_timeout=int(number("NOTEBOOK_START_TIMEOUT", 90, 5)),
            session_idle_minutes=number("SESSION_IDLE_MINUTES", 60, 0),
            session_warning_minutes=number("SESSION_WARNING_MINUTES", 30, 0),
            session_closed_minutes=number("SESSION_CLOSED_MINUTES", 30, 0),
        )


def _mysql_url(password: str) -> str:
    return f"mysql+pymysql://hub:{quote(password, safe='')}@db:3306/jupyterhub?charset=utf8mb4"


def _cookie_secret(key: str) -> bytes:
    """Made from a secret that outlives the container: a new hub container signs nobody out."""
    return hmac.new(key.encode(), b"challengehub cookie secret", hashlib.sha256).digest()
