"""The Challenges panel: finding a challenge among few and among many, by mouse and by keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.conftest import Person
from tests.e2e.conftest import PATIENCE_MS, Watch
from tests.e2e.workspace import SLOW_MS, TITLE, challenge, launcher, ready, sign_in, workspace

# As when the list follows a moment later what was typed: the keyboard is on a challenge by then.
TYPED = """text => {
  const field = document.querySelector('.ch-Filters input');
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, text);
  field.dispatchEvent(new Event('input', {bubbles: true}));
}"""
LIST = re.compile(r"/challengehub/api/challenges(\?|$)")  # JupyterLab adds a number against caches


@pytest.fixture
def learner(new_learner: Callable[[], Person]) -> Person:
    return new_learner()


def panel(page: Page) -> Locator:
    return page.get_by_role("region", name="Challenges", exact=True)


def cards(page: Page) -> Locator:
    return panel(page).get_by_role("listitem").get_by_role("button")


def search(page: Page) -> Locator:
    return panel(page).get_by_role("searchbox", name="Search challenges")


def enter(page: Page, learner: Person) -> None:
    sign_in(page, learner)
    workspace(page)
    launcher(page)


def refresh(page: Page) -> None:
    with page.expect_response(LIST):
        panel(page).get_by_role("button", name="Refresh the list").click()


def test_a_first_visit(page: Page, watch: Watch, learner: Person) -> None:
    """The welcome leads on; search and filters narrow; the keyboard alone finds a challenge and opens it."""
    enter(page, learner)
    welcome = panel(page).get_by_role("region", name="Welcome")
    expect(welcome.get_by_role("button", name="Start with “")).to_be_visible()
    watch.take("welcome", page)

    everything = cards(page).count()
    search(page).fill("TICKÉT cost")
    expect(cards(page)).to_have_count(1)
    expect(challenge(page, TITLE)).to_be_visible()
    status = panel(page).get_by_role("status").filter(has_text="1 of ")
    expect(status).to_contain_text(f"1 of {everything} challenges")
    watch.take("found", page)
    search(page).fill("no such challenge anywhere")
    expect(panel(page).get_by_text("No challenge fits.")).to_be_visible()
    watch.take("nothing", page)
    panel(page).get_by_role("button", name="Show all challenges").click()
    expect(cards(page)).to_have_count(everything)

    states = panel(page).get_by_role("group", name="State")
    states.get_by_role("button", name="Passed").click()
    expect(cards(page)).to_have_count(0)
    states.get_by_role("button", name="New").click()
    expect(cards(page)).to_have_count(everything)
    states.get_by_role("button", name="Filters").click()
    panel(page).get_by_role("combobox", name="Track").select_option(label="First steps")
    panel(page).get_by_role("combobox", name="Tag").select_option("conditions")
    panel(page).get_by_role("combobox", name="Difficulty").select_option(label="Difficulty 1 of 5")
    expect(challenge(page, TITLE)).to_be_visible()
    expect(cards(page)).not_to_have_count(everything)
    watch.take("filtered", page)
    panel(page).get_by_role("button", name="Show all", exact=True).click()
    expect(cards(page)).to_have_count(everything)  # the list follows the filters a moment later

    keys = page.keyboard
    cards(page).first.focus()
    expect(cards(page).first).to_be_focused()
    keys.press("ArrowDown")
    expect(cards(page).nth(1)).to_be_focused()
    keys.press("End")
    expect(cards(page).last).to_be_focused()
    keys.press("Home")
    expect(cards(page).first).to_be_focused()
    keys.press("ArrowUp")
    expect(search(page)).to_be_focused()
    keys.press("ArrowDown")
    expect(cards(page).first).to_be_focused()
    keys.press("/")
    expect(search(page)).to_be_focused()
    keys.type("nothing of the kind")
    keys.press("Escape")
    expect(search(page)).to_have_value("")
    # who has gone to a challenge that the list then leaves out keeps the keyboard, and goes on from there
    cards(page).last.focus()
    gone = cards(page).last.get_attribute("data-slug")
    page.evaluate(TYPED, "ticket cost")
    expect(cards(page)).to_have_count(1)
    expect(cards(page)).not_to_have_attribute("data-slug", str(gone))
    expect(cards(page)).to_be_focused()
    page.evaluate(TYPED, "nothing of the kind")
    expect(search(page)).to_be_focused()
    keys.press("Escape")
    keys.type("ticket cost")
    expect(cards(page)).to_have_count(1)
    keys.press("Enter")
    ready(page)


def test_a_path_of_five_hundred(page: Page, watch: Watch, new_learner: Callable[[], Person]) -> None:
    """Progress and what comes next are seen; texts are text; a key costs work for what changes only."""
    hostile = '<img src=x onerror="window.hacked = 1"><script>window.hacked = 1</script>'

    def many(challenges: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for one in challenges:
            if one["title"] == TITLE:
                one.update(state="passed", attempts=2, best_score=one["max_score"])
        made = [
            {
                **challenges[number % len(challenges)],
                "slug": f"made-{number}",
                "title": f"Made {number}",
                "summary": hostile,
                "track": f"track-{number % 10}",
                "prerequisites": [f"made-{number - 10}"] if number >= 10 else [],
            }
            for number in range(500 - len(challenges))
        ]
        return [*challenges, *made]

    def answer(route: Route) -> None:
        real = route.fetch()
        route.fulfill(response=real, json={"challenges": many(real.json()["challenges"])})

    page.route(LIST, answer)
    enter(page, new_learner())
    expect(panel(page).locator("li")).to_have_count(500)
    track = panel(page).get_by_role("region", name="First steps")
    expect(track.get_by_role("heading")).to_contain_text("1 / ")
    expect(challenge(page, TITLE)).to_contain_text("Passed")
    expect(challenge(page, TITLE)).to_contain_text("8 / 8 points")
    expect(challenge(page, TITLE)).to_contain_text("2 attempts")
    expect(panel(page).locator(".ch-Challenge-next")).to_have_count(1)
    expect(panel(page).get_by_text("Builds on").first).to_be_attached()
    expect(panel(page).get_by_role("region", name="Welcome")).not_to_be_attached()
    watch.take("path", page)

    expect(challenge(page, "Made 401")).to_contain_text(hostile)
    assert page.evaluate("window.hacked") is None
    page.evaluate(
        """() => {
          window.drawn = 0;
          const count = changes => { for (const one of changes) {
            const node = one.target.nodeType === 1 ? one.target : one.target.parentElement;
            if (node?.closest('.ch-Challenge') || one.target.tagName === 'OL') window.drawn++;
          } };
          new MutationObserver(count).observe(document.querySelector('.ch-Challenges'),
            {subtree: true, childList: true, characterData: true, attributes: true});
        }"""
    )
    search(page).fill("made 401")
    expect(cards(page)).to_have_count(1)
    search(page).fill("")
    expect(cards(page)).to_have_count(500)
    # nothing but the one stop of the Tab key moves from card to card; none is made or drawn anew
    assert page.evaluate("window.drawn") <= 30


def test_loading_empty_and_out_of_reach_are_said(page: Page, watch: Watch, learner: Person) -> None:
    held: list[Route] = []
    page.route(LIST, lambda route: held.append(route))
    sign_in(page, learner)
    page.wait_for_url("**/user/**/lab**", timeout=SLOW_MS)
    expect(panel(page).get_by_role("status", name="Loading the challenges")).to_be_visible(timeout=SLOW_MS)
    watch.take("loading", page)
    for _ in range(PATIENCE_MS // 100):  # it is shown before the request is made
        if held:
            break
        page.wait_for_timeout(100)
    held[-1].fulfill(json={"challenges": []})
    expect(panel(page).get_by_text("There are no challenges yet.")).to_be_visible()
    watch.take("empty", page)
    page.unroute(LIST)

    refresh(page)
    expect(challenge(page, TITLE)).to_be_visible()
    watch.allow("ERR_INTERNET_DISCONNECTED")
    page.context.set_offline(True)
    panel(page).get_by_role("button", name="Refresh the list").click()
    problem = panel(page).get_by_role("alert")
    expect(problem).to_contain_text("Your notebook server does not answer.")
    expect(problem).to_contain_text("Below is the list as it was.")
    expect(challenge(page, TITLE)).to_be_visible()
    watch.take("offline", page)
    # back by itself as soon as the browser has a network
    page.context.set_offline(False)
    expect(problem).not_to_be_attached()
