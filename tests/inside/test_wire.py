"""Values cross the wire and are the same on the other side; what is too much is refused unbuilt."""

from __future__ import annotations

import copy
import datetime
import decimal
import fractions
import itertools
import math
import operator
import pathlib
import re
import socket
import struct
import tracemalloc
import uuid
import zoneinfo
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any

import msgpack
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.inside import codec, wire
from grader.inside.channel import Channel
from grader.inside.values import ENCODERS, SCALARS, SHARED_TYPES
from grader.inside.wire import Gone, Tag, ValueTooLarge, WireError, unpack

from .sides import Handle, Side, crossed, pair

settings.register_profile("wire", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("wire")

ZONES = [
    None,
    datetime.UTC,
    datetime.timezone(datetime.timedelta(hours=-3, minutes=-30)),
    zoneinfo.ZoneInfo("Europe/Zurich"),
    zoneinfo.ZoneInfo("Etc/GMT+12"),
]

characters = st.characters(exclude_categories=())  # lone surrogates too
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=-(1 << 2000), max_value=1 << 2000),
    st.sampled_from([1 << 63, -(1 << 63), (1 << 63) - 1, (1 << 64) - 1, 1 << 64, -(1 << 63) - 1]),
    st.floats(),
    st.complex_numbers(),
    st.text(characters, max_size=20),
    st.binary(max_size=20),
    st.decimals(),
    st.fractions(),
    st.uuids(),
    st.dates(),
    st.timedeltas(),
    st.datetimes(timezones=st.sampled_from(ZONES)),
    st.times(timezones=st.sampled_from(ZONES[:3])),
    st.builds(range, st.integers(), st.integers(), st.integers(1, 9)),
    st.builds(slice, st.none() | st.integers(), st.none() | st.integers(), st.none() | st.integers()),
    st.sampled_from(
        [Ellipsis, NotImplemented, int, KeyError, datetime.datetime, len, math.sqrt, operator.add, str.upper]
    ),
    st.text("abc/.", min_size=1, max_size=8).map(pathlib.PurePosixPath),
    st.text("abc/.", min_size=1, max_size=8).map(pathlib.Path),
)
hashables = st.recursive(
    scalars.filter(lambda value: type(value) is not slice and not _signals(value)),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)


def _signals(value: Any) -> bool:
    return isinstance(value, decimal.Decimal) and value.is_snan()


def containers(inner: Any) -> Any:
    lists = st.lists(inner, max_size=4)
    dicts = st.dictionaries(hashables, inner, max_size=3)
    return st.one_of(
        lists,
        lists.map(tuple),
        dicts,
        dicts.map(OrderedDict),
        dicts.map(lambda each: defaultdict(list, each)),
        st.lists(hashables, max_size=4).map(Counter),
        st.sets(hashables, max_size=4),
        st.frozensets(hashables, max_size=4),
        st.builds(deque, lists, st.none() | st.integers(4, 9)),
        st.binary(max_size=9).map(bytearray),
        dicts.map(lambda each: each.keys()),
        dicts.map(lambda each: each.items()),
        lists.map(lambda each: dict(enumerate(each)).values()),
    )


values = st.recursive(scalars, containers, max_leaves=12)


