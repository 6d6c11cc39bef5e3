"""Server-sent events: answers that go on for as long as there is something to tell."""

from __future__ import annotations

import json
from typing import Any

from .base import ApiHandler

QUIET_S = 5.0  # without an event: show the proxies between us and the caller that we live


class StreamHandler(ApiHandler):
    """An answer whose status is sent before its end is known."""

    def open_stream(self) -> None:
        self.set_header("Content-Type", "text/event-stream; charset=utf-8")
        # tells a buffering proxy to pass events on as they come
        self.set_header("X-Accel-Buffering", "no")
        # By default the system keeps a small event back until the one before it has been acknowledged,
        # which a receiver may put off for 40 ms.
        stream = getattr(self.request.connection, "stream", None)
        if stream is not None:
            stream.set_nodelay(True)

    def put(self, name: str, data: dict[str, Any]) -> None:
        """An event that goes out together with what is told next, or with the end."""
        self.write(f"event: {name}\ndata: {json.dumps(data)}\n\n")

    async def tell(self, name: str, data: dict[str, Any]) -> None:
        """Raises StreamClosedError when nobody listens any more."""
        self.put(name, data)
        await self.flush()

    async def still_here(self) -> None:
        self.write(": still here\n\n")
        await self.flush()

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        # A status that has been sent cannot be taken back: the stream ends, and its reader asks again.
        if not self._headers_written:
            super().send_error(status_code, **kwargs)
        elif not self._finished:
            self.finish()
