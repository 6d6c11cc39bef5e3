"""Real browsers. Where one is not installed the tests here fail: `make test` installs them."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Playwright,
    expect,
    sync_playwright,
)

from tests.conftest import ROOT, Person, Stack
from tests.e2e.desk import Desk
from tests.e2e.workspace import SLOW_MS, sign_in

SCREENSHOTS = ROOT / "logs" / "screenshots"
HERE = Path(__file__).parent
FAILED = pytest.StashKey[bool]()

# A machine that is busy with other things is slow, not wrong.
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)

# What a browser does for itself, and what a machine without a way out would have it wait for.
QUIET = [
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
]
# Chromium does not start as root with its own sandbox; it visits only the pages under test.
AS_ROOT = ["--no-sandbox", "--disable-dev-shm-usage"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test here has one second try, as browsers' own test runners give it (Playwright's ``retries``).

    Between the click and what is asserted lie a browser, JupyterLab, a kernel and five containers on a
    machine that may be busy; one hiccup among thousands of steps says nothing about the product, and what is
    broken fails twice. Nothing is hidden: the end of the run names each test that needed it, with the reason
    of the first failure, and the pictures of both tries are kept. No other test has a second try.
    """
    if config.option.usepdb:
        return  # whoever looks at a failure wants it to stand still
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.flaky(reruns=1))


def number_of_try(request: pytest.FixtureRequest) -> int:
    return int(getattr(request.node, "execution_count", 1))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@dataclass
class Watch:
    """What a test's pages said on their console, and what they looked like at the moments that matter."""

    complaints: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)
    states: list[tuple[str, bytes]] = field(default_factory=list, repr=False)

    def take(self, name: str, page: Page) -> None:
        """Keep a picture of this state; it is written only if the test fails."""
        with contextlib.suppress(Error):  # for people: a test does not fail for want of one
            self.states.append((name, page.screenshot()))

    def allow(self, words: str) -> None:
        """Complaints with these words come of what the test is about to do; "" is in all of them."""
        self.allowed.append(words)

    def follow(self, page: Page) -> None:
        page.on("console", self._said)
        page.on("pageerror", self._thrown)

    def _said(self, message: ConsoleMessage) -> None:
        text = f"{message.text} ({message.location.get('url', '')})"
        # A network that the engine makes or removes breaks what is under way, and the page asks again; and
        # on a busy machine JupyterLab warns of every plugin that took long, which tells of the machine.
        if "ERR_NETWORK_CHANGED" in text or " to activate" in text:
            return
        # JupyterLab has complaints of its own; what is ours has our name in its words or its address.
        if message.type in ("error", "warning") and "challengehub" in text.lower():
            self._complain(text)

    def _thrown(self, error: Error) -> None:
        stack = error.stack or ""
        ours = "labextensions/challengehub" in stack
        if "Failed to fetch" in error.message and not ours:
            return  # JupyterLab's own requests, for the same reason
        if "/static/notebook/" in stack and not ours:
            return  # Notebook 7.6 itself sometimes asks for a setting or a command before it is there
        self._complain(f"{error.message}\n{stack}")

    def _complain(self, text: str) -> None:
        if not any(words in text for words in self.allowed):
            self.complaints.append(text)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium: the system's own, or the one that Playwright fetched where the system's is only a snap."""
    system = _command("chromium", "google-chrome")
    arguments = QUIET + (AS_ROOT if os.geteuid() == 0 else [])
    browser = playwright.chromium.launch(executable_path=system, args=arguments)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def firefox(playwright: Playwright) -> Iterator[Browser]:
    """Debian's Firefox, driven by WebDriver BiDi; elsewhere the build that Playwright fetched."""
    system = _command("firefox-esr")
    browser = playwright.firefox.launch(channel="moz-firefox" if system else None, executable_path=system)
    yield browser
    browser.close()


def _command(*names: str) -> str | None:
    """The first of these commands that is there and is not only a snap."""
    found = (shutil.which(name) for name in names)
    return next((path for path in found if path and not os.path.realpath(path).startswith("/snap/")), None)


@pytest.fixture
def watch(request: pytest.FixtureRequest) -> Iterator[Watch]:
    """If the test fails, the states that it kept are in logs/screenshots, those of each try."""
    request.node.stash[FAILED] = False
    watch = Watch()
    yield watch
    # a complaint fails the test after this, when all else is over
    if request.node.stash[FAILED] or watch.complaints:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        for number, (name, picture) in enumerate(watch.states, 1):
            name = f"{request.node.name}-try{number_of_try(request)}-{number}-{name}.png"
            (SCREENSHOTS / name).write_bytes(picture)


@pytest.fixture(autouse=True)
def no_complaints(watch: Watch) -> Iterator[None]:
    """Nothing that is ours complains on the browser's console, whatever the test does."""
    yield
    assert not watch.complaints


@pytest.fixture
def context(browser: Browser, stack: Stack, watch: Watch) -> Iterator[BrowserContext]:
    """A person's browser, with nobody signed in."""
    context = browser.new_context(base_url=stack.url, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    context.on("page", watch.follow)
    yield context
    for page in context.pages:
        watch.take("end", page)
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A tab."""
    return context.new_page()


@pytest.fixture(scope="session")
def desks(browser: Browser) -> Iterator[list[Desk]]:
    """Those that were made; the last is in use."""
    desks: list[Desk] = []
    yield desks
    for desk in desks:
        desk.context.close()


@pytest.fixture
def desk(
    request: pytest.FixtureRequest,
    desks: list[Desk],
    browser: Browser,
    stack: Stack,
    new_learner: Callable[[], Person],
    admin: Person,
    watch: Watch,
) -> Iterator[Desk]:
    """One learner with a started workspace, for tests that bring challenges of their own; what a test
    publishes is gone when the test is over. A second try has another learner, and so another container."""
    if not desks or number_of_try(request) > 1:
        learner = new_learner()
        # before the grader has asked the Hub about the learner: it believes the answer for a while
        of_class = f"class-{os.urandom(3).hex()}"
        for route, body in (("", {}), ("/users", {"users": [learner.name]})):
            requests.post(
                f"{stack.url}/hub/api/groups/{of_class}{route}",
                headers={"Authorization": f"token {admin.token}"},
                json=body,
                timeout=60,
            ).raise_for_status()
        context = browser.new_context(base_url=stack.url, viewport={"width": 1440, "height": 900})
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        try:
            sign_in(page, learner)
            page.wait_for_url("**/user/**/lab**", timeout=SLOW_MS)
        finally:
            watch.take("sign-in", page)
            page.close()
        desks.append(Desk(stack, learner, context, of_class))
    desk = desks[-1]
    yield desk
    desk.withdraw()


@pytest.fixture
def tab(desk: Desk, watch: Watch) -> Iterator[Page]:
    """A tab at the desk."""
    page = desk.context.new_page()
    watch.follow(page)
    yield page
    watch.take("end", page)
    page.close()
