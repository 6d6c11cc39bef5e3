"""Mirrors of the learner's classes.

A mirror has exactly the special methods that the learner's class has, so that ``callable``, ``iter`` or
``isinstance(x, Sized)`` answer honestly.
"""

from __future__ import annotations

import functools
import inspect
from typing import Any

from .functions import Method
from .references import NEVER_ASKED, LearnerProxy, Ref, is_learners, judge_of, ref_of

# Methods of plain types that are told what is expected, or that answer with a comparison: an object of a
# class that the author does not know has no business answering them.
_COMPARING = frozenset(
    "startswith endswith issubset issuperset isdisjoint equals all any isalpha isdigit isalnum isdecimal "
    "isidentifier islower isnumeric isprintable isspace istitle isupper is_integer find rfind rindex rsplit "
    "partition rpartition removeprefix removesuffix replace translate difference symmetric_difference union "
    "intersection".split()
)

# What Python's own libraries set on an exception on its way (contextlib, unittest, pytest).
_ERRORS_OWN = frozenset("__traceback__ __cause__ __context__ __suppress_context__ __notes__".split())


class Mirror(LearnerProxy, type):
    """A class of the learner's. Subclasses made by a check are ordinary classes on top of it."""

    def _ch_reference(cls) -> Ref | None:
        found: Ref | None = type.__getattribute__(cls, "__dict__").get("_ch_cls")
        return found

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if "_ch_cls" in type.__getattribute__(cls, "__dict__"):
            return cls._ch_cls.judge.call(cls, args, kwargs)
        missing = [
            name
            for klass in cls.__mro__
            for name in type.__getattribute__(klass, "__dict__").get("_ch_abstract", ())
            if isinstance(inspect.getattr_static(cls, name, None), Stub | Attribute | type(None))
        ]
        if missing:
            names = ", ".join(f"'{name}'" for name in dict.fromkeys(missing))
            raise TypeError(
                f"Can't instantiate abstract class {cls.__name__} without an implementation for {names}"
            )
        return super().__call__(*args, **kwargs)

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_ch_") or name in NEVER_ASKED:
            raise AttributeError(name)
        for klass in cls.__mro__:
            if "_ch_cls" in type.__getattribute__(klass, "__dict__"):
                return cls._ch_cls.judge.request("getattr", klass, name)
        raise AttributeError(name)

    def __setattr__(cls, name: str, value: Any) -> None:
        if name.startswith(("_ch_", "_abc_")) or "_ch_cls" not in cls.__dict__:
            super().__setattr__(name, value)
        else:
            cls._ch_cls.judge.request("setattr", cls, name, value)
            if name in cls.__dict__:
                super().__delattr__(name)  # from now on the learner's own is asked

    def __delattr__(cls, name: str) -> None:
        if "_ch_cls" in cls.__dict__:
            cls._ch_cls.judge.request("delattr", cls, name)
            if name not in cls.__dict__:
                return
        super().__delattr__(name)

    def __dir__(cls) -> list[str]:
        return (
            list(cls._ch_cls.judge.request("dir", cls))
            if "_ch_cls" in cls.__dict__
            else list(super().__dir__())
        )

    def _meta(name: str) -> Any:  # type: ignore[misc]
        def method(cls: Any, *args: Any) -> Any:
            if name not in type.__getattribute__(cls, "__dict__").get("_ch_meta", ()):
                raise TypeError(f"type '{cls.__name__}' does not support this")
            return cls._ch_cls.judge.request("operator", name, cls, *args)

        return method

    def __instancecheck__(cls, value: Any) -> bool:
        return type.__instancecheck__(cls, value) or cls._asks("__instancecheck__", value)

    def __subclasscheck__(cls, other: Any) -> bool:
        return type.__subclasscheck__(cls, other) or cls._asks("__subclasscheck__", other)

    def _asks(cls, name: str, other: Any) -> bool:
        """What a protocol says, or an abstract class of those that were registered with it."""
        own = type.__getattribute__(cls, "__dict__")
        if name not in own.get("_ch_meta", ()) or "_ch_cls" not in own:
            return False
        return cls._ch_cls.judge.request("operator", name, cls, other) is True

    __iter__ = _meta("__iter__")
    __len__ = _meta("__len__")
    __contains__ = _meta("__contains__")

    def __getitem__(cls, item: Any) -> Any:
        return cls._ch_cls.judge.request("operator", "__getitem__", cls, item)

    def __bool__(cls) -> bool:
        return True

    @property
    def __annotations__(cls) -> Any:  # type: ignore[override]
        own = type.__getattribute__(cls, "__dict__")
        return (
            cls._ch_cls.judge.request("getattr", cls, "__annotations__")
            if "_ch_cls" in own
            else own.get("__annotations__", {})
        )

    @property
    def __signature__(cls) -> inspect.Signature:
        return cls._ch_cls.judge.signature(cls)


