"""Checks of a challenge before it is published, what publishing would change, and grading again."""

from __future__ import annotations

from typing import Any

from .. import fitness
from ..errors import ChallengeUnknown, RegradingUnknown, SubmissionUnknown
from ..hub import READ_SUBMISSIONS
from ..models import Challenge
from ..proofreading import neighbours
from .authoring import AuthorHandler, Tell, WorkHandler, whole_number
from .base import API, ApiHandler
from .submissions import UUID


class CheckHandler(WorkHandler):
    async def post(self, slug: str) -> None:
        source = self.source(self.json_body(), slug)
        background, store = self.parts.background, self.parts.store
        published = await self.parts.catalogue.published()
        others = [
            Challenge(each.slug, "", "", (), prerequisites=tuple(each.overview["prerequisites"]))
            for each in published
            if each.slug != slug
        ]

        async def work(tell: Tell) -> dict[str, Any]:
            report = await fitness.examine(
                source.text,
                background,
                slug=slug,
                jobs=background.slots,
                on_progress=lambda now: tell(
                    "progress", {"done": now.done, "total": now.total, "doing": now.doing}
                ),
            )
            report = report.with_findings(neighbours([source.challenge, *others], ())[0])
            told = report.as_dict()
            await store.database.run(
                store.keep_report, source.content_hash, report.fit, told, self.caller.name
            )
            return {**told, "content_hash": source.content_hash}

        await self.carry_out(work)


class ImpactHandler(WorkHandler):
    async def post(self, slug: str) -> None:
        source = self.source(self.json_body(), slug)
        self.require(READ_SUBMISSIONS)
        store = self.parts.store
        try:
            known = await store.database.run(store.challenge_id, slug)
        except ChallengeUnknown:
            known = None

        async def work(tell: Tell) -> dict[str, Any]:
            return await self.parts.regrading.impact(source.challenge, known, tell)

        await self.carry_out(work)


class RegradingsHandler(AuthorHandler):
    async def get(self, slug: str) -> None:
        store = self.parts.store
        id = await store.database.run(store.challenge_id, slug)
        self.send({"regradings": await store.database.run(store.regradings, id)})

    async def post(self, slug: str) -> None:
        body, store = self.json_body(), self.parts.store
        number, why = self.whole(body, "version") if "version" in body else None, self.words(body)
        version = await store.database.run(store.version, slug, number)
        id = await store.database.run(
            store.begin_regrading, version.challenge_id, slug, version.id, self.caller.name, why
        )
        self.parts.regrading.wake()
        self.set_header("Location", f"{self.parts.prefix}{API}regradings/{id}")
        self.send(await store.database.run(store.regrading, id), 202)


class RegradingHandler(AuthorHandler):
    async def get(self, id: str) -> None:
        store = self.parts.store
        self.send(await store.database.run(store.regrading, _id(id)))


class CancelHandler(AuthorHandler):
    async def post(self, id: str) -> None:
        store = self.parts.store
        await store.database.run(store.cancel_regrading, _id(id), self.caller.name)
        self.send(await store.database.run(store.regrading, _id(id)))


class GradingsHandler(ApiHandler):
    """Every verdict of one of the caller's own submissions."""

    async def get(self, uuid: str) -> None:
        store = self.parts.store
        found = (
            await store.database.run(store.gradings, uuid, self.caller.name) if UUID.fullmatch(uuid) else None
        )
        if found is None:
            raise SubmissionUnknown("You have no such submission.")
        self.send({"gradings": found})


def _id(text: str) -> int:
    id = whole_number(text)
    if id is None:
        raise RegradingUnknown("There is no such regrading.")
    return id


ROUTES: list[tuple[str, type[ApiHandler]]] = [
    ("challenges/([^/]+)/check", CheckHandler),
    ("challenges/([^/]+)/impact", ImpactHandler),
    ("challenges/([^/]+)/regradings", RegradingsHandler),
    ("regradings/([^/]+)", RegradingHandler),
    ("regradings/([^/]+)/cancel", CancelHandler),
    ("submissions/([^/]+)/gradings", GradingsHandler),
]
