"""Classes and functions that cross by their name: closed tables, the same on both sides."""

from __future__ import annotations

import datetime
import decimal
import fractions
import pathlib
import re
import socket
import struct
import uuid
from typing import Any


# Classes that both sides know by name. Only data types, abstract ones and exceptions: calling or
# subclassing one of them with hostile arguments builds plain data and runs nobody's code.
def _known_types() -> dict[tuple[str, str], type]:
    import abc
    import array
    import builtins
    import collections
    import collections.abc
    import enum
    import functools
    import io
    import itertools
    import json
    import numbers
    import queue
    import types

    found: dict[tuple[str, str], type] = {}
    skip = {"super", "property", "classmethod", "staticmethod", "memoryview", "__loader__"}
    for name, value in vars(builtins).items():
        if isinstance(value, type) and name not in skip:
            found["builtins", value.__qualname__] = value
    for module in (collections, collections.abc, datetime, decimal, fractions, numbers, enum, uuid, array):
        for value in vars(module).values():
            if isinstance(value, type) and not value.__name__.startswith("_"):
                found[value.__module__, value.__qualname__] = value
    for value in (
        *(getattr(types, n) for n in types.__all__ if isinstance(getattr(types, n), type)),
        pathlib.Path, pathlib.PosixPath, pathlib.PurePath, pathlib.PurePosixPath,
        io.StringIO, io.BytesIO, re.Pattern, re.Match, json.JSONDecodeError, queue.Empty, queue.Full,
        functools.partial, abc.ABC, socket.timeout, struct.error, UnicodeError,
        *(v for v in vars(itertools).values() if isinstance(v, type)),
    ):  # fmt: skip
        found[value.__module__, value.__qualname__] = value
    # What a call of these makes is not data.
    for value in (types.CodeType, types.FrameType, types.TracebackType, types.GenericAlias):
        found.pop((value.__module__, value.__qualname__), None)
    return found


KNOWN_TYPES = _known_types()
TYPE_NAMES = {cls: name for name, cls in KNOWN_TYPES.items()}
LAZY_TYPES = {
    # modules that are not loaded before somebody needs them: (module, names)
    "numpy": (
        "ndarray generic number integer floating bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 "
        "float16 float32 float64 complex64 complex128 str_ bytes_ datetime64 timedelta64 dtype matrix object_"
    ).split(),
    "pandas": (
        "DataFrame Series Index RangeIndex MultiIndex DatetimeIndex Timestamp Timedelta Categorical "
        "CategoricalDtype Interval Period"
    ).split(),
}


def _safe_functions() -> dict[tuple[str, str], Any]:
    """Functions that may come from the learner by name: pure, and none that runs or finds code."""
    import builtins
    import cmath
    import math
    import operator

    pure = (
        "abs all any ascii bin chr divmod format hash hex isinstance issubclass iter len max min next oct "
        "ord pow repr round sorted sum callable"
    )
    found: dict[tuple[str, str], Any] = {("builtins", name): getattr(builtins, name) for name in pure.split()}
    for module in (math, cmath, operator):
        for name, value in vars(module).items():
            if (
                not name.startswith("_")
                and callable(value)
                and not isinstance(value, type)
                and name != "call"
            ):
                found[module.__name__, name] = value
    for cls in (str, bytes, int, float, complex, bool, list, tuple, dict, set, frozenset, bytearray):
        for name, value in vars(cls).items():
            if not name.startswith("_") and callable(value):
                found["builtins", f"{cls.__name__}.{name}"] = value
    return found


SAFE_FUNCTIONS = _safe_functions()
FUNCTION_NAMES = {id(value): name for name, value in SAFE_FUNCTIONS.items()}
