"""The queue and the record against real MySQL: what must hold when many ask at once and when things break."""

from __future__ import annotations

import hashlib
import socket
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, text

from grader import database as database_module
from grader.database import Database
from grader.errors import DatabaseUnavailable, IdempotencyConflict, QueueFull
from grader.models import CellResult, CheckResult, Result, State, Status, Timings
from grader.store import Accepted, NewSubmission, NewVersion, Store, Version, VersionReplaced, Work
from grader.store.hints import RECENT
from tests.integration.conftest import ROOT, Server, open_database

OVERVIEW = {"title": "One", "max_score": 3.0, "checks": []}
NASTY = [
    "' OR '1'='1",
    "'; DROP TABLE submissions; --",
    '"; SELECT SLEEP(5); --',
    "\\'; TRUNCATE audit; #",
    "%s %(x)s :username ${x} {0}",
    "%",
    "_",
    "/*!50000 SELECT 1 */",
    "näme 名前 🦆",
    "<script>alert(1)</script>",
    "\x00\x1a\\0",
]


def publish(store: Store, slug: str = "one", source: str = "{}") -> Version:
    digest = hashlib.sha256(source.encode()).hexdigest()
    store.publish(
        NewVersion(slug, source, digest, OVERVIEW, lambda number: f'{{"version": {number}}}', "test", "why")
    )
    (version,) = store.published(slug)
    return version


def submission(username: str = "ada", key: str | None = None, notebook: str = "{}") -> NewSubmission:
    return NewSubmission(
        username,
        key or str(uuid.uuid4()),
        hashlib.sha256(notebook.encode("utf-8", "surrogatepass")).hexdigest(),
        notebook,
    )


def accept(store: Store, new: NewSubmission, **options: Any) -> Accepted:
    (version,) = store.published("one")
    return store.accept(new, version, **{"queue_max": 1000} | options)


def passed(score: float = 3.0, message: str = "", printed: str = "") -> Result:
    return Result(
        Status.PASSED,
        score,
        3.0,
        (
            CheckResult("check-1", "First", Status.PASSED, 1.0, 1.0, False, message, printed, 1.5, "a hint"),
            CheckResult("check-2", "Second", Status.PASSED, 2.0, 2.0, True, duration_ms=100.0),
        ),
        (
            CellResult("answer", Status.PASSED, printed, None, 0.25),
            CellResult(
                "cell-7", Status.ERROR, "", {"name": "E", "message": printed, "traceback": "", "line": 3}
            ),
        ),
        Timings(1.0, 2.0, 3.0, 6.0),
        5_000_000,
        message,
    )


def claim(store: Store, name: str = "grader-1", lease_s: float = 30) -> Work:
    work = store.claim(name, lease_s)
    assert work is not None
    return work


@pytest.fixture
def version(store: Store) -> Version:
    return publish(store)


@pytest.fixture
def many(database: Database) -> Iterator[Callable[..., list[Any]]]:
    """Call a function from several threads as near to the same moment as can be."""
    pool = ThreadPoolExecutor(8)

    def run(function: Callable[[int], Any], times: int = 8) -> list[Any]:
        barrier = threading.Barrier(min(times, 8))

        def go(number: int) -> Any:
            if number < barrier.parties:
                barrier.wait()
            return function(number)

        return list(pool.map(go, range(times)))

    yield run
    pool.shutdown()


# --- the schema


def test_only_the_version_that_is_published_now_is_accepted(store: Store) -> None:
    old = publish(store, source="{}")
    known = submission()
    store.accept(known, old, queue_max=10)
    new = publish(store, source='{"new": 1}')
    with pytest.raises(VersionReplaced):
        store.accept(submission(), old, queue_max=10)
    assert store.accept(submission(), new, queue_max=10).created
    assert not store.accept(known, old, queue_max=10).created  # what was accepted stays so


def test_the_schema_can_be_built_on_itself_and_keeps_what_is_there(store: Store, version: Version) -> None:
    accept(store, submission())
    store.database.build(ROOT / "build.sql")
    assert store.waiting() == 1


def test_graders_that_start_together_build_one_schema(server: Server, many: Callable[..., list[Any]]) -> None:
    server.empty()

    def build(_: int) -> None:
        database = open_database(server, 2)
        database.build(ROOT / "build.sql")
        database.close()

    many(build, 4)
    assert server.query("SELECT COUNT(*) AS n FROM submissions") == [{"n": 0}]


