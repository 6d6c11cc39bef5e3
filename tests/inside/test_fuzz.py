"""Nothing that the learner's process can send makes the judge do more than take it as data or end the run."""

from __future__ import annotations

import importlib.readers
import random
import socket
import sys
import time
import zoneinfo
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgpack
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.inside import proxies
from grader.inside.channel import Channel
from grader.inside.judge import Broken, Judge
from grader.inside.learner import Learner
from grader.inside.peer import OVERTIME, RAISE, REQUEST, RETURN, Overtime
from grader.inside.wire import Tag, WireError, unpack

from .sides import Side, framed, judge

pytestmark = [
    # A coroutine that arrives and is not awaited is nothing to complain of here.
    pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
ROUNDS = 20_000
FIRST = 4  # number of a judge's first request
STATE: list[Any] = [[], [], []]

# -- tripwires: what decoding has no business doing -----------------------------------------------------

ALLOWED_IMPORTS = (
    "numpy",
    "pandas",
    "zoneinfo",
    "tzdata",
    "importlib",
    "dateutil",
    "_strptime",
    "grader.inside",
)
_tripped: list[str] = []
_armed = False


def _watch(event: str, details: tuple[Any, ...]) -> None:
    if not _armed:
        return
    forbidden = event in (
        "exec",
        "compile",
        "os.system",
        "os.exec",
        "os.fork",
        "os.posix_spawn",
    ) or event.startswith(
        ("subprocess.", "socket.connect", "socket.bind", "ctypes.", "marshal.", "pickle.", "shutil.")
    )
    if event == "open" and isinstance(details[0], str) and "zoneinfo" not in details[0]:
        forbidden = not details[0].endswith((".py", ".pyc", ".so"))
    if event == "import" and not str(details[0]).startswith(ALLOWED_IMPORTS):
        forbidden = str(details[0]) not in sys.stdlib_module_names
    if forbidden:
        _tripped.append(f"{event} {details!r:.200}")


sys.addaudithook(_watch)


@contextmanager
def tripwires() -> Iterator[None]:
    """Fails when code is compiled, run or looked for, a file opened or a program started meanwhile."""
    global _armed
    # Libraries load parts of themselves at their first use, importlib.readers among them.
    assert importlib.readers
    for name in ("Europe/Zurich", "No/Where"):
        with suppress(KeyError):
            zoneinfo.ZoneInfo(name)
    _tripped.clear()
    _armed = True
    try:
        yield
    finally:
        _armed = False
    assert not _tripped, _tripped[:5]


# -- frames to begin with -------------------------------------------------------------------------------

OBJECT = [Tag.LEARNER, 7, 1, ["C", "C", "__main__", None, [], ["__len__", "__eq__", "__hash__"],
          [["m", "function"]], [], 1, []]]  # fmt: skip
ERROR = [Tag.LEARNER, 9, 6, [Tag.TYPE, "builtins", "ValueError"], [Tag.TUPLE, "x"], "x", [["f", 1, "x",
"c"]],
         None, None, [["code", 5]]]  # fmt: skip
NAMED = [
    Tag.LEARNER,
    11,
    1,
    ["E", "E", "__main__", None, [[Tag.TYPE, "builtins", "KeyError"]], [], [], [], 0, []],
]
SPECIMENS: list[Any] = [
    None, 1, 1.5, "text", b"bytes", [Tag.BIGINT, b"\x01" * 20], [Tag.LIST, 1, 1, [Tag.TUPLE, 2, "x"]],
    [Tag.DICT, 1, "k", [Tag.LIST, 3, [Tag.REF, 1]]], [Tag.SET, 1, 1, 2], [Tag.DEQUE, 1, 5, 1, 2],
    [Tag.DEFAULTDICT, 1, [Tag.TYPE, "builtins", "list"], "k", 1], [Tag.COUNTER, 1, "a", 2],
    [Tag.ORDEREDDICT, 1, "a", 2], [Tag.FROZENSET, 1, [Tag.TUPLE, 1]], [Tag.BYTEARRAY, 1, b"x"],
    [Tag.RANGE, 0, 5, 1], [Tag.SLICE, None, 5, None], [Tag.COMPLEX, 1.0, 2.0], [Tag.SINGLETON, 0],
    [Tag.DATETIME, "dt", 2024, 1, 2, 3, 4, 5, 6, 0, "Europe/Zurich"], [Tag.DATETIME, "td", 1, 2, 3],
    [Tag.DATETIME, "t", 1, 2, 3, 4, 0, 3600.0], [Tag.DECIMAL, "1.5"], [Tag.FRACTION, 1, 2], [Tag.UUID,
    b"x" * 16],
    [Tag.TYPE, "numpy", "int64"], [Tag.FUNCTION, "math", "sqrt"], [Tag.PATH, True, "/a"],
    [Tag.VIEW, 2, [Tag.TUPLE, 1, 2]], [Tag.VIEW, 0, 1], [Tag.LEARNER, 3, 2, "f", "function"],
    [Tag.LEARNER, 4, 3, "gen"], [Tag.LEARNER, 5, 4, "coro"], [Tag.LEARNER, 6, 5, "agen"], [Tag.LEARNER,
    8, 7, "mod"],
    OBJECT, [Tag.LEARNER, 10, 0, OBJECT, None],
    [Tag.LEARNER, 12, 0, [Tag.LEARNER, 13, 1, ["L", "L", "m", "d", [[Tag.TYPE, "builtins", "list"]],
    ["__len__"], [],
     [], 2, []]], [1, "list", [1, 2]]],
    [Tag.LEARNER, 14, 0, [Tag.LEARNER, 15, 1, ["S", "S", "m", "d", [[Tag.TYPE, "builtins", "str"]], [],
    [], ["m"], 0,
     ["__iter__"]]], [0, "str", "x"]],
    [Tag.LEARNER, 16, 0, [Tag.LEARNER, 17, 1, ["Co", "Co", "m", "d", [[Tag.TYPE, "enum", "IntEnum"]],
    [], [], [], 0,
     ["__iter__"]]], [0, "int", 5]],
]  # fmt: skip


def _encoded(value: Any) -> Any:
    side = Side(1)
    side.other = side
    return unpack(side.frame(value))[0]


SPECIMENS += [
    _encoded(value)
    for value in (
        np.arange(6).reshape(2, 3),
        np.array([1, "x"], dtype=object),
        np.float32(1.5),
        pd.Timestamp("2024-01-01", tz="UTC"),
        pd.Timedelta("1D"),
        pd.NA,
        pd.DataFrame({"a": [1, 2], "b": ["x", None]}),
        pd.Series([1, None], dtype="Int64", index=pd.MultiIndex.from_tuples([(1, 2), (3, 4)])),
        pd.Series(pd.Categorical(["a", "b"])),
        pd.date_range("2024-01-01", periods=3, freq="D", tz="Europe/Zurich"),
        pd.RangeIndex(3),
    )
]


def replies(item: Any) -> list[Any]:
    return [
        [RETURN, FIRST, item, STATE],
        [RAISE, FIRST, ERROR, STATE],
        [RAISE, FIRST, [Tag.LEARNER, 18, 6, NAMED, *ERROR[4:]], STATE],
        [RETURN, FIRST, [Tag.LIST, 1, item], [[[1, [item]]], [3], ["f"]]],
        [OVERTIME, FIRST, STATE],
    ]


def outcome(data: bytes, look: Callable[[Any], Any] | None = None) -> tuple[str, Any]:
    """("value", what), ("raised", the learner's exception), ("overtime", None) or ("broken", why).

    Anything else that came out would fail the test: this function lets it through.
    """
    with judge() as (side, theirs):
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        side.in_check = True
        try:
            value = side.request("get", "f")
            if look is not None:
                look(value)
            return "value", value
        except Broken:
            assert side.broken is not None, "and is remembered"
            return "broken", side.broken
        except Overtime:
            return "overtime", None
        except BaseException as error:
            if not hasattr(error, "_ch_where") and not isinstance(error, RuntimeError):
                raise
            return "raised", error


@pytest.mark.parametrize("number", range(len(SPECIMENS)))
def test_the_specimens_are_in_the_grammar(number: int) -> None:
    """Otherwise the mutations below would try nothing."""
    value, raised, own, _, late = replies(SPECIMENS[number])
    assert outcome(framed(value))[0] == "value", outcome(framed(value))
    assert outcome(framed(raised))[0] == "raised"
    kind, error = outcome(framed(own))
    assert (kind, type(error).__name__) == ("raised", "E")
    assert isinstance(error, KeyError)
    assert outcome(framed(late))[0] == "overtime"


# -- mutations ------------------------------------------------------------------------------------------

ODD: list[Any] = [
    None, True, 0, -1, 1, 2, 3, 7, 1 << 62, -(1 << 62), (1 << 64) - 1, 0.5, float("nan"), float("inf"),
    "", "x", "\ud800",
    "__class__", "builtins", "eval", "os", "system", "nd", "df", "<f8", "|O8", "U999999", b"",
    b"\0" * 8, [], [1], [[]],
    [Tag.REF, 1], [Tag.LIST, 1], [Tag.TUPLE], [Tag.JUDGE, 1], OBJECT,
]  # fmt: skip


def mutated(item: Any, chance: random.Random) -> Any:
    """``item`` with about one thing in it replaced, removed, doubled or swapped."""
    if type(item) is not list or not item or chance.random() < 0.15:
        return chance.choice(ODD) if chance.random() < 0.9 else chance.choice(SPECIMENS)
    item = list(item)
    at = chance.randrange(len(item))
    match chance.randrange(8):
        case 0:
            del item[at]
        case 1:
            item.insert(at, chance.choice(ODD))
        case 2:
            item.insert(at, item[at])
        case 3 if len(item) > 1:
            other = chance.randrange(len(item))
            item[at], item[other] = item[other], item[at]
        case _:
            item[at] = mutated(item[at], chance)
    return item


def spoilt(frame: bytes, chance: random.Random) -> bytes:
    """``frame`` with some of its bytes changed."""
    data = bytearray(frame)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data))
        match chance.randrange(4):
            case 0:
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                data[at] = chance.choice(
                    b"\x00\x7f\x80\x90\x91\xc0\xc1\xc4\xc6\xc7\xcf\xd9\xdb\xdc\xdd\xdf\xff"
                )
            case 2:
                del data[at]
            case _:
                data.insert(at, chance.randrange(256))
        if not data:
            break
    return bytes(data)


