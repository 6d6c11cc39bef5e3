"""The published challenges: from the record to parsed values, and from notebooks into the record."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, TypeVar

from .challenge import parse_challenge, release_notebook
from .errors import ChallengeInvalid, ChallengeUnknown
from .metadata import SLUG
from .models import Challenge, Limits
from .store import Store, Version

log = logging.getLogger(__name__)

T = TypeVar("T")
KEPT = 200  # parsed versions and releases in memory; a version never changes, so nothing goes stale


class Catalogue:
    """What is published now is asked of the database each time; what a version says is remembered."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._challenges: _Memory[Challenge] = _Memory(KEPT)
        self._releases: _Memory[str] = _Memory(KEPT)

    async def published(self) -> list[Version]:
        return await self._store.database.run(self._store.published)

    async def usual_limits(self) -> Limits | None:
        """The limits that most of the published challenges have; None while there is none."""
        counts = Counter(Limits(**version.overview["limits"]) for version in await self.published())
        return max(counts, key=counts.__getitem__) if counts else None

    async def current(self, slug: str) -> Version:
        """The published version. Raises ChallengeUnknown."""
        found = await self._store.database.run(self._store.published, slug) if SLUG.fullmatch(slug) else []
        if not found:
            raise ChallengeUnknown(
                "There is no such challenge. Open the list of challenges to see those that are there."
            )
        return found[0]

    async def challenge(self, version_id: int) -> Challenge:
        async def load() -> Challenge:
            slug, source = await self._store.database.run(self._store.source, version_id)
            return parse_challenge(source, slug=slug)

        return await self._challenges.get(version_id, load)

    async def release(self, version_id: int) -> str:
        """The learners' notebook as JSON text."""

        async def load() -> str:
            return await self._store.database.run(self._store.release, version_id)

        return await self._releases.get(version_id, load)


class _Memory(Generic[T]):
    """The values used last, by version id."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: OrderedDict[int, T] = OrderedDict()

    async def get(self, key: int, load: Callable[[], Awaitable[T]]) -> T:
        if key not in self._held:
            self._held[key] = await load()
            if len(self._held) > self._size:
                self._held.popitem(last=False)
        self._held.move_to_end(key)
        return self._held[key]


def content_hash(source: str) -> str:
    return hashlib.sha256(source.encode("utf-8")).hexdigest()


def overview(challenge: Challenge) -> dict[str, Any]:
    """What lists show of a version without reading its notebooks."""
    return {
        "title": challenge.title,
        "summary": challenge.summary,
        "difficulty": challenge.difficulty,
        "tags": list(challenge.tags),
        "track": challenge.track,
        "prerequisites": list(challenge.prerequisites),
        "max_score": challenge.max_score,
        "checks": [
            {"id": check.id, "title": check.title, "points": check.points, "hidden": check.hidden}
            for check in challenge.checks
        ],
        "limits": asdict(challenge.limits),
    }


def publish(store: Store, challenge: Challenge, source_text: str, who: str, why: str) -> tuple[int, bool]:
    """Make an author's notebook (``source_text``, parsed as ``challenge``) what learners get.

    Returns the version's number and whether it is new: the same text again is the same version. Blocks.
    """
    return store.publish(
        challenge.slug,
        source_text,
        content_hash(source_text),
        overview(challenge),
        lambda number: json.dumps(release_notebook(challenge, source_text, number), ensure_ascii=False),
        who,
        why,
    )


def publish_folder(store: Store, folder: Path, who: str, why: str) -> list[tuple[str, int]]:
    """Publish every notebook below ``folder`` whose content is no version yet; (slug, number) each. Blocks.

    One that is not valid is logged and left out: it must not keep the others from learners. A content that
    is a version already is left as it is, so that a rollback survives a restart.
    """
    done = []
    for path in sorted(folder.rglob("*.ipynb")):
        if ".ipynb_checkpoints" in path.parts:
            continue
        try:
            source = path.read_text(encoding="utf-8")
            challenge = parse_challenge(source, filename=path.name)
        except (ChallengeInvalid, UnicodeDecodeError) as error:
            log.error("%s is not published: %s", path.relative_to(folder), error)
            continue
        known = {version["content_hash"] for version in store.versions(challenge.slug)}
        if content_hash(source) not in known:
            number, _ = publish(store, challenge, source, who, why)
            done.append((challenge.slug, number))
            log.info("published %s version %d", challenge.slug, number)
    return done