def test_a_database_of_an_earlier_release_gets_the_indexes_that_it_lacks(
    store: Store, version: Version, server: Server
) -> None:
    accept(store, submission())
    indexes = """
        SELECT INDEX_NAME, SEQ_IN_INDEX, COLUMN_NAME FROM information_schema.statistics
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'submissions' ORDER BY INDEX_NAME, SEQ_IN_INDEX"""
    made, rows = server.query(indexes), server.query("SELECT * FROM submissions")
    server.query("ALTER TABLE submissions DROP KEY submissions_attempts")
    assert server.query(indexes) != made
    for _ in range(2):
        store.database.build(ROOT / "build.sql")
        assert server.query(indexes) == made
        assert server.query("SELECT * FROM submissions") == rows


def test_while_one_changes_the_schema_another_does_not_begin(
    store: Store, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "TURN_S", 0)
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK('build.sql grader', 0) AS got")
        assert cursor.fetchone() == {"got": 1}
        with pytest.raises(DatabaseUnavailable):
            store.database.build(ROOT / "build.sql")
    store.database.build(ROOT / "build.sql")


def test_every_table_and_column_says_what_it_is_for(store: Store, server: Server) -> None:
    schema = "FROM information_schema.{} WHERE table_schema = DATABASE() AND {} = ''"
    assert not server.query("SELECT TABLE_NAME " + schema.format("tables", "table_comment"))
    assert not server.query("SELECT TABLE_NAME, COLUMN_NAME " + schema.format("columns", "column_comment"))
    assert len(server.query("SHOW TABLES")) == 17


# --- challenges


def test_a_version_is_made_once_for_a_content(store: Store) -> None:
    first = publish(store, source="first")
    second = publish(store, source="second")
    assert (first.number, second.number) == (1, 2)
    again = publish(store, source="first")
    assert (again.number, again.id) == (1, first.id)
    assert [(v["number"], v["published"]) for v in store.history("one")["versions"]] == [
        (2, False),
        (1, True),
    ]
    assert store.release(second.id) == '{"version": 2}'
    assert store.source(second.id) == ("one", "second")


def test_a_rollback_publishes_the_old_version_and_is_written_down(store: Store, server: Server) -> None:
    publish(store, source="first")
    publish(store, source="second")
    store.rollback("one", 1, "maria", "the second was wrong")
    (version,) = store.published("one")
    assert version.number == 1
    audit = server.query("SELECT who, what, subject, details->>'$.why' AS why FROM audit ORDER BY id")
    assert [entry["what"] for entry in audit] == ["publish", "publish", "rollback"]
    assert audit[-1] == {"who": "maria", "what": "rollback", "subject": "one", "why": "the second was wrong"}


def test_the_same_challenge_published_at_once_is_one_version(
    store: Store, many: Callable[..., list[Any]]
) -> None:
    many(lambda _: publish(store))
    assert [v["number"] for v in store.history("one")["versions"]] == [1]


# --- accepting


def test_a_repeated_request_gives_the_same_submission(store: Store, version: Version) -> None:
    new = submission(key="click-1")
    first = accept(store, new)
    again = accept(store, new)
    assert first.created
    assert not again.created
    assert again.uuid == first.uuid
    assert store.repeated(new) is not None
    assert store.waiting() == 1


def test_a_repeated_request_after_the_verdict_gives_the_same_submission(
    store: Store, version: Version
) -> None:
    new = submission(key="click-1")
    first = accept(store, new)
    store.record(claim(store), passed())
    again = accept(store, new, claim_as="grader-1")
    assert (again.uuid, again.state, again.created, again.work) == (first.uuid, State.FINISHED, False, None)


def test_a_key_belongs_to_one_content_and_one_learner(store: Store, version: Version) -> None:
    accept(store, submission(key="click-1"))
    with pytest.raises(IdempotencyConflict):
        accept(store, submission(key="click-1", notebook="[]"))
    other = accept(store, submission("eve", key="click-1", notebook="[]"))
    assert other.created


def test_the_same_click_many_times_at_once_is_one_submission(
    store: Store, version: Version, many: Callable[..., list[Any]]
) -> None:
    new = submission(key="click-1")
    answers = many(lambda _: accept(store, new, claim_as="grader-1"), 24)
    assert len({answer.uuid for answer in answers}) == 1
    assert sum(answer.created for answer in answers) == 1
    assert sum(answer.work is not None for answer in answers) == 1