def look(value: Any) -> None:
    """What a check may do with a value before it compares it."""
    if isinstance(value, list | tuple | dict | set) and not proxies.is_learners(value):
        len(value)
    type(value), isinstance(value, int)
    str(type(value))


def test_a_judge_takes_mutated_replies_as_data_or_ends_the_run() -> None:
    chance = random.Random(20_261)
    found: Counter[str] = Counter()
    slowest = 0.0
    with tripwires():
        for number in range(ROUNDS):
            reply = list(chance.choice(replies(SPECIMENS[number % len(SPECIMENS)])))
            if number % 8 == 0:
                reply = mutated(reply, chance)
            else:  # deep inside, where the rest of the message still gets it looked at
                at = 2 if len(reply) == 3 or chance.random() < 0.8 else 3
                for _ in range(chance.randint(1, 2)):
                    reply[at] = mutated(reply[at], chance)
            data = framed(reply)
            if number % 8 == 1:
                data = spoilt(data, chance)
            start = time.monotonic()
            found[outcome(data, look)[0]] += 1
            slowest = max(slowest, time.monotonic() - start)
    assert found["broken"] > ROUNDS / 4
    assert found["value"] + found["raised"] > ROUNDS / 10, f"{found}: too little gets past the first look"
    assert slowest < 10, "nothing hangs"


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_garbage_ends_the_run(data: bytes) -> None:
    with tripwires():
        kind, _ = outcome(data)
        assert kind == "broken"
        kind, _ = outcome(len(data).to_bytes(4, "big") + data)
        assert kind in ("broken", "overtime", "value", "raised")


