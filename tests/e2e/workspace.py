"""What a learner does in the browser, in their own words: sign in, open a challenge, answer, submit, read."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.conftest import Person

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


def sign_in(page: Page, person: Person) -> None:
    page.goto("/hub/login")
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
    expect(page.get_by_text(re.compile(r"Python 3 \(ipykernel\) \| Idle"))).to_be_visible(timeout=SLOW_MS)


def answer(page: Page, code: str) -> None:
    editor(page).click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(code)


def editor(page: Page) -> Locator:
    """The challenge's answer cell."""
    return page.locator(".jp-Notebook .jp-CodeCell .cm-content").first


def submit_button(page: Page) -> Locator:
    return page.get_by_role("toolbar").get_by_role("button", name="Submit")


def feedback(page: Page) -> Locator:
    return page.get_by_role("region", name="Feedback", exact=True)


def show_feedback(page: Page) -> None:
    """JupyterLab writes down a moment later which panels are open: a quick reload finds them shut."""
    if not feedback(page).is_visible():
        page.get_by_role("tab", name="Feedback").click()


def verdict(page: Page) -> Locator:
    return feedback(page).get_by_role("region", name="Verdict", exact=True)


def check(page: Page, title: str) -> Locator:
    return feedback(page).get_by_role("listitem").filter(has_text=title)


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
