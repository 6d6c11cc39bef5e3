"""The page on which an author checks and publishes a challenge."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from grader.challenge import parse_challenge
from grader.cli import main
from tests.conftest import Person, Stack
from tests.e2e.conftest import Watch
from tests.e2e.test_accessibility import violations
from tests.e2e.workspace import SLOW_MS, visit
from tests.integration.client import client, graded, submit
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


@pytest.fixture
def slug(stack: Stack, admin: Person) -> Iterator[str]:
    """A challenge of the test's own; other tests find the list of challenges as it was."""
    slug = f"add-{os.urandom(3).hex()}"
    yield slug
    with client(stack.url, admin.token) as api:
        assert api.post(f"/challenges/{slug}/retire", json={"why": "the test is over"}).is_success


def challenge(slug: str, tests: str) -> str:
    about = {"slug": slug, "title": "Add <b>two</b> numbers", "summary": "What two numbers make together."}
    return notebook(
        text("# Add two numbers\n\nWrite `add`."),
        solution("add", SUM),
        check("test-add", tests, points=2, about={"title": "Two numbers"}),
        challenge=about,
    )


def open_page(page: Page, person: Person) -> None:
    visit(page, PAGE)
    page.get_by_label("Name").fill(person.name)
    page.get_by_label("Password", exact=True).fill(person.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**{PAGE}")


def choose(page: Page, name: str, content: str) -> None:
    page.get_by_label("Drop a notebook here").set_input_files(
        {"name": name, "mimeType": "application/json", "buffer": content.encode()}
    )


def in_the_dark(page: Page) -> list[str]:
    page.emulate_media(color_scheme="dark")
    found = violations(page, "main")
    page.emulate_media(color_scheme="light")
    return found


def test_a_challenge_is_checked_mended_and_published_by_another_persons_review(
    page: Page,
    author: Person,
    admin: Person,
    learner: Person,
    stack: Stack,
    mysql: Any,
    slug: str,
    capsys: Any,
) -> None:
    open_page(page, author)

    with page.expect_download() as starter:
        page.get_by_role("link", name="Download a small challenge to begin with").click()
    begun = parse_challenge(starter.value.path().read_text(), filename="sum-of-prices.ipynb")
    assert (begun.slug, begun.title) == ("sum-of-prices", "My challenge")

    choose(page, "add.ipynb", "no notebook")
    expect(page.get_by_role("alert")).to_contain_text("This is not a notebook")

    choose(page, "add.ipynb", challenge(slug, "assert add is not None"))
    expect(page.locator("#verdict")).to_contain_text("Not fit yet.", timeout=SLOW_MS)
    expect(page.get_by_role("heading", name="Add <b>two</b> numbers")).to_be_visible()
    expect(page.get_by_text("stub_passes")).to_be_visible()
    expect(page.get_by_role("button", name="Publish", exact=True)).to_be_hidden()

    choose(page, "add.ipynb", challenge(slug, TESTS))
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.locator("#verdict")).to_contain_text("Fit to publish", timeout=SLOW_MS)
    # nobody has a verdict that a first version could change
    expect(page.get_by_role("heading", name="What it would change")).to_be_hidden()
    page.get_by_label("What is new, and why?").fill("A first version.")
    page.get_by_role("button", name="Ask for a review first").click()
    expect(page.locator("#status")).to_contain_text(re.compile(r"Draft \d+ is in review now"))
    with client(stack.url, learner.token) as api:
        assert api.get(f"/challenges/{slug}").status_code == 404

    number = re.findall(r"\d+", page.locator("#status").inner_text())[0]
    environment = {"CHALLENGEHUB_URL": stack.url, "CHALLENGEHUB_TOKEN": admin.token}
    assert main(["review", "show", number], environment) == 0
    assert "A first version." in capsys.readouterr().out
    assert main(["review", "approve", number, "--revision", "1"], environment) == 0
    with client(stack.url, learner.token) as api:
        assert api.get(f"/challenges/{slug}").json()["title"] == "Add <b>two</b> numbers"
    with mysql.cursor() as cursor:
        cursor.execute(
            "SELECT v.number, v.created_by, v.why, v.source_notebook, p.reviewer FROM challenges c"
            " JOIN challenge_versions v ON c.published_version_id = v.id"
            " JOIN publications p ON p.version_id = v.id WHERE c.slug = %s",
            [slug],
        )
        (version,) = cursor.fetchall()
    assert (version["number"], version["created_by"], version["reviewer"]) == (1, author.name, admin.name)
    assert version["why"] == "A first version."
    assert json.loads(version["source_notebook"]) == json.loads(challenge(slug, TESTS))


