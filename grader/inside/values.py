"""The plain values: how each type is written in the wire's grammar, and read again."""

from __future__ import annotations

import datetime
import decimal
import fractions
import pathlib
import re
import uuid
from collections import Counter, OrderedDict, defaultdict, deque
from typing import TYPE_CHECKING, Any

from .wire import INT_MAX_BYTES, Tag, WireError

if TYPE_CHECKING:
    from .codec import Codec

_SINGLETONS = (Ellipsis, NotImplemented)
_VIEW_TYPES: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))
SCALARS = frozenset({type(None), bool, float, bytes})
WORDS = frozenset({*SCALARS, str})
DECODED = frozenset({*WORDS, int})  # what is its own encoding and needs no look
SHARED_TYPES = (list, dict, set, bytearray, deque, defaultdict, OrderedDict, Counter)


def is_flat(value: list[Any]) -> bool:
    """Whether every item is its own encoding; most lists of checks are of this kind."""
    kinds = set(map(type, value))
    if kinds == {int}:
        return min(value) >= -0x8000000000000000 and max(value) <= 0xFFFFFFFFFFFFFFFF
    return kinds <= WORDS


def dict_of(value: Any) -> Any:
    """The class whose methods are used on a dict: never those of a class of the learner's, and
    OrderedDict's own where dict's would leave its order behind."""
    return OrderedDict if isinstance(value, OrderedDict) else dict


def hashable(value: Any) -> Any:
    try:
        hash(value)
    except TypeError as error:
        raise WireError("unhashable key") from error
    return value


def _encode_datetime(codec: Codec, value: Any, depth: int) -> Any:
    tzinfo = getattr(value, "tzinfo", None)
    if tzinfo is not None and type(tzinfo) is not datetime.timezone:
        name = getattr(tzinfo, "key", None)  # zoneinfo.ZoneInfo
        if type(tzinfo).__module__.partition(".")[0] != "zoneinfo" or not isinstance(name, str):
            return codec.encode_object(value, depth)
        zone: Any = name
    elif tzinfo is not None:
        zone = tzinfo.utcoffset(None).total_seconds()
    else:
        zone = None
    if type(value) is datetime.datetime:
        return [Tag.DATETIME, "dt", *value.timetuple()[:6], value.microsecond, value.fold, zone]
    return [Tag.DATETIME, "t", value.hour, value.minute, value.second, value.microsecond, value.fold, zone]


