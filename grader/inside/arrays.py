"""numpy and pandas values on the wire: their bytes and labels, never pickle.

The libraries are imported when the first such value crosses, so that challenges without them pay nothing.
``encode`` answers None for what only goes by handle (structured and object-like dtypes that are rare).
"""

from __future__ import annotations

import math
import re
import sys
from typing import Any

_DTYPE = re.compile(r"[<>|=][biufcSUmM]\d{1,6}(\[\d{0,6}[A-Za-z]{1,7}\])?")
_EXTENSION_DTYPE = re.compile(r"U?Int(8|16|32|64)|Float(32|64)|boolean")
_FREQ = re.compile(r"[A-Za-z0-9-]{1,20}")
_ELEMENTS_MAX = 4_000_000


def is_mutable(value: Any) -> bool:
    """Whether a change of ``value`` in place must be seen on the other side."""
    numpy = sys.modules["numpy"]
    if isinstance(value, numpy.ndarray):
        return True
    pandas = sys.modules.get("pandas")
    return pandas is not None and type(value) in (pandas.DataFrame, pandas.Series)


def encode(codec: Any, value: Any, depth: int) -> list[Any] | None:
    kind = type(value)
    if kind.__module__.partition(".")[0] == "numpy":
        return _encode_numpy(codec, value, depth)
    return _encode_pandas(codec, value, depth)


def _encode_numpy(codec: Any, value: Any, depth: int) -> list[Any] | None:
    import numpy

    if type(value) is numpy.ndarray:
        dtype = value.dtype
        if dtype.kind in "biufcSUmM":
            return ["nd", dtype.str, list(value.shape), value.tobytes()]
        if dtype.kind == "O":
            flat = [codec.encode(each, depth) for each in value.ravel().tolist()]
            return ["no", list(value.shape), flat]
        return None
    if isinstance(value, numpy.generic) and value.dtype.kind in "biufcSUmM":
        return ["ns", value.dtype.str, value.tobytes()]
    if isinstance(value, numpy.dtype) and value.kind in "biufcSUmM":
        return ["dt", value.str]
    if isinstance(value, numpy.dtype) and value.kind == "O":
        return ["dt", "O"]
    return None


def _tz_name(tz: Any) -> str | None:
    text = str(tz)
    return text if re.fullmatch(r"[A-Za-z0-9_+:/-]{1,60}", text) else None


def _encode_pandas(codec: Any, value: Any, depth: int) -> list[Any] | None:
    import pandas

    kind = type(value)
    if value is pandas.NaT:
        return ["nat"]
    if value is pandas.NA:
        return ["na"]
    if kind is pandas.Timestamp:
        tz = None if value.tz is None else _tz_name(value.tz)
        if value.tz is not None and tz is None:
            return None
        return ["ts", int(value.asm8.view("i8")), tz, value.unit]
    if kind is pandas.Timedelta:
        return ["tdelta", int(value.asm8.view("i8")), value.unit]
    if kind is pandas.DataFrame:
        columns, index = _index(codec, value.columns, depth), _index(codec, value.index, depth)
        data = [_column(codec, value.iloc[:, i].array, depth) for i in range(value.shape[1])]
        if columns is None or index is None or any(each is None for each in data):
            return None
        return ["df", columns, index, data]
    if kind is pandas.Series:
        index, column = _index(codec, value.index, depth), _column(codec, value.array, depth)
        if index is None or column is None:
            return None
        return ["se", codec.encode(value.name, depth), index, column]
    if isinstance(value, pandas.Index):
        found = _index(codec, value, depth)
        return None if found is None else ["index", found]
    if isinstance(value, pandas.api.extensions.ExtensionArray):
        found = _column(codec, value, depth)
        return None if found is None else ["ea", found]
    return None


