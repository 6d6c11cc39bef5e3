"""Leaderboards against real MySQL: who stands where, who is seen, and what is known after a regrading."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
import requests
from sqlalchemy import event

from grader.errors import DisplayNameTaken
from grader.models import Result, Status
from grader.store import Store, Version, leaderboards
from grader.store.leaderboards import NEIGHBOURS, TOP
from tests.conftest import Person, Stack
from tests.integration.client import answered, client, code, graded, submit
from tests.integration.conftest import PASSWORD, ROOT, Server
from tests.integration.test_store import NASTY, publish, submission


def verdict(score: float, passed: bool) -> Result:
    return Result(Status.PASSED if passed else Status.FAILED, score, 10.0, (), ())


def hand_in(store: Store, who: str, version: Version, score: float, passed: bool = False) -> None:
    """Submitted and graded."""
    store.accept(submission(who), version, queue_max=1000)
    work = store.claim("grader-1", 30)
    assert work is not None
    assert store.record(work, verdict(score, passed)) is not None


def grade_again(store: Store, version: Version, verdicts: dict[str, Result]) -> None:
    """Every learner's latest submission gets the verdict of their name."""
    store.begin_regrading(version.challenge_id, version.slug, version.id, "maria", "a wrong check")
    while item := store.claim_regrading_item("grader-1", 30, 3):
        assert store.record_regrading(item, verdicts[item.target.username])


def board(store: Store, who: str, *versions: Version, of_class: str | None = None) -> list[dict[str, Any]]:
    """By a grader that has just started, and keeps no board yet."""
    return kept_board(Store(store.database), who, *versions, of_class=of_class)


def kept_board(
    store: Store, who: str, *versions: Version, of_class: str | None = None
) -> list[dict[str, Any]]:
    ids = [version.challenge_id for version in versions]
    return list(store.leaderboard(who, ids, of_class)["rows"])


def shown(rows: list[dict[str, Any]]) -> list[tuple[int, str, float, int]]:
    return [(row["rank"], row["display_name"], row["points"], row["passed"]) for row in rows]


def best_by_history(server: Server) -> list[dict[str, Any]]:
    """What the submissions themselves say."""
    return server.query("""
        SELECT username, challenge_id, MAX(score) AS score, MAX(status = 'passed') AS passed,
            MAX(id) AS latest_id, COUNT(*) AS attempts
        FROM submissions WHERE state = 'finished' GROUP BY username, challenge_id
        ORDER BY username, challenge_id""")


def best_as_kept(server: Server) -> list[dict[str, Any]]:
    return server.query("""
        SELECT username, challenge_id, score, passed, latest_id, attempts FROM best_scores
        ORDER BY username, challenge_id""")


@pytest.fixture
def one(store: Store) -> Version:
    return publish(store, "one", "1")


@pytest.fixture
def two(store: Store) -> Version:
    return publish(store, "two", "2")


# --- standing


def test_the_best_of_each_challenge_counts_and_equal_points_share_a_rank(
    store: Store, one: Version, two: Version
) -> None:
    for name in ("ada", "eva", "joe", "kim", "leo"):
        store.take_part(name, name.title(), ())
    hand_in(store, "joe", one, 5)
    hand_in(store, "ada", one, 10, passed=True)
    hand_in(store, "ada", one, 2)  # a worse attempt takes nothing away
    hand_in(store, "eva", one, 3.25)
    hand_in(store, "eva", two, 1.75)
    hand_in(store, "joe", one, 5)  # nor does the same again make it later
    hand_in(store, "kim", two, 1, passed=True)
    hand_in(store, "leo", one, 0)
    assert shown(board(store, "nobody", one, two)) == [
        (1, "Ada", 10, 1),
        (2, "Joe", 5, 0),
        (2, "Eva", 5, 0),
        (4, "Kim", 1, 1),
    ]
    assert shown(board(store, "nobody", two)) == [(1, "Eva", 1.75, 0), (2, "Kim", 1, 1)]
    assert store.leaderboard("nobody", [])["rows"] == []


def test_sums_of_fractions_that_are_equal_share_a_rank(store: Store) -> None:
    versions = [publish(store, f"part-{number}", str(number)) for number in range(3)]
    for name in ("ada", "eva"):
        store.take_part(name, name, ())
    for version, a, b in zip(versions, (0.1, 0.2, 0.3), (0.3, 0.2, 0.1), strict=True):
        hand_in(store, "ada", version, a)
        hand_in(store, "eva", version, b)
    assert [row["rank"] for row in board(store, "ada", *versions)] == [1, 1]


