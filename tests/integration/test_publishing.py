"""How a challenge gets to learners, through the API of a real grader: versions, review, who may do what."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import httpx
import pytest

from grader import hub as scopes
from grader.catalogue import publish_folder
from grader.challenge import content_hash
from grader.cli import main
from grader.models import Result, Status
from hub_config import roles
from tests import notebooks
from tests.hub.running_hub import Hub
from tests.integration.client import body, code, events, graded, key
from tests.integration.conftest import Server, open_database
from tests.integration.running_grader import People, RunningGrader

REFERENCE = "def double(x):\n    return 2 * x"
CHECK = "assert double(2) == 4\nassert double(-3) == -6\nassert double(0.5) == 1.0"


def source(slug: str, *, title: str = "Doubles", check: str = CHECK, **about: Any) -> str:
    """An author's file: one answer, one check."""
    return notebooks.notebook(
        notebooks.text(f"# {title}"),
        notebooks.solution("answer", f"### BEGIN SOLUTION\n{REFERENCE}\n### END SOLUTION"),
        notebooks.check("check", check),
        challenge={"slug": slug, "title": title} | about,
    )


@pytest.fixture(scope="module")
def grader(server: Server, hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGrader]:
    database = open_database(server)
    server.clear(database)
    database.close()
    grader = RunningGrader(server, hub, tmp_path_factory.mktemp("challenges")).start()
    yield grader
    grader.stop()


@pytest.fixture(scope="module")
def people(hub: Hub, grader: RunningGrader) -> Iterator[People]:
    people = People(hub, lambda: grader.url)
    people.make("maria", "instructor")
    people.make("carl", "instructor")
    people.make("mod", "moderator")
    people.make("ada")
    yield people
    people.close()


@pytest.fixture(scope="module")
def maria(people: People) -> httpx.Client:
    return people.api("maria")


@pytest.fixture(scope="module")
def carl(people: People) -> httpx.Client:
    return people.api("carl")


@pytest.fixture(scope="module")
def admin(people: People) -> httpx.Client:
    return people.api("admin")


@pytest.fixture
def slug(request: pytest.FixtureRequest) -> str:
    """A challenge of the test's own."""
    return request.node.name.removeprefix("test_").split("[")[0].replace("_", "-")[:64].strip("-")


def fit(grader: RunningGrader, text: str) -> str:
    """As if it had been checked, where the check is not what a test is about."""
    grader.service.store.keep_report(content_hash(text), True, {"findings": []}, "test")
    return text


def publish(api: httpx.Client, slug: str, text: str, base: int | None, **more: Any) -> httpx.Response:
    body = {"notebook": text, "base": base, "why": "because"} | more
    return api.post(f"/challenges/{slug}/versions", json=body)


def published(api: httpx.Client, slug: str) -> int | None:
    found: int | None = api.get(f"/challenges/{slug}/versions").json()["published"]
    return found


def act(api: httpx.Client, slug: str, action: str, **more: Any) -> httpx.Response:
    return api.post(f"/challenges/{slug}/{action}", json={"why": "because"} | more)


# --- versions


def test_from_a_file_to_learners_and_back(
    grader: RunningGrader, maria: httpx.Client, people: People, slug: str
) -> None:
    first = fit(grader, source(slug))
    second = fit(grader, source(slug, title="Doubles, mended", check=CHECK + "\nassert double(1) == 2"))
    answer = publish(maria, slug, first, None)
    assert (answer.status_code, answer.json()["version"]) == (201, 1)
    assert publish(maria, slug, second, 1).json()["version"] == 2

    learner = people.api("ada")
    assert learner.get(f"/challenges/{slug}").json()["title"] == "Doubles, mended"
    history = maria.get(f"/challenges/{slug}/versions").json()
    assert [(v["number"], v["created_by"], v["why"]) for v in history["versions"]] == [
        (2, "maria", "because"),
        (1, "maria", "because"),
    ]
    told = maria.get(f"/challenges/{slug}/diff", params={"from": 1, "to": 2}).json()
    assert [(cell["cell"], cell["what"]) for cell in told["cells"]] == [
        ("", "changed"),
        ("cell-0", "changed"),
        ("check", "changed"),
    ]
    assert "-title: Doubles\n+title: Doubles, mended" in told["text"]
    assert "=== cell check (check): changed" in told["text"]
    assert told["text"].endswith("+assert double(1) == 2")

    assert act(maria, slug, "rollback", version=1, base=2).json()["version"] == 1
    assert learner.get(f"/challenges/{slug}").json()["title"] == "Doubles"
    assert act(maria, slug, "retire").json()["published"] is False
    assert code(learner.get(f"/challenges/{slug}")) == (404, "challenge_unknown")
    assert act(maria, slug, "restore").json() == {"slug": slug, "version": 1, "published": True}
    audit = grader.service.store.history(slug)["publications"]
    assert [each["what"] for each in audit] == ["restore", "retire", "rollback", "publish", "publish"]