def _column(codec: Any, array: Any, depth: int) -> list[Any] | None:
    """One pandas array: ["nd" | "no", …] for numpy's dtypes, else by the kind of its extension type."""
    import numpy
    import pandas

    dtype = array.dtype
    if isinstance(dtype, pandas.CategoricalDtype):
        categories = _index(codec, array.categories, depth)
        codes = _encode_numpy(codec, numpy.asarray(array.codes), depth)
        return None if categories is None else ["cat", codes, categories, bool(array.ordered)]
    if isinstance(dtype, pandas.DatetimeTZDtype):
        tz = _tz_name(dtype.tz)
        if tz is None:
            return None
        return ["dtz", _encode_numpy(codec, numpy.asarray(array.asi8), depth), dtype.unit, tz]
    if isinstance(dtype, pandas.StringDtype):
        missing = array.isna()
        texts = [None if gone else str(text) for text, gone in zip(array, missing, strict=True)]
        return ["str", dtype.na_value is pandas.NA, texts]
    if _EXTENSION_DTYPE.fullmatch(str(dtype)):
        mask = numpy.asarray(array.isna())
        fill = False if str(dtype) == "boolean" else 0
        data = array.to_numpy(dtype=dtype.numpy_dtype, na_value=fill)
        return ["mask", str(dtype), _encode_numpy(codec, data, depth), _encode_numpy(codec, mask, depth)]
    if isinstance(dtype, numpy.dtype | pandas.api.extensions.ExtensionDtype) and isinstance(
        getattr(dtype, "numpy_dtype", dtype), numpy.dtype
    ):
        return _encode_numpy(codec, numpy.asarray(array), depth)
    return None


def _index(codec: Any, index: Any, depth: int) -> list[Any] | None:
    import numpy
    import pandas

    name = codec.encode(index.name, depth)
    if isinstance(index, pandas.RangeIndex):
        return ["range", index.start, index.stop, index.step, name]
    if isinstance(index, pandas.MultiIndex):
        levels = [_index(codec, level, depth) for level in index.levels]
        codes = [_encode_numpy(codec, numpy.asarray(code), depth) for code in index.codes]
        if any(level is None for level in levels):
            return None
        return ["multi", levels, codes, [codec.encode(each, depth) for each in index.names]]
    column = _column(codec, index.array, depth)
    if column is None:
        return None
    return ["plain", column, name, getattr(index, "freqstr", None)]


# -- decoding: every name that reaches a constructor is matched against a closed pattern first ----------


def _refuse() -> Exception:
    from .wire import WireError

    return WireError("malformed array")


def decode(codec: Any, item: Any, depth: int) -> Any:
    if type(item) is not list or not item or type(item[0]) is not str:
        raise _refuse()
    kind = item[0]
    if kind in ("nd", "no", "ns", "dt"):
        return _decode_numpy(codec, item, depth)
    import numpy
    import pandas

    if kind == "nat":
        return pandas.NaT
    if kind == "na":
        return pandas.NA
    if kind == "ts":
        return _timestamp(item)
    if kind == "tdelta":
        if type(item[1]) is not int or item[2] not in ("s", "ms", "us", "ns"):
            raise _refuse()
        return pandas.Timedelta(numpy.timedelta64(item[1], item[2]))
    if kind == "df":
        index, columns = _decode_index(codec, item[2], depth), _decode_index(codec, item[1], depth)
        data = [_decode_column(codec, each, depth) for each in item[3]]
        if len(data) != len(columns):
            raise _refuse()
        frame = pandas.DataFrame(dict(enumerate(data)), index=index)
        frame.columns = columns
        return frame
    if kind == "se":
        name, index = codec.decode(item[1], depth), _decode_index(codec, item[2], depth)
        return pandas.Series(_decode_column(codec, item[3], depth), index=index, name=name)
    if kind == "index":
        return _decode_index(codec, item[1], depth)
    if kind == "ea":
        return _decode_column(codec, item[1], depth)
    raise _refuse()


def _timestamp(item: list[Any]) -> Any:
    import numpy
    import pandas

    if type(item[1]) is not int or item[3] not in ("s", "ms", "us", "ns"):
        raise _refuse()
    stamp = pandas.Timestamp(numpy.datetime64(item[1], item[3]))
    if item[2] is None:
        return stamp
    return stamp.tz_localize("UTC").tz_convert(_check_tz(item[2]))


def _check_tz(tz: Any) -> str:
    if type(tz) is not str or not re.fullmatch(r"[A-Za-z0-9_+:/-]{1,60}", tz) or tz.startswith("/"):
        raise _refuse()
    return tz


def _shape(shape: Any) -> tuple[int, ...]:
    if type(shape) is not list or len(shape) > 32 or any(type(n) is not int or n < 0 for n in shape):
        raise _refuse()
    if math.prod(shape) > _ELEMENTS_MAX:
        raise _refuse()
    return tuple(shape)


