"""Every environment variable that the service reads, in one place: name, type, default and what it is for."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from .metadata import SLUG

_REQUIRED = object()
CHALLENGES_DIR = Path("/srv/challenge_notebooks")
BUILD_SQL = Path("/srv/build.sql")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class SettingInvalid(ValueError):
    """A variable that is missing or cannot be read; the message names it and says what it is for."""


def _whole(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        value = int(text)
        if value < least:
            raise ValueError(f"must be at least {least}")
        return value

    return read


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < 86400:
        raise ValueError("must be more than 0 and less than a day")
    return value


def _log_level(text: str) -> str:
    level = text.upper()
    if level not in LOG_LEVELS:
        raise ValueError(f"must be one of {', '.join(LOG_LEVELS)}")
    return level


def read_images(text: str) -> dict[str, str]:
    """``NAME=IMAGE,…`` as a mapping. Raises ValueError."""
    pairs = [word.strip().partition("=") for word in text.split(",") if word.strip()]
    for name, _, image in pairs:
        if not (SLUG.fullmatch(name) and image):
            raise ValueError("must be NAME=IMAGE, with commas between; a name has small letters and dashes")
    return {name: image for name, _, image in pairs}


def _prefix(text: str) -> str:
    return "/" + text.strip("/") + "/" if text.strip("/") else "/"


def _setting(
    name: str,
    help: str,
    *,
    default: Any = _REQUIRED,
    read: Callable[[str], Any] = str,
    secret: bool = False,
) -> Any:
    return field(
        metadata={"name": name, "help": help, "default": default, "read": read},
        repr=not secret,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The service's configuration. ``Settings.read()`` takes it from the environment."""

    bind: str = _setting("GRADER_BIND", "Address that the service listens on.", default="0.0.0.0")  # noqa: S104 - a container
    port: int = _setting(
        "GRADER_PORT", "Port that the service listens on; 0 takes a free one.", default=8010, read=_whole(0)
    )
    name: str = _setting(
        "GRADER_NAME",
        "This grader's name in the record; two on one database need two names. Default: the host's name.",
        default=None,
    )
    log_level: str = _setting(
        "GRADER_LOG_LEVEL",
        "How much is logged: DEBUG, INFO, WARNING or ERROR.",
        default="INFO",
        read=_log_level,
    )
    log_json: bool = _setting(
        "GRADER_LOG_JSON",
        "1: one JSON object a log line, for programs.",
        default=False,
        read=lambda t: t == "1",
    )

    prefix: str = _setting(
        "JUPYTERHUB_SERVICE_PREFIX",
        "The path under which the proxy serves the grader.",
        default="/services/grader/",
        read=_prefix,
    )
    hub_api_url: str = _setting(
        "JUPYTERHUB_API_URL", "Where the Hub's API is, as seen from here.", default="http://hub:8081/hub/api"
    )
    hub_base_url: str = _setting(
        "JUPYTERHUB_BASE_URL",
        "The path under which the proxy serves the whole Hub.",
        default="/",
        read=_prefix,
    )
    hub_client_id: str = _setting(
        "JUPYTERHUB_CLIENT_ID", "The service's OAuth client id at the Hub.", default="service-grader"
    )
    hub_service_name: str = _setting(
        "JUPYTERHUB_SERVICE_NAME",
        "The service's name at the Hub, which access scopes mention.",
        default="grader",
    )
    hub_token: str = _setting(
        "JUPYTERHUB_API_TOKEN", "The service's own token at the Hub (GRADER_API_TOKEN in .env).", secret=True
    )

    db_host: str = _setting("MYSQL_HOST", "Where MySQL is.", default="db")
    db_port: int = _setting("MYSQL_PORT", "MySQL's port.", default=3306, read=_whole(1))
    db_user: str = _setting("MYSQL_GRADER_USER", "The grader's user at MySQL.", default="grader")
    db_password: str = _setting("MYSQL_GRADER_PASSWORD", "That user's password.", secret=True)
    db_name: str = _setting("MYSQL_GRADER_DATABASE", "The grader's database.", default="grader")
    db_connections: int = _setting(
        "GRADER_DB_CONNECTIONS",
        "Most connections to MySQL, and threads that use them, at once.",
        default=8,
        read=_whole(2),
    )

    workers: int = _setting(
        "GRADER_WORKERS",
        "Submissions graded at the same time. Default: one a processor.",
        default=None,
        read=_whole(1),
    )
    sandbox_image: str = _setting(
        "SANDBOX_IMAGE", "The image that submissions run in.", default="challengehub/sandbox:latest"
    )
    sandbox_images: Mapping[str, str] = _setting(
        "SANDBOX_IMAGES",
        "Further sandbox images that challenges may ask for: NAME=IMAGE, with commas between.",
        default={},
        read=read_images,
    )
    sandbox_runtime: str = _setting(
        "SANDBOX_RUNTIME", "Container runtime for sandboxes: auto, runc or runsc (gVisor).", default="auto"
    )
    sandbox_pool_size: int = _setting("SANDBOX_POOL_SIZE", "Sandboxes kept ready.", default=4, read=_whole(0))
    project: str = _setting(
        "COMPOSE_PROJECT_NAME",
        "Marks this installation's sandboxes, so that two on one engine leave each other's alone.",
        default="challengehub",
    )

    queue_max: int = _setting(
        "GRADER_QUEUE_MAX",
        "Submissions that may wait; past that, new ones are asked to come back later.",
        default=1000,
        read=_whole(1),
    )
    submissions_per_minute: int = _setting(
        "GRADER_SUBMISSIONS_PER_MINUTE",
        "Submissions of one learner a minute, in the long run.",
        default=60,
        read=_whole(1),
    )
    submissions_burst: int = _setting(
        "GRADER_SUBMISSIONS_BURST",
        "Submissions that one learner may send at once.",
        default=200,
        read=_whole(1),
    )
    requests_per_minute: int = _setting(
        "GRADER_REQUESTS_PER_MINUTE",
        "Requests of any kind of one learner a minute.",
        default=1200,
        read=_whole(1),
    )
    watchers_per_user: int = _setting(
        "GRADER_WATCHERS_PER_USER",
        "Event streams that one learner may hold open.",
        default=20,
        read=_whole(1),
    )
    attempts_max: int = _setting(
        "GRADER_ATTEMPTS_MAX",
        "How often a submission whose grading broke off is begun again before it ends as internal_error.",
        default=3,
        read=_whole(1),
    )
    lease_s: float = _setting(
        "GRADER_LEASE_S",
        "Seconds after which another grader takes over the work of one that stopped answering.",
        default=30.0,
        read=_seconds,
    )
    drain_s: float = _setting(
        "GRADER_DRAIN_S",
        "Seconds that running submissions get to end when the service stops; the rest returns to the queue.",
        default=5.0,
        read=_seconds,
    )

    review_required: bool = _setting(
        "GRADER_REVIEW_REQUIRED",
        "1: instructors publish only what somebody other than its author has approved.",
        default=False,
        read=lambda t: t == "1",
    )
    challenges_dir: Path = _setting(  # noqa: RUF009
        "GRADER_CHALLENGES_DIR",
        "Notebooks that are published at each start if they changed.",
        default=CHALLENGES_DIR,
        read=Path,
    )
    build_sql: Path = _setting(  # noqa: RUF009
        "GRADER_BUILD_SQL", "The schema, run at every start.", default=BUILD_SQL, read=Path
    )

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Raises SettingInvalid naming every variable at fault, not only the first.

        An empty variable counts as not set: that is what compose makes of one that .env lacks.
        """
        values: dict[str, Any] = {}
        faults: list[str] = []
        for entry in fields(cls):
            told = entry.metadata
            text = environment.get(told["name"], "").strip()
            if text:
                try:
                    values[entry.name] = told["read"](text)
                except ValueError as error:
                    faults.append(f"{told['name']} cannot be read ({error}): {told['help']}")
            elif told["default"] is _REQUIRED:
                faults.append(f"{told['name']} is not set: {told['help']}")
            else:
                values[entry.name] = told["default"]
        if faults:
            raise SettingInvalid("\n".join(faults))
        if values["name"] is None:
            values["name"] = socket.gethostname()
        if values["workers"] is None:
            values["workers"] = os.cpu_count() or 1
        return cls(**values)

    @classmethod
    def described(cls) -> list[tuple[str, str, str]]:
        """(variable, default, help) of each setting, for documentation; a required one has no default."""

        def default(entry: Field[Any]) -> str:
            value = entry.metadata["default"]
            return "" if value in (_REQUIRED, None, {}) else str(value)

        return [(entry.metadata["name"], default(entry), entry.metadata["help"]) for entry in fields(cls)]