def same(a: Any, b: Any) -> bool:
    """Equal in type and content, nan included, all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return struct.pack("d", a) == struct.pack("d", b) or (a != a and b != b)
    if isinstance(a, complex):
        return same(a.real, b.real) and same(a.imag, b.imag)
    if isinstance(a, decimal.Decimal):
        return str(a) == str(b)
    if isinstance(a, datetime.datetime | datetime.time):
        zones = [each.tzinfo for each in (a, b)]
        return (
            a.replace(tzinfo=None) == b.replace(tzinfo=None)
            and a.fold == b.fold
            and (zones[0] == zones[1] or str(zones[0]) == str(zones[1]))
        )
    if isinstance(a, dict):
        if isinstance(a, defaultdict) and a.default_factory is not b.default_factory:
            return False
        return all_same(a, b) and all_same(a.values(), b.values())
    if isinstance(a, set | frozenset):
        rest = list(b)
        for each in a:
            found = next((i for i, other in enumerate(rest) if same(each, other)), None)
            if found is None:
                return False
            del rest[found]
        return not rest
    if isinstance(a, deque) and a.maxlen != b.maxlen:
        return False
    if isinstance(a, list | tuple | deque | type({}.keys()) | type({}.values()) | type({}.items())):
        return all_same(a, b)
    return bool(a == b)


def all_same(a: Any, b: Any) -> bool:
    return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))


@given(values)
def test_values_of_the_table_cross(value: Any) -> None:
    assert same(crossed(value), value)


@given(values)
def test_what_crosses_back_is_the_same_object(value: Any) -> None:
    """A list that is handed over and returned is the one that was handed over."""
    here, there = pair()
    back = there.send(there_value := here.send(value))
    assert same(back, value)
    del there_value
    if type(value) in SHARED_TYPES:
        assert back is value


@given(st.lists(values, max_size=3), values)
def test_updates_arrive(first: list[Any], more: Any) -> None:
    """What changes on one side after it crossed is changed on the other by the next frame."""
    here, there = pair()
    theirs = here.send(first)
    first.append(more)
    first[:1] = []
    here.send()
    assert same(theirs, first)
    theirs.append("theirs")
    there.send()
    assert first[-1] == "theirs"


def changes() -> list[tuple[Any, Callable[[Any], Any]]]:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    return [
        ([3, 1, 2], lambda v: v.sort()),
        ({"a": 1}, lambda v: v.update(b=[2])),
        ({1, 2}, lambda v: v.discard(1)),
        (deque([1, 2, 3], maxlen=3), lambda v: v.append(4)),
        (bytearray(b"abc"), lambda v: v.extend(b"d")),
        (defaultdict(int), lambda v: v["x"]),
        (OrderedDict(a=1, b=2), lambda v: v.move_to_end("a")),
        (Counter("aab"), lambda v: v.update("c")),
        ([[1], {"x": [2]}], lambda v: v[1]["x"].append(v[0])),
        (np.arange(6).reshape(2, 3), lambda v: v.__setitem__((1, 1), 70)),
        (np.array([None, "x", 3], dtype=object), lambda v: v.__setitem__(0, [1])),
        (pd.Series([1.0, 2.0]), lambda v: v.__setitem__(0, 9.0)),
        (frame, lambda v: v.insert(0, "new", [5, 6])),
        (frame.copy(), lambda v: v.pop("b")),
    ]


@pytest.mark.parametrize(("value", "change"), changes(), ids=lambda each: type(each).__name__)
def test_a_change_in_place_is_seen_on_the_other_side(value: Any, change: Callable[[Any], Any]) -> None:
    for change_here in (True, False):
        here, there = pair()
        mine = copy.deepcopy(value)
        theirs = here.send(mine)
        if change_here:
            change(mine)
            here.send()
        else:
            change(theirs)
            there.send()
        assert repr(mine) == repr(theirs) != repr(value)


def test_shared_references_and_cycles_keep_their_shape() -> None:
    inner: list[Any] = [1]
    found: Any = crossed([inner, {"again": inner}, (inner,)])
    assert found[0] is found[1]["again"] is found[2][0]
    loop: list[Any] = []
    loop.append({"loop": (loop,)})
    found = crossed(loop)
    assert found[0]["loop"][0] is found


def test_a_list_that_both_know_stays_one_list() -> None:
    here, there = pair()
    mine: list[Any] = [1]
    theirs = here.send([mine])[0]
    again = here.send({"new": mine})["new"]
    assert again is theirs
    back = there.send((theirs, theirs))
    assert back[0] is back[1] is mine


def test_what_nobody_holds_any_more_is_dropped_on_both_sides() -> None:
    here, there = pair()
    theirs = here.send([[1], [2]])
    assert len(here.shared.by_number) == len(there.shared.by_number) == 3
    del theirs
    here.send()
    there.send()
    assert not here.shared.by_number
    assert not there.shared.by_number
    assert not here.shared.number_of
    assert not there.shared.number_of


def test_at_most_so_many_containers_are_kept_in_step() -> None:
    here, there = pair()
    mine = [[number] for number in range(3 * wire.SHARED_MAX)]
    theirs = here.send(mine)
    assert theirs == mine
    assert len(here.shared.by_number) <= wire.SHARED_MAX
    assert len(there.shared.by_number) <= wire.SHARED_MAX
    theirs = here.send(mine)
    assert theirs == mine


def test_idle_containers_cost_a_bounded_number_of_bytes() -> None:
    here, _ = pair()
    large = ["x" * 1000 for _ in range(1000)]
    theirs = here.send(large)
    large.append("new")
    assert len(here.frame()) < 1000
    theirs = here.send(large)
    assert theirs[-1] == "new", "once it crosses it is brought up to date"


class Own:
    """Nothing that the wire knows."""


@pytest.mark.parametrize(
    "value",
    [
        Own(), Own, lambda: 1, (each for each in ()), iter([]), Exception("x"), object(),
        type("Sub", (list,), {})(),
        type("Text", (str,), {})("x"), print, open, eval, memoryview(b""), math, np.zeros(2, dtype="i4,f4"),
        zoneinfo.ZoneInfo("UTC"), pd.Interval(0, 1),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)  # fmt: skip
def test_everything_else_goes_by_handle(value: Any) -> None:
    found = crossed([value])[0]
    assert type(found) is Handle
    assert found.of is value


# -- numpy and pandas ---------------------------------------------------------------------------------

ARRAYS = [
    np.arange(12).reshape(3, 4),
    np.arange(12).reshape(3, 4)[:, ::2].T,
    np.asfortranarray(np.ones((2, 3))),
    np.array(3.5),
    np.zeros((0, 3)),
    np.zeros(0, dtype="U0"),
    np.array([True, False]),
    np.array([1 + 2j], dtype=np.complex64),
    np.array(["äö", "x\ud800"]),
    np.array([b"ab", b"c"]),
    np.array(["2024-02-29", "NaT"], dtype="M8[D]"),
    np.array([1, 2], dtype="m8[us]"),
    np.array([1, 2], dtype=">i2"),
    np.array([np.nan, np.inf, -0.0], dtype=np.float16),
    np.array([[1, "x"], [None, 2.5]], dtype=object),
    np.array([], dtype=object),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}-{array.shape}")
def test_arrays_cross(array: Any) -> None:
    found = crossed(array)
    assert type(found) is np.ndarray
    assert found.dtype == array.dtype
    assert found.flags.writeable
    np.testing.assert_array_equal(found, array, strict=True)


DTYPES = ["i1", "u2", "i4", "u8", "f2", "f4", "f8", "c8", "c16", "S3", "U2", "M8[s]", "m8[ns]", "?"]


@given(st.data())
def test_arrays_of_any_bytes_cross(data: Any) -> None:
    dtype = np.dtype(data.draw(st.sampled_from(DTYPES)))
    shape = data.draw(st.lists(st.integers(0, 3), max_size=3))
    size = math.prod(shape)
    if dtype.kind == "U":
        array = np.array(data.draw(st.lists(st.text(max_size=2), min_size=size, max_size=size)), dtype=dtype)
    elif dtype.kind == "b":
        array = np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size)), dtype=dtype)
    else:
        nbytes = size * dtype.itemsize
        array = np.frombuffer(data.draw(st.binary(min_size=nbytes, max_size=nbytes)), dtype=dtype)
    found = crossed(array.reshape(shape))
    assert (found.dtype, found.shape, found.tobytes()) == (dtype, tuple(shape), array.tobytes())


@pytest.mark.parametrize(
    "value",
    [np.int8(-1), np.uint64(2**64 - 1), np.float32(0.1), np.float64("nan"), np.bool_(True), np.str_("ä"),
     np.str_(""), np.bytes_(b"x"), np.complex128(1j), np.datetime64("2024-01-01"), np.timedelta64(3, "h")],
    ids=repr,
)  # fmt: skip
def test_numpy_scalars_cross(value: Any) -> None:
    found = crossed(value)
    assert type(found) is type(value)
    assert found.dtype == value.dtype
    assert found == value or value != value


@pytest.mark.parametrize("dtype", ["f8", "<i4", "U3", "M8[ns]", "O"])
def test_dtypes_and_types_cross(dtype: str) -> None:
    assert crossed(np.dtype(dtype)) == np.dtype(dtype)
    assert crossed(np.int64) is np.int64
    assert crossed(pd.DataFrame) is pd.DataFrame


def test_an_arrays_identity_survives() -> None:
    array = np.arange(3)
    found = crossed([array, array])
    assert found[0] is found[1]


INDEXES = [
    pd.RangeIndex(2, 8, 2, name="r"),
    pd.Index(["a", None, 3]),
    pd.Index([1.5, float("nan")], name=("x", 1)),
    pd.Index([], dtype="int64"),
    pd.date_range("2024-01-01", periods=3, freq="D"),
    pd.date_range("2024-01-01", periods=3, freq="2h", tz="Europe/Zurich"),
    pd.DatetimeIndex(["2024-01-01", None]),
    pd.timedelta_range("1h", periods=2),
    pd.CategoricalIndex(["b", "a", "b"], categories=["b", "a"], ordered=True),
    pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["x", None]),
    pd.MultiIndex.from_tuples([("a", pd.Timestamp("2024-01-01")), ("b", pd.NaT)]),
]
COLUMNS = [
    pd.Series([1, None, 3], dtype="Int64"),
    pd.Series([1.5, None], dtype="Float64"),
    pd.Series([True, None, False], dtype="boolean"),
    pd.Series(["a", None], dtype="string"),
    pd.Series(["a", None, "ä"]),
    pd.Series(["a", "b", "a"], dtype="category"),
    pd.Series(pd.Categorical([2, 1, None], categories=[2, 1], ordered=True)),
    pd.Series(pd.to_datetime(["2024-01-01", None])),
    pd.Series(pd.to_datetime(["2024-06-01 12:00"]).tz_localize("America/New_York")),
    pd.Series(pd.to_timedelta(["1h", None])),
    pd.Series([[1], {"a": 2}, None], dtype=object),
    pd.Series([], dtype="float32"),
    pd.Series([1, 2], name=("x", 3), index=["p", "q"]),
    pd.Series([1j, 2]),
]


@pytest.mark.parametrize("index", INDEXES, ids=lambda each: type(each).__name__)
def test_indexes_cross(index: Any) -> None:
    found = crossed(index)
    pd.testing.assert_index_equal(found, index, exact=True)
    assert getattr(found, "freqstr", None) == getattr(index, "freqstr", None)
    pd.testing.assert_series_equal(
        crossed(pd.Series(range(len(index)), index=index)), pd.Series(range(len(index)), index=index)
    )


@pytest.mark.parametrize("column", COLUMNS, ids=lambda each: str(each.dtype))
def test_columns_cross(column: Any) -> None:
    pd.testing.assert_series_equal(crossed(column), column)
    frame = pd.DataFrame({"column": column, ("b", 1): list(range(len(column)))})
    pd.testing.assert_frame_equal(crossed(frame), frame)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame(columns=["a", "b"]),
        pd.DataFrame(index=[1, 2, 3]),
        pd.DataFrame([[1, 2], [3, 4]], columns=["same", "same"]),
        pd.DataFrame({"a": [1]}, index=pd.MultiIndex.from_tuples([(1, 2)])),
        pd.DataFrame([[1, "x"]], columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])),
        pd.DataFrame({"n": [1, 2]}).groupby("n").size().reset_index(name="count"),
    ],
    ids=lambda frame: f"{frame.shape}",
)
def test_frames_cross(frame: Any) -> None:
    pd.testing.assert_frame_equal(crossed(frame), frame)


@given(
    st.dictionaries(
        st.text("abc", max_size=3),
        st.lists(st.integers(-5, 5) | st.none() | st.floats() | st.text(max_size=3), min_size=3, max_size=3),
    )
)
@settings(max_examples=40)
def test_frames_of_anything_cross(data: dict[str, Any]) -> None:
    frame = pd.DataFrame(data)
    pd.testing.assert_frame_equal(crossed(frame), frame)


@pytest.mark.parametrize(
    "value",
    [
        pd.NaT, pd.NA, pd.Timestamp("2024-02-29 10:00:00.123456789"), pd.Timestamp("1500-01-01"),
        pd.Timestamp("2024-06-01", tz="Asia/Kolkata"), pd.Timestamp("2024-01-01").as_unit("s"),
        pd.Timedelta("1D 3ns"), pd.Timedelta(days=-2),
    ],
    ids=repr,
)  # fmt: skip
def test_pandas_scalars_cross(value: Any) -> None:
    found = crossed(value)
    assert type(found) is type(value)
    assert repr(found) == repr(value)
    assert value is pd.NA or value is pd.NaT or (found == value and found.unit == value.unit)


# -- caps: own values are refused in words, the other side's without being built ------------------------


def nested(depth: int, kind: Any = list) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = kind([value])
    return value


@pytest.mark.parametrize("kind", [list, tuple, frozenset])
def test_depth(kind: Any) -> None:
    assert crossed(nested(wire.DEPTH_MAX - 2, kind)) == nested(wire.DEPTH_MAX - 2, kind)
    with pytest.raises(ValueTooLarge, match="nested"):
        crossed(nested(wire.DEPTH_MAX + 2, kind))


def test_integers_have_a_size() -> None:
    assert crossed(1 << 1_000_000) == 1 << 1_000_000
    with pytest.raises(ValueTooLarge, match="digits"):
        crossed(1 << (8 * wire.INT_MAX_BYTES + 8))


def test_after_a_refusal_the_two_sides_still_agree() -> None:
    here, _ = pair()
    kept: list[Any] = [1]
    theirs = here.send(kept)
    with pytest.raises(ValueTooLarge):
        here.send([kept, [2], nested(wire.DEPTH_MAX + 9)])
    kept.append(2)
    assert here.send([kept, [3]]) == [[1, 2], [3]]
    assert theirs == [1, 2]


def _peak(work: Callable[[], Any]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


HEADERS = {
    "array of four billion": b"\xdd\xff\xff\xff\xff",
    "array past the cap": b"\xdd" + struct.pack(">I", wire.LENGTH_MAX + 9) + b"\xc0" * 50,
    "text of four gigabytes": b"\x91\xdb\xff\xff\xff\xff",
    "bytes of four gigabytes": b"\x91\xc6\xff\xff\xff\xff",
    "map": b"\x91\x81\x01\x02",
    "extension": b"\x91\xd4\x01\x00",
    "timestamp": b"\x91\xd6\xff\x00\x00\x00\x00",
    "nested thousandfold": b"\x91" * 5000 + b"\xc0",
    "nothing": b"",
    "two values": b"\x90\x90",
    "cut short": b"\x92\x01",
    "no array": b"\x05",
    "text that is no text": b"\x91\xa2\xff\xfe",
}


@pytest.mark.parametrize("frame", HEADERS.values(), ids=HEADERS)
def test_malformed_frames_are_refused_before_anything_big_is_built(frame: bytes) -> None:
    def refused() -> None:
        with pytest.raises(WireError):
            unpack(frame)

    assert _peak(refused) < 1 << 20


def test_a_frame_that_announces_too_much_is_refused_unread() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(struct.pack(">I", wire.FRAME_MAX + 1))
        with pytest.raises(WireError):
            Channel(ours).receive()


def test_a_frame_of_our_own_that_is_too_large_is_refused_in_words() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(ValueTooLarge, match="16 MB"):
        Channel(ours).send([b"x" * (wire.FRAME_MAX + 1)])


def test_the_end_of_the_other_side_is_told() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        theirs.sendall(b"\0\0\0\5ab")
        theirs.close()
        with pytest.raises(Gone):
            Channel(ours).receive()


BIG = 10**12
REFUSED = {
    "unknown tag": [99],
    "no tag": ["x", 1],
    "tag that is a bool": [True, 3],
    "empty": [],
    "range of texts": [Tag.RANGE, "a", "b", "c"],
    "array with other bytes": [Tag.ARRAY, 0, ["nd", "<f8", [3], b"12345678"]],
    "array of everything": [Tag.ARRAY, 0, ["nd", "|i1", [BIG], b""]],
    "array of many empty": [Tag.ARRAY, 0, ["no", [BIG], []]],
    "negative shape": [Tag.ARRAY, 0, ["nd", "<f8", [-1], b""]],
    "object dtype from bytes": [Tag.ARRAY, 0, ["nd", "|O8", [1], b"12345678"]],
    "record dtype": [Tag.ARRAY, 0, ["nd", "i4,i4", [1], b"12345678"]],
    "unknown pandas": [Tag.ARRAY, 0, ["pickle", b""]],
    "integer of bytes past the cap": [Tag.BIGINT, b"x" * (wire.INT_MAX_BYTES + 1)],
    "decimal of many digits": [Tag.DECIMAL, "1" * 10_001],
    "fraction over nought": [Tag.FRACTION, 1, 0],
    "unknown zone": [Tag.DATETIME, "dt", 2024, 1, 1, 0, 0, 0, 0, 0, "No/Where"],
    "zone outside": [Tag.DATETIME, "dt", 2024, 1, 1, 0, 0, 0, 0, 0, "../../etc/passwd"],
    "month 13": [Tag.DATETIME, "d", 2024, 13, 1],
    "list as key": [Tag.DICT, 1, [Tag.LIST, 3], 1],
    "odd dict": [Tag.DICT, 1, "key"],
    "number twice": [Tag.LIST, 1, [Tag.LIST, 1]],
    "unknown reference": [Tag.REF, 7],
    "unknown type": [Tag.TYPE, "subprocess", "Popen"],
    "type that runs code": [Tag.TYPE, "types", "FunctionType"],
    "code": [Tag.TYPE, "builtins", "code"],
    "unknown function": [Tag.FUNCTION, "os", "system"],
    "eval": [Tag.FUNCTION, "builtins", "eval"],
    "module": [Tag.MODULE, "os"],
    "factory that is none": [Tag.DEFAULTDICT, 1, 5],
    "too deep": nested(wire.DEPTH_MAX + 9, lambda each: [Tag.TUPLE, *each]),
}


@pytest.mark.parametrize("item", REFUSED.values(), ids=REFUSED)
def test_what_is_not_in_the_grammar_is_refused(item: Any) -> None:
    here = Side(2)
    frame = msgpack.packb([item, [[], [], []]])
    with pytest.raises(WireError):
        here.receive(frame)


def test_a_frame_of_many_small_values_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "NODES_MAX", 1000)
    item = [Tag.TUPLE, *([[Tag.TUPLE]] * 1001)]
    with pytest.raises(WireError):
        Side(2).receive(msgpack.packb([item, [[], [], []]]))
    with pytest.raises(ValueTooLarge, match="parts"):
        crossed([()] * 1001)


STATES = {
    "no list": 5,
    "no pair": [[]],
    "update of a text": [[["x", []]], [], []],
    "update without content": [[[1]], [], []],
    "drop of a text": [[], ["x"], []],
    "extra that is none": [[], [], 5],
}


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_a_malformed_state_is_refused(state: Any) -> None:
    with pytest.raises(WireError):
        Side(2).receive(msgpack.packb([1, state]))


@pytest.mark.parametrize(
    ("value", "content"),
    [
        ({}, ["odd"]), ({}, [[Tag.LIST, 1], 1]), (set(), [[Tag.LIST, 1]]), (bytearray(b"x"), ["text"]),
        (np.zeros(2), [["nd", "<f8", [2], b""]]), (np.zeros(2), [["ns", "<f8", b"12345678"]]),
        (np.zeros(2), []), (pd.Series([1]), [["df", 1, 2, 3]]), (pd.DataFrame(), [None]),
    ],
    ids=repr,
)  # fmt: skip
def test_an_update_that_does_not_fit_is_refused(value: Any, content: Any) -> None:
    here, there = pair()
    theirs = here.send(value)
    number = next(iter(here.shared.by_number))
    with pytest.raises(WireError):
        there.receive(msgpack.packb([None, [[[number, content]], [], []]]))
    del theirs


def test_numbers_of_the_two_sides_never_meet() -> None:
    here, there = pair()
    for _ in itertools.repeat(None, 3):
        here.send([[], {}])
        there.send([[], {}])
    assert all(number % 2 == 0 for number in itertools.chain(range(2, here.shared.next, 2)))
    assert here.shared.next % 2 == 0
    assert there.shared.next % 2 == 1


def test_uuid_and_fraction_of_wrong_kinds_are_refused() -> None:
    for item in ([Tag.UUID, "x"], [Tag.UUID, b"short"], [Tag.FRACTION, 1.5, 2], [Tag.PATH, True, 5]):
        with pytest.raises(WireError):
            Side(2).receive(msgpack.packb([item, [[], [], []]]))
    assert crossed(uuid.UUID(int=5)) == uuid.UUID(int=5)
    assert crossed(fractions.Fraction(1 << 200, 3)) == fractions.Fraction(1 << 200, 3)


# -- the table of docs/judge.md ----------------------------------------------------------------------------

JUDGE_MD = (pathlib.Path(__file__).parents[2] / "docs" / "judge.md").read_text(encoding="utf-8")
SAMPLES: dict[str, Any] = {
    "None": None, "bool": True, "int": 1 << 80, "float": 1.5, "complex": 1j, "str": "x", "bytes": b"x",
    "tuple": (1,), "frozenset": frozenset({1}), "range": range(3), "slice": slice(1), "Ellipsis": ...,
    "NotImplemented": NotImplemented, "date": datetime.date(2024, 1, 1),
    "datetime": datetime.datetime(2024, 1, 1),
    "time": datetime.time(1), "timedelta": datetime.timedelta(1), "timezone": datetime.UTC,
    "Decimal": decimal.Decimal(1), "Fraction": fractions.Fraction(1, 3), "UUID": uuid.UUID(int=1),
    "Path": pathlib.Path("x"), "PurePosixPath": pathlib.PurePosixPath("x"), "dict_keys": {1: 2}.keys(),
    "dict_values": {1: 2}.values(), "dict_items": {1: 2}.items(), "list": [1], "dict": {1: 2}, "set": {1},
    "bytearray": bytearray(b"x"), "deque": deque([1]), "defaultdict": defaultdict(int),
    "OrderedDict": OrderedDict(a=1),
    "Counter": Counter("a"), "ndarray": np.zeros(2), "Series": pd.Series([1]),
    "DataFrame": pd.DataFrame({"a": [1]}),
    "float64": np.float64(1), "dtype": np.dtype("f8"), "Index": pd.Index(["a"]),
    "RangeIndex": pd.RangeIndex(2),
    "MultiIndex": pd.MultiIndex.from_tuples([(1, 2)]), "DatetimeIndex": pd.DatetimeIndex(["2024-01-01"]),
    "Timestamp": pd.Timestamp("2024-01-01"), "Timedelta": pd.Timedelta("1D"),
    "Categorical": pd.Categorical(["a"]),
    "NA": pd.NA, "NaT": pd.NaT,
}  # fmt: skip


def rows() -> list[tuple[str, str]]:
    table = JUDGE_MD.split("| what | how |")[1].split("\n\n")[0]
    return [(line.split("|")[1], line.split("|")[2].strip()) for line in table.splitlines() if "|" in line][
        1:
    ]


def documented(shared: bool | None = None) -> set[str]:
    return {
        name
        for names, how in rows()
        if how.startswith("by value") and (shared is None or ("shared" in how) is shared)
        for name in re.findall(r"`(\w+)`", names)
    }


def test_all_that_the_table_names_goes_by_value() -> None:
    assert documented() == set(SAMPLES)
    for name, value in SAMPLES.items():
        found = crossed(value)
        assert type(found) is type(value), name


def test_all_that_goes_by_value_is_in_the_table() -> None:
    known = {type(value) for value in SAMPLES.values()}
    assert set(ENCODERS) <= known
    assert known >= SCALARS


def test_what_the_table_calls_shared_is() -> None:
    arrays = {"ndarray", "Series", "DataFrame"}
    assert documented(shared=True) == {each.__name__ for each in SHARED_TYPES} | arrays
    for name in documented():
        here, _ = pair()
        value = copy.copy(SAMPLES[name]) if name in documented(shared=True) else SAMPLES[name]
        here._message([], lambda here=here, value=value: [here.encode(value)])  # type: ignore[misc]
        kept = any(each is value for each in here.shared.by_number.values())
        assert kept is (name in documented(shared=True)), name


def test_the_caps_are_those_of_the_documentation() -> None:
    assert f"{wire.FRAME_MAX >> 20} MB" in JUDGE_MD
    assert f"{wire.DEPTH_MAX} levels" in JUDGE_MD
    assert f"over {wire.SHARED_BYTES_MAX >> 10} KB" in JUDGE_MD
    assert (wire.NODES_MAX, wire.LENGTH_MAX // 2, wire.INT_MAX_BYTES * 8) == (10**6, 2 * 10**6, 1 << 20)
