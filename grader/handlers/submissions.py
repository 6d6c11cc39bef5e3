"""Submissions: taken in, looked up, watched."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import re
from typing import Any

from tornado.iostream import StreamClosedError

from ..challenge import build_job, parse_submission
from ..errors import (
    DatabaseUnavailable,
    GraderError,
    NotebookMalformed,
    RequestMalformed,
    SubmissionUnknown,
    VersionStale,
)
from ..models import Challenge, Job, State
from ..notebook import MAX_SUBMISSION_BYTES
from ..store import Accepted, NewSubmission, Version, VersionReplaced
from .base import API, ApiHandler
from .streams import QUIET_S, StreamHandler

log = logging.getLogger(__name__)

# a notebook that is sent as a string has its quotes and line ends escaped
MAX_BODY_BYTES = 2 * MAX_SUBMISSION_BYTES + 64 * 1024
LIST_MOST = 100
KEY = re.compile(r"[A-Za-z0-9-]{1,64}")
RUNNING = {"state": State.RUNNING, "position": 0}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class SubmissionsHandler(ApiHandler):
    body_limit = MAX_BODY_BYTES

    async def get(self) -> None:
        try:
            limit = int(self.get_query_argument("limit", "20"))
        except ValueError as error:
            raise RequestMalformed("limit must be a whole number.") from error
        if not 1 <= limit <= LIST_MOST:
            raise RequestMalformed(f"limit must be from 1 to {LIST_MOST}.")
        before = self.get_query_argument("before", None)
        if before is not None and not UUID.fullmatch(before):
            raise RequestMalformed("before must be the id of a submission.")
        slug = self.get_query_argument("challenge", None)
        if slug is not None:
            # an unknown one is an error: an empty list would look like "no attempts yet"
            await self.parts.catalogue.current(slug)
        store = self.parts.store
        found = await store.database.run(store.submissions, self.caller.name, slug, limit, before)
        self.send({"submissions": found})

    def take_turn(self) -> None:
        super().take_turn()
        if self.request.method == "POST":
            self.parts.submissions.take(self.caller.name)

    async def post(self) -> None:
        slug, number, notebook, key = self._read()
        digest = hashlib.sha256()
        for part in (slug, str(number), notebook):
            digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
        new = NewSubmission(self.caller.name, key, digest.hexdigest(), notebook)
        try:
            version = await self.parts.catalogue.probably_current(slug, number)
            challenge, job = await self._fit(version, number, notebook)
        except GraderError:
            # what was accepted once stays accepted, also when the challenge has changed or gone since
            store = self.parts.store
            repeated = await store.database.run(store.repeated, new)
            if repeated is None:
                raise
            self._answer(repeated)
        else:
            # two at the same time would take the same turn in the queue, and a flood would get ahead by it
            async with self.parts.accepting.turn(self.caller.name):
                while True:
                    try:
                        accepted = await self._accept(new, version, challenge, job)
                        break
                    except VersionReplaced:
                        version = await self.parts.catalogue.current(slug)
                        challenge, job = await self._fit(version, number, notebook)
            self._answer(accepted)

    def _read(self) -> tuple[str, int, str, str]:
        key = self.request.headers.get("Idempotency-Key", "")
        if not KEY.fullmatch(key):
            raise RequestMalformed("The header Idempotency-Key must be 1 to 64 letters, digits and dashes.")
        body = self.json_body()
        slug, number, notebook = body.get("challenge"), body.get("version"), body.get("notebook")
        if not isinstance(slug, str):
            raise RequestMalformed("challenge must be the slug of a challenge.")
        if type(number) is not int:
            raise RequestMalformed("version must be the number of the challenge's version.")
        if isinstance(notebook, dict):
            notebook = json.dumps(notebook, ensure_ascii=False, separators=(",", ":"))
        if not isinstance(notebook, str):
            raise NotebookMalformed("notebook must be a notebook: its JSON object, or the text of its file.")
        # without some editors' first character
        return slug, number, notebook.removeprefix("\ufeff"), key

    async def _fit(self, current: Version, number: int, notebook: str) -> tuple[Challenge, Job]:
        """What to grade, if the notebook fits the challenge's current version; raises why it does not."""
        if number != current.number:
            raise VersionStale(
                "This challenge has been changed since you opened it. Open it anew from the list of "
                "challenges and carry your answer over; your old notebook stays where it is.",
                details={"current": current.number},
            )
        challenge = await self.parts.catalogue.challenge(current.id)
        return challenge, build_job(challenge, parse_submission(notebook))

    async def _accept(self, new: NewSubmission, version: Version, challenge: Challenge, job: Job) -> Accepted:
        """Into the record, while an idle worker, if there is one, begins to run it already."""
        workers, store = self.parts.workers, self.parts.store
        begun = workers.begin(challenge, job)
        work = None
        try:
            accepted = await store.database.run(
                store.accept,
                new,
                version,
                queue_max=self.parts.queue_max,
                claim_as=workers.name if begun else None,
                lease_s=workers.lease_s,
            )
            work = accepted.work
        finally:
            if begun:
                workers.settle(begun, work)
        if accepted.created and work is None:
            workers.wake()
        return accepted

    def _answer(self, accepted: Accepted) -> None:
        self.set_header("Location", f"{self.parts.prefix}{API}submissions/{accepted.uuid}")
        status = 202 if accepted.created else 200
        self.send({"id": accepted.uuid, "state": accepted.state, "position": accepted.position}, status)


