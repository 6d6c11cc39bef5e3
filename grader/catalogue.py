"""The published challenges: from the record to parsed values, and from notebooks into the record."""

from __future__ import annotations

import json
import logging
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, TypeVar

from .challenge import content_hash, notebooks, parse_challenge, release_notebook
from .errors import ChallengeInvalid, ChallengeUnknown
from .metadata import SLUG
from .models import Challenge, Limits
from .store import NewVersion, Store, Version

log = logging.getLogger(__name__)

K = TypeVar("K")
T = TypeVar("T")
KEPT = 200  # parsed versions and releases in memory; a version never changes, so nothing goes stale


class Catalogue:
    """What is published now is asked of the database each time (for a submission, in the act of writing it
    down); what a version says is remembered."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._challenges: _Memory[int, Challenge] = _Memory(KEPT)
        self._releases: _Memory[int, str] = _Memory(KEPT)
        self._current: _Memory[str, Version] = _Memory(KEPT)

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
        self._current.put(slug, found[0])
        return found[0]

    async def probably_current(self, slug: str, number: int) -> Version:
        """``current``, without a question where the version of this number was the published one when it was
        last asked for: for ``Store.accept``, which looks itself."""
        known = self._current.known(slug)
        return known if known and known.number == number else await self.current(slug)

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


class _Memory(Generic[K, T]):
    """The values used last."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: OrderedDict[K, T] = OrderedDict()

    def known(self, key: K) -> T | None:
        return self._held.get(key)

    def put(self, key: K, value: T) -> None:
        self._held[key] = value
        self._held.move_to_end(key)
        if len(self._held) > self._size:
            self._held.popitem(last=False)

    async def get(self, key: K, load: Callable[[], Awaitable[T]]) -> T:
        if key not in self._held:
            self.put(key, await load())
        self._held.move_to_end(key)
        return self._held[key]


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


def new_version(
    challenge: Challenge,
    source: str,
    who: str,
    why: str,
    *,
    base: int | None = None,
    reviewer: str | None = None,
    forced: bool = False,
) -> NewVersion:
    """An author's notebook (``source``, parsed as ``challenge``) as the store takes it."""
    return NewVersion(
        challenge.slug,
        source,
        content_hash(source),
        overview(challenge),
        lambda number: json.dumps(release_notebook(challenge, source, number), ensure_ascii=False),
        who,
        why,
        base,
        reviewer,
        forced,
    )


def publish_folder(store: Store, folder: Path, who: str, why: str) -> list[tuple[str, int]]:
    """Publish every notebook below ``folder`` whose content is no version yet; (slug, number) each. Blocks.

    One that is not valid, or cannot be read, is logged and left out: it must not keep the others from
    learners; nor does one of two files with the same slug decide which of them counts. What people did
    stands: a content that is a version already is left alone, so that a rollback or what somebody published
    over it survives a restart, and a retired challenge stays retired. Only a file that changed becomes a new
    version, with the older one a rollback away.
    """
    found: dict[str, list[tuple[Path, Challenge, str]]] = {}
    for path in notebooks(folder):
        try:
            source = path.read_text(encoding="utf-8-sig")
            challenge = parse_challenge(source, filename=path.name)
        except (ChallengeInvalid, UnicodeDecodeError, OSError) as error:
            log.error("%s is not published: %s", path.relative_to(folder), error)
            continue
        found.setdefault(challenge.slug, []).append((path, challenge, source))
    done = []
    for slug, files in found.items():
        (path, challenge, source), *others = files
        if others:
            names = ", ".join(str(each.relative_to(folder)) for each, _, _ in files)
            log.error("none of %s is published: they have the same slug, %s", names, slug)
        elif number := _publish_file(store, new_version(challenge, source, who, why), path):
            done.append((slug, number))
    return done


def _publish_file(store: Store, new: NewVersion, path: Path) -> int | None:
    if new.content_hash in store.contents(new.slug):
        return None
    number, by = store.standing(new.slug)
    if by is not None and number is None:
        log.warning("%s has changed and is not published: %s is retired", path.name, new.slug)
        return None
    try:
        number, _ = store.publish(new)
    except ChallengeInvalid as error:
        log.error("%s is not published: %s", path.name, error)
        return None
    log.info("published %s version %d", new.slug, number)
    if by not in (None, new.who):
        log.warning(
            "%s version %d replaces what %s published, because its file changed", new.slug, number, by
        )
    return number
