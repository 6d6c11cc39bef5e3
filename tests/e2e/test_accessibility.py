"""WCAG 2.2 AA, as far as axe can tell, in the light and in the dark theme: what learners see of ours."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Watch
from tests.e2e.desk import Desk
from tests.e2e.workspace import SLOW_MS, answer, feedback, submit_button, verdict
from tests.notebooks import check, solution

RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
CELLS = (
    solution("answer", "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION"),
    check("number", "assert double(21) == 42", about={"title": "Doubles", "hint": "Use `*`."}),
    check("text", r"assert double('a\nb\n') == 'a\nb\na\nb\n'", about={"title": "Lines"}),
    check("again", "assert double(None) == 0", about={"title": "Stops"}),
)
WRONG = "def double(x):\n    print('got', x)\n    return x if x else x.missing\nprint('so far')\n1 / 0"


def violations(tab: Page, *parts: str) -> list[str]:
    """What axe finds in these parts of the page, each with the first element that it is about."""
    context = {"include": [[part] for part in parts]}
    found = Axe().run(tab, context=context, options=RULES).response["violations"]
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]} {one['nodes'][0]['failureSummary']}" for one in found
    ]


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_what_a_learner_sees_is_for_everybody(tab: Page, desk: Desk, watch: Watch, theme: str) -> None:
    slug = desk.publish(*CELLS, hints=["Twice is `2 *` something.", "Return it."])
    desk.wear(theme)
    path = desk.open(tab, slug)
    desk.ask("GET", "sandbox")  # known by now, also on a busy machine
    expect(tab.locator("body")).to_have_attribute("data-jp-theme-name", theme)
    try:
        for code in (WRONG, WRONG.replace("1 / 0", "")):
            answer(tab, code)
            submit_button(tab).click()
            expect(submit_button(tab)).to_be_visible(timeout=SLOW_MS)
            expect(verdict(tab)).to_contain_text("Not there yet", timeout=SLOW_MS)
            closed = feedback(tab).locator("details:not([open]) > summary")
            while closed.count():
                closed.first.click()
            watch.take(f"{theme}-verdict", tab)
            assert violations(tab, ".ch-Challenges", ".ch-Feedback", ".ch-Submit") == []
        feedback(tab).get_by_role("button", name="Show hint 1").click()
        expect(feedback(tab).get_by_text("Twice is")).to_be_visible()
        feedback(tab).get_by_role("button", name="All attempts").click()
        expect(tab.locator(".ch-Lines").first).to_be_visible()
        watch.take(f"{theme}-attempts", tab)
        assert violations(tab, ".ch-Feedback", ".ch-Attempts") == []

        tab.get_by_role("tab", name=f"{slug}.ipynb").click()
        answer(tab, "import seaborn\ndef double(x): return 2 * (x or 0)")
        submit_button(tab).click()
        told = tab.get_by_role("dialog").filter(has_text="Not in the sandbox")
        expect(told).to_be_visible()
        watch.take(f"{theme}-told", tab)
        assert violations(tab, ".ch-Missing") == []
        told.get_by_role("button", name="See What It Has").click()
        expect(tab.locator(".ch-Sandbox table")).to_be_visible()
        watch.take(f"{theme}-sandbox", tab)
        assert violations(tab, ".ch-Sandbox") == []

        tab.get_by_role("tab", name=f"{slug}.ipynb").click()
        answer(tab, "def double(x): return 2 * (x or 0)")
        submit_button(tab).click()
        expect(verdict(tab)).to_contain_text("Passed", timeout=SLOW_MS)
        desk.publish(*CELLS, check("zero", "assert double(0) == 0"), slug=slug)
        desk.show(tab, path)
        expect(tab.get_by_role("region", name="New version")).to_be_visible()
        watch.take(f"{theme}-offer", tab)
        assert violations(tab, ".ch-Feedback", ".ch-Offer") == []
    finally:
        desk.wear("JupyterLab Light")