class OwnSubmissionHandler(ApiHandler):
    async def own_submission(self, uuid: str) -> dict[str, Any]:
        """Raises SubmissionUnknown, also for another learner's: that there is one is nobody's business."""
        store = self.parts.store
        found = (
            await store.database.run(store.submission, uuid, self.caller.name)
            if UUID.fullmatch(uuid)
            else None
        )
        if found is None:
            raise SubmissionUnknown("You have no such submission.")
        return found


class SubmissionHandler(OwnSubmissionHandler):
    async def get(self, uuid: str) -> None:
        self.send(await self.own_submission(uuid))


class SubmittedNotebookHandler(ApiHandler):
    """An attempt's code: the notebook as its learner handed it in."""

    async def get(self, uuid: str) -> None:
        store = self.parts.store
        text = (
            await store.database.run(store.notebook, uuid, self.caller.name) if UUID.fullmatch(uuid) else None
        )
        if not text:
            raise SubmissionUnknown("You have no such submission.")
        self.send({"id": uuid, "notebook": json.loads(text)})


class EventsHandler(OwnSubmissionHandler, StreamHandler):
    """Server-sent events: what is known at once, the rest as it comes, and the end after ``result``."""

    async def get(self, uuid: str) -> None:
        with self.parts.watchers.seat(self.caller.name), self.parts.events.watch(uuid) as watch:
            # of what is being graded here the state is known, and the database is busy with it
            submission = RUNNING if watch.is_graded_for(self.caller.name) else await self.own_submission(uuid)
            self.open_stream()
            try:
                told = await self._tell_state(submission, None)
                if submission["state"] == State.FINISHED:
                    self._replay(submission)
                    return
                async for events in watch.events(QUIET_S):
                    if not events:
                        # with the database away the events still come, and the next look may find it
                        with contextlib.suppress(DatabaseUnavailable):
                            submission = await self.own_submission(uuid)
                        if submission["state"] == State.FINISHED:
                            break
                        told = await self._tell_state(submission, told)
                    for event in events:
                        if event.name != "state":
                            self.put(event.name, event.data)
                        elif (event.data["state"], event.data["position"]) != told:
                            told = await self._tell_state(event.data, told)
                    await self.flush()
                    if events and events[-1].name == "result":
                        return
                submission = await self.own_submission(uuid)
                if submission["state"] == State.FINISHED:
                    self.put("result", submission)
            except StreamClosedError:
                log.debug("the watcher of %s has gone", uuid)
            except GraderError as error:
                # the status line is long sent; a watcher that connects again is told the state
                log.info("the watch of %s ends: %s", uuid, error)

    async def _tell_state(self, submission: dict[str, Any], told: tuple[str, int] | None) -> tuple[str, int]:
        now = (str(submission["state"]), int(submission["position"]))
        if now == told:
            await self.still_here()
        else:
            await self.tell("state", {"state": now[0], "position": now[1]})
        return now

    def _replay(self, submission: dict[str, Any]) -> None:
        for name in ("cell", "check"):
            for data in submission[name + "s"]:
                self.put(name, data)
        self.put("result", submission)


ROUTES: list[tuple[str, type[ApiHandler]]] = [
    ("submissions", SubmissionsHandler),
    ("submissions/([^/]+)", SubmissionHandler),
    ("submissions/([^/]+)/notebook", SubmittedNotebookHandler),
    ("submissions/([^/]+)/events", EventsHandler),
]