def test_what_a_new_version_changes_is_seen_before_it_is_published_and_graded_again_after(
    page: Page, author: Person, admin: Person, new_learner: Any, stack: Stack, slug: str, watch: Watch
) -> None:
    weak = challenge(slug, "assert add(2, 2) == 4")
    with client(stack.url, admin.token) as api:
        first = {"notebook": weak, "base": None, "why": "the first", "force": True}
        assert api.post(f"/challenges/{slug}/versions", json=first).status_code == 201
    right, lucky = new_learner(), new_learner()
    sent = {}
    for person, operator in ((right, "+"), (lucky, "*")):
        with client(stack.url, person.token) as api:
            answer = json.loads(weak.replace("return a + b", f"return a {operator} b"))
            sent[person] = submit(api, answer, slug=slug)
            assert graded(api, sent[person])["status"] == "passed"

    open_page(page, author)
    choose(page, "add.ipynb", challenge(slug, TESTS))
    expect(page.get_by_text("Learners have version 1 now.")).to_be_visible()
    expect(page.locator("#verdict")).to_contain_text("Fit to publish", timeout=SLOW_MS)
    effect = page.get_by_role("region", name="What it would change")
    effect.get_by_role("button", name="See what it would change").click()
    expect(effect).to_contain_text("This changes 1 of 2 verdicts.", timeout=SLOW_MS)
    expect(effect.locator("tbody tr")).to_have_text([f"{lucky.name}passed, 2 pointsfailed, 0 points"])
    watch.take("effect", page)
    assert [violations(page, "main"), in_the_dark(page)] == [[], []]
    with client(stack.url, lucky.token) as api:
        assert api.get(f"/submissions/{sent[lucky]}").json()["status"] == "passed"

    page.get_by_label("What is new, and why?").fill("Products passed as sums.")
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator("#status")).to_contain_text(f"{slug} version 2 is published.")
    expect(page.get_by_text("Learners have version 2 now.")).to_be_visible()
    again = page.get_by_role("form", name="Grade again")
    expect(again).to_contain_text("This changes 1 of 2 verdicts. The verdicts stand as they are")
    expect(again.get_by_label("Why? Learners read it")).to_have_value("Products passed as sums.")
    again.get_by_role("button", name="Regrade them").click()
    expect(again).to_contain_text("Finished: 2 of 2 graded again, 1 verdict changed.", timeout=SLOW_MS)
    expect(again.locator("tbody tr")).to_have_text([f"{lucky.name}passed, 2 pointsfailed, 0 points"])
    watch.take("regraded", page)
    assert [violations(page, "main"), in_the_dark(page)] == [[], []]

    with client(stack.url, lucky.token) as api:
        shown = api.get(f"/submissions/{sent[lucky]}").json()
    assert [(each["version"], each["status"], each["why"]) for each in shown["gradings"]] == [
        (1, "passed", None),
        (2, "failed", "Products passed as sums."),
    ]
    with client(stack.url, right.token) as api:
        assert api.get(f"/submissions/{sent[right]}").json()["status"] == "passed"


def test_the_page_is_for_those_who_write_challenges(page: Page, learner: Person) -> None:
    open_page(page, learner)
    expect(page.get_by_role("heading", name="This page is for those who write challenges")).to_be_visible()
