"""What the sandbox has not is told before anything is sent, and what it has can be seen; in a browser."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Watch
from tests.e2e.desk import Desk
from tests.e2e.workspace import SLOW_MS, answer, feedback, submit_button, verdict
from tests.notebooks import check, solution

CELLS = (
    solution("answer", "### BEGIN SOLUTION\nx = 2\n### END SOLUTION"),
    check("two", "assert x == 2"),
)


def told(tab: Page) -> Locator:
    return tab.get_by_role("dialog").filter(has_text="Not in the sandbox")


def sandbox(tab: Page) -> Locator:
    return tab.get_by_role("region", name="What the sandbox has")


def test_what_the_sandbox_has_not_is_told_before_sending(tab: Page, desk: Desk, watch: Watch) -> None:
    slug = desk.publish(*CELLS)
    desk.open(tab, slug)
    assert "numpy" in desk.ask("GET", "sandbox")["modules"], "known by now, also on a busy machine"
    answer(tab, "import numpy, seaborn\nx = 2")
    submit_button(tab).click()
    expect(told(tab)).to_contain_text("seaborn is not in this challenge’s sandbox.")
    watch.take("told", tab)
    # what is pressed without reading does no harm
    expect(told(tab).get_by_role("button", name="Cancel")).to_be_focused()
    tab.keyboard.press("Enter")
    expect(told(tab)).to_have_count(0)
    expect(submit_button(tab)).to_be_visible()
    assert desk.ask("GET", f"submissions?challenge={slug}")["submissions"] == []

    submit_button(tab).click()
    told(tab).get_by_role("button", name="See What It Has").click()
    search = sandbox(tab).get_by_role("searchbox")
    expect(search).to_be_focused()
    expect(sandbox(tab)).to_contain_text("Your submissions run in Python 3.")
    watch.take("sandbox", tab)
    search.fill("pil")
    expect(sandbox(tab).get_by_role("row")).to_have_count(2)
    expect(sandbox(tab).get_by_role("row").last).to_contain_text("pillow")
    search.fill("seaborn")
    expect(sandbox(tab).get_by_role("status")).to_contain_text("nothing of that name")
    tab.keyboard.press("Escape")
    expect(sandbox(tab).get_by_role("row").filter(has_text="numpy")).to_be_visible()
    assert desk.ask("GET", f"submissions?challenge={slug}")["submissions"] == []

    tab.get_by_role("tab", name=f"{slug}.ipynb").click()
    submit_button(tab).click()
    told(tab).get_by_role("button", name="Submit Anyway").click()
    expect(verdict(tab)).to_be_visible(timeout=SLOW_MS)
    expect(feedback(tab)).to_contain_text("ModuleNotFoundError")
    watch.take("anyway", tab)
    # who knows is not told again
    answer(
        tab, "%pip install bs4\ntry:\n    import bs4\nexcept ImportError:\n    x = 2\ndef f(): import seaborn"
    )
    submit_button(tab).click()
    expect(verdict(tab)).to_contain_text("Passed", timeout=SLOW_MS)
    # and what stands in the answer for the learner's own session says that it installs nothing here
    feedback(tab).get_by_role("listitem").filter(has_text="%pip install bs4").locator("summary").click()
    expect(feedback(tab)).to_contain_text("Nothing was installed: a submission runs without a network")
    watch.take("nothing-installed", tab)

    # from beside the verdict as well, and again when nobody could say
    tab.get_by_role("tab", name="Sandbox").locator(".lm-TabBar-tabCloseIcon").click()
    watch.allow("status of 503")  # the browser itself notes every refusal
    away = {"code": "inventory_unknown", "message": "Not known just now.", "details": {}}
    tab.route("**/challengehub/api/sandbox?*", lambda route: route.fulfill(status=503, json={"error": away}))
    feedback(tab).get_by_role("button", name="What the sandbox has").click()
    expect(sandbox(tab).get_by_role("alert")).to_contain_text("Not known just now.")
    watch.take("unknown", tab)
    tab.unroute("**/challengehub/api/sandbox?*")
    sandbox(tab).get_by_role("button", name="Retry").click()
    expect(sandbox(tab).get_by_role("row").filter(has_text="numpy")).to_be_visible()
    expect(sandbox(tab).get_by_role("searchbox")).to_be_focused()
