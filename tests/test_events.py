from __future__ import annotations

import asyncio

from grader.events import MAX_EVENTS, Event, Events, Watch

QUIET_S = 0.01


async def told(watch: Watch) -> list[Event]:
    """What a watcher is told until the end."""
    return [event async for new in watch.events(QUIET_S) for event in new]


def named(*names: str) -> list[Event]:
    return [Event(name, {}) for name in names]


async def test_every_watcher_is_told_everything_in_order_and_late_ones_from_the_start() -> None:
    events = Events()
    events.begin("one", "ada")
    with events.watch("one") as early:
        first = asyncio.create_task(told(early))
        events.publish("one", "start", {})
        await asyncio.sleep(0)
        events.publish("one", "cell", {})
        with events.watch("one") as late:
            second = asyncio.create_task(told(late))
            await asyncio.sleep(0)
            events.publish("one", "check", {})
            events.end("one", {})
            assert await first == await second == named("start", "cell", "check", "result")


async def test_events_of_one_submission_are_not_told_to_another() -> None:
    events = Events()
    events.begin("one", "ada")
    events.begin("two", "ada")
    with events.watch("two") as watch:
        events.publish("one", "cell", {})
        events.end("one", {})
        events.end("two", {})
        assert await told(watch) == named("result")


async def test_a_watcher_that_came_before_the_grading_misses_nothing() -> None:
    events = Events()
    with events.watch("one") as watch:
        task = asyncio.create_task(told(watch))
        await asyncio.sleep(3 * QUIET_S)
        events.begin("one", "ada")
        events.publish("one", "cell", {})
        events.end("one", {})
        assert await task == named("cell", "result")


async def test_silence_is_told_so_that_a_watcher_can_look_at_the_record() -> None:
    events = Events()
    with events.watch("one") as watch:
        assert await anext(watch.events(QUIET_S)) == []


async def test_a_grading_that_begins_again_is_told_from_its_start_only() -> None:
    events = Events()
    events.begin("one", "ada")
    events.publish("one", "cell", {"try": 1})
    with events.watch("one") as watch:
        stream = watch.events(QUIET_S)
        assert await anext(stream) == [Event("cell", {"try": 1})]
        events.put_off("one")
        events.begin("one", "ada")
        events.publish("one", "cell", {"try": 2})
        events.end("one", {})
        assert [new async for new in stream] == [[Event("cell", {"try": 2}), Event("result", {})]]


async def test_an_end_without_a_result_just_ends() -> None:
    events = Events()
    events.begin("one", "ada")
    with events.watch("one") as watch:
        events.close()
        assert await told(watch) == []


async def test_the_result_comes_through_even_after_too_many_events() -> None:
    events = Events()
    events.begin("one", "ada")
    for _ in range(MAX_EVENTS + 10):
        events.publish("one", "cell", {})
    with events.watch("one") as watch:
        events.end("one", {})
        found = await told(watch)
    assert len(found) == MAX_EVENTS + 1
    assert found[-1].name == "result"


async def test_nothing_is_kept_once_it_is_over() -> None:
    events = Events()
    events.publish("nobody-grades-this", "cell", {})
    for number in range(100):
        events.begin(str(number), "ada")
        events.publish(str(number), "cell", {})
        with events.watch(str(number)):
            pass
        if number % 2:
            events.end(str(number), {})
        else:
            events.put_off(str(number))
    with events.watch("only watched"):
        assert len(events) == 1
    assert len(events) == 0


async def test_what_is_put_off_is_kept_while_it_is_watched() -> None:
    events = Events()
    events.begin("one", "ada")
    with events.watch("one") as watch:
        events.put_off("one")
        assert len(events) == 1
        events.begin("one", "ada")
        events.end("one", {})
        assert await told(watch) == named("result")
    assert len(events) == 0


async def test_what_is_graded_here_is_known_to_be_its_learners_and_nobody_elses() -> None:
    events = Events()
    with events.watch("one") as watch:
        assert not watch.is_graded_for("ada")
        assert not watch.is_graded_for("")
        events.begin("one", "ada")
        assert watch.is_graded_for("ada")
        assert not watch.is_graded_for("eve")
        events.put_off("one")
        assert not watch.is_graded_for("ada")


async def test_a_watch_that_begins_while_the_service_stops_is_over_at_once() -> None:
    """A connection from before still brings requests when nobody is left who would end its watch."""
    events = Events()
    with events.watch("one") as early:
        first = asyncio.create_task(told(early))
        await asyncio.sleep(0)
        events.close()
        with events.watch("two") as late:
            async with asyncio.timeout(60):
                assert await first == await told(late) == []
    assert len(events) == 0