def test_only_those_who_take_part_are_seen_and_who_leaves_is_gone_at_once(
    store: Store, one: Version, server: Server
) -> None:
    for name in ("ada", "eva"):
        hand_in(store, name, one, 5)
    assert board(store, "ada", one) == []
    assert store.participation("ada") is None
    joined = store.take_part("ada", "Countess", ["7b"])
    assert joined["display_name"] == "Countess"
    assert store.participation("ada") == joined
    (row,) = board(store, "eva", one)
    assert row == {
        "place": 1, "rank": 1, "display_name": "Countess", "points": 5, "passed": 0, "own": False,
    }  # fmt: skip
    for _ in range(2):
        store.leave("ada")
        assert board(store, "ada", one) == []
    for table in ("leaderboard_members", "leaderboard_classes"):
        assert server.query(f"SELECT * FROM {table}") == []


def test_the_first_are_shown_and_who_asks_with_their_neighbours(store: Store, one: Version) -> None:
    number = TOP + 10
    for place in range(1, number + 1):
        store.take_part(f"user-{place}", f"Learner {place}", ())
        hand_in(store, f"user-{place}", one, number + 1 - place)

    def places(who: str) -> list[int]:
        return [row["place"] for row in board(store, who, one)]

    first = list(range(1, TOP + 1))
    assert places("nobody") == first
    assert places("user-1") == first
    assert places(f"user-{TOP}") == [*first, *range(TOP + 1, TOP + NEIGHBOURS + 1)]
    asked = TOP + 6
    rows = board(store, f"user-{asked}", one)
    assert places(f"user-{asked}") == [*first, *range(asked - NEIGHBOURS, asked + NEIGHBOURS + 1)]
    assert [row["place"] for row in rows if row["own"]] == [asked]
    assert store.leaderboard("nobody", [one.challenge_id])["learners"] == number


# --- a board is kept for a while


@pytest.mark.parametrize("of_class", [None, "7b"])
def test_what_is_ones_own_and_who_takes_part_is_told_as_it_is_now(
    store: Store, one: Version, monkeypatch: pytest.MonkeyPatch, of_class: str | None
) -> None:
    monkeypatch.setattr(leaderboards, "KEPT_S", 3600)
    elsewhere = Store(store.database)  # another grader, which knows of no board here

    def told(who: str) -> list[tuple[int, str, float, int]]:
        return shown(kept_board(store, who, one, of_class=of_class))

    for name, score in (("ada", 5), ("eva", 3), ("joe", 3)):
        store.take_part(name, name, ["7b"])
        hand_in(store, name, one, score)
    before = [(1, "ada", 5, 0), (2, "eva", 3, 0), (2, "joe", 3, 0)]
    assert told("ada") == before
    hand_in(store, "joe", one, 10, passed=True)
    assert told("ada") == before
    assert told("joe") == [(1, "joe", 10, 1), (2, "ada", 5, 0), (3, "eva", 3, 0)]
    assert told("nobody") == before
    # nothing shows more of those who left, or under the name that they had
    elsewhere.take_part("eva", "Eva", ["7b"])
    after = [(1, "joe", 10, 1), (2, "ada", 5, 0), (3, "Eva", 3, 0)]
    assert told("nobody") == after
    hand_in(store, "kim", one, 4)
    assert told("kim") == after
    elsewhere.take_part("kim", "kim", ["7b"])
    assert told("nobody") == [*after[:2], (3, "kim", 4, 0), (4, "Eva", 3, 0)]
    elsewhere.leave("kim")
    assert told("nobody") == told("kim") == after
    elsewhere.take_part("kim", "kim", ["7b"])
    elsewhere.leave("joe")  # as many as before
    assert told("joe") == [(1, "ada", 5, 0), (2, "kim", 4, 0), (3, "Eva", 3, 0)]
    if of_class:
        elsewhere.see_classes("ada", [])
        assert told("ada") == [(1, "kim", 4, 0), (2, "Eva", 3, 0)]


