"""The session rules for once without a turned clock: the image with limits of seconds."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from docker.errors import NotFound
from playwright.sync_api import Browser, Page, expect

from tests.conftest import Stack
from tests.e2e.conftest import Watch
from tests.e2e.test_accessibility import violations
from tests.e2e.workspace import SLOW_MS, visit

TOKEN = "for-this-test"
SERVER = (
    f"jupyter lab --ip=0.0.0.0 --port=8888 --no-browser --IdentityProvider.token={TOKEN}"
    " --LabApp.expose_app_in_browser=True"
)
# In minutes, counted from the server's start: enough for a busy machine to show the page within.
WARNING, IDLE, CLOSED = 0.2, 1.25, 1.0


@pytest.fixture(scope="module")
def server(stack: Stack) -> Iterator[Callable[..., Any]]:
    """Starts a notebook server of its own, without a Hub, with these limits in minutes."""
    started = []

    def start(**limits: float) -> Any:
        container = stack.engine.containers.run(
            f"challengehub/notebook:{stack.settings['IMAGE_TAG']}",
            SERVER,
            detach=True,
            labels={"challengehub": stack.project},
            ports={"8888/tcp": ("127.0.0.1", None)},
            environment={
                f"CHALLENGEHUB_SESSION_{name.upper()}_MINUTES": str(value) for name, value in limits.items()
            },
        )
        started.append(container)
        until = time.monotonic() + 120
        while time.monotonic() < until:
            container.reload()
            with contextlib.suppress(requests.RequestException, LookupError):
                port = container.ports["8888/tcp"][0]["HostPort"]
                if requests.get(f"http://127.0.0.1:{port}/api", timeout=5).ok:
                    return container, f"http://127.0.0.1:{port}"
            time.sleep(0.5)
        pytest.fail(container.logs(tail=30).decode())

    yield start
    for container in started:
        with contextlib.suppress(NotFound):
            container.remove(force=True)


@pytest.fixture(scope="module")
def left(browser: Browser, server: Callable[..., Any]) -> Any:
    """A server whose page was opened and closed; its time runs while another test waits for its own."""
    container, url = server(closed=CLOSED)
    context = browser.new_context()
    page = context.new_page()
    visit(page, f"{url}/lab?token={TOKEN}")
    expect(page.get_by_role("region", name="Challenges", exact=True)).to_be_visible(timeout=SLOW_MS)
    context.close()
    return container


@pytest.mark.usefixtures("left")
def test_an_idle_session_warns_saves_and_ends(page: Page, server: Callable[..., Any], watch: Watch) -> None:
    container, url = server(warning=WARNING, idle=IDLE)
    watch.allow("")  # no grader belongs to this server
    assert container.exec_run(["touch", "/home/learner/note.md"]).exit_code == 0
    # a tab of Notebook 7 beside JupyterLab: what is done in one counts for both
    other = page.context.new_page()
    visit(other, f"{url}/tree?token={TOKEN}")
    visit(page, f"{url}/lab/tree/note.md?token={TOKEN}")
    editor = page.locator(".jp-FileEditor .cm-content")
    editor.click(timeout=SLOW_MS)
    expect(editor).to_be_focused()
    page.keyboard.type("first")
    warning = page.get_by_role("alertdialog", name="Are you still there?")
    expect(warning).to_be_visible()
    expect(warning).to_contain_text(re.compile(r"Your session ends in \d:\d\d"))
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
        expect(page.locator("body")).to_have_attribute("data-jp-theme-name", theme)
        watch.take(theme, page)
        assert violations(page, ".ch-Session") == []
    # whoever says so stays
    there = other.get_by_role("alertdialog", name="Are you still there?")
    expect(there).to_contain_text(re.compile(r"Your session ends in \d:\d\d"))
    watch.take("notebook-7", other)
    there.get_by_role("button", name="Stay").click()
    expect(there).not_to_be_attached()
    expect(warning).not_to_be_attached()
    editor.click()
    expect(editor).to_be_focused()
    page.keyboard.type(" and unsaved")
    ended = page.get_by_role("alertdialog", name="Your session has ended")
    expect(ended).to_be_visible(timeout=SLOW_MS)
    expect(ended).to_contain_text("Your work is saved.")
    expect(other.get_by_role("alertdialog", name="Your session has ended")).to_be_visible()
    expect(ended.get_by_role("link", name="Start again")).to_be_focused()
    assert violations(page, ".ch-Session") == []
    # what JupyterLab says about a server that is gone does not stand in front of it; Escape leads to the page
    gone = page.locator(".jp-Dialog").first
    expect(gone).to_be_attached()
    expect(gone).not_to_be_visible()
    page.keyboard.press("Escape")
    expect(gone).to_be_visible()
    expect(ended).to_be_visible()
    assert container.wait(timeout=120)["StatusCode"] == 0
    container.start()
    container.reload()
    (kept,) = container.exec_run(["cat", "/home/learner/note.md"]).output.decode().splitlines()
    assert kept == "first and unsaved"


def test_a_closed_browser_ends_it_too(left: Any) -> None:
    assert left.wait(timeout=300)["StatusCode"] == 0
