"""How the learner's objects look to a check: mirrors that ask the learner's process.

A mirror class has exactly the special methods that the learner's class has, so that ``callable``, ``iter``
or ``isinstance(x, Sized)`` answer honestly. What it asks, and what it never asks:

- comparing with plain data never asks (``==`` is False, ordering raises), unless the check opted in;
- arithmetic and ``in`` with plain data ask only classes that the author's source knows (author.allows):
  an object of any other class could answer ``abs(result - expected) < tolerance`` in its own favour;
- everything about a single object (length, items, iteration, truth, text, conversions) asks: an answer
  that does not know what is expected is worth no more than a plain value.
"""

from __future__ import annotations

import enum
import functools
import inspect
import sys
import types
from collections import UserDict, UserList, UserString
from typing import TYPE_CHECKING, Any, cast

from .names import KNOWN_TYPES
from .wire import WireError

if TYPE_CHECKING:
    from .judge import Judge

judge: Judge = None  # type: ignore[assignment]  # the one of this process, set by judge.py

# Methods of plain types that are told what is expected, or that answer with a comparison: an object of a
# class that the author does not know has no business answering them.
_COMPARING = frozenset(
    "startswith endswith issubset issuperset isdisjoint equals all any isalpha isdigit isalnum isdecimal "
    "isidentifier islower isnumeric isprintable isspace istitle isupper is_integer find rfind rindex rsplit "
    "partition rpartition removeprefix removesuffix replace translate difference symmetric_difference union "
    "intersection".split()
)

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
_CONTENT_BASES: dict[str, Any] = {
    cls.__name__: cls for cls in (int, float, complex, str, bytes, tuple, list, dict, set, frozenset)
}


class Ref:
    """Holds one of the learner's objects alive; given back when the last proxy of it is gone."""

    __slots__ = ("__weakref__", "arrivals", "handle")

    def __init__(self, handle: int) -> None:
        self.handle = handle
        self.arrivals = 0

    def __del__(self) -> None:
        judge.released.append([self.handle, self.arrivals])


def ref_of(value: Any) -> Ref | None:
    """The reference behind a proxy or a mirror class, None for anything else."""
    kind = type(value)
    if kind is Function or kind is Handle:
        return value._ch_ref
    if kind is Method:
        return ref_of(value._ch_fetch())
    if isinstance(value, Mirror):
        return type.__getattribute__(value, "__dict__").get("_ch_cls")
    if isinstance(kind, Mirror):
        try:
            return object.__getattribute__(value, "_ch_ref")
        except AttributeError:
            return None
    try:
        return judge.driven.get(value)
    except TypeError:
        return None


def is_learners(value: Any) -> bool:
    return ref_of(value) is not None