def test_a_kept_board_is_as_a_new_one_and_is_not_added_up_again(
    store: Store, one: Version, two: Version
) -> None:
    number = TOP + 10
    for place in range(1, number + 1):
        store.take_part(f"user-{place}", f"Learner {place}", ())
        hand_in(store, f"user-{place}", one, 1 + place % 7)
        if place % 3 == 0:
            hand_in(store, f"user-{place}", two, 0.1 * place)
    kept_board(store, "nobody", one, two)
    heard: list[str] = []

    def hear(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        heard.append(statement)

    for place in (1, 7, 9, TOP, number):
        new = board(store, f"user-{place}", one, two)
        event.listen(store.database._engine, "before_cursor_execute", hear)
        assert kept_board(store, f"user-{place}", one, two) == new
        event.remove(store.database._engine, "before_cursor_execute", hear)
    added_up = [statement for statement in heard if "best_scores" in statement]
    assert len(added_up) == 5
    assert all("m.username =" in statement for statement in added_up)


def test_a_board_is_made_anew_after_a_while(
    store: Store, one: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaderboards, "KEPT_S", 0)
    store.take_part("ada", "ada", ())
    for score in (1, 2):
        hand_in(store, "ada", one, score)
        assert shown(kept_board(store, "nobody", one)) == [(1, "ada", score, 0)]


# --- names


def test_a_name_belongs_to_one_learner_whatever_its_case_and_accents(store: Store) -> None:
    store.take_part("ada", "José", ())
    for name in ("José", "jose", "JOSÉ", "Jose\u0301", "Jo\u200dse", "Ｊｏｓｅ"):
        with pytest.raises(DisplayNameTaken):
            store.take_part("eva", name, ())
    assert store.participation("eva") is None
    store.take_part("eva", "Joséphine", ())
    with pytest.raises(DisplayNameTaken):
        store.take_part("eva", "jose", ())
    # one's own may be written anew, keeps its date, and is free once its owner has left
    since = store.participation("ada")
    assert store.take_part("ada", "jose", ()) == {**(since or {}), "display_name": "jose"}
    store.leave("ada")
    assert store.take_part("eva", "José", ())["display_name"] == "José"


@pytest.mark.parametrize("nasty", NASTY[:-1], ids=lambda text: str(NASTY.index(text)))
def test_a_name_is_only_text(store: Store, one: Version, nasty: str) -> None:
    store.take_part("ada", nasty, [nasty])
    hand_in(store, "ada", one, 1)
    assert [row["display_name"] for row in board(store, "ada", one, of_class=nasty)] == [nasty]


def test_a_moderator_takes_a_name_off_without_being_told_whose_it_is(store: Store, server: Server) -> None:
    store.take_part("ada", "Something rude", ["7b"])
    assert not store.take_off("something else", "mod")
    assert store.take_off("something rude", "mod")
    assert store.participation("ada") is None
    assert not server.query("SELECT * FROM leaderboard_classes")
    (entry,) = server.query("SELECT who, what, subject, details FROM audit")
    assert (entry["who"], entry["what"]) == ("mod", "take off leaderboards")
    assert "ada" not in str(entry)
    # the way back is open, under another name
    store.take_part("ada", "Ada", [])


# --- classes


def test_a_class_shows_its_own_and_follows_the_hub(store: Store, one: Version, server: Server) -> None:
    for name, classes in (("ada", ["7b", "chess"]), ("eva", ["7b"]), ("joe", ["7B"])):
        store.take_part(name, name, classes)
        hand_in(store, name, one, 1)

    def of(name: str) -> list[str]:
        return [row["display_name"] for row in board(store, "ada", one, of_class=name)]

    assert (of("7b"), of("7B"), of("chess"), of("8a")) == (["ada", "eva"], ["joe"], ["ada"], [])
    for _ in range(2):
        store.see_classes("ada", ["8a", "7b"])
        assert (of("7b"), of("chess"), of("8a")) == (["ada", "eva"], [], ["ada"])
    # of somebody who does not take part nothing is kept
    store.see_classes("kim", ["7b"])
    assert not server.query("SELECT * FROM leaderboard_classes WHERE username = 'kim'")


# --- what is kept beside the history says what the history says


def test_progress_counts_every_attempt_once_graded_or_not(store: Store, one: Version, two: Version) -> None:
    def attempts() -> dict[int, tuple[str, float | None, int]]:
        return {
            challenge: (found["state"], found["best_score"], found["attempts"])
            for challenge, found in store.progress("ada").items()
        }

    hand_in(store, "eva", one, 10, passed=True)
    assert attempts() == {}
    store.accept(submission("ada"), one, queue_max=1000)
    assert attempts() == {one.challenge_id: ("started", None, 1)}
    work = store.claim("grader-1", 30)
    assert work is not None
    assert attempts() == {one.challenge_id: ("started", None, 1)}
    store.record(work, verdict(0, False))
    store.record(work, verdict(0, False))
    assert attempts() == {one.challenge_id: ("started", 0, 1)}
    hand_in(store, "ada", one, 10, passed=True)
    hand_in(store, "ada", one, 2)
    for _ in range(2):
        store.accept(submission("ada"), two, queue_max=1000)
    store.accept(submission("ada"), one, queue_max=1000)
    before = attempts()
    assert before == {one.challenge_id: ("passed", 10, 4), two.challenge_id: ("started", None, 2)}
    grade_again(store, one, {"ada": verdict(3, False), "eva": verdict(10, True)})
    assert attempts() == before
    store.take_hint("ada", one.challenge_id, 1)
    assert [hint["attempts"] for hint in store.hints("ada", one.challenge_id)["hints"]] == [4]


def test_a_regrading_takes_each_learners_latest_that_was_graded(
    store: Store, one: Version, two: Version
) -> None:
    hand_in(store, "ada", one, 10, passed=True)
    hand_in(store, "service:checks", one, 10, passed=True)
    hand_in(store, "eva", one, 1)
    hand_in(store, "ada", one, 3)
    hand_in(store, "ada", two, 4)
    store.accept(submission("ada"), one, queue_max=1000)
    assert [(each.username, each.score) for each in store.latest(one.challenge_id)] == [
        ("eva", 1),
        ("ada", 3),
    ]
    # of two in hand the later one may be the first to be graded
    store.accept(submission("ada"), one, queue_max=1000)
    earlier, later = store.claim("grader-1", 30), store.claim("grader-1", 30)
    assert earlier is not None
    assert later is not None
    for work, score in ((later, 6), (earlier, 5)):
        store.record(work, verdict(score, False))
    assert [(each.username, each.score) for each in store.latest(one.challenge_id)] == [
        ("eva", 1),
        ("ada", 6),
    ]


def test_a_regrading_counts_whichever_way_it_goes(
    store: Store, one: Version, two: Version, server: Server
) -> None:
    for name in ("ada", "eva"):
        store.take_part(name, name, ())
    hand_in(store, "eva", one, 8, passed=True)
    hand_in(store, "ada", one, 4)
    hand_in(store, "ada", one, 10, passed=True)
    hand_in(store, "ada", two, 1)
    grade_again(store, one, {"ada": verdict(3, False), "eva": verdict(9, True)})
    # of ada's attempts the older one is the best now
    assert shown(board(store, "x", one)) == [(1, "eva", 9, 1), (2, "ada", 4, 0)]
    assert best_as_kept(server) == best_by_history(server)
    grade_again(store, one, {"ada": verdict(10, True), "eva": verdict(0, False)})
    assert shown(board(store, "x", one)) == [(1, "ada", 10, 1)]
    assert best_as_kept(server) == best_by_history(server)


def test_a_database_with_a_history_is_brought_up_to_date_once(
    store: Store, one: Version, two: Version, server: Server
) -> None:
    for who, version, score, passed in (
        ("ada", one, 4, False),
        ("ada", one, 10, True),
        ("ada", one, 10, True),
        ("eva", one, 10, True),
        ("eva", two, 0, False),
    ):
        hand_in(store, who, version, score, passed)
    store.accept(submission("joe"), one, queue_max=1000)  # not graded yet
    kept = server.query("SELECT * FROM best_scores ORDER BY username, challenge_id")
    assert [(row["username"], row["score"]) for row in kept] == [("ada", 10), ("eva", 10), ("eva", 0)]
    assert best_as_kept(server) == best_by_history(server)
    for earlier in ("DELETE FROM best_scores", "ALTER TABLE best_scores DROP attempts, DROP latest_id"):
        server.query(earlier)
        for _ in range(2):
            store.database.build(ROOT / "build.sql")
            assert server.query("SELECT * FROM best_scores ORDER BY username, challenge_id") == kept


def test_where_there_is_something_the_history_is_not_read_again(
    store: Store, one: Version, server: Server
) -> None:
    number = 30
    for _ in range(number):
        hand_in(store, "ada", one, 1)
    script = (ROOT / "build.sql").read_text(encoding="utf-8")
    (fill,) = re.findall(r"^INSERT INTO best_scores.*?;", script, re.M | re.S)
    with server.connect() as connection, connection.cursor() as cursor:

        def rows_read() -> int:
            cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read%%'")
            return sum(int(row["Value"]) for row in cursor.fetchall())

        before = rows_read()
        cursor.execute(fill)
        assert rows_read() - before < number


def test_a_leaderboard_reads_no_history(store: Store, one: Version) -> None:
    store.take_part("ada", "ada", ["7b"])
    heard: list[str] = []

    def hear(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        heard.append(statement)

    event.listen(store.database._engine, "before_cursor_execute", hear)
    board(store, "ada", one)
    board(store, "ada", one, of_class="7b")
    event.remove(store.database._engine, "before_cursor_execute", hear)
    assert heard
    assert not [statement for statement in heard if "submissions" in statement]


# --- through the real service


def people(stack: Stack, admin: Person, *classes: set[str]) -> list[Person]:
    """Learners in these classes of the Hub, each with a name that nothing else has in it."""
    found = []
    hub = {"url": f"{stack.url}/hub/api", "headers": {"Authorization": f"token {admin.token}"}}
    for names in classes:
        name = f"account-{uuid.uuid4().hex[:12]}"
        stack.sign_up(name, PASSWORD)
        for group in names:
            requests.post(f"{hub['url']}/groups/{group}", headers=hub["headers"], json={}, timeout=60)
            added = requests.post(
                f"{hub['url']}/groups/{group}/users",
                headers=hub["headers"],
                json={"users": [name]},
                timeout=60,
            )
            added.raise_for_status()
        # the grader believes for a while what the Hub said of a token: one that nobody has used yet
        found.append(Person(name, PASSWORD, stack.token(name, PASSWORD)))
    return found


def test_others_see_the_display_name_and_never_the_account(stack: Stack, admin: Person) -> None:
    run = uuid.uuid4().hex[:8]
    ada, eva = people(stack, admin, set(), set())
    name = f"<b>Ada</b> {run}"
    with client(stack.url, ada.token) as hers, client(stack.url, eva.token) as others:
        assert graded(hers, submit(hers, answered()))["status"] == "passed"
        before = others.get("/leaderboard").text
        assert ada.name not in before
        joined = hers.post("/leaderboard", json={"display_name": name})
        assert joined.status_code == 200
        seen = others.get("/leaderboard")
        (row,) = [row for row in seen.json()["rows"] if row["display_name"] == name]
        assert set(row) == {"place", "rank", "display_name", "points", "passed", "own"}
        assert (row["passed"], row["own"]) == (1, False)
        refused = others.post("/leaderboard", json={"display_name": name})
        assert code(refused) == (409, "display_name_taken")
        for told in (seen, refused, others.get("/leaderboard", params={"track": "first-steps"})):
            assert ada.name not in told.text
        (own,) = [row for row in hers.get("/leaderboard").json()["rows"] if row["own"]]
        assert own["display_name"] == name
        assert hers.post("/leaderboard/leave").json() == {"taking_part": None}
        assert name not in others.get("/leaderboard").text
    # nor does the log put the two together
    assert run not in stack.part("grader").logs().decode()


def test_a_class_is_seen_by_those_who_are_in_it_and_by_nobody_else(stack: Stack, admin: Person) -> None:
    run = uuid.uuid4().hex[:8]
    seven, chess = f"7b-{run}", f"chess-{run}"
    ada, eva, joe = people(stack, admin, {seven, chess}, {seven}, set())
    with (
        client(stack.url, ada.token) as of_ada,
        client(stack.url, eva.token) as of_eva,
        client(stack.url, joe.token) as of_joe,
    ):
        graded(of_ada, submit(of_ada, answered()))
        of_ada.post("/leaderboard", json={"display_name": f"Ada {run}"})
        board = of_eva.get("/leaderboard", params={"class": seven}).json()
        assert (board["classes"], board["class"]) == ([seven], seven)
        assert [(row["rank"], row["display_name"]) for row in board["rows"]] == [(1, f"Ada {run}")]
        assert of_ada.get("/leaderboard").json()["classes"] == sorted([seven, chess])
        # one that is not one's own is as good as none, and the groups that give rights are no classes
        assert of_joe.get("/leaderboard").json()["classes"] == []
        for api, name in ((of_eva, chess), (of_joe, seven), (of_joe, "participants"), (of_joe, "no-class")):
            assert code(api.get("/leaderboard", params={"class": name})) == (404, "class_unknown")
        of_ada.post("/leaderboard/leave")
