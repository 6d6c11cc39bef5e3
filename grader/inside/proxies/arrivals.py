"""What a frame says of the learner's objects, made into proxies of them."""

from __future__ import annotations

import enum
import functools
import sys
from collections import UserDict, UserList, UserString
from typing import Any, cast

from ..names import KNOWN_TYPES
from ..wire import Kind, WireError
from .functions import Function
from .generators import drive_async_generator, drive_coroutine, drive_generator
from .mirrors import Attribute, LearnerObject, Mirror, Stub, text_of
from .references import Ref, RemoteModule, is_learners, judge_of
from .specials import NOT_ON_CONTENT, SPECIAL, asked_hash

_CONTENT_BASES: dict[str, Any] = {
    cls.__name__: cls for cls in (int, float, complex, str, bytes, tuple, list, dict, set, frozenset)
}
_USER_CLASSES: dict[Any, type] = {UserList: list, UserDict: dict, UserString: str}
_DESCRIPTORS: dict[tuple[str, str], type] = {
    (cls.__module__, cls.__qualname__): cls
    for cls in (property, classmethod, staticmethod, memoryview, functools.cached_property)
}
# Whose exceptions say something to whoever runs a check (a test that is to be skipped, for one).
_NO_ERRORS_OF = frozenset({"unittest", "doctest", "bdb", "pdb", "_pytest", "pytest"})


def arrived(ref: Ref, item: list[Any], depth: int) -> Any:
    """The proxy that an item of the wire asks for: [tag, handle, kind, what the kind needs…]."""
    kind = item[2]
    if kind == Kind.OBJECT:
        return make_object(ref.judge.decode(item[3], depth), ref, item[4])
    if kind == Kind.FUNCTION:
        return Function(ref, str(item[3]), str(item[4]))
    if kind == Kind.GENERATOR:
        return drive_generator(ref, str(item[3]))
    if kind == Kind.COROUTINE:
        return drive_coroutine(ref, str(item[3]))
    if kind == Kind.ASYNC_GENERATOR:
        return drive_async_generator(ref, str(item[3]))
    if kind == Kind.ERROR:
        return make_error(ref.judge.decode(item[3], depth), ref, item, depth)
    if kind == Kind.MODULE:
        return RemoteModule(ref, str(item[3]))
    raise WireError("bad kind")


def make_class(ref: Ref, description: list[Any]) -> Any:
    """The mirror of a class that the learner's process described (see learner._encode_class); an exception
    class of a library is that library's own here."""
    name, qualname, module, doc, bases, dunders, methods, abstract, has_hash, meta = description
    if not all(type(each) is str for each in (name, qualname, module)) or type(doc) not in (str, type(None)):
        raise WireError("bad class")
    found = _librarys_error(module, qualname)
    if found is not None:
        return found
    judge = ref.judge
    bases = [judge.decode(base, 2) for base in bases]
    if not all(isinstance(base, type) for base in bases):
        raise WireError("bad class")
    real, registered, likes = _descent(bases)
    is_content = any(issubclass(base, (*_CONTENT_BASES.values(), BaseException)) for base in real)
    names = [name] + [each.__name__ for base in real if isinstance(base, Mirror) for each in base.__mro__]
    body: dict[str, Any] = {
        "_ch_cls": ref,
        "_ch_abstract": tuple(str(each) for each in abstract),
        "_ch_meta": tuple(str(each) for each in meta),
        "_ch_names": names,
        "_ch_own": frozenset(each for each in dunders if type(each) is str),
        "_ch_likes": tuple(likes),
        "_ch_keeps": next((_USER_CLASSES[base] for base in bases if base in _USER_CLASSES), None),
        "__module__": module,
        "__qualname__": qualname,
        "__doc__": doc,
    }
    for dunder in dunders:
        if dunder not in SPECIAL:
            continue
        if is_content and dunder in NOT_ON_CONTENT and not judge.author.allows(names, dunder):
            continue
        body[dunder] = SPECIAL[dunder]
    if not is_content:
        if has_hash == 1:
            body["__hash__"] = asked_hash
        elif has_hash == 2:
            body["__hash__"] = None
        elif "__eq__" in body:
            body["__hash__"] = LearnerObject.__hash__
        known = KNOWN_TYPES.get((module, qualname)) or _DESCRIPTORS.get((module, qualname))
        if known is not None:
            body["__class__"] = property(lambda self: known)
    for method, kind, *text in methods:
        # A special method among them would get round everything that is decided above.
        if type(method) is not str or method.startswith(("_ch", "__")):
            continue
        # What a plain type can do itself is done here, with the content, when nobody asked for the class.
        if not (is_content and not judge.author.knows(names) and any(hasattr(base, method) for base in real)):
            if kind in ("property", "read-only property"):
                body[method] = Attribute(method, kind == "property", text[0])
            else:
                body[method] = Stub(method, str(kind))
    if "__init__" in dunders and not is_content:
        body["__init__"] = Stub("__init__", "function")  # for a subclass that a check makes
    if not any(issubclass(base, LearnerObject) for base in real):
        real.insert(0, LearnerObject)
    if is_content:
        _compare_as_plain(body, real, dunders)  # and a dict of its own, in which it keeps its reference
    else:
        body["__dict__"] = property(_instance_dict)
    try:
        cls = Mirror(name, tuple(real), body)
    except TypeError:  # layouts or orders that cannot be combined: keep the first line of descent
        cls = Mirror(name, (LearnerObject,), body)
    for base in registered:
        base.register(cls)
    return cls