def test_an_idle_grader_gets_it_at_once_unless_somebody_waits(store: Store, version: Version) -> None:
    direct = accept(store, submission(), claim_as="grader-1")
    assert (direct.state, direct.position) == (State.RUNNING, 0)
    assert direct.work is not None
    waiting = accept(store, submission())
    assert (waiting.state, waiting.position) == (State.QUEUED, 1)
    behind = accept(store, submission("bob"), claim_as="grader-1")
    assert (behind.state, behind.position, behind.work) == (State.QUEUED, 2, None)
    assert store.record(direct.work, passed()) is not None


def test_the_queue_is_bounded_but_a_repeated_request_is_answered(store: Store, version: Version) -> None:
    new = submission()
    accept(store, new, queue_max=2)
    accept(store, submission(), queue_max=2)
    with pytest.raises(QueueFull) as refusal:
        accept(store, submission(), queue_max=2)
    assert refusal.value.retry_after_s
    assert not accept(store, new, queue_max=2).created


def test_a_notebook_comes_back_as_it_was(store: Store, version: Version) -> None:
    notebook = '{"text": "é 名 🦆 \\u0000 \ud800 ' + "x" * 2_000_000 + '"}'
    accept(store, submission(notebook=notebook))
    assert claim(store).notebook == notebook


@pytest.mark.parametrize("nasty", NASTY)
def test_sql_in_every_text_is_only_text(store: Store, version: Version, server: Server, nasty: str) -> None:
    bystander = accept(store, submission("bystander"))
    mine = accept(store, submission(nasty, notebook=nasty))
    assert store.submission(mine.uuid, "bystander") is None
    assert store.submission(nasty, nasty) is None
    assert store.published("one' OR '1'='1") == []
    assert [s["id"] for s in store.submissions(nasty, None, 10)] == [mine.uuid]
    assert [s["id"] for s in store.submissions(nasty, "one", 10)] == [mine.uuid]
    claim(store, nasty)
    shown = store.record(claim(store, nasty), passed(message=nasty, printed=nasty))
    assert shown == store.submission(mine.uuid, nasty)
    assert shown is not None
    assert shown["message"] == shown["checks"][0]["message"] == shown["checks"][0]["stdout"] == nasty
    assert shown["cells"][1]["error"]["message"] == nasty
    assert store.progress(nasty)[version.challenge_id]["attempts"] == 1
    assert store.take_back((), nasty) == [bystander.uuid]
    store.rollback("one", 1, nasty, nasty)
    assert {row["username"] for row in server.query("SELECT username FROM submissions")} == {
        "bystander",
        nasty,
    }


# --- claiming


def test_many_claims_at_once_never_share_and_never_lose(
    store: Store, version: Version, many: Callable[..., list[Any]]
) -> None:
    wanted = {accept(store, submission(f"user-{n % 7}")).uuid for n in range(60)}
    works = many(lambda n: store.claim(f"grader-{n % 3}", 30), 80)
    claimed = Counter(work.uuid for work in works if work)
    assert set(claimed) == wanted
    assert set(claimed.values()) == {1}
    assert store.waiting() == 0


def test_claims_do_not_wait_for_a_claim_that_is_not_committed_yet(store: Store, version: Version) -> None:
    accept(store, submission())
    second = accept(store, submission())
    taken, done = threading.Event(), threading.Event()

    def hold(db: Any) -> None:
        db.execute(
            text("SELECT id FROM submissions WHERE state = 'queued' ORDER BY turn, id LIMIT 1 FOR UPDATE")
        )
        taken.set()
        assert done.wait(30)

    holder = threading.Thread(target=store.database.transaction, args=(hold,))
    holder.start()
    try:
        assert taken.wait(30)
        assert claim(store).uuid == second.uuid
    finally:
        done.set()
        holder.join()


def test_a_flood_delays_only_its_sender(store: Store, version: Version) -> None:
    flood = [accept(store, submission("flood")) for _ in range(50)]
    ada, ben = (accept(store, submission(name)) for name in ("ada", "ben"))
    assert flood[-1].position == 50
    assert ada.position == 2
    order = [claim(store).uuid for _ in range(4)]
    assert order == [flood[0].uuid, ada.uuid, ben.uuid, flood[1].uuid]
    late = accept(store, submission("late"))
    assert late.position <= 2