def _zone(zone: Any) -> Any:
    if zone is None:
        return None
    if type(zone) is float:
        return datetime.timezone(datetime.timedelta(seconds=zone))
    if type(zone) is str and re.fullmatch(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*", zone):
        import zoneinfo

        return zoneinfo.ZoneInfo(zone)
    raise WireError("bad zone")


def _decode_datetime(codec: Codec, item: list[Any], depth: int) -> Any:
    kind = item[1]
    if kind == "td":
        return datetime.timedelta(item[2], item[3], item[4])
    if kind == "d":
        return datetime.date(item[2], item[3], item[4])
    if kind == "tz":
        return _zone(item[2])
    zone = _zone(item[-1])
    if kind == "t":
        return datetime.time(item[2], item[3], item[4], item[5], zone, fold=item[6])
    if kind == "dt":
        return datetime.datetime(*item[2:9], zone, fold=item[9])  # type: ignore[misc]
    raise WireError("bad date")


def _pairs(codec: Codec, items: list[Any], target: Any, depth: int) -> Any:
    if len(items) % 2:
        raise WireError("odd dict")
    decode, insert = codec.decode, dict_of(target).__setitem__
    for index in range(0, len(items), 2):
        insert(target, hashable(decode(items[index], depth)), decode(items[index + 1], depth))
    return target


def _decode_list(codec: Codec, item: list[Any], depth: int) -> Any:
    result: list[Any] = []
    codec.shared.add(result, codec.number(item[1]))
    content = item[2:]
    if not DECODED.issuperset(map(type, content)):
        decode = codec.decode
        content = [decode(each, depth) for each in content]
    result.extend(content)
    return result


def _decode_dict(codec: Codec, item: list[Any], depth: int) -> Any:
    result: dict[Any, Any] = {Tag.DICT: dict, Tag.ORDEREDDICT: OrderedDict, Tag.COUNTER: Counter}[item[0]]()
    codec.shared.add(result, codec.number(item[1]))
    return _pairs(codec, item[2:], result, depth)


def _decode_defaultdict(codec: Codec, item: list[Any], depth: int) -> Any:
    factory = codec.decode(item[2], depth)
    if factory is not None and not callable(factory):
        raise WireError("bad factory")
    result: defaultdict[Any, Any] = defaultdict(factory)
    codec.shared.add(result, codec.number(item[1]))
    return _pairs(codec, item[3:], result, depth)


def _decode_set(codec: Codec, item: list[Any], depth: int) -> Any:
    result: set[Any] = set()
    codec.shared.add(result, codec.number(item[1]))
    result.update([hashable(codec.decode(each, depth)) for each in item[2:]])
    return result


def _decode_deque(codec: Codec, item: list[Any], depth: int) -> Any:
    result: deque[Any] = deque(maxlen=item[2])
    codec.shared.add(result, codec.number(item[1]))
    result.extend([codec.decode(each, depth) for each in item[3:]])
    return result


def _decode_bytearray(codec: Codec, item: list[Any], depth: int) -> Any:
    if type(item[2]) is not bytes:
        raise WireError("bad bytearray")
    result = bytearray(item[2])
    codec.shared.add(result, codec.number(item[1]))
    return result


def _decode_array(codec: Codec, item: list[Any], depth: int) -> Any:
    from . import arrays

    result = arrays.decode(codec, item[2], depth)
    if item[1] != 0:
        codec.shared.add(result, codec.number(item[1]))
    return result


def _decode_ref(codec: Codec, item: list[Any], depth: int) -> Any:
    if type(item[1]) is not int or item[1] not in codec.shared.by_number:
        raise WireError("unknown reference")
    codec.touched.add(item[1])
    return codec.shared.by_number[item[1]]


def _decode_view(codec: Codec, item: list[Any], depth: int) -> Any:
    items = [codec.decode(each, depth) for each in item[2:]]
    if item[1] == 0:
        return dict.fromkeys([hashable(each) for each in items]).keys()
    if item[1] == 1:
        return dict(enumerate(items)).values()
    return {hashable(key): value for key, value in items}.items()


def _decode_bigint(codec: Codec, item: list[Any], depth: int) -> Any:
    if type(item[1]) is not bytes or len(item[1]) > INT_MAX_BYTES:
        raise WireError("bad integer")
    return int.from_bytes(item[1], "big", signed=True)


def _decode_decimal(codec: Codec, item: list[Any], depth: int) -> Any:
    if type(item[1]) is not str or len(item[1]) > 10_000:
        raise WireError("bad decimal")
    return decimal.Decimal(item[1])


def _decode_fraction(codec: Codec, item: list[Any], depth: int) -> Any:
    top, bottom = codec.decode(item[1], depth), codec.decode(item[2], depth)
    if type(top) is not int or type(bottom) is not int or bottom == 0:
        raise WireError("bad fraction")
    return fractions.Fraction(top, bottom)


def _plain_int(value: Any) -> Any:
    if value is not None and type(value) is not int:
        raise WireError("not an integer")
    return value


def _decode_path(codec: Codec, item: list[Any], depth: int) -> Any:
    if type(item[2]) is not str:
        raise WireError("bad path")
    return (pathlib.PosixPath if item[1] else pathlib.PurePosixPath)(item[2])


def _decode_name(item: list[Any]) -> tuple[str, str]:
    if len(item) != 3 or type(item[1]) is not str or type(item[2]) is not str:
        raise WireError("bad name")
    return item[1], item[2]


def _encode_view(codec: Codec, value: Any, depth: int) -> Any:
    return [Tag.VIEW, _VIEW_TYPES.index(type(value)), *[codec.encode(each, depth) for each in value]]


def _encode_decimal(codec: Codec, value: decimal.Decimal, depth: int) -> Any:
    return [Tag.DECIMAL, str(value)]


ENCODERS: dict[type, Any] = {
    list: lambda c, v, d: c._encode_shared(Tag.LIST, v, d),
    dict: lambda c, v, d: c._encode_shared(Tag.DICT, v, d),
    set: lambda c, v, d: c._encode_shared(Tag.SET, v, d),
    OrderedDict: lambda c, v, d: c._encode_shared(Tag.ORDEREDDICT, v, d),
    Counter: lambda c, v, d: c._encode_shared(Tag.COUNTER, v, d),
    bytearray: lambda c, v, d: c._encode_shared(Tag.BYTEARRAY, v, d),
    deque: lambda c, v, d: c._encode_shared(Tag.DEQUE, v, d, (v.maxlen,)),
    defaultdict: lambda c, v, d: c._encode_shared(Tag.DEFAULTDICT, v, d, (c.encode(v.default_factory, d),)),
    tuple: lambda c, v, d: [Tag.TUPLE, *[c.encode(each, d) for each in v]],
    frozenset: lambda c, v, d: [Tag.FROZENSET, *[c.encode(each, d) for each in v]],
    complex: lambda c, v, d: [Tag.COMPLEX, v.real, v.imag],
    range: lambda c, v, d: [Tag.RANGE, *[c.encode(each, d) for each in (v.start, v.stop, v.step)]],
    slice: lambda c, v, d: [Tag.SLICE, *[c.encode(each, d) for each in (v.start, v.stop, v.step)]],
    type(Ellipsis): lambda c, v, d: [Tag.SINGLETON, 0],
    type(NotImplemented): lambda c, v, d: [Tag.SINGLETON, 1],
    datetime.datetime: _encode_datetime,
    datetime.time: _encode_datetime,
    datetime.date: lambda c, v, d: [Tag.DATETIME, "d", v.year, v.month, v.day],
    datetime.timedelta: lambda c, v, d: [Tag.DATETIME, "td", v.days, v.seconds, v.microseconds],
    datetime.timezone: lambda c, v, d: [Tag.DATETIME, "tz", v.utcoffset(None).total_seconds()],
    decimal.Decimal: _encode_decimal,
    fractions.Fraction: lambda c, v, d: [Tag.FRACTION, c.encode(v.numerator, d), c.encode(v.denominator, d)],
    uuid.UUID: lambda c, v, d: [Tag.UUID, v.bytes],
    pathlib.PosixPath: lambda c, v, d: [Tag.PATH, True, str(v)],
    pathlib.PurePosixPath: lambda c, v, d: [Tag.PATH, False, str(v)],
    **dict.fromkeys(_VIEW_TYPES, _encode_view),
}

DECODERS: dict[int, Any] = {
    Tag.LIST: _decode_list,
    Tag.TUPLE: lambda c, i, d: tuple([c.decode(each, d) for each in i[1:]]),
    Tag.DICT: _decode_dict,
    Tag.ORDEREDDICT: _decode_dict,
    Tag.COUNTER: _decode_dict,
    Tag.SET: _decode_set,
    Tag.FROZENSET: lambda c, i, d: frozenset([hashable(c.decode(each, d)) for each in i[1:]]),
    Tag.BIGINT: _decode_bigint,
    Tag.COMPLEX: lambda c, i, d: complex(float(i[1]), float(i[2])),
    Tag.RANGE: lambda c, i, d: range(*[_plain_int(c.decode(each, d)) for each in i[1:4]]),
    Tag.BYTEARRAY: _decode_bytearray,
    Tag.SLICE: lambda c, i, d: slice(*[c.decode(each, d) for each in i[1:4]]),
    Tag.SINGLETON: lambda c, i, d: _SINGLETONS[bool(i[1])],
    Tag.DATETIME: _decode_datetime,
    Tag.DECIMAL: _decode_decimal,
    Tag.FRACTION: _decode_fraction,
    Tag.UUID: lambda c, i, d: uuid.UUID(bytes=i[1]),
    Tag.DEQUE: _decode_deque,
    Tag.DEFAULTDICT: _decode_defaultdict,
    Tag.TYPE: lambda c, i, d: c.resolve_type(*_decode_name(i)),
    Tag.FUNCTION: lambda c, i, d: c.resolve_function(*_decode_name(i)),
    Tag.MODULE: lambda c, i, d: c.resolve_module(i[1]),
    Tag.REF: _decode_ref,
    Tag.LEARNER: lambda c, i, d: c.resolve_learner(i, d),
    Tag.JUDGE: lambda c, i, d: c.resolve_judge(i, d),
    Tag.VIEW: _decode_view,
    Tag.PATH: _decode_path,
    Tag.ARRAY: _decode_array,
}