class Mirror(type):
    """A class of the learner's. Subclasses made by a check are ordinary classes on top of it."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if "_ch_cls" in type.__getattribute__(cls, "__dict__"):
            return judge.call(cls, args, kwargs)
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
        if name.startswith("_ch_") or name in _NEVER_ASKED:
            raise AttributeError(name)
        for klass in cls.__mro__:
            if "_ch_cls" in type.__getattribute__(klass, "__dict__"):
                return judge.request("getattr", klass, name)
        raise AttributeError(name)

    def __setattr__(cls, name: str, value: Any) -> None:
        if name.startswith(("_ch_", "_abc_")) or "_ch_cls" not in cls.__dict__:
            super().__setattr__(name, value)
        else:
            judge.request("setattr", cls, name, value)
            if name in cls.__dict__:
                super().__delattr__(name)  # from now on the learner's own is asked

    def __delattr__(cls, name: str) -> None:
        if "_ch_cls" in cls.__dict__:
            judge.request("delattr", cls, name)
            if name not in cls.__dict__:
                return
        super().__delattr__(name)

    def __dir__(cls) -> list[str]:
        return list(judge.request("dir", cls)) if "_ch_cls" in cls.__dict__ else list(super().__dir__())

    def _meta(name: str) -> Any:  # type: ignore[misc]
        def method(cls: Any, *args: Any) -> Any:
            if name not in type.__getattribute__(cls, "__dict__").get("_ch_meta", ()):
                raise TypeError(f"type '{cls.__name__}' does not support this")
            return judge.request("operator", name, cls, *args)

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
        return judge.request("operator", name, cls, other) is True

    __iter__ = _meta("__iter__")
    __len__ = _meta("__len__")
    __contains__ = _meta("__contains__")

    def __getitem__(cls, item: Any) -> Any:
        return judge.request("operator", "__getitem__", cls, item)

    def __bool__(cls) -> bool:
        return True

    @property
    def __annotations__(cls) -> Any:  # type: ignore[override]
        own = type.__getattribute__(cls, "__dict__")
        return (
            judge.request("getattr", cls, "__annotations__")
            if "_ch_cls" in own
            else own.get("__annotations__", {})
        )

    @property
    def __signature__(cls) -> inspect.Signature:
        return judge.signature(cls)


# Asked of an object by libraries that would then trust the answer, or loop on it.
_NEVER_ASKED = frozenset(
    "__array__ __array_interface__ __array_struct__ __array_ufunc__ __array_function__ __array_priority__ "
    "__array_wrap__ __dataframe__ __reduce__ __reduce_ex__ __getstate__ __del__ __wrapped__ "
    "_ipython_display_ _repr_html_ _pytestfixturefunction "
    "pytest_mock_example_attribute_that_shouldnt_exist".split()
)


# What Python's own libraries set on an exception on its way (contextlib, unittest, pytest).
_ERRORS_OWN = frozenset("__traceback__ __cause__ __context__ __suppress_context__ __notes__".split())


class LearnerObject:
    """Root of the mirrors. An instance without ``_ch_ref`` belongs to a subclass that a check defined."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_ch_") or name in _NEVER_ASKED:
            raise AttributeError(name)
        if ref_of(self) is None:
            if not (name.startswith("__") and name.endswith("__")):
                for klass in type(self).__mro__:
                    if "_ch_cls" in type.__getattribute__(klass, "__dict__"):
                        return judge.request("getattr", klass, name)  # what the class itself holds
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
        _refuse_comparing(self, name)
        return judge.request("getattr", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if ref_of(self) is None or (name in _ERRORS_OWN and isinstance(self, BaseException)):
            object.__setattr__(self, name, value)
        else:
            judge.request("setattr", self, name, value)

    def __delattr__(self, name: str) -> None:
        if ref_of(self) is None:
            object.__delattr__(self, name)
        else:
            judge.request("delattr", self, name)

    def __repr__(self) -> str:
        return _text(self, "__repr__")

    def __str__(self) -> str:
        return _text(self, "__str__")

    def __format__(self, spec: str) -> str:
        return (
            str(judge.request("operator", "__format__", self, spec))
            if is_learners(self)
            else format(str(self), spec)
        )

    def __dir__(self) -> Any:
        return judge.request("dir", self) if is_learners(self) else object.__dir__(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(f"a learner's {type(self).__name__} is pickled in the learner's process")

    def __copy__(self) -> Any:
        return judge.request("module_call", "copy", "copy", self)

    def __deepcopy__(self, memo: Any) -> Any:
        return judge.request("module_call", "copy", "deepcopy", self)

    def __eq__(self, other: object) -> Any:
        return NotImplemented

    def __hash__(self) -> int:
        return object.__hash__(self)


def _text(value: Any, name: str) -> str:
    if not is_learners(value):
        for each in dict.fromkeys((name, "__repr__")):  # object's own __str__ is its __repr__
            if any(
                each in type.__getattribute__(klass, "__dict__").get("_ch_own", ())
                for klass in type(value).__mro__
            ):
                return str(judge.inherited(each, value))
            if name == "__str__" and getattr(type(value), "__repr__", None) is not LearnerObject.__repr__:
                return repr(value)
        return f"<{type(value).__name__} object>"
    text = judge.request("operator", name, value)
    return text if type(text) is str else str.__str__(text)


def _refuse_comparing(value: Any, name: str) -> None:
    if name in _COMPARING and not judge.allows(type(value), name):
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
        return judge.request("getattr", self.owner, self.name)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is not None and is_learners(instance):
            _refuse_comparing(instance, self.name)
            return Method(instance, self.name)
        for klass in owner.__mro__:
            if "_ch_cls" in type.__getattribute__(klass, "__dict__"):
                if self.kind == "classmethod":
                    return Method(klass, self.name)
                function = judge.request("getattr", klass, self.name)
                if instance is None or self.kind == "staticmethod":
                    return function
                return functools.partial(function, instance)
        raise AttributeError(self.name)


class Function:
    """A function, method or partial of the learner's."""

    def __init__(self, ref: Ref, name: str, kind: str) -> None:
        object.__setattr__(self, "_ch_ref", ref)
        object.__setattr__(self, "_ch_name", name)
        object.__setattr__(self, "_ch_kind", kind)
        object.__setattr__(self, "_ch_asked_as", "")  # the name by which a check got hold of it

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return judge.call(self, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_ch_") or (name in _NEVER_ASKED and name != "__wrapped__"):
            raise AttributeError(name)
        return judge.request("getattr", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        judge.request("setattr", self, name, value)

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
        return str(judge.request("getattr", self, "__name__"))

    @property
    def __doc__(self) -> Any:  # type: ignore[override]
        return judge.request("getattr", self, "__doc__")

    @property
    def __module__(self) -> Any:  # type: ignore[override]
        return judge.request("getattr", self, "__module__")

    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        return judge.request("getattr", self, "__dict__")

    @property
    def __signature__(self) -> inspect.Signature:
        return judge.signature(self)

    def __repr__(self) -> str:
        return f"<function {self._ch_name}>"

    def __eq__(self, other: object) -> bool:
        mine, theirs = ref_of(self), ref_of(other)
        return theirs is not None and mine is theirs

    def __hash__(self) -> int:
        return hash(self._ch_ref)

    def __reduce__(self) -> Any:
        raise TypeError("a learner's function cannot be pickled")


class Method:
    """``object.method`` before it is called."""

    def __init__(self, target: Any, name: str) -> None:
        object.__setattr__(self, "_ch_target", target)
        object.__setattr__(self, "_ch_name", name)

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return judge.call_method(self._ch_target, self._ch_name, args, kwargs)

    def _ch_fetch(self) -> Any:
        return judge.request("getattr", self._ch_target, self._ch_name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_ch_") or name in _NEVER_ASKED:
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
        return judge.signature(self._ch_fetch())

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


# -- special methods of mirrors -------------------------------------------------------------------------


def _unary(name: str) -> Any:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
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
        if not is_learners(self):
            return judge.inherited(name, self, *args)
        answer = judge.request("operator", name, self, *args)
        if type(answer) is not kind:
            raise TypeError(f"{name} returned non-{kind.__name__}")
        return answer

    method.__name__ = name
    return method


def _next(self: Any) -> Any:
    if not is_learners(self):
        return judge.inherited("__next__", self)
    more, value = judge.request("iterate", self)
    if not more:
        raise StopIteration
    return value


def _binary(name: str) -> Any:
    def method(self: Any, other: Any, *rest: Any) -> Any:
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
            kept = judge.request("getattr", value, "data")
            return kept if type(kept) is plain else None
    return None


_USER_CLASSES: dict[Any, type] = {UserList: list, UserDict: dict, UserString: str}


def _contains(self: Any, item: Any) -> bool:
    allowed = judge.compare_learner or is_learners(item) or judge.allows(type(self), "__contains__")
    if allowed and not is_learners(self):
        return bool(judge.inherited("__contains__", self, item))
    if allowed:
        return bool(judge.request("operator", "__contains__", self, item))
    # The learner's class says nothing that we would believe: look through what it holds.
    return any(each is item or each == item for each in iter(self))


def _hash(self: Any) -> int:
    if not is_learners(self):
        return int(judge.inherited("__hash__", self))
    return hash(judge.request("operator", "__hash__", self))


_SPECIAL: dict[str, Any] = {
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
_NOT_ON_CONTENT = _ARITHMETIC | _ORDER | {"__eq__", "__ne__", "__contains__", "__hash__"} | _UNARY


def make_class(ref: Ref, description: list[Any]) -> Any:
    """The mirror of a class that the learner's process described (see learner._encode_class); an exception
    class of a library is that library's own here."""
    name, qualname, module, doc, bases, dunders, methods, abstract, has_hash, meta = description
    if not all(type(each) is str for each in (name, qualname, module)) or type(doc) not in (str, type(None)):
        raise WireError("bad class")
    found = _librarys_error(module, qualname)
    if found is not None:
        return found
    bases = [judge.decode(base, 2) for base in bases]
    if not all(isinstance(base, type) for base in bases):
        raise WireError("bad class")
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
        if dunder not in _SPECIAL:
            continue
        if is_content and dunder in _NOT_ON_CONTENT and not judge.author.allows(names, dunder):
            continue
        body[dunder] = _SPECIAL[dunder]
    if not is_content:
        if has_hash == 1:
            body["__hash__"] = _hash
        elif has_hash == 2:
            body["__hash__"] = None
        elif "__eq__" in body:
            body["__hash__"] = None if has_hash == 2 else LearnerObject.__hash__
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
        plain = next(
            base
            for base in (*_CONTENT_BASES.values(), BaseException)
            if any(issubclass(b, base) for b in real)
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
        # A dict of the mirror's own, so that content types keep their reference too.
    else:
        body["__dict__"] = property(_instance_dict)
    try:
        cls = Mirror(name, tuple(real), body)
    except TypeError:  # layouts or orders that cannot be combined: keep the first line of descent
        cls = Mirror(name, (LearnerObject,), body)
    for base in registered:
        base.register(cls)
    return cls


_DESCRIPTORS: dict[tuple[str, str], type] = {
    (cls.__module__, cls.__qualname__): cls
    for cls in (property, classmethod, staticmethod, memoryview, functools.cached_property)
}
# Whose exceptions say something to whoever runs a check (a test that is to be skipped, for one).
_NO_ERRORS_OF = frozenset({"unittest", "doctest", "bdb", "pdb", "_pytest", "pytest"})


def _librarys_error(module: str, qualname: str) -> Any:
    """The exception class of that name that a library has defined in this process, or None."""
    root = module.partition(".")[0]
    if root in _NO_ERRORS_OF or not (root in sys.stdlib_module_names or root in ("numpy", "pandas")):
        return None
    found = vars(sys.modules[module]).get(qualname) if module in sys.modules else None
    return found if type(found) is type and issubclass(found, Exception) else None


class Attribute(property):
    """A property of a learner's class, for what looks at the class, and for subclasses that a check makes."""

    def __init__(self, name: str, can_be_set: bool, doc: Any) -> None:
        def get(instance: Any) -> Any:
            if is_learners(instance):
                _refuse_comparing(instance, name)
                return judge.request("getattr", instance, name)
            return judge.inherited(name, instance, attribute="fget")

        def put(instance: Any, value: Any) -> None:
            judge.inherited(name, instance, value, attribute="fset")

        super().__init__(get, put if can_be_set else None, None, doc if type(doc) is str else None)


def is_enum_like(cls: Any, base: Any) -> bool:
    """Whether ``cls`` mirrors a class that derives from the Enum class ``base``, which no mirror can do."""
    return isinstance(cls, Mirror) and any(
        issubclass(each, base)
        for klass in cls.__mro__
        for each in type.__getattribute__(klass, "__dict__").get("_ch_likes", ())
    )


def _instance_dict(self: Any) -> Any:
    return judge.request("getattr", self, "__dict__") if is_learners(self) else {}


def _exception_text(self: Any) -> str:
    text = object.__getattribute__(self, "__dict__").get("_ch_text")
    return text if isinstance(text, str) else BaseException.__str__(self)


def _exception_repr(self: Any) -> str:
    own = type.__getattribute__(type(self), "__dict__").get("_ch_own", ())
    if "__repr__" in own and is_learners(self):
        return _text(self, "__repr__")
    return f"{type(self).__name__}({', '.join(repr(each) for each in self.args)})"


def make_object(cls: Any, ref: Ref, content: Any) -> Any:
    """An instance of the mirror ``cls``; ``content`` is None or [share number, base, content]."""
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
            judge._refill(value, inner)
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
    args = judge.decode(args, depth)
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
            for note in judge.decode(value, depth):
                error.add_note(str(note))
        if type(name) is str and not name.startswith("_"):
            try:
                object.__setattr__(error, name, judge.decode(value, depth))
            except AttributeError:
                continue
    if cause is not None:
        BaseException.__setattr__(error, "__cause__", judge.decode(cause, depth))
    elif context is not None:
        BaseException.__setattr__(error, "__context__", judge.decode(context, depth))
    return error


# -- generators and coroutines: genuine ones of this process that drive the learner's --------------------


def drive_generator(ref: Ref, name: str) -> Any:
    def driver(target: Any) -> Any:
        verb: str = "send"
        argument: Any = None
        while True:
            more, value = judge.request("generator", target, verb, argument)
            if not more:
                return value
            try:
                argument, verb = (yield value), "send"
            except GeneratorExit:
                # Closed by the check, or let go of. In the middle of a frame giving the reference back is
                # left to do it.
                if judge.in_check and not judge.busy and judge.broken is None:
                    judge.request("generator", target, "close")
                raise
            except BaseException as error:
                argument, verb = error, "throw"

    driver.__name__ = driver.__qualname__ = name
    made = driver(Handle(ref))
    judge.driven[made] = ref
    return made


async def _finish(target: Any) -> Any:
    import asyncio

    number = judge.request("start", target)
    pause = 0.0
    while True:
        await asyncio.sleep(0)  # lets its siblings be scheduled before any of them is waited for
        done, value = judge.request("advance", number, pause)
        if done:
            return value
        pause = 0.02


def drive_coroutine(ref: Ref, name: str) -> Any:
    made = _finish(Handle(ref))
    made.__name__ = name  # type: ignore[attr-defined]
    judge.driven[made] = ref
    return made


def drive_async_generator(ref: Ref, name: str) -> Any:
    async def driver(target: Any) -> Any:
        while True:
            step = judge.request("operator", "__anext__", target)
            try:
                value = await _finish(step)
            except StopAsyncIteration:
                return
            yield value

    made = driver(Handle(ref))
    judge.driven[made] = ref
    return made


class Handle:
    """A bare reference, for what needs no proxy."""

    def __init__(self, ref: Ref) -> None:
        self._ch_ref = ref