def test_everybody_who_sends_much_gets_the_same_share(store: Store, version: Version) -> None:
    for name in ("ada", "ben", "eve"):
        for number in range(10):
            accept(store, submission(name, key=f"{name}-{number}"))
    owners = [store.submissions(name, None, 100) for name in ("ada", "ben", "eve")]
    names = {s["id"]: number for number, owned in enumerate(owners) for s in owned}
    shares = Counter(names[claim(store).uuid] for _ in range(15))
    assert shares == {0: 5, 1: 5, 2: 5}


def test_the_position_counts_down(store: Store, version: Version) -> None:
    answers = [accept(store, submission(f"user-{n}")) for n in range(3)]
    assert [answer.position for answer in answers] == [1, 2, 3]
    claim(store)
    shown = [store.submission(answer.uuid, f"user-{n}") for n, answer in enumerate(answers)]
    assert [(s["state"], s["position"]) for s in shown if s] == [("running", 0), ("queued", 1), ("queued", 2)]


# --- leases


def test_what_a_killed_grader_held_is_graded_again_when_its_lease_is_over(
    store: Store, version: Version
) -> None:
    accepted = accept(store, submission())
    lost = claim(store, "grader-1", lease_s=1000.0)
    assert store.take_back(()) == []
    store.keep([lost], -1.0)  # as if so much time had passed
    assert store.take_back(()) == [accepted.uuid]
    again = claim(store, "grader-2")
    assert (again.id, again.attempts) == (lost.id, 2)
    assert again.claim != lost.claim


def test_a_grader_that_starts_takes_back_what_it_held_before_and_nobody_elses(
    store: Store, version: Version
) -> None:
    mine = accept(store, submission())
    accept(store, submission())
    claim(store, "grader-1")
    claim(store, "grader-2")
    assert store.take_back((), "grader-1") == [mine.uuid]


def test_leases_in_hand_are_kept_and_others_run_out(store: Store, version: Version) -> None:
    for _ in range(2):
        accept(store, submission())
    kept, forgotten = claim(store, lease_s=0.2), claim(store, lease_s=0.2)
    store.keep([kept], 60)
    threading.Event().wait(0.4)
    assert store.take_back(()) == [forgotten.uuid]


def test_a_grader_does_not_take_from_itself_when_the_databases_clock_jumps(
    store: Store, version: Version
) -> None:
    accept(store, submission())
    work = claim(store, lease_s=-3600)
    assert store.take_back([work]) == []
    assert store.take_back([]) == [work.uuid]


def test_what_a_killed_grader_held_comes_back_when_the_databases_clock_is_put_back(
    store: Store, version: Version, server: Server
) -> None:
    for _ in range(3):
        accept(store, submission())
    lost, held, kept = (claim(store, f"grader-{number}") for number in range(3))
    for time in ("claimed_at", "lease_until"):
        server.query(f"UPDATE submissions SET {time} = {time} + INTERVAL 1 DAY")
    store.keep([kept], 30)  # its grader lives and goes on
    assert store.take_back([held]) == [lost.uuid]
    again = claim(store, "grader-3")
    assert (again.id, again.attempts) == (lost.id, 2)
    assert store.take_back([held]) == []


def test_a_lost_claim_cannot_be_kept_alive(store: Store, version: Version) -> None:
    accept(store, submission())
    lost = claim(store, lease_s=-1)
    store.take_back(())
    taken = claim(store, "grader-2", lease_s=-1)
    store.keep([lost], 3600)
    assert store.take_back(()) == [taken.uuid]


def test_work_that_is_handed_back_is_next_and_counts_no_attempt(store: Store, version: Version) -> None:
    first = accept(store, submission())
    accept(store, submission("ben"))
    work = claim(store)
    assert store.hand_back(work)
    assert not store.hand_back(work)
    again = claim(store)
    assert (again.uuid, again.attempts) == (first.uuid, 1)


# --- recording


