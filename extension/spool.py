"""Submissions that wait in the learner's home for a grader that cannot be reached, and are sent from there.

A submission is written down before its learner is told that it is kept; it is taken away once the grader has
it. One that the grader refuses stays, with the grader's words, until its learner has put it aside.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .client import GraderClient
from .errors import Refusal

log = logging.getLogger(__name__)

# A learner's clicks while a grader is away for an afternoon, and not their whole disk.
MOST = 20
MOST_BYTES = 20 * 1024 * 1024
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
# A page counts a stream that is silent for longer as dead.
QUIET_S = 5.0
KEY = re.compile(r"[A-Za-z0-9-]{1,64}")
# After these the grader has not judged the submission: the same one may be taken later. The last is a server
# whose token has ended; started anew it has another.
TRANSIENT = {
    "grader_unreachable",
    "database_unavailable",
    "hub_unavailable",
    "queue_full",
    "rate_limited",
    "server_not_recognised",
    "grader_not_configured",
}
# Of those, the ones that the learner need not be asked about, nor has a part in.
KEPT_AT_ONCE = TRANSIENT - {"rate_limited", "server_not_recognised", "grader_not_configured"}


class Spool:
    """A folder with one file for each kept submission, readable by its owner alone.

    An entry is {"key", "challenge", "path", "kept_at", "state": "waiting" | "refused", "error"}, as the page
    sees it; the file has the request's ``body`` as well.
    """

    def __init__(self, folder: Path, grader: GraderClient) -> None:
        self._folder = folder
        self._grader = grader
        self._entries = {entry["key"]: entry for entry in _found(folder)}
        self._due = asyncio.Event()
        self._sender: asyncio.Task[None] | None = None
        self._watchers: set[asyncio.Queue[tuple[str, dict[str, Any]]]] = set()

    async def submit(self, key: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The grader's answer; or, while it cannot be reached, {"state": "kept"}. Raises Refusal."""
        if key in self._waiting():
            self.send_now()
            return _KEPT
        try:
            return await self._send(key, body)
        except Refusal as refusal:
            if refusal.code not in KEPT_AT_ONCE:
                raise
        entry = {
            "key": key,
            "challenge": body["challenge"],
            "path": path,
            "kept_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "state": "waiting",
            "error": None,
        }
        self._write({**entry, "body": body}, new=True)
        self._tell("kept", entry)
        self.start()
        return _KEPT

    def entries(self) -> list[dict[str, Any]]:
        """What is kept, oldest first, without the notebooks."""
        return sorted(self._entries.values(), key=lambda entry: (entry["kept_at"], entry["key"]))

    def start(self) -> None:
        """Send what waits, if anything does, from now on until nothing does."""
        if self._waiting() and (self._sender is None or self._sender.done()):
            self._sender = asyncio.create_task(self._send_all())

    def _waiting(self) -> list[str]:
        return [entry["key"] for entry in self.entries() if entry["state"] == "waiting"]

    def send_now(self) -> None:
        """Do not wait out the pause before the next try."""
        self._due.set()
        self.start()

    def forget(self, key: str) -> None:
        """Take away one that was refused, once its learner has read why; one that waits stays."""
        if key in self._entries and self._entries[key]["state"] == "refused":
            self._remove(key)

    async def events(self) -> AsyncIterator[tuple[str, dict[str, Any]] | None]:
        """What is kept, then ``sent`` and ``refused`` as they happen, until nothing waits any more.

        None every few seconds without an event.
        """
        queue: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()
        self._watchers.add(queue)
        try:
            for entry in self.entries():
                yield "kept" if entry["state"] == "waiting" else "refused", entry
            while not queue.empty() or self._waiting():
                try:
                    yield await asyncio.wait_for(queue.get(), QUIET_S)
                except TimeoutError:
                    yield None
        finally:
            self._watchers.discard(queue)

    async def _send(self, key: str, body: dict[str, Any]) -> dict[str, Any]:
        return await self._grader.request("POST", "submissions", json=body, headers={"Idempotency-Key": key})

    async def _send_all(self) -> None:
        pause = FIRST_PAUSE_S
        while waiting := self._waiting():
            self._due.clear()
            try:
                for key in waiting:
                    await self._settle(key)
                    pause = FIRST_PAUSE_S
            except Refusal as refusal:
                log.info("ChallengeHub: %d kept submissions wait: %s", len(waiting), refusal.code)
                spread = random.uniform(0.8, 1.2)  # noqa: S311 (only that not all servers come at once)
                wait = max(pause * spread, _seconds(refusal.retry_after))
                pause = min(2 * pause, LONGEST_PAUSE_S)
                try:
                    await asyncio.wait_for(self._due.wait(), wait)
                    pause = FIRST_PAUSE_S
                except TimeoutError:
                    log.debug("ChallengeHub: trying again after %.1f s", wait)

    async def _settle(self, key: str) -> None:
        """Hand one over, or note why the grader will not have it. Raises Refusal if that is not known yet."""
        record = _read(self._folder / f"{key}.json")
        if record is None:
            self._remove(key)  # its learner has deleted the file
            return
        try:
            accepted = await self._send(key, record["body"])
        except Refusal as refusal:
            if refusal.code in TRANSIENT:
                raise
            refused = {**record, "state": "refused", "error": refusal.as_dict()["error"]}
            self._write(refused)
            self._tell("refused", self._entries[key])
        else:
            self._remove(key)
            self._tell("sent", {"key": key, "challenge": record["challenge"], "id": accepted["id"]})

    def _tell(self, name: str, data: dict[str, Any]) -> None:
        for queue in self._watchers:
            queue.put_nowait((name, data))

    def _write(self, record: dict[str, Any], *, new: bool = False) -> None:
        content = json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass")
        with _home():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if new:
                self._make_room(len(content))
            path = self._folder / f"{record['key']}.json"
            part = path.with_suffix(".part")
            part.unlink(missing_ok=True)
            file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(file, "wb") as out:
                    out.write(content)
                    out.flush()
                    os.fsync(out.fileno())
                part.replace(path)
            except OSError:
                part.unlink(missing_ok=True)
                raise
        self._entries[record["key"]] = _shown(record)

    def _make_room(self, size: int) -> None:
        """Old ones that were refused give way. Raises Refusal when what waits fills the spool."""

        def full() -> bool:
            sizes = [path.stat().st_size for path in self._folder.glob("*.json")]
            return len(sizes) >= MOST or sum(sizes) + size > MOST_BYTES

        for entry in self.entries():
            if full():
                self.forget(entry["key"])
        if full():
            raise Refusal(
                "spool_full",
                "The grader does not answer, and as many submissions as can be kept wait for it already. "
                "Your work is safe in your notebook; submit again once the others have been sent.",
                http_status=507,
            )

    def _remove(self, key: str) -> None:
        self._entries.pop(key, None)
        (self._folder / f"{key}.json").unlink(missing_ok=True)