def test_the_second_of_two_who_publish_is_told_of_the_first(
    grader: RunningGrader, maria: httpx.Client, carl: httpx.Client, slug: str
) -> None:
    publish(maria, slug, fit(grader, source(slug)), None)
    assert publish(maria, slug, fit(grader, source(slug, title="Hers")), 1).status_code == 201
    refused = publish(carl, slug, fit(grader, source(slug, title="His")), 1)
    assert code(refused) == (409, "version_conflict")
    assert refused.json()["error"]["details"] == {"current": 2, "base": 1}
    assert published(carl, slug) == 2


def test_the_same_content_again_says_so(grader: RunningGrader, maria: httpx.Client, slug: str) -> None:
    text = fit(grader, source(slug))
    publish(maria, slug, text, None)
    again = publish(maria, slug, text, 1)
    assert (again.status_code, again.json()["created"], again.json()["version"]) == (200, False, 1)
    assert "already" in again.json()["message"]
    # the object in the file is the same content as the file, as nbformat writes it
    written = json.dumps(json.loads(text), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    publish(maria, slug, fit(grader, written), 1)
    assert publish(maria, slug, json.loads(text), 2).json()["created"] is False  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "no notebook"),
        (source("another-slug"), "says that it is the challenge 'another-slug'"),
        (source("../../etc/passwd"), "slug"),
        (
            notebooks.notebook(notebooks.solution("a"), notebooks.check("a")),
            "already has its grade_id",
        ),
        ('{"nbformat": 4, "metadata": {}, "cells": ' + "[" * 5000 + "]" * 5000 + "}", "nested too deeply"),
    ],
    ids=["no notebook", "another's slug", "path tricks", "a grade id twice", "a bomb"],
)
def test_what_is_no_challenge_is_refused_with_the_reason(maria: httpx.Client, text: str, reason: str) -> None:
    answer = publish(maria, "refused", text, None)
    assert code(answer) == (400, "challenge_invalid")
    if reason != "no notebook":
        assert reason in answer.json()["error"]["message"]
    assert code(maria.get("/challenges/refused/versions")) == (404, "challenge_unknown")


def test_half_a_character_is_refused_and_a_byte_order_mark_is_dropped(
    grader: RunningGrader, maria: httpx.Client, slug: str
) -> None:
    half = json.loads(source(slug))
    half["cells"][0]["source"] = "\ud800"
    # as JSON may say it, and UTF-8 may not
    refused = maria.post(
        f"/challenges/{slug}/versions",
        content=json.dumps({"notebook": half, "base": None, "why": "new"}),
    )
    assert code(refused) == (400, "notebook_malformed")
    text = source(slug)
    assert publish(maria, slug, "\ufeff" + fit(grader, text), None).status_code == 201
    assert maria.get(f"/challenges/{slug}/versions/1").json()["source"] == json.loads(text)


def test_a_circle_of_prerequisites_is_refused(grader: RunningGrader, maria: httpx.Client) -> None:
    publish(maria, "circle-a", fit(grader, source("circle-a", prerequisites=["circle-b"])), None)
    refused = publish(maria, "circle-b", fit(grader, source("circle-b", prerequisites=["circle-a"])), None)
    assert code(refused) == (400, "challenge_invalid")
    assert refused.json()["error"]["details"]["circle"] == ["circle-b", "circle-a", "circle-b"]


def test_a_reason_is_asked_for(grader: RunningGrader, maria: httpx.Client, slug: str) -> None:
    assert code(publish(maria, slug, source(slug), None, why=" ")) == (400, "request_malformed")
    assert code(maria.post(f"/challenges/{slug}/retire", json={})) == (400, "request_malformed")


# --- what is needed before


