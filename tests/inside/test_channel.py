"""Frames by mailbox and by socket: nothing is lost, nothing overtakes, and what is in there is data."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.inside.channel import LANE_BYTES, Channel, Mailbox
from grader.inside.wire import Gone, WireError


@contextmanager
def ends() -> Iterator[tuple[Channel, Channel]]:
    ours, theirs = socket.socketpair()
    lanes = Mailbox().lanes()
    with ours, theirs:
        for each in (ours, theirs):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        yield Channel(ours, None, lanes), Channel(theirs, None, lanes[::-1])


SIZES = st.one_of(st.integers(0, 50), st.integers(LANE_BYTES - 20, LANE_BYTES + 20), st.just(200_000))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), SIZES), max_size=20))
def test_every_frame_arrives_once_and_in_its_order(steps: list[tuple[bool, bool, int]]) -> None:
    """Also when one side sends several before the other reads, as after an interruption."""
    with ends() as pair:
        waiting: list[list[list[object]]] = [[], []]
        for number, (right, reads, size) in enumerate(steps):
            waiting[right].append([number, b"x" * size])
            pair[right].send(waiting[right][-1])
            if reads:
                assert pair[not right].receive() == waiting[right].pop(0)
        for side in (0, 1):
            for expected in waiting[side]:
                assert pair[not side].receive() == expected


def test_a_side_that_sleeps_is_woken() -> None:
    with ends() as (here, there):

        def echo() -> None:
            while (message := there.receive())[0] != "end":
                there.send(message)

        thread = threading.Thread(target=echo, daemon=True)
        thread.start()
        pause = threading.Event()
        for number in range(200):
            if number % 20 == 0:
                pause.wait(0.02)  # long enough for both to sleep
            here.send([number])
            assert here.receive(lambda: None) == [number]
        here.send(["end"])
        thread.join(30)
        assert not thread.is_alive()


def test_the_mailbox_is_read_after_its_writer_has_gone() -> None:
    with ends() as (here, there):
        there.send([1])
        there.sock.close()
        assert here.receive() == [1]
        with pytest.raises(Gone):
            here.receive()


def test_whatever_is_written_there_is_data_and_the_clock_is_looked_at() -> None:
    """A side that scribbles over the memory and rings without end neither breaks nor holds the other."""
    seed = random.Random(7)
    for _ in range(200):
        with ends() as (here, there):
            lane = here._from
            assert lane is not None
            assert here._to is not None
            for at in range(4):
                lane.words[at] = seed.choice([0, 1, 2, LANE_BYTES, 2**32 - 1])
                here._to.words[at] = seed.choice([0, 1, 2, LANE_BYTES, 2**32 - 1])
            lane.bytes[:8] = seed.choice(
                [msgpack.packb([1, 2, 3, 4, 5, 6, 7]), b"\xff" * 8, b"\xdd" + b"\xff" * 7]
            )
            there.sock.sendall(bytes(4) * seed.choice([0, 1, 1000]))
            there.sock.sendall(b"\x00\x00\x00\x02\x91\x01")
            looked = 0

            def clock() -> None:
                nonlocal looked
                looked += 1
                if looked > 3:
                    raise TimeoutError

            try:
                for _ in range(1000):
                    assert type(here.receive(clock)) is list
            except (WireError, TimeoutError):
                pass
            else:
                raise AssertionError("a thousand frames came of nothing")
            here.send([1])
