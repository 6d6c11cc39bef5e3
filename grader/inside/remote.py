"""Objects of a check, as the learner's code sees them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .learner import Learner

OBJECT_DUNDERS = frozenset(dir(object))


class Remote:
    """An object of a check (a callback, a mock, a test's own class) as the learner's code sees it."""

    __slots__ = ("__weakref__", "_ch")  # no __dict__ for functools.wraps to copy

    def __init__(self, peer: Learner, handle: int, name: str) -> None:
        object.__setattr__(self, "_ch", (peer, handle, name))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_ch"):
            raise AttributeError(name)
        return ask(self, "getattr", name)

    def __setattr__(self, name: str, value: Any) -> None:
        ask(self, "setattr", name, value)

    def __delattr__(self, name: str) -> None:
        ask(self, "delattr", name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return ask(self, "call", *args, **kwargs)

    def __repr__(self) -> str:
        return str(ask(self, "repr"))

    def __str__(self) -> str:
        return str(ask(self, "str"))

    def __hash__(self) -> int:
        return int(ask(self, "hash"))

    def __bool__(self) -> bool:
        return bool(ask(self, "bool"))

    def __await__(self) -> Any:
        while True:
            done, value = ask(self, "step")
            if done:
                return value
            yield  # let this loop's other tasks have their turn


def ask(remote: Any, verb: str, *args: Any, **kwargs: Any) -> Any:
    peer, handle, _ = object.__getattribute__(remote, "_ch")
    return peer.ask(verb, handle, *args, **kwargs)


def _forward(verb: str) -> Any:
    def method(self: Any, *args: Any) -> Any:
        return ask(self, "operator", verb, *args)

    method.__name__ = verb
    return method


for _verb in (
    "len iter next getitem setitem delitem contains enter exit eq ne lt le gt ge add radd sub rsub mul rmul "
    "truediv rtruediv floordiv rfloordiv mod rmod pow rpow and rand or ror xor rxor neg pos abs invert int "
    "float index round reversed"
).split():
    setattr(Remote, f"__{_verb}__", _forward(f"__{_verb}__"))


FORWARDED = frozenset(
    verb for verb in vars(Remote) if verb.startswith("__") and verb not in OBJECT_DUNDERS
) - {"__getattr__", "__bool__", "__module__", "__slots__", "__weakref__", "__doc__", "__annotations__"}


class AskingInput(io.TextIOBase):
    """``sys.stdin``: every line is asked of the check that runs; outside of one there is no input."""

    def __init__(self, peer: Learner) -> None:
        self._peer = peer

    def readable(self) -> bool:
        return True

    def readline(self, size: int = -1) -> str:  # type: ignore[override]
        return str(self._peer.ask("readline"))

    def read(self, size: int | None = -1) -> str:
        return str(self._peer.ask("read"))

    def __iter__(self) -> Any:
        return iter(self.readline, "")
