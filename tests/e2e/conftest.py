"""A real browser. Where none is installed the tests here fail: `make test` installs one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.conftest import ROOT, Stack

SCREENSHOTS = ROOT / "logs" / "screenshots"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium: the system's own, or the one that Playwright fetched where the system's is only a snap."""
    system = shutil.which("chromium") or shutil.which("google-chrome")
    if system and os.path.realpath(system).startswith("/snap/"):
        system = None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=system,
            # Chromium does not start as root with its own sandbox; it visits only the pages under test.
            args=["--no-sandbox", "--disable-dev-shm-usage"] if os.geteuid() == 0 else [],
        )
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser, stack: Stack) -> Iterator[BrowserContext]:
    """A person's browser, with nobody signed in."""
    context = browser.new_context(base_url=stack.url, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(60_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A tab. If the test fails, what it showed at the end is in logs/screenshots."""
    failed_before = request.session.testsfailed
    page = context.new_page()
    yield page
    if request.session.testsfailed > failed_before:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{request.node.name}.png")