def make_object(cls: Any, ref: Ref, content: Any) -> Any:
    """An instance of the mirror ``cls``; ``content`` is None or [share number, base, content]."""
    judge = ref.judge
    if not isinstance(cls, Mirror) or issubclass(cls, BaseException):
        raise WireError("bad object")
    if content is None:
        value: Any = object.__new__(cls)
    else:
        number, base_name, inner = content
        base: Any = _CONTENT_BASES.get(base_name)
        if base is None or not issubclass(cls, base):
            raise WireError("bad content")
        if number:
            if number in judge.shared.by_number:
                return judge.shared.by_number[number]
            value = base.__new__(cls)
            object.__setattr__(value, "_ch_ref", ref)
            judge.shared.add(value, judge.number(number))
            judge.refill(value, inner)
            return value
        plain = judge.decode(inner, 2)
        if type(plain) is not base:
            raise WireError("bad content")
        value = cast(Any, base).__new__(cls, plain)
    object.__setattr__(value, "_ch_ref", ref)
    return value


def make_error(cls: Any, ref: Ref, item: list[Any], depth: int) -> BaseException:
    """An exception of the learner's, with the type, arguments, text, cause and attributes that it had."""
    _, _, _, _, args, text, where, cause, context, extra = item
    decode = ref.judge.decode
    args = decode(args, depth)
    if not (isinstance(cls, type) and issubclass(cls, BaseException)) or type(args) is not tuple:
        raise WireError("bad exception")
    if type(text) is not str or type(where) is not list or type(extra) is not list:
        raise WireError("bad exception")
    mirrored = isinstance(cls, Mirror)
    error: Any = None
    if not mirrored and cls.__module__ == "builtins":
        try:
            error = cls(*args)
        except Exception:
            error = None
    if error is None:
        error = cls.__new__(cls, *args)
    if mirrored:
        object.__setattr__(error, "_ch_ref", ref)
        object.__setattr__(error, "_ch_text", text)
    BaseException.__setattr__(error, "args", args)
    object.__setattr__(error, "_ch_where", where)
    for name, value in extra:
        if name == "__notes__":
            for note in decode(value, depth):
                error.add_note(str(note))
        if type(name) is str and not name.startswith("_"):
            try:
                object.__setattr__(error, name, decode(value, depth))
            except AttributeError:
                continue
    if cause is not None:
        BaseException.__setattr__(error, "__cause__", decode(cause, depth))
    elif context is not None:
        BaseException.__setattr__(error, "__context__", decode(context, depth))
    return error


def _descent(bases: list[Any]) -> tuple[list[type], list[Any], list[Any]]:
    """(what the mirror derives from, abstract classes that it is registered with, Enums that it is like)"""
    real: list[type] = []
    registered: list[Any] = []
    likes: list[Any] = []
    for base in bases:
        if isinstance(base, Mirror) or base in _CONTENT_BASES.values() or issubclass(base, BaseException):
            real.append(base)
        elif isinstance(base, enum.EnumType):
            likes.append(base)
            real += [each for each in base.__mro__ if each in (int, str)]
        elif hasattr(base, "register"):
            registered.append(base)
    return real, registered, likes


def _compare_as_plain(body: dict[str, Any], real: list[type], dunders: Any) -> None:
    """What derives from a plain type is compared, hashed and shown as its content is, where its own methods
    are not asked."""
    plain = next(
        base for base in (*_CONTENT_BASES.values(), BaseException) if any(issubclass(b, base) for b in real)
    )
    body.setdefault("__eq__", plain.__eq__)
    if "__hash__" not in body:
        body["__hash__"] = plain.__hash__
    if plain is BaseException:
        body["__str__"] = _exception_text
        body["__repr__"] = _exception_repr
    elif "__str__" not in dunders and plain in (str, bytes, list, dict, set, tuple, int, float):
        body["__str__"] = plain.__str__
    body.setdefault("__format__", plain.__format__)


def _librarys_error(module: str, qualname: str) -> Any:
    """The exception class of that name that a library has defined in this process, or None."""
    root = module.partition(".")[0]
    if root in _NO_ERRORS_OF or not (root in sys.stdlib_module_names or root in ("numpy", "pandas")):
        return None
    found = vars(sys.modules[module]).get(qualname) if module in sys.modules else None
    return found if type(found) is type and issubclass(found, Exception) else None


def _instance_dict(self: Any) -> Any:
    return judge_of(self).request("getattr", self, "__dict__") if is_learners(self) else {}


def _exception_text(self: Any) -> str:
    text = object.__getattribute__(self, "__dict__").get("_ch_text")
    return text if isinstance(text, str) else BaseException.__str__(self)


def _exception_repr(self: Any) -> str:
    own = type.__getattribute__(type(self), "__dict__").get("_ch_own", ())
    if "__repr__" in own and is_learners(self):
        return text_of(self, "__repr__")
    return f"{type(self).__name__}({', '.join(repr(each) for each in self.args)})"
