"""The same extension in Notebook 7: one document a page, no icons at the sides."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Watch
from tests.e2e.desk import Desk
from tests.e2e.workspace import SLOW_MS, answer, challenge, check, feedback, submit_button, verdict
from tests.notebooks import check as check_cell
from tests.notebooks import solution

ANSWER = "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION"
CELLS = (
    solution("answer", ANSWER),
    check_cell("number", "assert double(21) == 42, double(21)", about={"title": "Doubles 21"}),
)
IDLE = ".jp-Notebook-ExecutionIndicator[data-status=idle]"


@pytest.fixture
def home(tab: Page, desk: Desk, watch: Watch) -> Iterator[Page]:
    """Notebook 7's list of files; the tabs that are opened from it are closed after the test."""
    others = len(desk.context.pages)
    tab.goto(f"/user/{desk.learner.name}/tree")
    yield tab
    for page in desk.context.pages[others:]:
        watch.take("end", page)
        page.close()


def test_from_the_list_of_challenges_to_passed(home: Page, desk: Desk, watch: Watch) -> None:
    slug = desk.publish(*CELLS, title="Twice in Notebook 7", hints=["Twice is `2 *` something."])
    home.get_by_role("button", name="Challenges", exact=True).click()
    with desk.context.expect_page() as opened:
        challenge(home, "Twice in Notebook 7").click()
    page = opened.value
    watch.follow(page)
    page.wait_for_url(f"**/notebooks/**/{slug}.ipynb")
    expect(page.locator(IDLE)).to_be_visible(timeout=SLOW_MS)
    # first, so that a narrow window never moves it out of sight
    buttons = page.get_by_role("toolbar", name="main area toolbar").get_by_role("button")
    expect(buttons.first).to_have_text("Submit")

    answer(page, "def double(x):\n    return x")
    submit_button(page).click()
    expect(verdict(page)).to_contain_text("Not there yet", timeout=SLOW_MS)
    expect(check(page, "Doubles 21")).to_contain_text("Failed")
    watch.take("failed", page)
    expect(feedback(page).get_by_role("button", name="Show hint 1")).to_be_visible()
    feedback(page).get_by_role("button", name="All attempts").click()
    expect(page.get_by_role("region", name="Attempts", exact=True)).to_contain_text("Attempt 1")
    # Notebook 7 gives what it opens below the notebook no height by itself
    page.wait_for_function("document.getElementById('jp-down-stack').offsetHeight > 200")
    watch.take("attempts", page)

    page.get_by_title("Collapse right side panel").click()
    expect(feedback(page)).not_to_be_visible()
    page.get_by_role("button", name="Feedback", exact=True).click()
    expect(verdict(page)).to_contain_text("Not there yet")
    answer(page, "def double(x):\n    return 2 * x")
    page.keyboard.press("Control+Shift+Enter")
    expect(verdict(page)).to_contain_text("Passed", timeout=SLOW_MS)
    watch.take("passed", page)

    # how others stand, from the menu bar as well
    page.get_by_role("button", name="Leaderboard", exact=True).click()
    leaderboard = page.get_by_role("region", name="Leaderboard", exact=True)
    expect(leaderboard.get_by_label("Track")).to_be_visible()
    watch.take("leaderboard", page)

    # its author changes it meanwhile
    desk.publish(*CELLS, check_cell("zero", "assert double(0) == 0"), title="Twice in Notebook 7", slug=slug)
    page.reload()
    offer = page.get_by_role("region", name="New version")
    expect(offer).to_contain_text("This challenge has a new version.", timeout=SLOW_MS)
    watch.take("offer", page)
    offer.get_by_role("button", name="Get the new version").click()
    expect(offer).to_have_count(0)
    expect(page.locator(".jp-Notebook")).to_contain_text("assert double(0) == 0")
    expect(page.locator(".jp-Notebook")).to_contain_text("return 2 * x")