def test_what_was_not_checked_or_is_unfit_is_not_published(
    grader: RunningGrader, maria: httpx.Client, admin: httpx.Client, slug: str, server: Server
) -> None:
    text = source(slug)
    assert code(publish(maria, slug, text, None)) == (409, "challenge_unchecked")
    grader.service.store.keep_report(content_hash(text), False, {"findings": ["bad"]}, "test")
    unfit = publish(maria, slug, text, None)
    assert code(unfit) == (422, "challenge_unfit")
    assert unfit.json()["error"]["details"]["report"] == {"findings": ["bad"]}
    # a check of something else is no check of this
    fit(grader, source(slug, title="Other"))
    assert code(publish(maria, slug, text, None)) == (422, "challenge_unfit")

    assert code(publish(maria, slug, text, None, force=True)) == (403, "forbidden")
    assert publish(admin, slug, text, None, force=True, why="the exam begins").status_code == 201
    (entry,) = server.query("SELECT who, details FROM audit WHERE subject = %s", slug)
    assert entry["who"] == "admin"
    assert json.loads(entry["details"]) == {"version": 1, "why": "the exam begins", "forced": True}


# --- review


def draft(api: httpx.Client, text: str, base: int | None = None) -> int:
    answer = api.post("/drafts", json={"notebook": text, "base": base, "why": "clearer words"})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def step(api: httpx.Client, id: int, name: str, **more: Any) -> httpx.Response:
    return api.post(f"/drafts/{id}/{name}", json=more)


def test_a_draft_is_read_commented_sent_back_mended_and_approved(
    grader: RunningGrader, maria: httpx.Client, carl: httpx.Client, slug: str
) -> None:
    first, second = fit(grader, source(slug)), fit(grader, source(slug, title="Twice"))
    publish(maria, slug, first, None)
    id = draft(maria, source(slug, title="Tvice"), base=1)
    assert step(maria, id, "submit").json()["state"] == "in_review"
    assert id in [each["id"] for each in carl.get("/drafts", params={"state": "in_review"}).json()["drafts"]]

    read = carl.get(f"/drafts/{id}").json()
    assert "+title: Tvice" in read["text"]
    assert read["report"] is None
    assert step(carl, id, "comment", text="<b>Tvice?</b>").status_code == 200
    assert code(step(carl, id, "reject")) == (400, "request_malformed")
    assert step(carl, id, "reject", text="a typo", revision=1).json()["state"] == "draft"
    body = {"notebook": second, "base": 1, "why": "clearer words"}
    assert maria.post(f"/drafts/{id}", json=body).json()["revision"] == 2
    assert step(maria, id, "submit").json()["fit"] is True

    assert code(step(maria, id, "approve", revision=2)) == (403, "reviewer_is_author")
    assert code(step(carl, id, "approve", revision=1)) == (409, "state_conflict")
    done = step(carl, id, "approve", revision=2, text="good").json()
    assert (done["state"], done["version"]) == ("published", 2)
    assert [note["text"] for note in done["notes"] if note["what"] == "comment"] == ["<b>Tvice?</b>"]
    (latest, *_) = carl.get(f"/challenges/{slug}/versions").json()["publications"]
    assert (latest["who"], latest["reviewer"], latest["why"]) == ("maria", "carl", "clearer words")


def test_an_approval_needs_the_check_too(
    grader: RunningGrader, maria: httpx.Client, carl: httpx.Client
) -> None:
    id = draft(maria, source("unchecked-draft"))
    step(maria, id, "submit")
    assert code(step(carl, id, "approve", revision=1)) == (409, "challenge_unchecked")
    assert carl.get(f"/drafts/{id}").json()["state"] == "in_review"


def test_not_even_an_admin_reviews_their_own(grader: RunningGrader, admin: httpx.Client) -> None:
    id = draft(admin, fit(grader, source("admins-own")))
    step(admin, id, "submit")
    assert code(step(admin, id, "approve", revision=1)) == (403, "reviewer_is_author")


def test_drafts_that_are_not_there(maria: httpx.Client) -> None:
    for id in ("999999", "x", "1' OR 1=1", "-1"):
        assert code(maria.get(f"/drafts/{id}")) == (404, "draft_unknown")
    assert code(maria.get("/drafts", params={"state": "lost"})) == (400, "request_malformed")


# --- check, impact and grading again, in real sandboxes


