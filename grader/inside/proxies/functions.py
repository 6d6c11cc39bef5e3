"""The learner's functions and bound methods, as a check calls them."""

from __future__ import annotations

import functools
import inspect
import types
from typing import Any

from .references import NEVER_ASKED, LearnerProxy, Ref, ref_of


class Function(LearnerProxy):
    """A function, method or partial of the learner's."""

    def __init__(self, ref: Ref, name: str, kind: str) -> None:
        object.__setattr__(self, "_ch_ref", ref)
        object.__setattr__(self, "_ch_name", name)
        object.__setattr__(self, "_ch_kind", kind)
        object.__setattr__(self, "_ch_asked_as", "")  # the name by which a check got hold of it

    def _ch_reference(self) -> Ref:
        return self._ch_ref

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self._ch_ref.judge.call(self, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_ch_") or (name in NEVER_ASKED and name != "__wrapped__"):
            raise AttributeError(name)
        return self._ch_ref.judge.request("getattr", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._ch_ref.judge.request("setattr", self, name, value)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        kinds = {"builtin_function_or_method": types.BuiltinFunctionType, "method": types.MethodType}
        if self._ch_kind == "partial":
            return functools.partial
        return kinds.get(self._ch_kind, types.FunctionType)

    @property
    def __name__(self) -> str:
        return str(self._ch_ref.judge.request("getattr", self, "__name__"))

    @property
    def __doc__(self) -> Any:  # type: ignore[override]
        return self._ch_ref.judge.request("getattr", self, "__doc__")

    @property
    def __module__(self) -> Any:  # type: ignore[override]
        return self._ch_ref.judge.request("getattr", self, "__module__")

    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        return self._ch_ref.judge.request("getattr", self, "__dict__")

    @property
    def __signature__(self) -> inspect.Signature:
        return self._ch_ref.judge.signature(self)

    def __repr__(self) -> str:
        return f"<function {self._ch_name}>"

    def __eq__(self, other: object) -> bool:
        mine, theirs = ref_of(self), ref_of(other)
        return theirs is not None and mine is theirs

    def __hash__(self) -> int:
        return hash(self._ch_ref)

    def __reduce__(self) -> Any:
        raise TypeError("a learner's function cannot be pickled")


class Method(LearnerProxy):
    """``object.method`` before it is called."""

    def __init__(self, target: Any, name: str) -> None:
        object.__setattr__(self, "_ch_target", target)
        object.__setattr__(self, "_ch_name", name)

    def _ch_reference(self) -> Ref | None:
        return ref_of(self._ch_fetch())

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self._ch_target._ch_cls.judge.call_method(self._ch_target, self._ch_name, args, kwargs)

    def _ch_fetch(self) -> Any:
        return self._ch_target._ch_cls.judge.request("getattr", self._ch_target, self._ch_name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_ch_") or name in NEVER_ASKED:
            raise AttributeError(name)
        return getattr(self._ch_fetch(), name)

    @property
    def __self__(self) -> Any:
        return self._ch_target

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return types.MethodType

    @property
    def __name__(self) -> str:
        return str(self._ch_name)

    @property
    def __doc__(self) -> Any:  # type: ignore[override]
        return self._ch_fetch().__doc__

    @property
    def __signature__(self) -> inspect.Signature:
        return self._ch_target._ch_cls.judge.signature(self._ch_fetch())

    def __repr__(self) -> str:
        return f"<bound method {type(self._ch_target).__name__}.{self._ch_name}>"

    def __eq__(self, other: object) -> bool:
        return (
            type(other) is Method
            and other._ch_target is self._ch_target
            and bool(other._ch_name == self._ch_name)
        )

    def __hash__(self) -> int:
        return hash((id(self._ch_target), self._ch_name))
