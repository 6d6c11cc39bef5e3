"""What has to hold before an author's notebook becomes a version: it is read, fit and reviewed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .catalogue import new_version
from .challenge import content_hash, parse_challenge
from .changes import Change, changes
from .errors import (
    ChallengeInvalid,
    ChallengeUnchecked,
    ChallengeUnfit,
    ChallengeUnknown,
    Forbidden,
    NotebookMalformed,
    RequestMalformed,
    ReviewRequired,
)
from .models import Challenge
from .store import Draft, DraftContent, NewVersion, Store, Version


@dataclass(frozen=True, slots=True)
class Source:
    """An author's notebook: its text as it is kept, and what it says."""

    text: str
    challenge: Challenge

    @property
    def content_hash(self) -> str:
        return content_hash(self.text)


def read_source(notebook: Any, slug: str | None = None) -> Source:
    """``notebook`` is the text of an author's file, or the object in it.

    With ``slug`` it has to be that challenge. Raises NotebookMalformed, ChallengeInvalid.
    """
    if isinstance(notebook, dict):
        # as nbformat writes a file, so that the object and its file are the same content
        notebook = json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    if not isinstance(notebook, str):
        raise NotebookMalformed("notebook must be a notebook: its JSON object, or the text of its file.")
    notebook = notebook.removeprefix("\ufeff")  # some editors' first character, which is none of the notebook
    try:
        notebook.encode("utf-8")
    except UnicodeEncodeError as error:
        raise NotebookMalformed(
            "This notebook holds half a character (a lone surrogate), which no file can keep. Clear the "
            "outputs, save, and try again."
        ) from error
    challenge = parse_challenge(notebook, filename=f"{slug}.ipynb" if slug else "")
    if slug is not None and challenge.slug != slug:
        raise ChallengeInvalid(
            f"This notebook says that it is the challenge {challenge.slug!r}, not {slug!r}. A slug never "
            "changes; publish it as a challenge of its own, or put the slug right.",
            details={"slug": challenge.slug},
        )
    return Source(notebook, challenge)


class Publishing:
    """All that publishes for a person goes through here. Methods block: call them through Database.run."""

    def __init__(self, store: Store, *, review_required: bool) -> None:
        self._store = store
        self._review_required = review_required

    def publish(
        self, source: Source, who: str, why: str, *, base: int | None, force: bool, admin: bool
    ) -> tuple[int, bool]:
        """Returns the version's number and whether it is new.

        ``base``: number of the published version that it was made from, None where there was none.
        ``force`` is for admins: past the check and the review. Raises ChallengeUnchecked, ChallengeUnfit,
        ReviewRequired, Forbidden, and what Store.publish raises.
        """
        if force and not admin:
            raise Forbidden("Only an admin can publish a challenge past its check.")
        if not force and not self._is_published(source):
            self._require_fit(source.content_hash)
            if self._review_required:
                raise ReviewRequired(
                    "Here a challenge is published once somebody other than its author has approved it. Make "
                    "a draft of it and submit that for review."
                )
        version = new_version(source.challenge, source.text, who, why, base=base or 0, forced=force)
        return self._store.publish(version)

    def approve(self, id: int, revision: int, who: str, text: str) -> tuple[str, int]:
        """Approve a draft in review, which publishes it; returns its slug and the version's number."""
        draft, _ = self._store.draft(id)
        self._require_fit(draft.content.content_hash)

        def version(draft: Draft) -> NewVersion:
            content = draft.content
            challenge = read_source(content.source, content.slug).challenge
            told = {"base": content.base or 0, "reviewer": who}
            return new_version(challenge, content.source, draft.author, content.why, **told)  # type: ignore[arg-type]

        number, _ = self._store.approve_draft(id, revision, who, text, version)
        return draft.content.slug, number

    def _is_published(self, source: Source) -> bool:
        """Then there is nothing to do but to say so."""
        try:
            versions = self._store.history(source.challenge.slug)["versions"]
        except ChallengeUnknown:
            return False
        return any(each["published"] and each["content_hash"] == source.content_hash for each in versions)

    def _require_fit(self, digest: str) -> None:
        known = self._store.report(digest)
        if known is None:
            raise ChallengeUnchecked(
                "This notebook has not been checked as it is now. Check it first; it takes a minute.",
                details={"content_hash": digest},
            )
        if not known["fit"]:
            raise ChallengeUnfit(
                "The check of this notebook found what has to be mended before learners get it.",
                details={"report": known["report"]},
            )

    # --- comparing

    def challenge(self, version: Version) -> Challenge:
        slug, source = self._store.source(version.id)
        return parse_challenge(source, slug=slug)

    def difference(self, slug: str, before: int | None, after: int) -> list[Change]:
        """From one version to another; ``before`` None: from nothing."""
        old = None if before is None else self.challenge(self._store.version(slug, before))
        return changes(old, self.challenge(self._store.version(slug, after)))

    def draft_difference(self, content: DraftContent) -> list[Change]:
        """From the version that a draft was made from."""
        old = None if content.base is None else self._store.version(content.slug, content.base)
        new = read_source(content.source, content.slug).challenge
        return changes(self.challenge(old) if old else None, new)


def content_of_draft(source: Source, base: int | None, why: str) -> DraftContent:
    challenge = source.challenge
    return DraftContent(challenge.slug, challenge.title, source.text, source.content_hash, base, why)


def required_reason(text: str) -> str:
    if not text.strip():
        raise RequestMalformed("Say why: others will want to know.")
    return text.strip()
