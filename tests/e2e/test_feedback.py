"""What the Feedback panel shows and keeps, in a real browser against the real parts."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Watch
from tests.e2e.desk import Desk
from tests.e2e.workspace import (
    SLOW_MS,
    answer,
    check,
    editor,
    feedback,
    grader_away,
    reload,
    submit_button,
    verdict,
)
from tests.notebooks import check as checks
from tests.notebooks import solution

STUB = "### BEGIN SOLUTION\n{}\n### END SOLUTION"
DOUBLE = (
    solution("answer", STUB.format("def double(x):\n    return 2 * x")),
    checks("number", "assert double(21) == 42", about={"title": "Doubles a number"}),
)


def submit(tab: Page, code: str, expected: str) -> None:
    answer(tab, code)
    submit_button(tab).click()
    expect(verdict(tab)).to_contain_text(expected, timeout=SLOW_MS)


def side(row: Locator, name: str) -> Locator:
    """What stands beside Expected or Got."""
    return row.locator("dl > div").filter(has_text=re.compile(f"^{name}")).locator("dd")


def test_a_failed_check_shows_expected_against_got(tab: Page, desk: Desk, watch: Watch) -> None:
    slug = desk.publish(
        *DOUBLE,
        checks("list", "assert double([1, 2]) == [1, 2, 1, 2]", about={"title": "Doubles a list"}),
        checks("text", r"assert double('a\nb\n') == 'a\nb\na\nb\n'", about={"title": "Doubles a text"}),
        checks(
            "own", "assert double(1) == 2, 'One and one is two.'", about={"title": "In the author's words"}
        ),
        checks("secret", "assert double(5) == 10", about={"title": "Hidden", "hidden": True}),
    )
    desk.open(tab, slug)
    submit(
        tab,
        "def double(x):\n    return x + x[:1] if hasattr(x, 'sort') else 43 if x == 21 else x",
        "Not there yet",
    )
    number = check(tab, "Doubles a number")
    expect(side(number, "Expected")).to_have_text("42")
    expect(side(number, "Got")).to_have_text("43")
    expect(side(number, "Got").locator("mark")).to_have_text("3")
    expect(side(check(tab, "Doubles a list"), "Got")).to_have_text("[1, 2, 1]")
    # a text of many lines is compared line by line
    lines = check(tab, "Doubles a text").locator(".ch-Lines")
    expect(lines).to_have_text(re.compile(r"  a\n  b\n\+ Expected: a\n\+ Expected: b"))
    # what the author said instead is all that is said
    expect(check(tab, "In the author's words")).to_contain_text("One and one is two.")
    expect(check(tab, "In the author's words").locator("dl")).to_have_count(0)
    expect(check(tab, "Hidden")).to_contain_text("hidden check")
    expect(check(tab, "Hidden").locator("dl")).to_have_count(0)
    watch.take("difference", tab)


def test_an_error_leads_to_the_line_that_made_it(tab: Page, desk: Desk, watch: Watch) -> None:
    desk.open(tab, desk.publish(*DOUBLE))
    broken = "def double(x):\n    y = 2 * x\n    return y / 0\n"
    submit(tab, broken, "Not there yet")
    row = check(tab, "Doubles a number")
    expect(row).to_contain_text("ZeroDivisionError")
    marked = tab.locator(".ch-MarkedLine")
    row.get_by_role("button", name="Go to line 3").click()
    expect(marked).to_have_text("    return y / 0")
    # from there the keyboard goes on: Enter, and what is typed is at that line
    tab.keyboard.press("Enter")
    expect(editor(tab)).to_be_focused()
    tab.keyboard.insert_text("    return y\n")
    expect(editor(tab)).to_contain_text("y = 2 * x    return y    return y / 0")
    expect(marked).to_have_count(0)

    submit(
        tab,
        "numbers = [1, 2]\n\nprint('so far')\nnumbers[2]\ndef double(x): return 2 * x",
        "Not there yet",
    )
    cell = feedback(tab).get_by_role("listitem").filter(has_text="IndexError").first
    expect(cell).to_contain_text("so far")
    cell.get_by_role("button", name="Go to line 4").last.click()
    expect(marked).to_have_text("numbers[2]")
    expect(tab.locator(".jp-Notebook .jp-mod-active .ch-MarkedLine")).to_have_count(1)
    watch.take("line", tab)


def test_where_the_time_went_is_told_in_its_parts(tab: Page, desk: Desk, watch: Watch) -> None:
    desk.open(tab, desk.publish(*DOUBLE))
    submit(tab, "import time\ntime.sleep(1.5)\ndef double(x): return 2 * x", "Passed")
    times = feedback(tab).get_by_role("region", name="Where the time went")
    for part in ("Queue", "Start", "Your code", "Checks", "Rest"):
        expect(times.locator("dl > div").filter(has_text=part)).to_have_text(re.compile(r"\d m?s$"))
    expect(times.locator("dl > div").filter(has_text="Your code")).to_have_text(re.compile(r"[1-9]\d*\.\d s"))
    expect(feedback(tab).get_by_text("Memory")).to_be_visible()


def test_neither_clearing_nor_rerunning_nor_reloading_loses_the_feedback(tab: Page, desk: Desk) -> None:
    desk.open(tab, desk.publish(*DOUBLE))
    submit(tab, "def double(x): return x", "Not there yet")

    def still_there() -> None:
        expect(verdict(tab)).to_contain_text("Not there yet")
        expect(side(check(tab, "Doubles a number"), "Expected")).to_have_text("42")

    tab.get_by_role("menuitem", name="Edit").click()
    tab.get_by_role("menuitem", name="Clear Outputs of All Cells").click()
    still_there()
    tab.get_by_role("menuitem", name="Kernel").click()
    tab.get_by_role("menuitem", name=re.compile("Restart Kernel and Run All Cells")).click()
    tab.get_by_role("button", name="Confirm Kernel Restart").click()
    expect(tab.locator(".jp-Notebook")).to_contain_text("AssertionError")
    still_there()
    reload(tab)
    still_there()


def test_what_is_kept_is_shown_after_a_reload_and_sent(tab: Page, desk: Desk, watch: Watch) -> None:
    path = desk.open(tab, desk.publish(*DOUBLE))
    answer(tab, "def double(x): return 2 * x")
    watch.allow("")  # that the grader is away, which is what this test is about
    with grader_away(desk.stack):
        submit_button(tab).click()
        kept = feedback(tab).get_by_role("group", name="Kept, will be sent")
        expect(kept).to_be_visible(timeout=SLOW_MS)
        expect(tab.get_by_role("status").filter(has_text="is kept, and will be sent")).to_be_attached()
        # in a new layout, where no panel is open
        desk.show(tab, path)
        expect(kept).to_be_visible(timeout=SLOW_MS)
        watch.take("kept", tab)
    expect(verdict(tab)).to_contain_text("Passed", timeout=SLOW_MS)
    expect(kept).to_have_count(0)


def test_one_that_is_refused_after_it_was_kept_says_why(tab: Page, desk: Desk, watch: Watch) -> None:
    slug = desk.publish(*DOUBLE)
    desk.open(tab, slug)
    answer(tab, "def double(x): return 2 * x")
    watch.allow("")  # that the grader is away
    with grader_away(desk.stack):
        submit_button(tab).click()
        expect(feedback(tab).get_by_role("group", name="Kept")).to_be_visible(timeout=SLOW_MS)
        desk.publish(*DOUBLE, checks("more", "assert double(0) == 0"), slug=slug)
    problem = feedback(tab).get_by_role("group", name="This challenge has a new version")
    expect(problem).to_be_visible(timeout=SLOW_MS)
    watch.take("refused", tab)
    problem.get_by_role("button", name="Get the new version").click()
    expect(feedback(tab).get_by_role("group", name="This is the new version")).to_be_visible()
    expect(editor(tab)).to_contain_text("return 2 * x")
    submit_button(tab).click()
    expect(verdict(tab)).to_contain_text("All 2 checks passed.", timeout=SLOW_MS)
    assert desk.ask("GET", "kept") == {"kept": []}