def test_a_verdict_is_recorded_whole_and_as_it_is_shown(store: Store, version: Version) -> None:
    accepted = accept(store, submission())
    shown = store.record(claim(store), passed(printed="hello\n"))
    assert shown == store.submission(accepted.uuid, "ada")
    assert shown is not None
    assert (shown["state"], shown["status"], shown["score"], shown["max_score"]) == (
        "finished",
        "passed",
        3.0,
        3.0,
    )
    assert [(c["id"], c["points"], c["hidden"]) for c in shown["checks"]] == [
        ("check-1", 1.0, False),
        ("check-2", 2.0, True),
    ]
    assert [c["id"] for c in shown["cells"]] == ["answer", "cell-7"]
    assert shown["cells"][1]["error"] == {"name": "E", "message": "hello\n", "traceback": "", "line": 3}
    assert shown["timings"] == {"queue_ms": 1.0, "sandbox_ms": 2.0, "run_ms": 3.0, "total_ms": 6.0}
    assert shown["submitted_at"] <= shown["started_at"] <= shown["finished_at"]
    assert shown["finished_at"].endswith("Z")
    assert store.progress("ada") == {
        version.challenge_id: {"state": "passed", "best_score": 3.0, "attempts": 1}
    }
    assert store.progress("ben") == {}


def test_only_the_holder_of_the_claim_records(store: Store, version: Version, server: Server) -> None:
    accepted = accept(store, submission())
    slow = claim(store, "grader-1", lease_s=-1)
    store.take_back(())
    assert store.record(slow, passed(score=0.0)) is None
    quick = claim(store, "grader-2")
    assert store.record(slow, passed(score=0.0)) is None
    assert store.record(quick, passed()) is not None
    assert store.record(slow, passed(score=0.0)) is None
    assert not store.hand_back(slow)
    found = store.submission(accepted.uuid, "ada")
    assert found is not None
    assert found["score"] == 3.0
    assert server.query("SELECT COUNT(*) AS n FROM check_results") == [{"n": 2}]


def test_recording_twice_is_recording_once(
    store: Store, version: Version, server: Server, many: Callable[..., list[Any]]
) -> None:
    accept(store, submission())
    work = claim(store)
    shown = many(lambda _: store.record(work, passed()))
    assert all(one == shown[0] and one is not None for one in shown)
    assert server.query("SELECT COUNT(*) AS n FROM check_results") == [{"n": 2}]


def test_a_verdict_that_cannot_be_written_whole_is_not_written_at_all(
    store: Store, version: Version, server: Server
) -> None:
    accepted = accept(store, submission())
    work = claim(store)
    broken = passed()
    object.__setattr__(broken.cells[1], "duration_ms", "no number")
    with pytest.raises(Exception, match="duration_ms"):
        store.record(work, broken)
    found = store.submission(accepted.uuid, "ada")
    assert found is not None
    assert found["state"] == "running"
    assert server.query("SELECT COUNT(*) AS n FROM check_results") == [{"n": 0}]
    assert store.record(work, passed()) is not None


def test_half_characters_from_a_learners_program_can_be_recorded(store: Store, version: Version) -> None:
    accept(store, submission())
    shown = store.record(claim(store), passed(message="a\ud800b", printed="\udfff\x00"))
    assert shown is not None
    assert shown["checks"][0]["message"] == "a?b"


# --- regradings


def regrading_of(store: Store, version: Version, learners: int) -> int:
    """One of so many learners' submissions, each with a verdict of no points."""
    for number in range(learners):
        accept(store, submission(f"user-{number}"))
        store.record(claim(store), passed(score=0.0))
    return store.begin_regrading(version.challenge_id, "one", version.id, "maria", "again")


def shown_of(store: Store, id: int) -> tuple[str, int, int, int, int]:
    shown = store.regrading(id)
    return shown["state"], shown["total"], shown["done"], shown["failed"], shown["changed"]


def test_what_breaks_off_again_and_again_is_given_up_and_the_rest_goes_on(
    store: Store, version: Version
) -> None:
    id = regrading_of(store, version, 3)
    for _ in range(2):
        for _ in range(2):
            assert store.claim_regrading_item("grader-1", -1, 2) is not None
        assert store.take_back_regrading_items(None) == 2
    last = store.claim_regrading_item("grader-1", 30, 2)
    assert last is not None
    assert last.target.username == "user-2"
    assert shown_of(store, id) == ("running", 3, 2, 2, 0)
    assert store.record_regrading(last, passed())
    assert shown_of(store, id) == ("finished", 3, 3, 2, 1)
    assert store.claim_regrading_item("grader-1", 30, 2) is None