def _decode_numpy(codec: Any, item: Any, depth: int) -> Any:
    import numpy

    if type(item) is not list or not item:
        raise _refuse()
    kind = item[0]
    if kind == "no":
        shape = _shape(item[1])
        if type(item[2]) is not list or len(item[2]) != math.prod(shape):
            raise _refuse()
        array: Any = numpy.empty(len(item[2]), dtype=object)
        for position, each in enumerate(item[2]):
            array[position] = codec.decode(each, depth)
        return array.reshape(shape)
    if type(item[1]) is not str or not (_DTYPE.fullmatch(item[1]) or (kind == "dt" and item[1] == "O")):
        raise _refuse()
    dtype = numpy.dtype(item[1])
    if kind == "dt":
        return dtype
    if kind == "ns":
        if type(item[2]) is not bytes or len(item[2]) != dtype.itemsize or not dtype.itemsize:
            return numpy.zeros((), dtype)[()] if not dtype.itemsize else _fail()
        return numpy.frombuffer(item[2], dtype)[0]
    if kind != "nd":
        raise _refuse()
    shape = _shape(item[2])
    if type(item[3]) is not bytes or len(item[3]) != math.prod(shape) * dtype.itemsize:
        raise _refuse()
    if not item[3]:
        return numpy.empty(shape, dtype)
    return numpy.frombuffer(item[3], dtype).reshape(shape).copy()


def _fail() -> Any:
    raise _refuse()


def _decode_column(codec: Any, item: Any, depth: int) -> Any:
    import pandas

    if type(item) is not list or not item:
        raise _refuse()
    kind = item[0]
    if kind in ("nd", "no"):
        return _decode_numpy(codec, item, depth)
    if kind == "cat":
        codes, categories = _decode_numpy(codec, item[1], depth), _decode_index(codec, item[2], depth)
        return pandas.Categorical.from_codes(codes, categories=categories, ordered=item[3] is True)
    if kind == "dtz":
        if item[2] not in ("s", "ms", "us", "ns"):
            raise _refuse()
        stamps = _decode_numpy(codec, item[1], depth).view(f"M8[{item[2]}]")
        return pandas.DatetimeIndex(stamps).tz_localize("UTC").tz_convert(_check_tz(item[3])).array
    if kind == "str":
        if any(text is not None and type(text) is not str for text in item[2]):
            raise _refuse()
        return pandas.array(item[2], dtype="string" if item[1] is True else "str")
    if kind == "mask":
        if type(item[1]) is not str or not _EXTENSION_DTYPE.fullmatch(item[1]):
            raise _refuse()
        data, mask = _decode_numpy(codec, item[2], depth), _decode_numpy(codec, item[3], depth)
        array = pandas.array(data, dtype=item[1])
        array[mask.astype(bool)] = pandas.NA
        return array
    raise _refuse()


def _decode_index(codec: Any, item: Any, depth: int) -> Any:
    import pandas

    if type(item) is not list or not item:
        raise _refuse()
    kind = item[0]
    if kind == "range":
        if any(type(n) is not int for n in item[1:4]):
            raise _refuse()
        return pandas.RangeIndex(item[1], item[2], item[3], name=codec.decode(item[4], depth))
    if kind == "multi":
        return pandas.MultiIndex(
            levels=[_decode_index(codec, level, depth) for level in item[1]],
            codes=[_decode_numpy(codec, code, depth) for code in item[2]],
            names=[codec.decode(each, depth) for each in item[3]],
        )
    if kind == "plain":
        index = pandas.Index(_decode_column(codec, item[1], depth), name=codec.decode(item[2], depth))
        if item[3] is not None:
            if type(item[3]) is not str or not _FREQ.fullmatch(item[3]):
                raise _refuse()
            index.freq = item[3]
        return index
    raise _refuse()


def refill(codec: Any, value: Any, content: list[Any]) -> None:
    """Give ``value`` the content that the other side's copy of it has now."""
    import numpy

    new = decode(codec, content[0], 1)
    if type(new) is not type(value):
        raise _refuse()
    if isinstance(value, numpy.ndarray):
        if value.shape == new.shape and value.dtype == new.dtype and value.flags.writeable:
            value[...] = new
    else:
        value._update_inplace(new)
