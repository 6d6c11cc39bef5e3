"""The session rules with a clock that is turned by hand."""

from __future__ import annotations

import asyncio

import pytest

from extension.session import NEVER, Rules, Session

HOUR, HALF = 3600.0, 1800.0


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_it_warns_after_half_an_hour_and_ends_after_an_hour(clock: Clock) -> None:
    session = Session(Rules(), clock)
    with session.page("one"):
        assert session.look().state == "active"
        clock.now += HALF - 1
        assert session.look().state == "active"
        assert session.look().next_s == 1
        clock.now += 1
        assert (session.look().state, session.look().remaining_s) == ("warning", HALF)
        clock.now += HALF - 1
        assert session.look().state == "warning"
        clock.now += 1
        assert session.look().state == "over"


def test_an_interaction_in_any_page_counts_for_all(clock: Clock) -> None:
    session = Session(Rules(), clock)
    with session.page("one"), session.page("two"):
        clock.now += HALF + 60
        assert session.look().state == "warning"
        session.touch()
        assert (session.look().state, session.look().remaining_s) == ("active", HOUR)


def test_pages_that_are_only_open_do_not_count(clock: Clock) -> None:
    session = Session(Rules(), clock)
    for _ in range(6):
        with session.page("one"):  # reconnecting, as after a change of network
            clock.now += 600
    assert session.look().state == "over"


def test_without_a_browser_it_ends_half_an_hour_after_the_last_page(clock: Clock) -> None:
    session = Session(Rules(warning_s=NEVER), clock)
    with session.page("one"):
        with session.page("two"):
            clock.now += 60
        clock.now += 60
        session.touch()
    clock.now += HALF - 1
    assert session.look().state == "active"
    with session.page("one"):
        assert session.look().remaining_s == HALF + 1, "back in time: only the last interaction counts"
    clock.now += HALF
    assert session.look().state == "over"


def test_a_session_nobody_ever_looked_at_ends_too(clock: Clock) -> None:
    session = Session(Rules(), clock)
    clock.now += HALF
    assert session.look().state == "over"


@pytest.mark.parametrize("minutes", ["0", "-1"])
def test_a_rule_can_be_switched_off(minutes: str) -> None:
    rules = Rules.from_environ(
        {"CHALLENGEHUB_SESSION_IDLE_MINUTES": minutes, "CHALLENGEHUB_SESSION_CLOSED_MINUTES": "2.5"}
    )
    assert rules == Rules(idle_s=NEVER, warning_s=NEVER, closed_s=150)


def test_what_is_unsaved_is_saved_before_the_end() -> None:
    order = []

    async def scenario() -> None:
        session = Session(Rules(idle_s=0.2, warning_s=0.1, closed_s=NEVER))

        async def end() -> None:
            order.append("end")

        async def page(name: str) -> None:
            with session.page(name) as told:
                while message := await told.get():
                    order.append(f"{name} {message['state']}")
                    if message["state"] == "over":
                        await asyncio.sleep(0)
                        order.append(f"{name} saved")
                        session.saved(name)
                order.append(f"{name} gone")

        one, two = asyncio.create_task(page("one")), asyncio.create_task(page("two"))
        await asyncio.wait_for(session.run(end), 60)
        await asyncio.gather(one, two)

    asyncio.run(scenario())
    for name in ("one", "two"):
        assert order.index(f"{name} warning") < order.index(f"{name} over")
        assert order.index(f"{name} saved") < order.index("end")


def test_a_page_that_never_answers_does_not_keep_it() -> None:
    async def scenario() -> bool:
        session = Session(Rules(idle_s=0.01, warning_s=0.01, closed_s=NEVER))
        ended = asyncio.Event()

        async def end() -> None:
            ended.set()

        with session.page("one"):
            await asyncio.wait_for(session.run(end, saving_s=0.01), 60)
        return ended.is_set()

    assert asyncio.run(scenario())