class LearnerObject(LearnerProxy):
    """Root of the mirrors. An instance without ``_ch_ref`` belongs to a subclass that a check defined."""

    def _ch_reference(self) -> Ref | None:
        try:
            found: Ref | None = object.__getattribute__(self, "_ch_ref")
            return found
        except AttributeError:
            return None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_ch_") or name in NEVER_ASKED:
            raise AttributeError(name)
        if ref_of(self) is None:
            if not (name.startswith("__") and name.endswith("__")):
                for klass in type(self).__mro__:
                    if "_ch_cls" in type.__getattribute__(klass, "__dict__"):
                        return judge_of(self).request("getattr", klass, name)  # what the class itself holds
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
        _refuse_comparing(self, name)
        return judge_of(self).request("getattr", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if ref_of(self) is None or (name in _ERRORS_OWN and isinstance(self, BaseException)):
            object.__setattr__(self, name, value)
        else:
            judge_of(self).request("setattr", self, name, value)

    def __delattr__(self, name: str) -> None:
        if ref_of(self) is None:
            object.__delattr__(self, name)
        else:
            judge_of(self).request("delattr", self, name)

    def __repr__(self) -> str:
        return text_of(self, "__repr__")

    def __str__(self) -> str:
        return text_of(self, "__str__")

    def __format__(self, spec: str) -> str:
        return (
            str(judge_of(self).request("operator", "__format__", self, spec))
            if is_learners(self)
            else format(str(self), spec)
        )

    def __dir__(self) -> Any:
        return judge_of(self).request("dir", self) if is_learners(self) else object.__dir__(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(f"a learner's {type(self).__name__} is pickled in the learner's process")

    def __copy__(self) -> Any:
        return judge_of(self).request("module_call", "copy", "copy", self)

    def __deepcopy__(self, memo: Any) -> Any:
        return judge_of(self).request("module_call", "copy", "deepcopy", self)

    def __eq__(self, other: object) -> Any:
        return NotImplemented

    def __hash__(self) -> int:
        return object.__hash__(self)


def text_of(value: Any, name: str) -> str:
    if not is_learners(value):
        for each in dict.fromkeys((name, "__repr__")):  # object's own __str__ is its __repr__
            if any(
                each in type.__getattribute__(klass, "__dict__").get("_ch_own", ())
                for klass in type(value).__mro__
            ):
                return str(judge_of(value).inherited(each, value))
            if name == "__str__" and getattr(type(value), "__repr__", None) is not LearnerObject.__repr__:
                return repr(value)
        return f"<{type(value).__name__} object>"
    text = judge_of(value).request("operator", name, value)
    return text if type(text) is str else str.__str__(text)


def _refuse_comparing(value: Any, name: str) -> None:
    if name in _COMPARING and not judge_of(value).allows(type(value), name):
        raise AttributeError(f"'{type(value).__name__}' object has no attribute '{name}'")


class Stub:
    """A method of a learner's class: called in one round trip."""

    def __init__(self, name: str, kind: str) -> None:
        self.name, self.kind = name, kind

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return {"staticmethod": staticmethod, "classmethod": classmethod}.get(self.kind, Stub)

    def __set_name__(self, owner: Any, name: str) -> None:
        self.owner = owner

    @property
    def __func__(self) -> Any:
        return self.owner._ch_cls.judge.request("getattr", self.owner, self.name)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is not None and is_learners(instance):
            _refuse_comparing(instance, self.name)
            return Method(instance, self.name)
        for klass in owner.__mro__:
            if "_ch_cls" in type.__getattribute__(klass, "__dict__"):
                if self.kind == "classmethod":
                    return Method(klass, self.name)
                function = klass._ch_cls.judge.request("getattr", klass, self.name)
                if instance is None or self.kind == "staticmethod":
                    return function
                return functools.partial(function, instance)
        raise AttributeError(self.name)


class Attribute(property):
    """A property of a learner's class, for what looks at the class, and for subclasses that a check makes."""

    def __init__(self, name: str, can_be_set: bool, doc: Any) -> None:
        def get(instance: Any) -> Any:
            if is_learners(instance):
                _refuse_comparing(instance, name)
                return judge_of(instance).request("getattr", instance, name)
            return judge_of(instance).inherited(name, instance, attribute="fget")

        def put(instance: Any, value: Any) -> None:
            judge_of(instance).inherited(name, instance, value, attribute="fset")

        super().__init__(get, put if can_be_set else None, None, doc if type(doc) is str else None)


def is_enum_like(cls: Any, base: Any) -> bool:
    """Whether ``cls`` mirrors a class that derives from the Enum class ``base``, which no mirror can do."""
    return isinstance(cls, Mirror) and any(
        issubclass(each, base)
        for klass in cls.__mro__
        for each in type.__getattribute__(klass, "__dict__").get("_ch_likes", ())
    )