_KEPT: dict[str, Any] = {"id": None, "state": "kept", "position": None}


@contextmanager
def _home() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Refusal(
            "home_unavailable",
            "The grader does not answer, and your submission could not be kept: your disk may be full. "
            "Your work is safe in your notebook; make room, then submit again.",
            http_status=507,
        ) from error


def _found(folder: Path) -> list[dict[str, Any]]:
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".json")
    except OSError:
        return []
    return [_shown(record) for path in paths[: 2 * MOST] if (record := _read(path)) is not None]


def _read(path: Path) -> dict[str, Any] | None:
    """A kept submission, or None for what is none: the folder is in reach of its learner's programs."""
    try:
        if path.stat().st_size > MOST_BYTES:
            return None
        record = json.loads(path.read_bytes().decode("utf-8", "surrogatepass"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or record.get("state") not in ("waiting", "refused"):
        return None
    texts = ("key", "challenge", "path", "kept_at")
    if not all(isinstance(record.get(name), str) for name in texts) or record["key"] != path.stem:
        return None
    usable = KEY.fullmatch(record["key"]) and isinstance(record.get("body"), dict)
    return record if usable else None


def _shown(record: dict[str, Any]) -> dict[str, Any]:
    return {name: record.get(name) for name in ("key", "challenge", "path", "kept_at", "state", "error")}


def _seconds(retry_after: str) -> float:
    return min(float(retry_after), LONGEST_PAUSE_S) if retry_after.isdigit() else 0.0
