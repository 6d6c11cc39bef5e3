"""What the extension refuses, in the same shape and spirit as the grader's own errors."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """A request that cannot be served, with a stable ``code`` and words that are safe to show.

    Codes made here: request_malformed, not_a_challenge, notebook_malformed, notebook_too_large,
    file_missing, path_blocked, home_unavailable, spool_full, grader_unreachable,
    grader_not_configured, server_not_recognised. Every other code is the grader's, passed on unchanged.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        http_status: int = 400,
        details: dict[str, Any] | None = None,
        retry_after: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.http_status = http_status
        self.details = details or {}
        self.retry_after = retry_after

    def as_dict(self) -> dict[str, Any]:
        return {"error": {"code": self.code, "message": self.message, "details": self.details}}
