"""What a learner does in the browser, in their own words: sign in, open a challenge, answer, submit, read."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from playwright.sync_api import Error, Locator, Page, Response, expect

from tests.conftest import Person, Stack

TITLE = "What does the ticket cost?"
SLUG = "ticket-price"

RIGHT = '''def ticket_price(age, student=False):
    """The price of a ticket for somebody of this age (whole years)."""
    if age < 6:
        return 0
    if age < 18:
        return 6
    if age < 65:
        return 9 if student else 12
    return 8
'''
# Forgets students, prints what it decides, and puts one birthday into the wrong row.
WRONG = '''def ticket_price(age, student=False):
    """The price of a ticket for somebody of this age (whole years)."""
    if age < 6:
        return 0
    if age <= 18:
        return 6
    if age < 65:
        print("grown up, student:", student)
        return 12
    return 8
'''
WRONG_MESSAGE = "A student who is 20 should pay 9, but ticket_price(20, student=True) is 12."

# Starting a workspace, and grading on a machine that is busy with other things.
SLOW_MS = 180_000


def visit(page: Page, address: str) -> None:
    """A network of the engine's that comes or goes breaks what a browser has under way: then once more."""
    try:
        page.goto(address)
    except Error as error:
        if "ERR_NETWORK_CHANGED" not in error.message:
            raise
        page.goto(address)


def sign_in(page: Page, person: Person) -> None:
    visit(page, "/hub/login")
    page.get_by_label("Name").fill(person.name)
    page.get_by_label("Password", exact=True).fill(person.password)
    page.get_by_role("button", name="Sign in").click()


def workspace(page: Page) -> None:
    """Signed in, the Hub starts the workspace by itself; wait for its list of challenges."""
    page.wait_for_url("**/user/**/lab**", timeout=SLOW_MS)
    expect(challenge(page, TITLE)).to_be_visible(timeout=SLOW_MS)


def launcher(page: Page) -> None:
    """JupyterLab opens it late, when the files have been read, and gives it the keyboard then."""
    expect(page.get_by_role("tab", name="Launcher")).to_be_visible(timeout=SLOW_MS)


def challenge(page: Page, title: str) -> Locator:
    """The entry in the Challenges panel."""
    panel = page.get_by_role("region", name="Challenges", exact=True)
    # what builds on it names it too
    entry = page.locator(".ch-Challenge-title").filter(has_text=title)
    return panel.get_by_role("listitem").get_by_role("button").filter(has=entry)


def open_challenge(page: Page) -> None:
    challenge(page, TITLE).click()
    ready(page)


def ready(page: Page) -> None:
    """The notebook is open, and its kernel has come up, so that it will not take the focus away any more."""
    expect(page.get_by_role("heading", name=TITLE).first).to_be_visible()
    expect(idle(page)).to_be_visible(timeout=SLOW_MS)


def idle(page: Page) -> Locator:
    """The status bar says so once the kernel of the notebook in front has come up."""
    return page.get_by_text("Python 3 (ipykernel) | Idle")


def reload(page: Page) -> None:
    """The page again, with its notebook and the Feedback panel."""
    page.reload()
    expect(idle(page)).to_be_visible(timeout=SLOW_MS)
    show_feedback(page)


def save(page: Page) -> None:
    """The notebook with the keyboard in it; what is under way when a page is left may not arrive."""

    def saved(response: Response) -> bool:
        return response.request.method == "PUT" and "/api/contents/" in response.url

    with page.expect_response(saved):
        page.keyboard.press("Control+s")


def answer(page: Page, code: str) -> None:
    editor(page).click()
    expect(editor(page)).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(code)
    expect(editor(page)).to_have_text(code.replace("\n", ""))  # its lines are elements, not characters


def editor(page: Page) -> Locator:
    """The challenge's answer cell."""
    return page.locator(".jp-Notebook .jp-CodeCell .cm-content").first


def submit_button(page: Page) -> Locator:
    return page.get_by_role("toolbar").get_by_role("button", name="Submit")


def feedback(page: Page) -> Locator:
    return page.get_by_role("region", name="Feedback", exact=True)


def show_feedback(page: Page) -> None:
    """JupyterLab writes down a moment later which panels are open: a quick reload finds them shut."""
    button = page.get_by_role("tab", name="Feedback")
    expect(button).to_be_visible()
    if button.get_attribute("aria-selected") != "true":
        button.click()
    expect(feedback(page)).to_be_visible()


def verdict(page: Page) -> Locator:
    return feedback(page).get_by_role("region", name="Verdict", exact=True)


def check(page: Page, title: str) -> Locator:
    return feedback(page).get_by_role("listitem").filter(has_text=title)


@contextmanager
def grader_away(stack: Stack) -> Iterator[None]:
    """Stopped while the body runs; back again, and answering, at its end."""
    grader = stack.part("grader")
    grader.stop()
    try:
        yield
    finally:
        start_grader(stack)


def start_grader(stack: Stack) -> None:
    grader = stack.part("grader")
    grader.start()
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            if requests.get(f"{stack.api}/health", timeout=5).ok:
                return
        except requests.RequestException:
            pass
        time.sleep(0.5)
    pytest.fail(f"the grader did not come back:\n{grader.logs(tail=20).decode()}")


def record(mysql: Any, learner: str) -> list[dict[str, Any]]:
    """The learner's submissions as they stand in MySQL, oldest first, each with its checks by id."""
    with mysql.cursor() as cursor:
        cursor.execute(
            "SELECT s.id, c.slug, s.state, s.status, s.score, s.max_score FROM submissions s"
            " JOIN challenges c ON c.id = s.challenge_id WHERE s.username = %s ORDER BY s.id",
            (learner,),
        )
        submissions = list(cursor.fetchall())
        for submission in submissions:
            cursor.execute(
                "SELECT check_id, status, points, message, stdout FROM check_results"
                " WHERE submission_id = %s ORDER BY position",
                (submission["id"],),
            )
            submission["checks"] = {row["check_id"]: row for row in cursor.fetchall()}
    return submissions
