"""The versions of a challenge, for those who write them."""

from __future__ import annotations

import json
from typing import Any

from ..changes import as_dicts, as_text
from ..errors import ChallengeUnknown, RequestMalformed
from ..hub import WRITE_CHALLENGES
from ..metadata import SLUG
from .authoring import AuthorHandler
from .base import ApiHandler


class VersionedHandler(AuthorHandler):
    staff_reads = True

    @staticmethod
    def known(slug: str) -> str:
        if not SLUG.fullmatch(slug):
            raise ChallengeUnknown("There is no such challenge.")
        return slug


class VersionsHandler(VersionedHandler):
    async def get(self, slug: str) -> None:
        store = self.parts.store
        self.send(await store.database.run(store.history, self.known(slug)))

    async def post(self, slug: str) -> None:
        """Publish."""
        body = self.json_body()
        base, why, force = self.whole(body, "base"), self.words(body), self.flag(body, "force")
        source = self.source(body, slug)
        number, new = await self.parts.store.database.run(
            self.parts.publishing.publish,
            source,
            self.caller.name,
            why,
            base=base,
            force=force,
            admin=self.caller.rules,
        )
        message = f"{slug} version {number} is published."
        if not new:
            message = f"This content is version {number} of {slug} already, which is the published one."
        self.send({"slug": slug, "version": number, "created": new, "message": message}, 201 if new else 200)


class VersionHandler(VersionedHandler):
    async def get(self, slug: str, number: str) -> None:
        store = self.parts.store
        version = await store.database.run(
            store.version, self.known(slug), self.number(number, "The version")
        )
        told: dict[str, Any] = {"slug": slug, "version": version.number, **version.overview}
        if self.caller.may(WRITE_CHALLENGES):
            _, source = await store.database.run(store.source, version.id)
            told |= {"source": json.loads(source)}
        told |= {"release": json.loads(await self.parts.catalogue.release(version.id))}
        self.send(told)


class DiffHandler(VersionedHandler):
    staff_reads = False  # it shows solutions and hidden checks

    async def get(self, slug: str) -> None:
        after = self.number(self.get_query_argument("to", ""), "to")
        before = self.get_query_argument("from", None)
        start = None if before is None else self.number(before, "from")
        found = await self.parts.store.database.run(
            self.parts.publishing.difference, self.known(slug), start, after
        )
        self.send(
            {"slug": slug, "from": start, "to": after, "cells": as_dicts(found), "text": as_text(found)}
        )


class StandingHandler(VersionedHandler):
    """Which version learners get, if any: rollback, retire, restore."""

    async def post(self, slug: str, action: str) -> None:
        store, body = self.parts.store, self.json_body()
        self.known(slug)
        who, why = self.caller.name, self.words(body)
        if action == "rollback":
            number, base = self.whole(body, "version"), self.whole(body, "base")
            if number is None:
                raise RequestMalformed("version must be the number of the version to go back to.")
            await store.database.run(store.rollback, slug, number, who, why, base or 0)
        elif action == "retire":
            number = await store.database.run(store.retire, slug, who, why)
        else:
            number = await store.database.run(store.restore, slug, who, why)
        self.send({"slug": slug, "version": number, "published": action != "retire"})


ROUTES: list[tuple[str, type[ApiHandler]]] = [
    ("challenges/([^/]+)/versions", VersionsHandler),
    ("challenges/([^/]+)/versions/([^/]+)", VersionHandler),
    ("challenges/([^/]+)/diff", DiffHandler),
    ("challenges/([^/]+)/(rollback|retire|restore)", StandingHandler),
]
