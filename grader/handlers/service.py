"""The service itself: its health, what its sandboxes have, and every address where there is nothing."""

from __future__ import annotations

from ..errors import NotFound
from .base import ApiHandler


class HealthHandler(ApiHandler):
    public = True

    async def get(self) -> None:
        health = await self.parts.health()
        able = health["parts"]["database"] == health["parts"]["engine"] == "ok"
        self.send(health, 200 if able else 503)


class SandboxHandler(ApiHandler):
    async def get(self) -> None:
        self.send((await self.parts.inventories.get()).as_dict())


class UnknownHandler(ApiHandler):
    public = True

    @classmethod
    def methods(cls) -> list[str]:
        return list(cls.SUPPORTED_METHODS)

    async def prepare(self) -> None:
        self._refused = NotFound("There is nothing at this address.")
        setattr(self, (self.request.method or "").lower(), self._refuse)


ROUTES: list[tuple[str, type[ApiHandler]]] = [
    ("health", HealthHandler),
    ("sandbox", SandboxHandler),
]
