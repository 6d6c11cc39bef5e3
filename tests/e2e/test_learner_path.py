"""A learner's whole way, in a real browser against the real parts; both verdicts are read back from MySQL."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.conftest import Person, Stack
from tests.e2e.conftest import PATIENCE_MS, Watch
from tests.e2e.workspace import (
    RIGHT,
    SLOW_MS,
    SLUG,
    TITLE,
    WRONG,
    WRONG_MESSAGE,
    answer,
    challenge,
    check,
    editor,
    feedback,
    grader_away,
    launcher,
    open_challenge,
    ready,
    record,
    reload,
    show_feedback,
    sign_in,
    start_grader,
    submit_button,
    verdict,
    workspace,
)

IN_NOTEBOOK = "!!document.activeElement.closest('.jp-Notebook')"
SCORED = re.compile(r"\d+ ms|\d\.\d s")


def test_from_sign_up_to_passed(context: BrowserContext, page: Page, watch: Watch, mysql: Any) -> None:
    name, password = f"ada-{os.urandom(4).hex()}", "correct horse battery"

    page.goto("/")
    page.get_by_role("link", name="Make an account").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_label("Password again").fill(password)
    watch.take("sign-up", page)
    page.get_by_role("button", name="Make my account").click()
    # an account is signed in at once; signed out, it is let in again with what was typed
    page.wait_for_url(re.compile(r"/hub/(home|spawn)|/user/"))
    page.goto("/hub/logout")
    sign_in(page, Person(name, password, ""))
    page.wait_for_url(re.compile(r"/hub/spawn|/user/"))
    watch.take("starting", page)
    workspace(page)

    watch.take("challenges", page)
    expect(challenge(page, TITLE)).to_contain_text("New")
    open_challenge(page)
    watch.take("opened", page)
    expect(editor(page)).to_contain_text("NotImplementedError")
    expect(feedback(page)).not_to_be_visible()

    answer(page, WRONG)
    submit_button(page).click()
    expect(verdict(page)).to_be_visible(timeout=SLOW_MS)
    watch.take("failed", page)
    expect(verdict(page)).to_contain_text("Not there yet")
    expect(verdict(page)).to_contain_text("2 of 4 checks passed.")
    expect(verdict(page)).to_contain_text(re.compile(r"3 / (of )?8 points"))
    for title in ("Returns a number", "One price for each row of the table"):
        expect(check(page, title)).to_contain_text("Passed")
    failed = check(page, "Students from 18 to 64 pay 9")
    expect(failed).to_contain_text("Failed")
    expect(failed).to_contain_text(SCORED)
    expect(failed).to_contain_text(WRONG_MESSAGE)
    expect(failed.get_by_text("grown up, student: True")).to_be_visible()
    expect(failed).to_contain_text("Hint")
    # of a hidden check nothing but its title, its points and its author's hint
    hidden = check(page, "The first and the last year of each row")
    expect(hidden).to_contain_text("hidden check")
    expect(hidden).to_contain_text("On which side of each border does a birthday fall?")
    assert "wrong row" not in feedback(page).inner_text()
    expect(challenge(page, TITLE)).to_contain_text("3 / 8 points")
    expect(challenge(page, TITLE)).to_contain_text("Started")

    answer(page, RIGHT)
    submit_button(page).click()
    expect(verdict(page)).to_contain_text("Passed", timeout=SLOW_MS)
    watch.take("passed", page)
    expect(verdict(page)).to_contain_text("All 4 checks passed.")
    expect(feedback(page).get_by_text("Total time")).to_be_visible()
    expect(challenge(page, TITLE)).to_contain_text("8 / 8 points")

    first, second = record(mysql, name)
    assert (first["slug"], first["state"], first["status"]) == (SLUG, "finished", "failed")
    assert (first["score"], first["max_score"]) == (3, 8)
    statuses = {id: row["status"] for id, row in first["checks"].items()}
    assert statuses == {
        "check-returns": "passed",
        "check-ages": "passed",
        "check-students": "failed",
        "check-edges": "failed",
    }
    assert first["checks"]["check-students"]["message"] == WRONG_MESSAGE
    assert "grown up, student: True" in first["checks"]["check-students"]["stdout"]
    assert (second["state"], second["status"], second["score"]) == ("finished", "passed", 8)
    assert {row["status"] for row in second["checks"].values()} == {"passed"}


def test_by_keyboard_alone(page: Page, watch: Watch, new_learner: Callable[[], Person], mysql: Any) -> None:
    learner = new_learner()
    keys = page.keyboard
    page.goto("/hub/login")
    keys.type(learner.name)  # the field has the focus already
    keys.press("Tab")
    keys.type(learner.password)
    keys.press("Enter")
    workspace(page)
    launcher(page)

    # the first time, the list of challenges has the keyboard
    _press_until(page, "Tab", "document.activeElement.matches('.ch-Challenge')")
    _press_until(page, "ArrowDown", f"document.activeElement.innerText.includes({TITLE!r})")
    watch.take("chosen", page)
    keys.press("Enter")
    ready(page)

    # in the notebook: down to the answer cell, in, replace it
    page.wait_for_function(IN_NOTEBOOK)
    _press_until(page, "ArrowDown", "!!document.querySelector('.jp-CodeCell.jp-mod-active')")
    keys.press("Enter")
    expect(editor(page)).to_be_focused()
    keys.press("Control+a")
    keys.type("def ticket_price(age, student=False): return 12")
    keys.press("Control+Shift+Enter")
    expect(verdict(page)).to_contain_text("Not there yet", timeout=SLOW_MS)
    watch.take("failed", page)
    # said aloud for those who do not see it, and without taking the keyboard out of the cell
    expect(page.get_by_role("status").filter(has_text="Not there yet. 1 of 8 points.")).to_be_attached()
    assert page.evaluate(IN_NOTEBOOK)

    keys.press("Control+a")
    row = "0 if age < 6 else 6 if age < 18 else 8 if age > 64 else 9 if student else 12"
    keys.type(f"def ticket_price(age, student=False): return {row}")
    keys.press("Control+Shift+Enter")
    expect(verdict(page)).to_contain_text("Passed", timeout=SLOW_MS)
    # what the grader says can be gone to, and from there back into the notebook
    keys.press("Escape")
    keys.press("Control+Shift+C")
    expect(page.locator(".lm-CommandPalette-input")).to_be_focused()
    keys.type("Feedback")
    expect(page.locator(".lm-CommandPalette-item.lm-mod-active")).to_contain_text("Feedback")
    keys.press("Enter")
    expect(feedback(page)).to_be_focused()
    watch.take("passed", page)

    assert [row["status"] for row in record(mysql, learner.name)] == ["failed", "passed"]


def test_while_the_grader_is_away_nothing_is_lost(
    page: Page, watch: Watch, stack: Stack, new_learner: Callable[[], Person], mysql: Any
) -> None:
    learner = new_learner()
    sign_in(page, learner)
    workspace(page)
    open_challenge(page)
    answer(page, RIGHT)
    watch.allow("status of 50")  # that the grader is away
    with grader_away(stack):
        submit_button(page).click()
        kept = feedback(page).get_by_role("group", name="Kept, will be sent")
        expect(kept).to_be_visible(timeout=SLOW_MS)
        watch.take("away", page)
        expect(kept).to_contain_text("The grader does not answer just now.")
        kept.get_by_role("button", name="Try now").click()
        expect(kept).to_be_visible()
        # neither a list of challenges that is out of reach nor anything else takes the answer away
        page.get_by_role("button", name="Refresh the list").click()
        expect(page.get_by_role("alert").filter(has_text="could not be loaded")).to_be_visible()
        expect(challenge(page, TITLE)).to_be_visible()
        expect(editor(page)).to_contain_text("9 if student else 12")
        assert record(mysql, learner.name) == []
    # sent by itself, without another click
    expect(verdict(page)).to_contain_text("Passed", timeout=SLOW_MS)
    watch.take("back", page)
    assert [row["status"] for row in record(mysql, learner.name)] == ["passed"]


def test_a_grader_that_dies_while_it_grades_comes_back_to_it(
    page: Page, watch: Watch, stack: Stack, new_learner: Callable[[], Person], mysql: Any
) -> None:
    learner = new_learner()
    sign_in(page, learner)
    workspace(page)
    open_challenge(page)
    answer(page, "import time\ntime.sleep(4)\n" + RIGHT)
    grader = stack.part("grader")
    watch.allow("status of 50")
    submit_button(page).click()
    expect(feedback(page).get_by_text("Running…")).to_be_visible(timeout=SLOW_MS)
    grader.kill()
    watch.take("killed", page)
    try:
        (row,) = record(mysql, learner.name)
        assert row["state"] == "running"
    finally:
        start_grader(stack)
    # the page takes the stream up again by itself; only a long absence makes it ask, and then it waits
    later = feedback(page).get_by_role("button", name="Show the verdict")
    expect(verdict(page).or_(later).first).to_be_visible(timeout=SLOW_MS)
    if later.is_visible():
        later.click()
    expect(verdict(page)).to_contain_text("Passed", timeout=SLOW_MS)
    (row,) = record(mysql, learner.name)
    assert (row["state"], row["status"]) == ("finished", "passed")


def test_the_last_verdict_and_the_answer_are_there_again(
    browser: Browser, page: Page, watch: Watch, stack: Stack, new_learner: Callable[[], Person], mysql: Any
) -> None:
    learner = new_learner()
    sign_in(page, learner)
    workspace(page)
    open_challenge(page)
    answer(page, WRONG)
    submit_button(page).click()
    expect(verdict(page)).to_contain_text("Not there yet", timeout=SLOW_MS)

    # the same page again
    reload(page)
    expect(verdict(page)).to_contain_text("Not there yet", timeout=SLOW_MS)
    watch.take("reloaded", page)

    # the workspace stopped and started: another container, and another browser
    page.close()  # it would ask for the workspace that is gone
    _stop_workspace(stack, learner)
    other = browser.new_context(base_url=stack.url, viewport={"width": 1440, "height": 900})
    other.set_default_timeout(PATIENCE_MS)
    other.on("page", watch.follow)
    try:
        elsewhere = other.new_page()
        sign_in(elsewhere, learner)
        workspace(elsewhere)
        expect(challenge(elsewhere, TITLE)).to_contain_text("3 / 8 points")
        challenge(elsewhere, TITLE).click()
        ready(elsewhere)
        show_feedback(elsewhere)
        expect(verdict(elsewhere)).to_contain_text("Not there yet", timeout=SLOW_MS)
        expect(check(elsewhere, "Students from 18 to 64 pay 9")).to_contain_text(WRONG_MESSAGE)
        expect(editor(elsewhere)).to_contain_text("grown up, student")
        watch.take("elsewhere", elsewhere)
    finally:
        other.close()
    assert len(record(mysql, learner.name)) == 1


def _press_until(page: Page, key: str, reached: str, most: int = 60) -> None:
    """Press ``key``, if need be, until the JavaScript ``reached`` holds."""
    for _ in range(most):
        if page.evaluate(reached):
            return
        page.keyboard.press(key)
        page.wait_for_timeout(50)
    pytest.fail(f"{most} times {key} did not lead to where {reached}")


def _stop_workspace(stack: Stack, learner: Person) -> None:
    server = f"{stack.url}/hub/api/users/{learner.name}/server"
    headers = {"Authorization": f"token {learner.token}"}
    requests.delete(server, headers=headers, timeout=60).raise_for_status()
    until = time.monotonic() + 60
    while requests.get(server.removesuffix("/server"), headers=headers, timeout=60).json()["servers"]:
        assert time.monotonic() < until, "the workspace does not stop"
        time.sleep(0.5)