def test_a_cancelled_regrading_leaves_nothing_in_the_queue(
    store: Store, version: Version, server: Server
) -> None:
    id = regrading_of(store, version, 4)
    done, held = (store.claim_regrading_item("grader-1", 30, 3) for _ in range(2))
    assert done is not None
    assert held is not None
    assert store.record_regrading(done, passed())
    store.cancel_regrading(id, "maria")
    assert shown_of(store, id) == ("cancelled", 4, 1, 0, 1)
    assert not store.record_regrading(held, passed())
    store.hand_back_regrading_item(held)
    assert store.take_back_regrading_items("grader-1") == 0
    assert store.claim_regrading_item("grader-1", 30, 3) is None
    states = "SELECT state, COUNT(*) AS n FROM regrading_items GROUP BY state ORDER BY state"
    ended = [{"state": "finished", "n": 1}, {"state": "cancelled", "n": 3}]
    assert server.query(states) == ended
    # one of an earlier release
    server.query("UPDATE regrading_items SET state = 'queued' WHERE state = 'cancelled'")
    server.query(
        "ALTER TABLE regrading_items MODIFY state ENUM('queued', 'running', 'finished', 'failed') NOT NULL"
    )
    server.query("ALTER TABLE regradings DROP counts")
    for _ in range(2):
        store.database.build(ROOT / "build.sql")
        assert server.query(states) == ended
        assert shown_of(store, id) == ("cancelled", 4, 1, 0, 1)


def test_a_regrading_ends_however_its_last_verdicts_come_together(
    store: Store, version: Version, many: Callable[..., list[Any]]
) -> None:
    id = regrading_of(store, version, 8)
    for _ in range(5):
        items = [store.claim_regrading_item("grader-1", 30, 3) for _ in range(8)]
        assert all(many(lambda number, items=items: store.record_regrading(items[number], passed())))
        assert shown_of(store, id)[:3] == ("finished", 8, 8)
        id = store.begin_regrading(version.challenge_id, "one", version.id, "maria", "again")


@pytest.mark.parametrize("moment", ["before the commit", "after the commit"])
def test_an_item_whose_answer_is_lost_is_taken_once(store: Store, version: Version, moment: str) -> None:
    regrading_of(store, version, 2)
    with breaking(store, moment):
        item = store.claim_regrading_item("grader-1", 30, 3)
    assert item is not None
    assert item.target.username == "user-0"
    other = store.claim_regrading_item("grader-1", 30, 3)
    assert other is not None
    assert other.target.username == "user-1"


# --- the length of the history


@pytest.mark.parametrize(
    "step",
    [
        lambda store, _: store.submissions("ada", None, 5),
        lambda store, _: store.submissions("ada", "one", 5),
        lambda store, version: store.hints("ada", version.challenge_id),
        lambda store, version: store.take_hint("ada", version.challenge_id, 1),
        lambda store, _: store.progress("ada"),
        lambda store, version: store.latest(version.challenge_id),
        lambda store, version: store.cancel_regrading(
            store.begin_regrading(version.challenge_id, "one", version.id, "maria", ""), "maria"
        ),
    ],
    ids=[
        "a learner's own",
        "attempts at one challenge",
        "hints",
        "taking a hint",
        "progress",
        "latest",
        "a regrading",
    ],
)
def test_what_a_step_reads_does_not_grow_with_the_history(
    store: Store, version: Version, server: Server, step: Callable[[Store, Version], Any]
) -> None:
    for name in ("ada", "ben"):
        accept(store, submission(name))
        store.record(claim(store), passed())

    lengthen(server, RECENT)
    short = rows_read(server, lambda store: step(store, version))
    lengthen(server, 10 * RECENT)
    assert rows_read(server, lambda store: step(store, version)) < short + RECENT


def test_what_an_item_of_a_regrading_reads_does_not_grow_with_the_others(
    store: Store, version: Version, server: Server
) -> None:
    id = regrading_of(store, version, 4)

    def step(store: Store) -> None:
        for _ in range(2):
            item = store.claim_regrading_item("grader-1", 30, 3)
            assert item is not None
            store.hand_back_regrading_item(item)
        item = store.claim_regrading_item("grader-1", 30, 3)
        assert item is not None
        store.fail_regrading(item, "")

    few = rows_read(server, step)
    lengthen(server, 200)
    server.query(
        "INSERT INTO regrading_items (regrading_id, submission_id, state)"
        " SELECT %s, id, IF(id %% 2, 'queued', 'finished') FROM submissions"
        " WHERE id NOT IN (SELECT submission_id FROM regrading_items)",
        id,
    )
    assert rows_read(server, step) < few + 100


