"""The leaderboard in a real browser: how others see a learner, by choice, and in no other way."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.conftest import Stack
from tests.e2e.conftest import Watch
from tests.e2e.desk import Desk
from tests.e2e.test_accessibility import violations
from tests.e2e.workspace import SLOW_MS, answer, submit_button, verdict
from tests.notebooks import check, solution

CELLS = (
    solution("answer", "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION"),
    check("number", "assert double(21) == 42"),
)
# Names that would be more than text in a page that took them for it.
HOSTILE = ["<img src=x onerror=alert(1)>", "שלום (7", "&lt;b&gt; %1 {0}", "W" * 40]
ASKED = re.compile(r"/challengehub/api/leaderboard(\?|$)")  # JupyterLab adds a number against caches


def board(tab: Page) -> Locator:
    return tab.get_by_role("region", name="Leaderboard", exact=True)


def rows(tab: Page) -> Locator:
    return board(tab).get_by_role("table").locator("tbody tr")


def rename(tab: Page, field: Locator, name: str) -> None:
    field.focus()
    tab.keyboard.press("Control+a")
    tab.keyboard.insert_text(name)
    tab.keyboard.press("Enter")


def heard(tab: Page, text: str) -> None:
    """Screen readers are told."""
    expect(tab.get_by_role("status").filter(has_text=text)).to_be_attached()


@pytest.fixture
def others(stack: Stack, desk: Desk) -> Iterator[tuple[str, str]]:
    """(A track of this test's own, its challenge); people with names of all kinds have points there."""
    track = f"track-{uuid.uuid4().hex[:8]}"
    slug = desk.publish(*CELLS, track=track)
    connection = stack.mysql()
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM challenges WHERE slug = %s", (slug,))
        challenge = cursor.fetchone()["id"]
        for number, name in enumerate(HOSTILE):
            who = f"other-{desk.run}-{number}"
            cursor.execute(
                "INSERT IGNORE INTO leaderboard_members (username, display_name) VALUES (%s, %s)", (who, name)
            )
            cursor.execute(
                "INSERT INTO best_scores VALUES (%s, %s, %s, 1, %s, 0, 1)",
                (who, challenge, 0.9 - number / 10, number),
            )
        yield track, slug
        cursor.execute("DELETE FROM leaderboard_members WHERE username LIKE %s", (f"other-{desk.run}-%",))
    connection.close()


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_who_takes_part_is_seen_and_who_leaves_is_not(
    tab: Page, desk: Desk, watch: Watch, others: tuple[str, str], theme: str
) -> None:
    track, slug = others
    desk.wear(theme)
    name = f"Ada {uuid.uuid4().hex[:6]}"
    try:
        desk.open(tab, slug)
        tab.get_by_role("button", name="Leaderboard", exact=True).click()
        here = board(tab)
        part = here.get_by_role("region", name="Taking part")
        expect(part).to_contain_text("Nobody sees anything of yours here.")
        here.get_by_label("Track").select_option(track)
        # names of all kinds are text, in rows that stand as they should
        expect(rows(tab).get_by_role("rowheader")).to_have_text(HOSTILE)
        heard(tab, "4 learners")
        watch.take(f"{theme}-not-taking-part", tab)
        assert violations(tab, ".ch-Leaderboard") == []

        # by keyboard: a name that is taken, then one that is not
        watch.allow("status of 409")  # the browser itself notes every refusal
        field = here.get_by_label("Display name")
        field.focus()
        tab.keyboard.insert_text(HOSTILE[0].upper())
        tab.keyboard.press("Enter")
        expect(part.get_by_role("alert")).to_contain_text("Somebody else has this display name")
        expect(field).to_have_attribute("aria-invalid", "true")
        assert violations(tab, ".ch-Leaderboard") == []
        field.focus()
        tab.keyboard.press("Control+a")
        tab.keyboard.insert_text(f"  {name} ")
        tab.keyboard.press("Tab")
        tab.keyboard.press("Enter")
        expect(part).to_contain_text(f"You take part as {name}")
        heard(tab, f"You take part as {name}.")
        expect(part).to_be_focused()
        expect(here).to_contain_text("Your row appears with the first ones.")
        expect(rows(tab)).to_have_count(len(HOSTILE))

        # a verdict moves it
        tab.get_by_role("tab", name=re.compile(slug)).click()
        answer(tab, "def double(x): return 2 * x")
        submit_button(tab).click()
        expect(verdict(tab)).to_contain_text("Passed", timeout=SLOW_MS)
        tab.get_by_role("tab", name="Leaderboard").click()
        own = rows(tab).first
        expect(own).to_have_text(f"1{name}You11")
        expect(own).to_have_attribute("aria-current", "true")
        expect(here.get_by_role("table")).to_contain_text("5 learners")
        watch.take(f"{theme}-taking-part", tab)
        assert violations(tab, ".ch-Leaderboard") == []
        expect(here).not_to_contain_text(desk.learner.name)

        part.get_by_role("button", name="Leave").click()
        expect(part).to_contain_text("You are not on the leaderboards")
        heard(tab, "You have left the leaderboards.")
        expect(rows(tab)).to_have_count(len(HOSTILE))
        assert desk.ask("GET", "leaderboard")["taking_part"] is None
    finally:
        desk.ask("POST", "leaderboard/leave", {})
        desk.wear("JupyterLab Light")


def test_it_goes_by_class_follows_a_new_name_and_is_asked_again_when_it_was_away(
    tab: Page, desk: Desk, watch: Watch, others: tuple[str, str], mysql: Any
) -> None:
    track, slug = others
    for status in ("409", "503"):  # the browser itself notes every refusal
        watch.allow(f"status of {status}")
    with mysql.cursor() as cursor:
        mate = (f"other-{desk.run}-1", desk.of_class)
        cursor.execute("INSERT INTO leaderboard_classes (username, class) VALUES (%s, %s)", mate)
    name = f"Eva {uuid.uuid4().hex[:6]}"
    desk.ask("POST", "leaderboard", {"display_name": name})
    try:
        desk.open(tab, slug)
        tab.get_by_role("button", name="Leaderboard", exact=True).click()
        here = board(tab)
        here.get_by_label("Track").select_option(track)
        expect(rows(tab)).to_have_count(len(HOSTILE))
        here.get_by_label("Class").select_option(desk.of_class)
        expect(rows(tab).get_by_role("rowheader")).to_have_text([HOSTILE[1]])
        expect(here.get_by_role("table")).to_contain_text(f"{desk.of_class} · 1 learner · 1 challenge")
        heard(tab, f"{desk.of_class} · 1 learner")
        watch.take("class", tab)

        # another name, by keyboard, after a change of mind and one that is taken
        part = here.get_by_role("region", name="Taking part")
        field = here.get_by_label("Display name")
        part.get_by_role("button", name="Change name").focus()
        tab.keyboard.press("Enter")
        expect(field).to_be_focused()
        expect(field).to_have_value(name)
        part.get_by_role("button", name="Cancel").click()
        expect(part).to_be_focused()
        expect(part).to_contain_text(f"You take part as {name}")
        part.get_by_role("button", name="Change name").click()
        rename(tab, field, HOSTILE[0])
        expect(part.get_by_role("alert")).to_contain_text("Somebody else has this display name")
        rename(tab, field, f"{name} the Second")
        expect(part).to_contain_text(f"You take part as {name} the Second")
        expect(part.get_by_role("alert")).to_have_count(0)
        heard(tab, f"You take part as {name} the Second.")
        assert desk.ask("GET", "leaderboard")["taking_part"]["display_name"] == f"{name} the Second"

        # out of reach: what is shown stays, and it can be asked again
        away = {"code": "grader_unreachable", "message": "The grader does not answer.", "details": {}}
        tab.route(ASKED, lambda route: route.fulfill(status=503, json={"error": away}))
        here.get_by_label("Class").select_option(label="Everybody")
        problem = here.get_by_role("alert")
        expect(problem).to_contain_text("The grader does not answer.")
        expect(problem).to_contain_text("Below it is as it was.")
        expect(rows(tab).get_by_role("rowheader")).to_have_text([HOSTILE[1]])
        watch.take("away", tab)
        assert violations(tab, ".ch-Leaderboard") == []
        tab.unroute(ASKED)
        problem.get_by_role("button", name="Retry").focus()
        tab.keyboard.press("Enter")
        expect(problem).to_have_count(0)
        expect(rows(tab)).to_have_count(len(HOSTILE))
        # the button has gone; the keyboard has not gone with it
        expect(here).to_be_focused()
    finally:
        desk.ask("POST", "leaderboard/leave", {})
