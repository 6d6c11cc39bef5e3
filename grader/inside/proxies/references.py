"""Who stands here for which of the learner's objects."""

from __future__ import annotations

import types
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..judge import Judge

# Asked of an object by libraries that would then trust the answer, or loop on it.
NEVER_ASKED = frozenset(
    "__array__ __array_interface__ __array_struct__ __array_ufunc__ __array_function__ __array_priority__ "
    "__array_wrap__ __dataframe__ __reduce__ __reduce_ex__ __getstate__ __del__ __wrapped__ "
    "_ipython_display_ _repr_html_ _pytestfixturefunction "
    "pytest_mock_example_attribute_that_shouldnt_exist".split()
)


class LearnerProxy:
    """Root of all that stands for something of the learner's, but genuine generators (see ``drives``).

    What these classes have themselves is not asked of the learner's process. So they have no annotations,
    which would give them ``__annotations__``.
    """

    __slots__ = ()

    def _ch_reference(self) -> Ref | None:
        """For what it stands. Asked of the type, which is ours: an instance might have one of its own."""
        raise NotImplementedError


del LearnerProxy.__slots__  # for the same reason; nothing of it is in the instances all the same


class Ref(LearnerProxy):
    """Holds one of the learner's objects alive; given back when the last proxy of it is gone. Sent, it is
    that object."""

    __slots__ = ("__weakref__", "arrivals", "handle", "judge")

    def __init__(self, judge: Judge, handle: int) -> None:
        self.judge = judge  # the one who can ask about it
        self.handle = handle
        self.arrivals = 0

    def _ch_reference(self) -> Ref:
        return self

    def __del__(self) -> None:
        self.judge.released.append([self.handle, self.arrivals])


_driven: weakref.WeakKeyDictionary[Any, Ref] = weakref.WeakKeyDictionary()


def drives(made: Any, ref: Ref) -> Any:
    """Note that ``made``, a generator or coroutine of this process, drives one of the learner's."""
    _driven[made] = ref
    return made


def ref_of(value: Any) -> Ref | None:
    """The reference behind a proxy or a mirror class, None for anything else."""
    kind = type(value)
    if issubclass(kind, LearnerProxy):
        return kind._ch_reference(value)
    try:
        return _driven.get(value)
    except TypeError:
        return None


def is_learners(value: Any) -> bool:
    return ref_of(value) is not None


def judge_of(instance: Any) -> Judge:
    """Who can ask about an instance of a mirror, or of a class that a check has made of one."""
    return type(instance)._ch_cls.judge


class RemoteModule(types.ModuleType):
    """A module that only the learner's process has."""

    def __init__(self, ref: Ref, name: str) -> None:
        super().__init__(name)
        object.__setattr__(self, "_ch_ref", ref)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_ch_") or name in ("__path__", "__file__", "__spec__", "__loader__"):
            raise AttributeError(name)
        ref: Ref = object.__getattribute__(self, "_ch_ref")
        return ref.judge.request("getattr", ref, name)
