"""Versions, drafts and reports in a real database: published as one whole, and nothing is ever lost."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from bench.growth import listening
from grader.errors import (
    ChallengeInvalid,
    ChallengeUnknown,
    DraftUnknown,
    GraderError,
    ReviewerIsAuthor,
    StateConflict,
    VersionConflict,
    VersionUnknown,
)
from grader.store import Draft, DraftContent, NewVersion, Store
from tests.integration.conftest import Server


def version(
    source: str = "first", slug: str = "one", needs: list[str] | None = None, **more: Any
) -> NewVersion:
    overview = {"title": source, "max_score": 1.0, "prerequisites": needs or []}
    digest = hashlib.sha256(source.encode()).hexdigest()
    given: dict[str, Any] = {"who": "maria", "why": f"why {source}"} | more
    return NewVersion(slug, source, digest, overview, lambda number: f"release {number}", **given)


def published(store: Store, slug: str = "one") -> int | None:
    return store.history(slug)["published"]


def content(source: str = "draft", base: int | None = None) -> DraftContent:
    return DraftContent(
        "one", "One", source, hashlib.sha256(source.encode()).hexdigest(), base, "better words"
    )


def as_version(draft: Draft) -> NewVersion:
    held = draft.content
    return version(held.source, held.slug, who=draft.author, why=held.why, base=held.base or 0)


# --- versions


def test_the_history_tells_every_version_and_what_was_published_when(store: Store) -> None:
    store.publish(version("first", base=0))
    store.publish(version("second", base=1))
    store.rollback("one", 1, "carl", "the second was too hard", base=2)
    told = store.history("one")
    assert told["published"] == 1
    assert [(v["number"], v["created_by"], v["why"], v["published"]) for v in told["versions"]] == [
        (2, "maria", "why second", False),
        (1, "maria", "why first", True),
    ]
    assert [(p["what"], p["version"], p["who"], p["why"]) for p in told["publications"]] == [
        ("rollback", 1, "carl", "the second was too hard"),
        ("publish", 2, "maria", "why second"),
        ("publish", 1, "maria", "why first"),
    ]


def test_a_version_never_changes(store: Store) -> None:
    store.publish(version("first"))
    before = store.version("one", 1)
    store.publish(version("second"))
    store.rollback("one", 1, "carl", "back")
    store.retire("one", "carl", "away")
    assert store.version("one", 1) == before
    assert store.source(before.id) == ("one", "first")
    assert store.release(before.id) == "release 1"


def test_of_two_who_publish_at_once_from_one_version_the_second_is_told(store: Store, server: Server) -> None:
    store.publish(version("first"))

    def publish(name: str) -> tuple[int, bool] | GraderError:
        try:
            return store.publish(version(f"from {name}", who=name, base=1))
        except GraderError as error:
            return error

    with ThreadPoolExecutor(6) as pool:
        told = list(pool.map(publish, "abcdef"))
    assert [each for each in told if not isinstance(each, GraderError)] == [(2, True)]
    refused = [each for each in told if isinstance(each, GraderError)]
    assert {type(each) for each in refused} == {VersionConflict}
    assert {each.details["current"] for each in refused} == {2}
    assert server.query("SELECT COUNT(*) AS n FROM challenge_versions") == [{"n": 2}]
    assert published(store) == 2


def test_a_new_challenge_is_not_put_over_one_of_the_same_name(store: Store) -> None:
    store.publish(version("first"))
    with pytest.raises(VersionConflict, match="made from no version, and version 1 is"):
        store.publish(version("mine", base=0))
    with pytest.raises(VersionConflict, match="nothing is published now"):
        store.publish(version("other", slug="two", base=1))
    with pytest.raises(ChallengeUnknown):
        store.history("two")


def test_the_same_content_again_is_said_to_be_there(store: Store, server: Server) -> None:
    assert store.publish(version("first", base=0)) == (1, True)
    # whatever it was made from: there is nothing to lose
    assert store.publish(version("first", base=7)) == (1, False)
    assert server.query("SELECT COUNT(*) AS n FROM publications") == [{"n": 1}]


def test_a_rollback_from_what_is_no_longer_published_is_refused(store: Store) -> None:
    for source in ("first", "second", "third"):
        store.publish(version(source))
    with pytest.raises(VersionConflict):
        store.rollback("one", 1, "carl", "back", base=2)
    with pytest.raises(VersionUnknown):
        store.rollback("one", 4, "carl", "back")
    with pytest.raises(ChallengeUnknown):
        store.rollback("nothing", 1, "carl", "back")
    assert published(store) == 3


def test_retired_is_not_deleted_and_comes_back_as_it_was(store: Store) -> None:
    store.publish(version("first"))
    store.publish(version("second"))
    store.rollback("one", 1, "carl", "back")
    assert store.retire("one", "carl", "no longer taught") == 1
    assert store.published("one") == []
    with pytest.raises(StateConflict, match="retired already"):
        store.retire("one", "carl", "twice")
    with pytest.raises(VersionUnknown, match="retired"):
        store.version("one")
    # the one that learners had, not the newest
    assert store.restore("one", "maria", "taught again") == 1
    with pytest.raises(StateConflict, match="not retired"):
        store.restore("one", "maria", "twice")
    assert published(store) == 1
    assert [p["what"] for p in store.history("one")["publications"]][:2] == ["restore", "retire"]


def test_what_was_withdrawn_before_there_was_a_history_comes_back_too(store: Store, server: Server) -> None:
    store.publish(version("first"))
    store.publish(version("second"))
    server.query("DELETE FROM publications")
    server.query("UPDATE challenges SET published_version_id = NULL")
    assert store.restore("one", "maria", "back") == 2


@pytest.mark.parametrize(
    ("others", "needs", "way"),
    [
        ({}, ["one"], ["one", "one"]),
        ({"two": ["one"]}, ["two"], ["one", "two", "one"]),
        ({"two": ["one"], "three": ["two"]}, ["free", "three"], ["one", "three", "two", "one"]),
    ],
    ids=["itself", "each other", "by a detour"],
)
def test_prerequisites_that_lead_back_are_refused(
    store: Store, others: dict[str, list[str]], needs: list[str], way: list[str]
) -> None:
    for slug, theirs in others.items():
        store.publish(version(slug, slug=slug, needs=theirs))
    with pytest.raises(ChallengeInvalid) as refused:
        store.publish(version("circular", needs=needs))
    assert refused.value.details["circle"] == way
    with pytest.raises(ChallengeUnknown):
        store.version("one")


def test_two_that_need_each_other_are_not_published_at_the_same_moment(
    store: Store,
) -> None:
    for slug in ("one", "two"):
        store.publish(version(slug, slug=slug))

    def publish(slug: str) -> bool:
        other = {"one": "two", "two": "one"}[slug]
        try:
            return store.publish(version(f"{slug} needs {other}", slug=slug, needs=[other]))[1]
        except ChallengeInvalid:
            return False

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(publish, ("one", "two"))) == [False, True]


def test_a_rollback_may_not_make_a_circle_either(store: Store) -> None:
    store.publish(version("one needs two", needs=["two"]))
    store.publish(version("one is free"))
    store.publish(version("two needs one", slug="two", needs=["one"]))
    with pytest.raises(ChallengeInvalid, match="one needs two needs one"):
        store.rollback("one", 1, "carl", "back")


# --- drafts


def test_a_draft_goes_from_its_author_by_a_reviewer_to_learners(store: Store) -> None:
    store.publish(version("first"))
    id = store.create_draft(content(base=1), "maria")
    store.note_on_draft(id, "submit", "maria", "please look")
    store.note_on_draft(id, "comment", "carl", "a typo in cell 3")
    store.note_on_draft(id, "reject", "carl", "see there", revision=1)
    assert store.revise_draft(id, content("mended", base=1), "maria") == 2
    store.note_on_draft(id, "submit", "maria", "")
    assert store.approve_draft(id, 2, "carl", "good", as_version) == (2, True)
    draft, shown = store.draft(id)
    assert (shown["state"], shown["version"], draft.content.source) == ("published", 2, "mended")
    assert [(n["what"], n["who"], n["revision"]) for n in shown["notes"]] == [
        ("create", "maria", 1),
        ("submit", "maria", 1),
        ("comment", "carl", 1),
        ("reject", "carl", 1),
        ("revise", "maria", 2),
        ("submit", "maria", 2),
        ("approve", "carl", 2),
    ]
    assert published(store) == 2
    assert store.drafts() == []
    assert [d["id"] for d in store.drafts("published", "one")] == [id]


def test_a_list_of_drafts_reads_no_notebook(store: Store) -> None:
    store.create_draft(content(), "maria")
    with listening(store.database) as heard:
        assert [draft["title"] for draft in store.drafts()] == ["One"]
    assert heard
    assert not [statement for statement in heard if "source_notebook" in statement]


def test_nobody_reviews_their_own_work(store: Store) -> None:
    id = store.create_draft(content(), "maria")
    store.note_on_draft(id, "submit", "maria", "")
    for attempt in (
        lambda: store.approve_draft(id, 1, "maria", "mine is good", as_version),
        lambda: store.note_on_draft(id, "reject", "maria", "or not"),
    ):
        with pytest.raises(ReviewerIsAuthor):
            attempt()
    assert store.draft(id)[1]["state"] == "in_review"
    with pytest.raises(ChallengeUnknown):
        store.history("one")


def test_only_what_was_read_is_approved(store: Store) -> None:
    id = store.create_draft(content(), "maria")
    store.note_on_draft(id, "submit", "maria", "")
    store.revise_draft(id, content("something else"), "maria")
    with pytest.raises(StateConflict, match="is draft"):
        store.approve_draft(id, 1, "carl", "", as_version)
    store.note_on_draft(id, "submit", "maria", "")
    with pytest.raises(StateConflict, match="revision 2 now, not 1"):
        store.approve_draft(id, 1, "carl", "", as_version)


def test_an_approval_that_cannot_be_published_leaves_the_draft_in_review(store: Store) -> None:
    store.publish(version("first"))
    id = store.create_draft(content(base=1), "maria")
    store.note_on_draft(id, "submit", "maria", "")
    store.publish(version("meanwhile", base=1))
    with pytest.raises(VersionConflict):
        store.approve_draft(id, 1, "carl", "", as_version)
    shown = store.draft(id)[1]
    assert (shown["state"], [note["what"] for note in shown["notes"]]) == ("in_review", ["create", "submit"])


def test_an_approval_at_once_by_two_publishes_once(store: Store) -> None:
    id = store.create_draft(content(), "maria")
    store.note_on_draft(id, "submit", "maria", "")

    def approve(who: str) -> bool:
        try:
            store.approve_draft(id, 1, who, "", as_version)
        except StateConflict:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(approve, ("a", "b", "c", "d"))) == 1
    assert len(store.history("one")["publications"]) == 1


def test_steps_that_are_not_possible_say_how_things_stand(store: Store) -> None:
    id = store.create_draft(content(), "maria")
    with pytest.raises(StateConflict, match="in review"):
        store.note_on_draft(id, "reject", "carl", "")
    with pytest.raises(StateConflict, match="author, maria"):
        store.revise_draft(id, content("theirs"), "carl")
    with pytest.raises(StateConflict, match="author, maria"):
        store.note_on_draft(id, "withdraw", "carl", "")
    store.note_on_draft(id, "withdraw", "maria", "a bad idea")
    with pytest.raises(StateConflict, match="withdrawn"):
        store.note_on_draft(id, "submit", "maria", "")
    with pytest.raises(DraftUnknown):
        store.note_on_draft(id + 1, "submit", "maria", "")


# --- reports


def test_the_latest_report_on_a_content_counts(store: Store) -> None:
    digest = content().content_hash
    assert store.report(digest) is None
    id = store.create_draft(content(), "maria")
    assert store.draft(id)[1]["fit"] is None
    store.keep_report(digest, False, {"findings": ["\ud800"]}, "maria")
    store.keep_report(digest, True, {"findings": []}, "carl")
    told = store.report(digest)
    assert told is not None
    assert (told["fit"], told["report"], told["checked_by"]) == (True, {"findings": []}, "carl")
    assert store.draft(id)[1]["fit"] is True