plain = st.recursive(
    st.sampled_from(ODD)
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.text(max_size=5)
    | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=5),
    max_leaves=12,
)
items = st.recursive(
    plain,
    lambda inner: st.builds(lambda tag, rest: [tag, *rest], st.integers(0, 30), st.lists(inner, max_size=5)),
    max_leaves=12,
)


@given(items, st.sampled_from([STATE, [[[1, [5]]], [], []]]) | plain)
@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_item_is_a_value_or_ends_the_run(item: Any, state: Any) -> None:
    with tripwires():
        kind, _ = outcome(framed([RETURN, FIRST, item, state]), look)
        assert kind in ("value", "broken")


@given(st.lists(items, max_size=7))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_message_is_a_reply_or_ends_the_run(message: list[Any]) -> None:
    with tripwires():
        assert outcome(framed(message))[0] in ("value", "broken", "overtime", "raised")


# -- the order of messages ------------------------------------------------------------------------------

GOOD = [RETURN, FIRST, 5, STATE]
WRONG_ORDER = {
    "another number": [[RETURN, FIRST + 2, 5, STATE]],
    "number of the next request": [[RETURN, FIRST + 2, 5, STATE], GOOD],
    "number before": [[RETURN, FIRST - 2, 5, STATE], GOOD],
    "text as number": [[RETURN, str(FIRST), 5, STATE]],
    "true as kind": [[True, FIRST, 5, STATE]],
    "float as number": [[RETURN, float(FIRST) + 0.5, 5, STATE]],
    "without state": [[RETURN, FIRST, 5]],
    "with more": [[*GOOD, 1]],
    "unknown kind": [[9, FIRST, 5, STATE]],
    "changed names that are none": [[RETURN, FIRST, 5, [[], [], [5]]]],
    "raise of data": [[RAISE, FIRST, 5, STATE]],
    "raise of a class": [[RAISE, FIRST, [Tag.TYPE, "builtins", "ValueError"], STATE]],
    "raise of an exit": [[RAISE, FIRST, [*ERROR[:3], [Tag.TYPE, "builtins", "int"], *ERROR[4:]], STATE]],
    "nothing": [[]],
    "request of nothing known": [[REQUEST, 1, "shutdown", [], [], 0, STATE], GOOD],
    "request of a private name": [[REQUEST, 1, "by_handle", [1], [], 0, STATE], GOOD],
    "request with bad arguments": [[REQUEST, 1, "call", 5, [], 0, STATE], GOOD],
    "request with bad names": [[REQUEST, 1, "call", [], [[1, 2]], 0, STATE], GOOD],
    "request for a handle that was never given": [[REQUEST, 1, "call", [1], [], 0, STATE], GOOD],
    "object of the judge that was never given": [[RETURN, FIRST, [Tag.JUDGE, 1], STATE]],
}


