"""Drafts of challenges, and their review by somebody else."""

from __future__ import annotations

from ..changes import as_dicts, as_text
from ..errors import DraftUnknown, RequestMalformed
from ..publishing import content_of_draft
from ..store import DraftState
from .authoring import AuthorHandler, whole_number
from .base import API, ApiHandler


class DraftsHandler(AuthorHandler):
    async def get(self) -> None:
        state = self.get_query_argument("state", None)
        if state is not None and state not in list(DraftState):
            raise RequestMalformed(f"state must be one of {', '.join(DraftState)}.")
        store, slug = self.parts.store, self.get_query_argument("challenge", None)
        self.send({"drafts": await store.database.run(store.drafts, state, slug)})

    async def post(self) -> None:
        body, store = self.json_body(), self.parts.store
        content = content_of_draft(self.source(body), self.whole(body, "base"), self.words(body))
        id = await store.database.run(store.create_draft, content, self.caller.name)
        self.set_header("Location", f"{self.parts.prefix}{API}drafts/{id}")
        _, shown = await store.database.run(store.draft, id)
        self.send(shown, 201)


class DraftHandler(AuthorHandler):
    async def get(self, id: str) -> None:
        """With the notebook, its notes, and what it changes."""
        store = self.parts.store
        draft, shown = await store.database.run(store.draft, _id(id))
        found = await store.database.run(self.parts.publishing.draft_difference, draft.content)
        report = await store.database.run(store.report, draft.content.content_hash)
        more = {"source": draft.content.source, "cells": as_dicts(found), "text": as_text(found)}
        self.send({**shown, **more, "report": report})

    async def post(self, id: str) -> None:
        """A new revision, by its author."""
        body, store = self.json_body(), self.parts.store
        content = content_of_draft(self.source(body), self.whole(body, "base"), self.words(body))
        await store.database.run(store.revise_draft, _id(id), content, self.caller.name)
        _, shown = await store.database.run(store.draft, _id(id))
        self.send(shown)


class DraftStepHandler(AuthorHandler):
    async def post(self, id: str, step: str) -> None:
        body, store, number = self.json_body(), self.parts.store, _id(id)
        needed = step in ("comment", "reject")
        text = self.words(body, "text", needed=needed)
        if step == "approve":
            revision = self.whole(body, "revision")
            if revision is None:
                raise RequestMalformed("revision must be the revision that you have read.")
            await store.database.run(self.parts.publishing.approve, number, revision, self.caller.name, text)
        else:
            seen = self.whole(body, "revision") if "revision" in body else None
            await store.database.run(store.note_on_draft, number, step, self.caller.name, text, seen)
        _, shown = await store.database.run(store.draft, number)
        self.send(shown)


def _id(text: str) -> int:
    id = whole_number(text)
    if id is None:
        raise DraftUnknown("There is no such draft.")
    return id


ROUTES: list[tuple[str, type[ApiHandler]]] = [
    ("drafts", DraftsHandler),
    ("drafts/([^/]+)", DraftHandler),
    ("drafts/([^/]+)/(submit|comment|approve|reject|withdraw)", DraftStepHandler),
]