def stream(api: httpx.Client, path: str, body: Any) -> list[tuple[str, Any]]:
    with api.stream("POST", path, json=body) as answer:
        if answer.status_code != 200:
            answer.read()
        assert answer.status_code == 200, answer.text
        return list(events(answer.iter_lines()))


def submit(api: httpx.Client, slug: str, answer: str, version: int = 1) -> str:
    told = json.loads(source(slug))
    for cell in told["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("solution"):
            cell["source"] = answer
    sent = api.post("/submissions", json=body(told, slug=slug, version=version), headers=key())
    assert sent.status_code == 202, sent.text
    return str(graded(api, sent.json()["id"])["id"])


def test_a_check_opens_the_way_to_publishing(maria: httpx.Client, slug: str) -> None:
    good, bad = source(slug), source(slug, check="assert double(2) == 5")
    told = stream(maria, f"/challenges/{slug}/check", {"notebook": good})
    assert {name for name, _ in told[:-1]} == {"progress"}
    assert told[0][1]["done"] <= told[-2][1]["done"] == told[-2][1]["total"]
    name, report = told[-1]
    assert (name, report["fit"], report["slug"]) == ("result", True, slug)
    assert publish(maria, slug, good, None).status_code == 201

    (_, report) = stream(maria, f"/challenges/{slug}/check", {"notebook": bad})[-1]
    assert report["fit"] is False
    refused = publish(maria, slug, bad, 1)
    assert code(refused) == (422, "challenge_unfit")
    findings = refused.json()["error"]["details"]["report"]["findings"]
    assert "reference_fails" in [each["code"] for each in findings]


def test_what_a_new_version_would_change_and_then_does(
    grader: RunningGrader, maria: httpx.Client, people: People, slug: str
) -> None:
    publish(maria, slug, fit(grader, source(slug, check="assert double(2) == 4")), None)
    answers = {
        "ada": "def double(x):\n    return 2 * x",
        "bob": "def double(x):\n    return x + 2",  # right for 2 only
        "cy": "def double(x):\n    return 5",
    }
    ids = {}
    for name, answer in answers.items():
        people.make(name)
        if name == "ada":  # an earlier attempt does not count
            submit(people.api(name), slug, answers["cy"])
        ids[name] = submit(people.api(name), slug, answer)

    second = fit(grader, source(slug))
    told = stream(maria, f"/challenges/{slug}/impact", {"notebook": second})
    impact = told[-1][1]
    assert impact["message"] == "This changes 1 of 3 verdicts."
    assert (impact["no_longer_passed"], impact["now_passed"], impact["failed"]) == (1, 0, 0)
    (change,) = impact["changes"]
    assert (change["learner"], change["submission"]) == ("bob", ids["bob"])
    assert (change["before_status"], change["after_status"]) == ("passed", "failed")
    assert ("change", change) in told
    bob = people.api("bob")
    assert bob.get(f"/submissions/{ids['bob']}").json()["status"] == "passed"

    publish(maria, slug, second, 1)
    begun = maria.post(f"/challenges/{slug}/regradings", json={"why": "the check was too weak"})
    assert begun.status_code == 202
    done = regraded(maria, begun.json()["id"])
    assert (done["state"], done["version"], done["total"], done["changed"]) == ("finished", 2, 3, 1)
    assert [each["learner"] for each in done["changes"]] == ["bob"]

    shown = bob.get(f"/submissions/{ids['bob']}").json()
    assert (shown["status"], shown["score"]) == ("failed", 0)
    assert [check["status"] for check in shown["checks"]] == ["failed"]
    assert [(g["number"], g["version"], g["status"], g["why"]) for g in shown["gradings"]] == [
        (1, 1, "passed", None),
        (2, 2, "failed", "the check was too weak"),
    ]
    both = bob.get(f"/submissions/{ids['bob']}/gradings").json()["gradings"]
    assert [[check["status"] for check in each["checks"]] for each in both] == [["passed"], ["failed"]]
    assert bob.get(f"/challenges/{slug}").json()["state"] == "started"
    assert code(people.api("ada").get(f"/submissions/{ids['bob']}/gradings")) == (404, "submission_unknown")


def regraded(api: httpx.Client, id: int) -> dict[str, Any]:
    until = time.monotonic() + 120
    while True:
        found: dict[str, Any] = api.get(f"/regradings/{id}").json()
        if found["state"] != "running":
            return found
        assert time.monotonic() < until, found
        time.sleep(0.2)


def test_grading_again_goes_on_after_a_grader_died(
    grader: RunningGrader, maria: httpx.Client, people: People, slug: str
) -> None:
    publish(maria, slug, fit(grader, source(slug)), None)
    id = submit(people.api("ada"), slug, REFERENCE)
    store = grader.service.store
    version = store.version(slug)
    grader.call(grader.service.regrading.stop)
    run = store.begin_regrading(version.challenge_id, slug, version.id, "maria", "again")
    # one grader takes it and dies; its lease runs out at once
    item = store.claim_regrading_item("dead", 0.0, 3)
    assert item is not None
    assert item.target.uuid == id
    grader.call(grader.service.regrading.start)
    done = regraded(maria, run)
    assert (done["state"], done["total"], done["done"], done["failed"]) == ("finished", 1, 1, 0)
    # what the dead one might still say is not believed
    assert store.record_regrading(item, Result(Status.FAILED, 0.0, 1.0, (), ())) is False
    assert people.api("ada").get(f"/submissions/{id}").json()["status"] == "passed"


def test_a_regrading_can_be_cancelled_and_one_goes_on_at_a_time(
    grader: RunningGrader, maria: httpx.Client, people: People, slug: str
) -> None:
    publish(maria, slug, fit(grader, source(slug)), None)
    submit(people.api("ada"), slug, REFERENCE)
    grader.call(grader.service.regrading.stop)
    try:
        id = maria.post(f"/challenges/{slug}/regradings", json={"why": "again"}).json()["id"]
        second = maria.post(f"/challenges/{slug}/regradings", json={"why": "again"})
        assert code(second) == (409, "state_conflict")
        assert maria.post(f"/regradings/{id}/cancel").json()["state"] == "cancelled"
        assert code(maria.post(f"/regradings/{id}/cancel")) == (409, "state_conflict")
        assert grader.service.store.claim_regrading_item("tests", 30.0, 3) is None
    finally:
        grader.call(grader.service.regrading.start)
    assert [each["state"] for each in maria.get(f"/challenges/{slug}/regradings").json()["regradings"]] == [
        "cancelled"
    ]


def test_an_answer_that_does_not_fit_the_new_version_keeps_its_verdict(
    grader: RunningGrader, maria: httpx.Client, people: People, slug: str
) -> None:
    publish(maria, slug, fit(grader, source(slug)), None)
    id = submit(people.api("ada"), slug, REFERENCE)
    more = json.loads(source(slug))
    more["cells"].insert(2, notebooks.solution("second-answer"))
    second = fit(grader, json.dumps(more))
    impact = stream(maria, f"/challenges/{slug}/impact", {"notebook": second})[-1][1]
    assert impact["message"].startswith("This changes 0 of 1 verdict. 1 could not be graded")
    assert "second-answer" in impact["changes"][0]["message"]
    publish(maria, slug, second, 1)
    done = regraded(maria, maria.post(f"/challenges/{slug}/regradings", json={"why": "x"}).json()["id"])
    assert (done["failed"], done["changed"]) == (1, 0)
    shown = people.api("ada").get(f"/submissions/{id}").json()
    assert (shown["status"], shown["gradings"]) == ("passed", [])


def test_learners_come_first_and_leaving_cancels(
    grader: RunningGrader, maria: httpx.Client, people: People, slug: str
) -> None:
    publish(maria, slug, fit(grader, source(slug)), None)
    submit(people.api("ada"), slug, REFERENCE)
    slow = f"{slug}-slow"
    publish(maria, slow, fit(grader, source(slow, limits={"wall_s": 60})), None)
    sent = []
    for name in ("bob", "cy"):  # one for each worker
        people.make(name)
        answer = json.loads(source(slow))
        answer["cells"][1]["source"] = f"import time\ntime.sleep(10)\n{REFERENCE}"
        sent.append(people.api(name).post("/submissions", json=body(answer, slug=slow), headers=key()).json())

    impact = {"method": "POST", "url": f"/challenges/{slug}/impact", "json": {"notebook": source(slug)}}
    # who leaves gives back the place in which they waited
    for _ in range(grader.service.background.slots + 1):
        with maria.stream(**impact) as answer:
            name, counts = next(events(answer.iter_lines()))
            assert (name, counts["total"], counts["done"]) == ("progress", 1, 0)
    with maria.stream(**impact) as answer:
        assert any(counts["done"] for _, counts in events(answer.iter_lines()))
        states = [
            people.api(who).get(f"/submissions/{each['id']}").json()["state"]
            for who, each in zip(("bob", "cy"), sent, strict=True)
        ]
    assert "finished" in states


# --- from a terminal


@pytest.fixture
def command(grader: RunningGrader, people: People, capsys: pytest.CaptureFixture[str]) -> Any:
    """``python -m grader WORDS`` in somebody's name: exit status, and what it printed."""

    def run(name: str, *words: str) -> tuple[int, str]:
        environment = {"CHALLENGEHUB_URL": grader.url, "CHALLENGEHUB_TOKEN": people.tokens[name]}
        status = main([*words], environment)
        told = capsys.readouterr()
        return status, told.out + told.err

    return run


def test_a_challenge_is_looked_after_from_a_terminal(
    grader: RunningGrader, command: Any, tmp_path: Path, slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    file = tmp_path / f"{slug}.ipynb"
    file.write_text(source(slug, check="assert double(2) == 5"))
    status, told = command("maria", "publish", str(file), "-m", "new")
    assert status == 1
    assert "reference_fails" in told
    assert "nothing was published" in told
    file.write_text(source(slug))
    assert command("maria", "publish", str(file), "-m", "new") == (0, f"{slug} version 1 is published.\n")
    status, told = command("maria", "publish", str(file), "-m", "again", "--json")
    assert (status, json.loads(told)["created"]) == (0, False)

    file.write_text(fit(grader, source(slug, title="Twice")))
    assert command("maria", "review", "submit", str(file), "-m", "a better title")[0] == 0
    (draft,) = json.loads(command("carl", "review", "list", "--challenge", slug, "--json")[1])["drafts"]
    number = str(draft["id"])
    status, told = command("maria", "review", "approve", number, "--revision", "1")
    assert (status, "other than its author" in told) == (2, True)
    told = command("carl", "review", "show", number)[1]
    assert "+title: Twice" in told
    assert f"review approve {number} --revision 1" in told
    assert command("carl", "review", "comment", number, "-m", "nice")[0] == 0
    # what was read is what is published, or nothing is
    assert command("maria", "review", "submit", str(file), "-m", "mended", "--draft", number)[0] == 0
    status, told = command("carl", "review", "approve", number, "--revision", "1")
    assert (status, "it is at revision 2 now, not 1. Read it again" in told) == (2, True)
    published_now = (0, f"{slug} version 2 is published.\n")
    assert command("carl", "review", "approve", number, "--revision", "2") == published_now

    status, told = command("carl", "versions", slug)
    assert [line.split()[:2] for line in told.splitlines()] == [["→", "2"], ["1", ANY]]
    assert "+title: Twice" in command("carl", "versions", slug, "--diff", "1", "2")[1]
    assert command("carl", "rollback", slug, "1", "-m", "the old one") == (
        0,
        f"{slug} version 1 is published again.\n",
    )
    assert "retired" in command("carl", "retire", slug, "-m", "over")[1]
    assert command("carl", "rollback", slug, "9", "-m", "no")[0] == 2
    assert command("carl", "restore", slug, "-m", "back")[0] == 0
    status, told = command("carl", "impact", str(file), "--json")
    assert (status, json.loads(told)["message"]) == (0, "This changes 0 of 0 verdicts.")
    status, told = command("carl", "regrade", slug, "-m", "again")
    assert (status, "is finished: 0 of 0" in told) == (0, True)


def test_an_approval_has_to_name_what_was_read(command: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        command("carl", "review", "approve", "1")
    assert refused.value.code == 2
    assert "--revision" in capsys.readouterr().err


def test_the_terminal_says_what_is_wrong(command: Any, tmp_path: Path, capsys: Any) -> None:
    assert command("ada", "review", "list") == (
        2,
        "error: Your account may not do this. Ask whoever runs this hub for the rights.\n",
    )
    status, told = command("maria", "publish", str(tmp_path / "none.ipynb"), "-m", "x")
    assert (status, "cannot be read" in told) == (2, True)
    assert main(["versions", "one"], {}) == 2
    assert "CHALLENGEHUB_URL" in capsys.readouterr().err
    nowhere = {"CHALLENGEHUB_URL": "http://127.0.0.1:9", "CHALLENGEHUB_TOKEN": "x"}
    assert main(["versions", "one"], nowhere) == 2
    assert "does not answer" in capsys.readouterr().err


# --- who may


def test_the_scopes_are_those_that_the_hub_gives() -> None:
    assert scopes.WRITE_CHALLENGES == roles.WRITE_CHALLENGES
    assert scopes.READ_SUBMISSIONS == roles.READ_SUBMISSIONS
    assert scopes.MODERATE_SUBMISSIONS == roles.MODERATE_SUBMISSIONS
    # the Hub puts the server's name behind it
    assert scopes.OF_A_SERVER.rstrip("=") in roles.SERVER_TOKEN_SCOPES


def test_learners_and_moderators_do_not_write(
    grader: RunningGrader, maria: httpx.Client, people: People
) -> None:
    slug = "guarded"
    publish(maria, slug, fit(grader, source(slug)), None)
    requests: list[tuple[str, str, Any]] = [
        ("POST", f"/challenges/{slug}/versions", {"notebook": source(slug), "base": 1, "why": "x"}),
        ("POST", f"/challenges/{slug}/retire", {"why": "x"}),
        ("GET", f"/challenges/{slug}/diff?to=1", None),
        ("GET", "/drafts", None),
        ("POST", "/drafts", {"notebook": source(slug), "base": 1, "why": "x"}),
    ]
    for name in ("ada", "mod"):
        api = people.api(name)
        for method, path, sent in requests:
            answer = api.request(method, path, json=sent)
            assert code(answer) == (403, "forbidden"), (name, method, path)
    assert code(people.api("ada").get(f"/challenges/{slug}/versions")) == (403, "forbidden")
    seen = people.api("mod").get(f"/challenges/{slug}/versions/1").json()
    assert "source" not in seen
    assert "BEGIN SOLUTION" not in json.dumps(seen)
    assert "BEGIN SOLUTION" in json.dumps(maria.get(f"/challenges/{slug}/versions/1").json()["source"])


def test_the_token_in_an_admins_notebook_server_publishes_nothing(hub: Hub, people: People) -> None:
    """Whatever runs in the container can read it."""
    people.make("root2")
    admin = people.tokens["admin"]
    assert hub.api("PATCH", "/users/root2", admin, {"admin": True}).ok
    name = "root2"
    token = hub.token(name)
    asked = hub.api(
        "POST",
        f"/users/{name}/tokens",
        token,
        {"scopes": [f"access:servers!server={name}/", "access:services!service=grader"]},
    )
    assert asked.ok, asked.text
    people.tokens["server"] = asked.json()["token"]
    assert code(people.api("server").get("/drafts")) == (403, "forbidden")
    people.tokens["whole"] = token
    assert people.api("whole").get("/drafts").status_code == 200


# --- what comes with the grader


def test_files_that_come_with_the_grader_respect_what_people_did(
    grader: RunningGrader, maria: httpx.Client, tmp_path: Path
) -> None:
    store = grader.service.store

    def start() -> list[tuple[str, int]]:
        return publish_folder(store, tmp_path, "grader", "came with the grader")

    file = tmp_path / "shipped.ipynb"
    file.write_text(source("shipped"))
    assert start() == [("shipped", 1)]
    publish(maria, "shipped", fit(grader, source("shipped", title="Maria's")), 1)
    assert start() == []
    assert published(maria, "shipped") == 2
    file.write_text(source("shipped", title="From the next release"))
    assert start() == [("shipped", 3)]
    act(maria, "shipped", "retire")
    file.write_text(source("shipped", title="And the next"))
    assert start() == []
    assert published(maria, "shipped") is None


def test_a_file_that_cannot_be_read_keeps_no_other_from_learners(
    grader: RunningGrader, tmp_path: Path
) -> None:
    (tmp_path / "a-folder.ipynb").mkdir()
    (tmp_path / "gone.ipynb").symlink_to(tmp_path / "nowhere")
    (tmp_path / "latin.ipynb").write_bytes(b"\xe9")
    (tmp_path / "whole.ipynb").write_text(source("whole"))
    assert publish_folder(grader.service.store, tmp_path, "grader", "") == [("whole", 1)]


def test_of_two_files_with_one_slug_neither_is_published(grader: RunningGrader, tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_text(source("twice", title="A"))
    (tmp_path / "b.ipynb").write_text(source("twice", title="B"))
    (tmp_path / "c.ipynb").write_text(source("once"))
    assert publish_folder(grader.service.store, tmp_path, "grader", "") == [("once", 1)]
