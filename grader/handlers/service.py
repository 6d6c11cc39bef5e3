"""The service itself: its health, its door for browsers, and every address where there is nothing."""

from __future__ import annotations

from typing import Any

from ..errors import NotFound, Unauthenticated
from .base import ApiHandler


class HealthHandler(ApiHandler):
    public = True

    async def get(self) -> None:
        health = await self.parts.health()
        able = health["parts"]["database"] == health["parts"]["engine"] == "ok"
        self.send(health, 200 if able else 503)


class HomeHandler(ApiHandler):
    """Where the Hub's menu of services leads: signs a browser in here, and sends it back to the Hub."""

    async def get(self) -> None:
        self.redirect(self.parts.hub.home)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        if isinstance(kwargs.get("exc_info", (None, None))[1], Unauthenticated):
            self.redirect(self.get_login_url())
        else:
            super().write_error(status_code, **kwargs)


class UnknownHandler(ApiHandler):
    public = True

    @classmethod
    def methods(cls) -> list[str]:
        return list(cls.SUPPORTED_METHODS)

    async def prepare(self) -> None:
        self._refused = NotFound("There is nothing at this address.")
        setattr(self, (self.request.method or "").lower(), self._refuse)


ROUTES: list[tuple[str, type[ApiHandler]]] = [("health", HealthHandler)]
