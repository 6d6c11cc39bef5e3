"""A learner's main way in the other browser: the parts that browsers do in ways of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import Person, Stack
from tests.e2e.conftest import PATIENCE_MS, Watch
from tests.e2e.workspace import (
    RIGHT,
    SLOW_MS,
    TITLE,
    WRONG,
    WRONG_MESSAGE,
    answer,
    challenge,
    check,
    open_challenge,
    record,
    sign_in,
    submit_button,
    verdict,
    workspace,
)


@pytest.fixture
def page(firefox: Browser, stack: Stack, watch: Watch) -> Iterator[Page]:
    context = firefox.new_context(base_url=stack.url, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    context.on("page", watch.follow)
    page = context.new_page()
    yield page
    watch.take("end", page)
    context.close()


def test_from_sign_in_to_passed(
    page: Page, watch: Watch, new_learner: Callable[[], Person], mysql: Any
) -> None:
    learner = new_learner()
    sign_in(page, learner)
    workspace(page)
    open_challenge(page)

    answer(page, WRONG)
    submit_button(page).click()
    expect(verdict(page)).to_contain_text("Not there yet", timeout=SLOW_MS)
    watch.take("failed", page)
    failed = check(page, "Students from 18 to 64 pay 9")
    expect(failed).to_contain_text(WRONG_MESSAGE)
    expect(failed.get_by_text("grown up, student: True")).to_be_visible()

    answer(page, RIGHT)
    page.keyboard.press("Control+Shift+Enter")
    expect(verdict(page)).to_contain_text("All 4 checks passed.", timeout=SLOW_MS)
    watch.take("passed", page)
    expect(challenge(page, TITLE)).to_contain_text("8 / 8 points")
    assert [row["status"] for row in record(mysql, learner.name)] == ["failed", "passed"]
