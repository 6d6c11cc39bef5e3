"""The page on which an author checks and publishes a challenge."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.conftest import Person, Stack
from tests.e2e.workspace import SLOW_MS
from tests.notebooks import check, notebook, solution, text

PAGE = "/services/grader/publish"
SUM = "def add(a, b):\n    ### BEGIN SOLUTION\n    return a + b\n    ### END SOLUTION"
TESTS = "assert add(2, 3) == 5, 'add(2, 3)'\nassert add(-1, 1) == 0, 'add(-1, 1)'"


@pytest.fixture
def author(stack: Stack, admin: Person, new_learner: Any) -> Person:
    """Somebody whom the administrator has made an instructor."""
    person: Person = new_learner()
    answer = requests.post(
        f"{stack.url}/hub/api/groups/instructors/users",
        json={"users": [person.name]},
        headers={"Authorization": f"token {admin.token}"},
        timeout=30,
    )
    answer.raise_for_status()
    return person


def challenge(slug: str, tests: str) -> str:
    about = {"slug": slug, "title": "Add <b>two</b> numbers", "summary": "What two numbers make together."}
    return notebook(
        text("# Add two numbers\n\nWrite `add`."),
        solution("add", SUM),
        check("test-add", tests, points=2, about={"title": "Two numbers"}),
        challenge=about,
    )


def open_page(page: Page, person: Person) -> None:
    page.goto(PAGE)
    page.get_by_label("Name").fill(person.name)
    page.get_by_label("Password", exact=True).fill(person.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**{PAGE}")


def choose(page: Page, name: str, content: str) -> None:
    page.get_by_label("Drop a notebook here").set_input_files(
        {"name": name, "mimeType": "application/json", "buffer": content.encode()}
    )


def test_a_challenge_is_checked_mended_and_published(page: Page, author: Person, mysql: Any) -> None:
    slug = f"add-{os.urandom(3).hex()}"
    open_page(page, author)

    choose(page, "add.ipynb", "no notebook")
    expect(page.get_by_role("alert")).to_contain_text("This is not a notebook")

    choose(page, "add.ipynb", challenge(slug, "assert add is not None"))
    expect(page.locator("#verdict")).to_contain_text("Not fit yet.", timeout=SLOW_MS)
    expect(page.get_by_role("heading", name="Add <b>two</b> numbers")).to_be_visible()
    expect(page.get_by_text("stub_passes")).to_be_visible()
    expect(page.get_by_role("button", name="Publish", exact=True)).to_be_hidden()

    choose(page, "add.ipynb", challenge(slug, TESTS))
    expect(page.get_by_role("progressbar", name="Progress of the check")).to_be_visible()
    expect(page.locator("#verdict")).to_contain_text("Fit to publish", timeout=SLOW_MS)
    page.get_by_label("What is new, and why?").fill("A first version.")
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator("#status")).to_contain_text(f"{slug} version 1 is published.")
    expect(page.get_by_text("Learners have version 1 now.")).to_be_visible()

    with mysql.cursor() as cursor:
        cursor.execute(
            "SELECT v.number, v.created_by, v.why, v.source_notebook FROM challenge_versions v"
            " JOIN challenges c ON c.published_version_id = v.id WHERE c.slug = %s",
            [slug],
        )
        (version,) = cursor.fetchall()
    assert (version["number"], version["created_by"]) == (1, author.name)
    assert version["why"] == "A first version."
    assert json.loads(version["source_notebook"]) == json.loads(challenge(slug, TESTS))


def test_the_page_is_for_those_who_write_challenges(page: Page, learner: Person) -> None:
    open_page(page, learner)
    expect(page.get_by_role("heading", name="This page is for those who write challenges")).to_be_visible()