@pytest.mark.parametrize("messages", WRONG_ORDER.values(), ids=WRONG_ORDER)
def test_messages_out_of_order_end_the_run(messages: list[Any]) -> None:
    assert outcome(framed(*messages))[0] == "broken"


def test_a_second_reply_is_no_reply_to_the_next_request() -> None:
    with judge() as (side, theirs):
        theirs.sendall(framed(GOOD, GOOD))
        assert side.request("get", "f") == 5
        with pytest.raises(Broken):
            side.request("get", "f")


def test_a_reply_before_the_request_ends_the_run() -> None:
    with judge() as (side, theirs):
        theirs.sendall(framed(GOOD, [RETURN, FIRST + 2, "early", STATE]))
        assert side.request("get", "f") == 5
        # Right number, too early: it is data like any other, and worth no more than a reply in time.
        assert side.request("get", "f") == "early"


def test_once_broken_always_broken() -> None:
    with judge() as (side, theirs):
        theirs.sendall(framed([9], GOOD, [RETURN, FIRST + 2, 5, STATE]))
        for _ in range(3):
            with pytest.raises(Broken):
                side.request("get", "f")


def give_up(side: Judge, seconds: float) -> None:
    """What the run does when the learner's time is over."""
    ends = time.monotonic() + seconds

    def over() -> None:
        if time.monotonic() > ends:
            side.broken = TimeoutError()
            raise Broken

    side.on_idle = over


