"""One learner at one desk, for tests that need many challenges: published for the test, opened by address."""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import APIResponse, BrowserContext, Page, expect

from grader.catalogue import new_version
from grader.challenge import parse_challenge
from grader.store import Store
from tests import notebooks
from tests.conftest import Person, Stack
from tests.e2e.workspace import SLOW_MS, idle, visit

_numbers = itertools.count(1)


@dataclass
class Desk:
    """A signed-in browser and a started workspace; ``open`` gives a tab with a challenge in it.

    ``of_class``: a group of the Hub that the learner is in, alone.
    """

    stack: Stack
    learner: Person
    context: BrowserContext
    of_class: str = ""
    run: str = field(default_factory=lambda: os.urandom(3).hex())
    published: set[str] = field(default_factory=set)

    def publish(self, *cells: Any, slug: str = "", **about: Any) -> str:
        """Publish a challenge of these cells; with the slug of an earlier one, as its next version."""
        slug = slug or f"test-{self.run}-{next(_numbers)}"
        text = notebooks.notebook(
            notebooks.text(f"# {slug}"), *cells, challenge={"schema_version": 1, "slug": slug, **about}
        )
        with self.stack.database() as database:
            version = new_version(parse_challenge(text), text, "tests", "for a test", forced=True)
            Store(database).publish(version)
        self.published.add(slug)
        return slug

    def withdraw(self) -> None:
        """So that other tests find the list of challenges as it was."""
        with self.stack.database() as database:
            while self.published:
                Store(database).retire(self.published.pop(), "tests", "the test is over")

    def ask(self, method: str, route: str, body: Any = None) -> Any:
        """The learner's server extension, as their page asks it."""
        return self._ask(method, f"challengehub/api/{route}", body).json()

    def wear(self, theme: str) -> None:
        """Choose a theme of JupyterLab's, for pages that are opened from now on."""
        setting = "lab/api/settings/@jupyterlab/apputils-extension:themes"
        assert self._ask("PUT", setting, {"raw": json.dumps({"theme": theme})}).ok

    def _ask(self, method: str, route: str, body: Any) -> APIResponse:
        base = f"{self.stack.url}/user/{self.learner.name}/"
        tokens = [cookie["value"] for cookie in self.context.cookies(base) if cookie["name"] == "_xsrf"]
        headers = {"X-XSRFToken": tokens[-1]}
        return self.context.request.fetch(base + route, method=method, headers=headers, data=body)

    def open(self, page: Page, slug: str) -> str:
        """The challenge in a JupyterLab of its own layout; returns the notebook's path."""
        path = str(self.ask("POST", "open", {"slug": slug})["path"])
        self.show(page, path)
        return path

    def show(self, page: Page, path: str) -> None:
        layout = f"test-{next(_numbers)}"
        visit(page, f"/user/{self.learner.name}/lab/workspaces/{layout}/tree/{path}")
        # a network of the engine's that comes or goes breaks what a browser has under way
        broken = page.get_by_role("dialog").filter(has_text="Failed to fetch")
        expect(idle(page).or_(broken).first).to_be_visible(timeout=SLOW_MS)
        if broken.is_visible():
            page.reload()
        expect(idle(page)).to_be_visible(timeout=SLOW_MS)
