"""Hints in steps, an attempt again, and the author's solution after passing: through the real service."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.conftest import Person, Stack
from tests.integration.client import SLUG, answered, client, code, graded, source, submit

HINTS = source()["metadata"]["challenge"]["hints"]


@pytest.fixture
def api(stack: Stack, new_learner: Callable[[], Person]) -> Iterator[httpx.Client]:
    with client(stack.url, new_learner().token) as api:
        yield api


def taken(api: httpx.Client) -> list[str]:
    return [hint["text"] for hint in api.get(f"/challenges/{SLUG}/hints").json()["taken"]]


def test_hints_come_one_after_the_other_and_each_is_written_down(api: httpx.Client) -> None:
    path = f"/challenges/{SLUG}/hints"
    untouched = api.get(path).json()
    assert (untouched["total"], untouched["taken"], untouched["offered"]) == (len(HINTS), [], False)
    assert code(api.post(path, json={"number": 2})) == (404, "hint_unknown")
    for number in range(1, len(HINTS) + 1):
        for _ in range(2):  # an impatient second click takes none
            assert api.post(path, json={"number": number}).status_code == 200
            assert taken(api) == HINTS[:number]
    for number in (len(HINTS) + 1, 0, -1):
        assert code(api.post(path, json={"number": number})) == (404, "hint_unknown")
    for number in ("1", None, True, 1.0):
        assert code(api.post(path, json={"number": number})) == (400, "request_malformed")


def test_a_hint_is_offered_after_failed_attempts_and_then_again(api: httpx.Client) -> None:
    path = f"/challenges/{SLUG}/hints"
    after = api.get(path).json()["offer_after"]
    for offered in [False] * (after - 1) + [True]:
        graded(api, submit(api, answered(right=False)))
        assert api.get(path).json()["offered"] is offered
    assert api.post(path, json={"number": 1}).json()["offered"] is False
    assert api.get(path).json()["taken"][0]["attempts"] == after
    for offered in [False] * (after - 1) + [True]:
        graded(api, submit(api, answered(right=False)))
        assert api.get(path).json()["offered"] is offered


def test_the_solution_is_for_those_who_have_passed(api: httpx.Client) -> None:
    path, hints = f"/challenges/{SLUG}/solution", f"/challenges/{SLUG}/hints"
    assert code(api.get(path)) == (403, "solution_withheld")
    graded(api, submit(api, answered(right=False)))
    assert code(api.get(path)) == (403, "solution_withheld")
    assert api.get(hints).json()["solution"] is False  # so that a page offers only what there is
    assert graded(api, submit(api, answered()))["status"] == "passed"
    assert api.get(hints).json()["solution"] is True
    (cell,) = api.get(path).json()["cells"]
    assert cell["id"] == "ticket-price"
    assert "return 9" in cell["source"]
    assert "SOLUTION" not in cell["source"]


def test_an_attempts_code_is_its_learners_alone(
    api: httpx.Client, stack: Stack, new_learner: Callable[[], Person]
) -> None:
    notebook = answered("# a word of my own", right=False)
    id = submit(api, notebook)
    assert api.get(f"/submissions/{id}/notebook").json() == {"id": id, "notebook": notebook}
    with client(stack.url, new_learner().token) as other:
        assert code(other.get(f"/submissions/{id}/notebook")) == (404, "submission_unknown")
    assert code(api.get("/submissions/x/notebook")) == (404, "submission_unknown")
