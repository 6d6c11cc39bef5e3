"""Getting unstuck: hints, earlier attempts, the author's solution, a new version; in a real browser."""

from __future__ import annotations

import re
from typing import Any

import requests
from playwright.sync_api import Locator, Page, expect

from tests.conftest import Person, Stack
from tests.e2e.conftest import Watch
from tests.e2e.desk import Desk
from tests.e2e.workspace import SLOW_MS, answer, editor, feedback, reload, save, submit_button, verdict
from tests.notebooks import check, solution

SOLUTION = "def double(x):\n    ### BEGIN SOLUTION\n    return x + x\n    ### END SOLUTION"
CELLS = (solution("answer", SOLUTION), check("number", "assert double(21) == 42"))
HINTS = ["Twice is `2 *` something.", "Return it."]


def submit(tab: Page, code: str, expected: str) -> None:
    answer(tab, code)
    submit_button(tab).click()
    # the verdict before this one goes when the button is pressed
    expect(submit_button(tab)).to_be_visible(timeout=SLOW_MS)
    expect(verdict(tab)).to_contain_text(expected, timeout=SLOW_MS)


def attempts(tab: Page) -> Locator:
    return tab.get_by_role("region", name="Attempts", exact=True)


def test_hints_are_there_for_the_asking_and_offered_after_two_attempts(
    tab: Page, desk: Desk, watch: Watch
) -> None:
    slug = desk.publish(*CELLS, hints=HINTS)
    desk.open(tab, slug)
    submit(tab, "def double(x): return 1", "Not there yet")
    hints = feedback(tab).get_by_role("region", name="Hints")
    expect(hints.get_by_role("button", name="Show hint 1 of 2")).to_be_visible()
    expect(hints).not_to_contain_text("Stuck?")
    submit(tab, "def double(x): return 2", "Not there yet")
    expect(hints).to_contain_text("Stuck? 2 attempts have not passed yet")
    watch.take("offered", tab)
    # by keyboard, and heard
    hints.get_by_role("button", name="Show hint 1 of 2").focus()
    tab.keyboard.press("Enter")
    expect(hints.get_by_role("listitem")).to_have_text(["Hint 1 of 2 Twice is 2 * something."])
    expect(tab.get_by_role("status").filter(has_text="Hint 1 of 2: Twice is")).to_be_attached()
    expect(hints).not_to_contain_text("Stuck?")
    # they are the learner's from now on
    reload(tab)
    expect(hints.get_by_role("listitem")).to_have_count(1)
    hints.get_by_role("button", name="Show hint 2 of 2").click()
    expect(hints.get_by_role("listitem")).to_have_count(2)
    expect(hints.get_by_role("button")).to_have_count(0)
    assert [hint["attempts"] for hint in desk.ask("GET", f"challenges/{slug}/hints")["taken"]] == [2, 2]


def test_more_attempts_than_the_grader_lists_at_once_are_all_there(
    tab: Page, desk: Desk, mysql: Any, watch: Watch
) -> None:
    slug = desk.publish(*CELLS)
    desk.open(tab, slug)
    submit(tab, "def double(x):\n    return x", "Not there yet")
    with mysql.cursor() as cursor:
        cursor.execute(
            "INSERT INTO submissions (uuid, idempotency_key, username, challenge_id, version_id,"
            " content_hash, notebook, state, status, score, max_score, submitted_at, started_at, finished_at)"
            " WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 104)"
            " SELECT UUID(), UUID(), username, challenge_id, version_id, content_hash, notebook,"
            " state, status, score, max_score, submitted_at, started_at, finished_at FROM n JOIN submissions"
            " WHERE challenge_id = (SELECT id FROM challenges WHERE slug = %s)",
            (slug,),
        )
    feedback(tab).get_by_role("button", name="All attempts").click()
    panel = attempts(tab)
    entries = panel.get_by_role("navigation", name="Attempts").get_by_role("button")
    expect(entries).to_have_count(105)
    expect(entries.first).to_contain_text("Attempt 105")
    expect(entries.last).to_contain_text("Attempt 1 ·")
    expect(panel.get_by_role("heading", name="Attempt 105")).to_be_in_viewport()
    watch.take("many", tab)


