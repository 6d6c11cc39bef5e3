"""The REST API (openapi.yaml is its contract), a module for each noun; and the pages for browsers."""

from __future__ import annotations

import re
from typing import Any

from tornado.web import RequestHandler

from ..hub import OAuthCallback
from . import challenges, drafts, help, leaderboards, pages, regradings, service, submissions, versions
from .base import API, Parts, Seats

__all__ = ["API", "Parts", "Seats", "routes"]


def routes(parts: Parts) -> list[tuple[str, type[RequestHandler], dict[str, Any]]]:
    prefix, given = re.escape(parts.prefix), {"parts": parts}
    nouns = [
        *service.ROUTES,
        *challenges.ROUTES,
        *help.ROUTES,
        *submissions.ROUTES,
        *leaderboards.ROUTES,
        *versions.ROUTES,
        *drafts.ROUTES,
        *regradings.ROUTES,
    ]
    return [
        *((prefix + path, page, given) for path, page in pages.PAGES),
        (prefix + "static/(.*)", pages.StaticHandler, {"path": str(pages.STATIC)}),
        (prefix + "oauth_callback", OAuthCallback, {"hub": parts.hub}),
        *((prefix + API + path, handler, given) for path, handler in nouns),
        (".*", service.UnknownHandler, given),
    ]
