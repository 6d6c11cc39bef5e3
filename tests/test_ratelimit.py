from __future__ import annotations

import asyncio

import pytest

from grader.errors import QueueFull, RateLimited
from grader.ratelimit import Bodies, OneByOne, RateLimit


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def takes(limit: RateLimit, key: str, times: int) -> int:
    """How many of so many requests get through."""
    passed = 0
    for _ in range(times):
        try:
            limit.take(key)
        except RateLimited:
            continue
        passed += 1
    return passed


def test_a_burst_then_the_rate(clock: Clock) -> None:
    limit = RateLimit(per_minute=60, burst=5, clock=clock)
    assert takes(limit, "ada", 20) == 5
    clock.now += 3
    assert takes(limit, "ada", 20) == 3
    clock.now += 3600
    assert takes(limit, "ada", 20) == 5


def test_one_learners_flood_is_nobody_elses_problem(clock: Clock) -> None:
    limit = RateLimit(per_minute=60, burst=5, clock=clock)
    takes(limit, "flood", 1000)
    assert takes(limit, "ada", 5) == 5


def test_refusals_say_when_to_come_back_and_that_time_is_enough(clock: Clock) -> None:
    limit = RateLimit(per_minute=7, burst=1, clock=clock)
    limit.take("ada")
    with pytest.raises(RateLimited) as refusal:
        limit.take("ada")
    assert refusal.value.retry_after_s is not None
    clock.now += refusal.value.retry_after_s
    limit.take("ada")


def test_refused_requests_do_not_push_the_next_token_away(clock: Clock) -> None:
    limit = RateLimit(per_minute=60, burst=1, clock=clock)
    limit.take("ada")
    for _ in range(10):
        clock.now += 0.09
        assert takes(limit, "ada", 1) == 0
    clock.now += 0.2
    assert takes(limit, "ada", 1) == 1


def test_a_clock_that_stands_still_gives_nothing(clock: Clock) -> None:
    limit = RateLimit(per_minute=1e9, burst=2, clock=clock)
    assert takes(limit, "ada", 100) == 2


def test_full_buckets_are_forgotten(clock: Clock) -> None:
    limit = RateLimit(per_minute=60, burst=5, clock=clock)
    for number in range(1000):
        limit.take(str(number))
    clock.now += 61
    limit.take("ada")
    assert len(limit) == 1


async def test_one_learners_requests_take_turns_beside_those_of_others() -> None:
    line, told = OneByOne(), []
    go_on = asyncio.Event()

    async def request(who: str, number: int) -> None:
        async with line.turn(who):
            told.append((who, number))
            if who == "flood":
                await go_on.wait()

    flood = [asyncio.create_task(request("flood", number)) for number in range(3)]
    await asyncio.sleep(0)
    flood[1].cancel()
    await asyncio.gather(request("ada", 0), request("bob", 0))
    assert told == [("flood", 0), ("ada", 0), ("bob", 0)]
    go_on.set()
    await asyncio.gather(*flood, return_exceptions=True)
    assert told[3:] == [("flood", 2)]
    assert len(line) == 0


def test_bodies_in_hand_are_bounded_for_each_and_for_all() -> None:
    bodies = Bodies(most=25, each=10)
    bodies.take("ada", 10)
    with pytest.raises(RateLimited) as one:
        bodies.take("ada", 1)
    bodies.take("bob", 10)
    with pytest.raises(QueueFull) as all_of_them:
        bodies.take("cyd", 6)
    assert one.value.retry_after_s
    assert all_of_them.value.retry_after_s
    bodies.give_back("ada", 10)
    bodies.take("cyd", 6)
    bodies.give_back("cyd", 6)
    bodies.give_back("bob", 10)
    assert len(bodies) == 0