def test_attempts_can_be_compared_and_one_of_them_restored(tab: Page, desk: Desk, watch: Watch) -> None:
    slug = desk.publish(*CELLS)
    desk.open(tab, slug)
    submit(tab, "def double(x):\n    return x", "Not there yet")
    submit(tab, "def double(x):\n    return 2 * x", "Passed")
    answer(tab, "def double(x):\n    return x << 1")
    feedback(tab).get_by_role("button", name="All attempts").click()
    panel = attempts(tab)
    entries = panel.get_by_role("navigation", name="Attempts").get_by_role("button")
    expect(entries).to_have_text([re.compile("Attempt 2 · Passed"), re.compile("Attempt 1 · Not there yet")])

    # the newest against the one before it
    lines = panel.locator(".ch-Lines")
    expect(lines.locator("[data-side=removed]")).to_have_text(re.compile(r"− .*return x\s*$"))
    expect(lines.locator("[data-side=added]")).to_have_text(re.compile(r"\+ .*return 2 \* x\s*$"))
    watch.take("attempts", tab)
    against = panel.get_by_label("Compare with")
    against.select_option(label="The notebook as it is now")
    expect(lines.locator("[data-side=added]")).to_contain_text("return x << 1")
    against.select_option(label="The author’s solution")
    expect(lines.locator("[data-side=added]")).to_contain_text("return x + x")
    expect(panel).not_to_contain_text("SOLUTION")
    against.select_option(label="Attempt 1")
    expect(lines.locator("[data-side=removed]")).to_contain_text("return x")

    entries.nth(1).click()
    against.select_option(label="Nothing: show the code")
    expect(panel.locator("pre")).to_have_text("def double(x):\n    return x")
    panel.get_by_role("button", name="Restore this attempt").click()
    dialog = tab.get_by_role("dialog")
    expect(dialog).to_contain_text("kept as a copy beside it")
    dialog.get_by_role("button", name="Cancel").click()
    expect(editor(tab)).to_contain_text("return x << 1")
    panel.get_by_role("button", name="Restore this attempt").click()
    dialog.get_by_role("button", name="Restore").click()
    expect(editor(tab)).to_have_text("def double(x):    return x")
    told = feedback(tab).get_by_role("group", name="Your attempt from")
    expect(told).to_contain_text(f"challenges/{slug}-before-restoring.ipynb")
    watch.take("restored", tab)
    desk.show(tab, f"challenges/{slug}-before-restoring.ipynb")
    expect(editor(tab)).to_contain_text("return x << 1")


def test_every_verdict_of_a_regraded_attempt_is_shown(
    tab: Page, desk: Desk, watch: Watch, stack: Stack, admin: Person
) -> None:
    slug = desk.publish(*CELLS)
    desk.open(tab, slug)
    submit(tab, "def double(x): return x + x if x < 9 else 0", "Not there yet")
    desk.publish(CELLS[0], check("number", "assert double(2) == 4"), slug=slug)
    begun = requests.post(
        f"{stack.url}/services/grader/api/v1/challenges/{slug}/regradings",
        json={"why": "The check was unfair."},
        headers={"Authorization": f"token {admin.token}"},
        timeout=60,
    )
    begun.raise_for_status()

    def graded() -> bool:
        newest = desk.ask("GET", f"submissions?challenge={slug}")["submissions"][0]
        return bool(newest["status"] == "passed")

    for _ in range(600):
        if graded():
            break
        tab.wait_for_timeout(200)
    feedback(tab).get_by_role("button", name="All attempts").click()
    verdicts = attempts(tab).get_by_role("region", name="Verdicts")
    expect(verdicts.get_by_role("listitem")).to_have_text(
        [
            re.compile(r"Not there yet · 0 of 1 points.*against version 1"),
            re.compile(r"Passed · 1 of 1 points.*counts.*against version 2.*The check was unfair\."),
        ]
    )
    watch.take("regraded", tab)
    # and beside the notebook, once it is looked at again
    reload(tab)
    expect(feedback(tab).get_by_role("region", name="Verdicts")).to_contain_text("Graded 2 times")
    watch.take("feedback", tab)


def test_the_solution_is_shown_after_passing_unless_its_author_keeps_it(tab: Page, desk: Desk) -> None:
    desk.open(tab, desk.publish(*CELLS))
    submit(tab, "def double(x): return 1", "Not there yet")
    solution_button = feedback(tab).get_by_role("button", name="author’s solution")
    expect(solution_button).to_have_count(0)
    submit(tab, "def double(x): return 2 * x", "Passed")
    solution_button.click()
    expect(attempts(tab).locator("[data-side=added]").first).to_contain_text("def double(x):")
    expect(attempts(tab)).to_contain_text("return x + x")

    slug = desk.publish(*CELLS, show_solution=False)
    desk.open(tab, slug)
    answer(tab, "def double(x): return 2 * x")
    told = re.compile(f"/challenges/{slug}/hints")  # which tells the page, after each verdict
    with tab.expect_response(told, timeout=SLOW_MS):
        submit_button(tab).click()
        expect(verdict(tab)).to_contain_text("Passed", timeout=SLOW_MS)
    feedback(tab).get_by_role("button", name="All attempts").click()
    expect(attempts(tab).get_by_label("Compare with")).to_contain_text("The notebook as it is now")
    expect(attempts(tab).get_by_label("Compare with")).not_to_contain_text("solution")
    expect(solution_button).to_have_count(0)
    assert desk.ask("GET", f"challenges/{slug}/solution")["error"]["code"] == "solution_withheld"


def test_who_holds_an_older_version_is_offered_the_new_one_and_keeps_their_answer(
    tab: Page, desk: Desk, watch: Watch
) -> None:
    slug = desk.publish(*CELLS)
    path = desk.open(tab, slug)
    answer(tab, "def double(x): return 2 * x")
    save(tab)
    desk.publish(*CELLS, check("zero", "assert double(0) == 0"), slug=slug)
    desk.show(tab, path)
    offer = tab.get_by_role("region", name="New version")
    expect(offer).to_contain_text("This challenge has a new version.")
    watch.take("offer", tab)
    offer.get_by_role("button", name="Get the new version").click()
    expect(offer).to_have_count(0)
    expect(tab.locator(".jp-Notebook")).to_contain_text("assert double(0) == 0")
    expect(editor(tab)).to_contain_text("return 2 * x")
    submit_button(tab).click()
    expect(verdict(tab)).to_contain_text("All 2 checks passed.", timeout=SLOW_MS)
