"""Pages for a browser: its door, and the one on which authors check and publish a challenge.

What they show comes from the API and is set as text by ``static/``; nothing that anybody wrote is put into
the HTML here but the caller's name, escaped.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tornado.template import Loader
from tornado.web import StaticFileHandler

from ..errors import Unauthenticated
from ..hub import WRITE_CHALLENGES
from ..starter import nameless
from .base import ApiHandler

HERE = Path(__file__).parents[1]
STATIC = HERE / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class PageHandler(ApiHandler):
    """A page for people who are signed in; who is not is sent to the Hub's sign-in and comes back."""

    loader = Loader(str(HERE / "templates"))

    def show(self, template: str, **values: Any) -> None:
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", POLICY)
        prefix = self.parts.prefix
        page = self.loader.load(template).generate(
            static_path=f"{prefix}static/", hub=self.parts.hub.home, name=self.caller.name, **values
        )
        self.write(page)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        if isinstance(kwargs.get("exc_info", (None, None))[1], Unauthenticated):
            self.redirect(self.get_login_url())
        else:
            super().write_error(status_code, **kwargs)


class HomePage(PageHandler):
    """Where the Hub's menu of services leads: signs a browser in here, and sends it back to the Hub."""

    async def get(self) -> None:
        self.redirect(self.parts.hub.home)


class PublishPage(PageHandler):
    async def get(self) -> None:
        if not self.caller.may(WRITE_CHALLENGES):
            self.set_status(403)
            self.show("forbidden.html")
            return
        # reading it sets the cookie that the API compares it with
        self.show("publish.html", xsrf=self.xsrf_token.decode())


class StarterFile(PageHandler):
    """A notebook to begin with, for authors who have the browser only."""

    async def get(self) -> None:
        self.require(WRITE_CHALLENGES)
        self.set_header("Content-Type", "application/x-ipynb+json")
        self.set_header("Content-Disposition", 'attachment; filename="my-challenge.ipynb"')
        self.write(json.dumps(nameless(), indent=1, ensure_ascii=False) + "\n")


class StaticHandler(StaticFileHandler):
    def set_extra_headers(self, path: str) -> None:
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header(
            "Cache-Control", "no-cache"
        )  # asked for again, answered 304: an upgrade is seen at once


#: Below the service's prefix.
PAGES: list[tuple[str, type[ApiHandler]]] = [
    ("", HomePage),
    ("publish", PublishPage),
    ("starter.ipynb", StarterFile),
]
