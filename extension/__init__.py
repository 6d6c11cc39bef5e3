"""The part of ChallengeHub inside a learner's notebook server: opens challenges, submits, relays verdicts."""

from __future__ import annotations

from typing import Any

from .routes import add_routes
from .sessionhandlers import add_session


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "challengehub"}]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "extension"}]


def _load_jupyter_server_extension(server_app: Any) -> None:
    spool, inventory = add_routes(server_app.web_app)
    # what was kept when this server last stopped; not now, for the loop does not run yet
    server_app.io_loop.add_callback(spool.start)
    server_app.io_loop.add_callback(inventory.look)
    add_session(server_app)
    server_app.log.info("ChallengeHub: the learner's server extension is ready")
