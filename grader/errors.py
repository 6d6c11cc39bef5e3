"""What can go wrong that is not a verdict: each with a code that never changes and words for a person."""

from __future__ import annotations

from typing import Any, ClassVar


class GraderError(Exception):
    """An error with a stable ``code``, an HTTP ``http_status`` and a ``message`` that is safe to show.

    What only the log may know goes into ``log_message`` or the exception's cause.
    """

    code: ClassVar[str] = "internal"
    http_status: ClassVar[int] = 500

    def __init__(
        self,
        message: str,
        *,
        details: dict[str, Any] | None = None,
        log_message: str = "",
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = details or {}
        self.log_message = log_message
        self.retry_after_s = retry_after_s

    def as_dict(self) -> dict[str, Any]:
        return {"error": {"code": self.code, "message": self.message, "details": self.details}}


class RequestMalformed(GraderError):
    code, http_status = "request_malformed", 400


class NotebookMalformed(GraderError):
    """Not a notebook that can be read; ``details["cell"]`` names the cell where one is to blame."""

    code, http_status = "notebook_malformed", 400


class NotebookTooLarge(GraderError):
    code, http_status = "notebook_too_large", 413


class NotebookNotPython(GraderError):
    code, http_status = "notebook_not_python", 400


class CellMissing(GraderError):
    """A solution cell of the challenge is not in the submitted notebook."""

    code, http_status = "cell_missing", 422


class CellDuplicated(GraderError):
    """Two cells of the submitted notebook claim to be the same cell of the challenge."""

    code, http_status = "cell_duplicated", 422


class ChallengeInvalid(GraderError):
    """An author's notebook that breaks a rule of the format; ``details["cell"]`` names the cell."""

    code, http_status = "challenge_invalid", 400


class Unauthenticated(GraderError):
    code, http_status = "unauthenticated", 401


class Forbidden(GraderError):
    code, http_status = "forbidden", 403


class NotFound(GraderError):
    code, http_status = "not_found", 404


class MethodNotAllowed(GraderError):
    code, http_status = "method_not_allowed", 405


class ChallengeUnknown(GraderError):
    code, http_status = "challenge_unknown", 404


class SubmissionUnknown(GraderError):
    code, http_status = "submission_unknown", 404


class HintUnknown(GraderError):
    """No hint of that number, or not its turn yet."""

    code, http_status = "hint_unknown", 404


class SolutionWithheld(GraderError):
    """Its author keeps it back, or the learner has not passed yet."""

    code, http_status = "solution_withheld", 403


class DisplayNameEmpty(GraderError):
    code, http_status = "display_name_empty", 422


class DisplayNameTooLong(GraderError):
    code, http_status = "display_name_too_long", 422


class DisplayNameUnfit(GraderError):
    """It has a character that nobody sees or that steers the text around it; ``details["character"]``."""

    code, http_status = "display_name_unfit", 422


class DisplayNameTaken(GraderError):
    """Somebody else on the leaderboards has it, or one that differs only in case or accents."""

    code, http_status = "display_name_taken", 409


class DisplayNameUnknown(GraderError):
    code, http_status = "display_name_unknown", 404


class TrackUnknown(GraderError):
    code, http_status = "track_unknown", 404


class ClassUnknown(GraderError):
    """No such class, or one that the caller is not in: which there are is nobody else's business."""

    code, http_status = "class_unknown", 404


class VersionStale(GraderError):
    """The learner holds a version that is no longer the published one; ``details["current"]`` is."""

    code, http_status = "version_stale", 409


class VersionUnknown(GraderError):
    code, http_status = "version_unknown", 404


class VersionConflict(GraderError):
    """Somebody else published in the meantime; ``details["current"]`` is the published number, or null."""

    code, http_status = "version_conflict", 409


class StateConflict(GraderError):
    """What was asked for is not possible as things stand; ``details["state"]`` is how they stand."""

    code, http_status = "state_conflict", 409


class DraftUnknown(GraderError):
    code, http_status = "draft_unknown", 404


class ReviewerIsAuthor(GraderError):
    code, http_status = "reviewer_is_author", 403


class ReviewRequired(GraderError):
    """This installation publishes only what somebody other than its author has approved."""

    code, http_status = "review_required", 403


class ChallengeUnchecked(GraderError):
    """No check of this very content is on record."""

    code, http_status = "challenge_unchecked", 409


class ChallengeUnfit(GraderError):
    """Its check found what a learner must not get; ``details["report"]`` says what."""

    code, http_status = "challenge_unfit", 422


class RegradingUnknown(GraderError):
    code, http_status = "regrading_unknown", 404


class ImageUnknown(GraderError):
    """A challenge names a sandbox image that this installation does not have."""

    code, http_status = "image_unknown", 422


class InventoryUnknown(GraderError):
    """What the sandbox has is not known yet, or no sandbox can be asked now."""

    code, http_status = "inventory_unknown", 503


class IdempotencyConflict(GraderError):
    """The same idempotency key came with a different submission."""

    code, http_status = "idempotency_conflict", 409


class RateLimited(GraderError):
    code, http_status = "rate_limited", 429


class QueueFull(GraderError):
    code, http_status = "queue_full", 503


class DatabaseUnavailable(GraderError):
    code, http_status = "database_unavailable", 503


class HubUnavailable(GraderError):
    code, http_status = "hub_unavailable", 503


class EngineUnavailable(GraderError):
    """The Docker engine does not answer, or has no sandbox image. Never a verdict: the work waits."""

    code, http_status = "engine_unavailable", 503


class SandboxFailed(GraderError):
    """A sandbox could not be made or broke before a job ran in it; worth another try in a fresh one."""

    code, http_status = "sandbox_failed", 503