def test_a_deep_tower_of_requests_has_an_end() -> None:
    """Callbacks within callbacks, and nobody reads the answers."""
    with judge() as (side, theirs):
        side.exports.objects[1] = lambda: side.request("get", "again")
        theirs.sendall(b"".join(framed([REQUEST, 2 * n + 1, "call", [1], [], 0, STATE]) for n in range(2000)))
        give_up(side, 1)
        with pytest.raises(Broken):
            side.request("get", "f")


def test_a_peer_that_does_not_read_cannot_hold_the_judge() -> None:
    with judge() as (side, _):
        give_up(side, 0.3)
        with pytest.raises(Broken):
            side.request("get", "x" * 10_000_000)


def test_a_peer_that_does_not_write_cannot_hold_the_judge() -> None:
    with judge() as (side, theirs):
        give_up(side, 0.3)
        theirs.sendall(b"\0\0\1\0half a frame")
        with pytest.raises(Broken):
            side.request("get", "x")


# -- what learner's code may ask of a check's objects ---------------------------------------------------

EXPECTED = "the expected value"


def ask_judge(target: Any, operation: str, *arguments: Any) -> Any:
    """The judge's reply when the learner's process asks this of ``target``, handed over by a check."""
    with judge() as (side, theirs):
        side.exports.objects[1] = target
        theirs.sendall(framed([REQUEST, 1, operation, [1, *arguments], [], 0, STATE], GOOD))
        side.in_check = True
        side.request("get", "f")
        channel = Channel(theirs)
        channel.receive()
        return channel.receive()


class Check:
    def __init__(self) -> None:
        self.shown = 1
        self._hidden = EXPECTED


def _function() -> str:
    return EXPECTED


@pytest.mark.parametrize(
    "name",
    ["__globals__", "__code__", "__closure__", "__defaults__", "__dict__", "__class__", "__self__",
    "__func__",
     "__wrapped__", "__builtins__", "func_globals", "__module__", "__init__", "__reduce__", "_hidden",
     "f_back"],
)  # fmt: skip
def test_what_is_behind_a_checks_objects_is_not_shown(name: str) -> None:
    frame = sys._getframe()
    for target in (_function, Check(), Check, Check.__init__, Check().__init__, frame, (_ for _ in ())):
        kind, _, error, _ = ask_judge(target, "getattr", name)
        assert kind == RAISE
        assert EXPECTED not in repr(error)


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [("setattr", ("__class__", 1)), ("setattr", ("__dict__", 1)), ("delattr", ("__class__",)),
     ("setattr", ("_ch_ref", 1)), ("delattr", ("_ch_ref",)),
     ("operator", ("__reduce__",)), ("operator", ("__class__",)), ("operator", ("__getattribute__",
     "_hidden")),
     ("operator", ("__init__",)), ("operator", (5,)), ("getattr", (5,)), ("setattr", (5, 5))],
)  # fmt: skip
def test_what_would_change_a_checks_objects_is_refused(operation: str, arguments: tuple[Any, ...]) -> None:
    target = Check()
    assert ask_judge(target, operation, *arguments)[0] == RAISE
    assert type(target) is Check
    assert target._hidden == EXPECTED


def test_a_checks_functions_and_classes_cannot_be_changed() -> None:
    for target in (_function, Check):
        assert ask_judge(target, "setattr", "extra", 1)[0] == RAISE
        assert ask_judge(target, "delattr", "__init__")[0] == RAISE
    assert ask_judge(Check(), "getattr", "shown")[:3] == [RETURN, 1, 1]


# -- the other way round: a learner's process survives what its judge asks ------------------------------


def test_the_learners_side_answers_in_the_same_grammar() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        shell: Any = type("Shell", (), {"user_ns": {"x": [1, 2]}, "user_ns_hidden": {}})()
        side = Learner(Channel(theirs), shell)
        ours.sendall(framed([REQUEST, FIRST, "get", ["x"], [], 0.5, STATE]))
        side.nesting = 1  # not the outermost: no alarm in a test's process
        side.serve(side.channel.receive())
        assert Channel(ours).receive()[:3] == [RETURN, FIRST, [Tag.TUPLE, True, [Tag.LIST, 1, 1, 2]]]


def test_a_frame_holds_no_maps() -> None:
    with pytest.raises(WireError):
        unpack(msgpack.packb({"a": 1}))
