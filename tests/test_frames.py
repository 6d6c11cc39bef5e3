"""What a sandbox sends is bytes of a stranger: caps before decoding, and nothing but events comes out."""

from __future__ import annotations

import struct
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.frames import FRAME_MAX, FrameError, Frames, encode

EVENT = {"event": "cell", "id": "ünïcode", "stdout": "\ud800", "n": [1, 2.5, None, True, b"x"]}


def frame(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


@given(sizes=st.lists(st.integers(1, 40), max_size=30))
def test_frames_arrive_whole_however_the_bytes_are_cut(sizes: list[int]) -> None:
    data = encode(EVENT) * 3
    frames = Frames()
    events: list[dict[str, Any]] = []
    for size in sizes:
        events += frames.feed(data[:size])
        data = data[size:]
    events += frames.feed(data)
    assert [e["id"] for e in events] == ["ünïcode"] * 3
    assert events[0]["n"] == EVENT["n"]


def test_a_lone_surrogate_is_replaced() -> None:
    (event,) = Frames().feed(encode(EVENT))
    event["stdout"].encode()
    assert "\ud800" not in event["stdout"]


def test_a_length_over_the_cap_is_refused_before_its_body_comes() -> None:
    with pytest.raises(FrameError, match="bytes"):
        list(Frames().feed(struct.pack(">I", FRAME_MAX + 1)))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        msgpack.packb([1]),
        msgpack.packb({"id": 1}),
        msgpack.packb({"event": 1}),
        msgpack.packb({1: "event"}),
        msgpack.packb({"event": "end"}) + b"\x00",
        msgpack.packb({"event": "end"})[:-1],
        msgpack.packb({"event": "x", "e": msgpack.ExtType(5, b"abc")}),
        b"\xdf\xff\xff\xff\xff",  # a map that says it has four thousand million items
        b"\xdd\xff\xff\xff\xff",
        b"\x91" * 100_000,
        b"\x82\xa5event\xa1x\x90\x90",  # a list for a key
    ],
)
def test_what_is_no_event_is_an_error(body: bytes) -> None:
    with pytest.raises(FrameError):
        list(Frames().feed(frame(body)))


@given(st.binary(max_size=200))
def test_any_bytes_give_events_or_an_error(data: bytes) -> None:
    try:
        for event in Frames().feed(data):
            assert isinstance(event["event"], str)
    except FrameError:
        pass


@given(st.binary(max_size=200))
def test_any_frame_gives_an_event_or_an_error(body: bytes) -> None:
    try:
        (event,) = Frames().feed(frame(body))
        assert isinstance(event["event"], str)
    except FrameError:
        pass