def rows_read(server: Server, step: Callable[[Store], Any]) -> int:
    """By the second of two times."""
    database = open_database(server, 1)
    counted = []
    for _ in range(3):
        rows = database.transaction(lambda db: db.execute(text(_ROWS_READ)).all())
        counted.append(sum(int(row.Value) for row in rows))
        step(Store(database))
    database.close()
    # what the count itself reads is the same each time
    return counted[2] - counted[1]


_ROWS_READ = "SHOW SESSION STATUS LIKE 'Handler_read%'"


def lengthen(server: Server, times: int) -> None:
    """So many more like each submission that is the first of its learner."""
    server.query(
        """
        INSERT INTO submissions (uuid, username, challenge_id, version_id, idempotency_key, content_hash,
            notebook, state, status, score, max_score, finished_at)
        WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < %s)
        SELECT UUID(), username, challenge_id, version_id, UUID(), content_hash, notebook, state, status,
            score, max_score, finished_at
        FROM submissions JOIN (SELECT MIN(id) AS id FROM submissions GROUP BY username) AS first USING (id)
            JOIN n""",
        times,
    )


# --- when the connection breaks


@contextmanager
def breaking(store: Store, moment: str) -> Iterator[None]:
    """Two commits break. The worst moment is after it: the answer is lost, and nobody knows of it."""
    broken: list[Any] = []

    def cut(connection: Any) -> None:
        if len(broken) < 2:
            raw = connection.connection.driver_connection
            if moment == "after the commit":
                raw.commit()
            # close() would leave it open: pymysql reads from a file made of it
            raw._sock.shutdown(socket.SHUT_RDWR)
            broken.append(raw)

    event.listen(store.database._engine, "commit", cut)
    try:
        yield
    finally:
        event.remove(store.database._engine, "commit", cut)
    assert len(broken) == 2


@pytest.mark.parametrize("moment", ["before the commit", "after the commit"])
def test_a_connection_that_breaks_loses_and_doubles_nothing(
    store: Store, version: Version, server: Server, moment: str
) -> None:
    with breaking(store, moment):
        answer = accept(store, submission(), claim_as="grader-1")
    assert answer.created
    assert answer.work is not None
    assert server.query("SELECT COUNT(*) AS n FROM submissions") == [{"n": 1}]

    with breaking(store, moment):
        shown = store.record(answer.work, passed())
    assert shown == store.submission(answer.uuid, "ada")
    assert server.query("SELECT COUNT(*) AS n FROM check_results") == [{"n": 2}]


@pytest.mark.parametrize("moment", ["before the commit", "after the commit"])
def test_a_claim_whose_answer_is_lost_takes_one_submission(
    store: Store, version: Version, moment: str
) -> None:
    first, second = (accept(store, submission()) for _ in range(2))
    with breaking(store, moment):
        work = claim(store)
    assert (work.uuid, work.attempts, work.notebook) == (first.uuid, 1, "{}")
    assert store.waiting() == 1
    assert store.record(work, passed()) is not None
    assert claim(store).uuid == second.uuid


def test_idle_connections_that_the_server_dropped_are_not_noticed(
    store: Store, version: Version, server: Server
) -> None:
    for row in server.query("SHOW PROCESSLIST"):
        if row["User"] == "grader" and row["Command"] == "Sleep":
            server.query(f"KILL {row['Id']}")
    assert store.waiting() == 0


def test_a_database_that_is_away_is_said_to_be_away_and_is_found_again(server: Server, store: Store) -> None:
    version = publish(store)
    server.stop()
    try:
        for call in (
            lambda: store.accept(submission(), version, queue_max=10),
            lambda: store.claim("grader-1", 30),
            lambda: store.published(),
            lambda: store.database.build(ROOT / "build.sql"),
        ):
            with pytest.raises(DatabaseUnavailable) as refusal:
                call()
            assert refusal.value.retry_after_s
    finally:
        server.start()
    assert accept(store, submission()).created


def test_a_database_without_tables_is_one_that_is_away(server: Server, store: Store) -> None:
    server.empty()
    with pytest.raises(DatabaseUnavailable):
        store.waiting()
