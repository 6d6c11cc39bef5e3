"""Special methods of mirrors: which of them ask the learner's process, and with what."""

from __future__ import annotations

from typing import Any

from .mirrors import LearnerObject
from .references import is_learners, judge_of

_UNARY = frozenset(
    f"__{name}__"
    for name in "len iter reversed int float complex index round trunc floor ceil neg pos abs invert bool "
    "bytes fspath length_hint aiter anext getitem setitem delitem call enter exit aenter "
    "aexit next await missing".split()
)
_ARITHMETIC = frozenset(
    f"__{name}__"
    for base in "add sub mul truediv floordiv mod divmod pow and or xor lshift rshift matmul".split()
    for name in (base, f"r{base}", f"i{base}")
)
_ORDER = frozenset({"__lt__", "__le__", "__gt__", "__ge__"})


def _unary(name: str) -> Any:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        judge = judge_of(self)
        if not is_learners(self):
            return judge.inherited(name, self, *args, **kwargs)
        if name == "__call__":
            return judge.call(self, args, kwargs)
        return judge.request("operator", name, self, *args)

    method.__name__ = name
    return method


def _checked(name: str, kind: type) -> Any:
    """A special method whose answer Python itself demands to be of a plain type."""

    def method(self: Any, *args: Any) -> Any:
        judge = judge_of(self)
        if not is_learners(self):
            return judge.inherited(name, self, *args)
        answer = judge.request("operator", name, self, *args)
        if type(answer) is not kind:
            raise TypeError(f"{name} returned non-{kind.__name__}")
        return answer

    method.__name__ = name
    return method


def _next(self: Any) -> Any:
    judge = judge_of(self)
    if not is_learners(self):
        return judge.inherited("__next__", self)
    more, value = judge.request("iterate", self)
    if not more:
        raise StopIteration
    return value


def _binary(name: str) -> Any:
    def method(self: Any, other: Any, *rest: Any) -> Any:
        judge = judge_of(self)
        if not is_learners(self):
            if is_learners(other) or isinstance(other, LearnerObject) or judge.allows(type(self), name):
                return judge.inherited(name, self, other, *rest)
            return NotImplemented
        if is_learners(other) or judge.compare_learner or judge.allows(type(self), name):
            return judge.arithmetic(name, self, other, *rest)
        return NotImplemented

    method.__name__ = name
    return method


def _order(name: str) -> Any:
    def method(self: Any, other: Any) -> Any:
        judge = judge_of(self)
        if not is_learners(self):
            if isinstance(other, LearnerObject) or judge.compare_learner:
                return judge.inherited(name, self, other)
        else:
            if is_learners(other) or judge.compare_learner:
                kept = None
            else:
                kept = _kept_as_plain(self)
            if kept is not None:
                return getattr(kept, name)(other)
            # An object of a class that nobody asked for would be equal to all of its kind.
            both = is_learners(other) and (judge.knows(type(self)) or judge.knows(type(other)))
            if both or judge.compare_learner:
                return judge.arithmetic(name, self, other)
        return NotImplemented

    method.__name__ = name
    return method


def _kept_as_plain(value: Any) -> Any:
    """The list, dict or text that one of collections' UserList and relatives keeps: it is compared as any
    plain value is."""
    for klass in type(value).__mro__:
        plain = type.__getattribute__(klass, "__dict__").get("_ch_keeps")
        if plain is not None:
            kept = judge_of(value).request("getattr", value, "data")
            return kept if type(kept) is plain else None
    return None


def _contains(self: Any, item: Any) -> bool:
    judge = judge_of(self)
    allowed = judge.compare_learner or is_learners(item) or judge.allows(type(self), "__contains__")
    if allowed and not is_learners(self):
        return bool(judge.inherited("__contains__", self, item))
    if allowed:
        return bool(judge.request("operator", "__contains__", self, item))
    # The learner's class says nothing that we would believe: look through what it holds.
    return any(each is item or each == item for each in iter(self))


def asked_hash(self: Any) -> int:
    judge = judge_of(self)
    if not is_learners(self):
        return int(judge.inherited("__hash__", self))
    return hash(judge.request("operator", "__hash__", self))


SPECIAL: dict[str, Any] = {
    **{name: _unary(name) for name in _UNARY},
    **{name: _binary(name) for name in _ARITHMETIC},
    **{name: _order(name) for name in (*_ORDER, "__eq__", "__ne__")},
    "__next__": _next,
    "__contains__": _contains,
    "__len__": _checked("__len__", int),
    "__bool__": _checked("__bool__", bool),
    "__int__": _checked("__int__", int),
    "__float__": _checked("__float__", float),
    "__index__": _checked("__index__", int),
}
NOT_ON_CONTENT = _ARITHMETIC | _ORDER | {"__eq__", "__ne__", "__contains__", "__hash__"} | _UNARY
