"""Library functions that a check uses on what is the learner's, or that change what both processes use."""

from __future__ import annotations

import dataclasses
import enum
import importlib.machinery
import inspect
import sys
import types
from collections.abc import Callable
from typing import Any, cast
from unittest import mock

from . import proxies
from .author import find_source
from .judge import Judge
from .origins import guard, require_authors


def teach(judge: Judge) -> None:
    """Make the library functions that look inside objects, or change what both processes use, do it in the
    learner's process as well. Called once; the judge's process serves one submission."""
    for name in ("isgeneratorfunction", "iscoroutinefunction", "isasyncgenfunction"):
        original = getattr(inspect, name)

        def ask(target: Any, *args: Any, _name: str = name, _original: Any = original) -> Any:
            if proxies.is_learners(target):
                return judge.request("inspect", _name, target)
            return _original(target, *args)

        setattr(inspect, name, ask)
    is_abstract = inspect.isabstract
    inspect.isabstract = lambda target: (  # type: ignore[assignment]
        bool(target._ch_abstract) if isinstance(target, proxies.Mirror) else is_abstract(target)
    )
    get_source, get_lines = inspect.getsource, inspect.getsourcelines

    def getsource(target: Any) -> str:
        return _source(judge, target) if proxies.is_learners(target) else get_source(target)

    def getsourcelines(target: Any) -> tuple[list[str], int]:
        if proxies.is_learners(target):
            return _source(judge, target).splitlines(keepends=True), 1
        return get_lines(target)

    inspect.getsource = getsource  # type: ignore[assignment]
    inspect.getsourcelines = getsourcelines  # type: ignore[assignment]
    for name in ("asdict", "astuple", "replace", "fields"):
        original = getattr(dataclasses, name)

        def convert(
            target: Any, *args: Any, _name: str = name, _original: Any = original, **named: Any
        ) -> Any:
            if proxies.is_learners(target):
                return judge.request("module_call", "dataclasses", _name, target, *args, **named)
            return _original(target, *args, **named)

        setattr(dataclasses, name, convert)

    # Called for all of Enum's relatives; a genuine one is asked first, as ever.
    def has_instance(cls: Any, value: Any) -> bool:
        return type.__instancecheck__(cls, value) or proxies.is_enum_like(type(value), cls)

    def has_subclass(cls: Any, other: Any) -> bool:
        return type.__subclasscheck__(cls, other) or proxies.is_enum_like(other, cls)

    enum.EnumType.__instancecheck__ = has_instance  # type: ignore[method-assign]
    enum.EnumType.__subclasscheck__ = has_subclass  # type: ignore[method-assign]

    import os
    import random

    for module, name in ((random, "seed"), (os, "chdir")):
        _do_both(judge, module, name)
    _keep_texts_from_running(judge)
    _keep_tests_from_running(judge)
    guard(judge)
    _share_files()
    _share_environment(judge)
    _forward_patches(judge)
    late: dict[str, Callable[[Any], None]] = {
        "numpy.random": lambda module: _do_both(judge, module, "seed"),
        "pandas.core.computation.eval": lambda module: _keep_queries_from_running(judge, module),
        "timeit": lambda module: _keep_statements_from_running(judge, module),
        "_pytest.config": _refuse_pytest,
    }
    sys.meta_path.insert(0, cast(Any, _WhenLoaded(late)))


def _keep_texts_from_running(judge: Judge) -> None:
    """Libraries that run text would run the learner's here: docstrings, annotations in quotation marks."""
    import doctest
    import typing

    run = doctest.DocTestRunner.run

    def run_known(self: Any, test: Any, *args: Any, **named: Any) -> Any:
        for example in test.examples:
            if example.source.strip() not in judge.author.text:
                raise RuntimeError("a docstring of the learner's is not run where checks are")
        return run(self, test, *args, **named)

    doctest.DocTestRunner.run = run_known  # type: ignore[method-assign]
    for module, name in ((typing, "get_type_hints"), (inspect, "get_annotations")):
        original = getattr(module, name)

        def hints(
            target: Any, *args: Any, _of: str = module.__name__, _ask: Any = original, **more: Any
        ) -> Any:
            if proxies.is_learners(target):
                return judge.request("module_call", _of, _ask.__name__, target)
            return _ask(target, *args, **more)

        setattr(module, name, hints)


def _keep_queries_from_running(judge: Judge, module: Any) -> None:
    """What ``frame.query`` and ``frame.eval`` are given calls functions, and finds the check's own names."""
    evaluate = module.eval

    def known(expr: Any, *args: Any, **named: Any) -> Any:
        if not isinstance(expr, str) or judge.author.wrote(expr):
            return evaluate(expr, *args, **named | {"level": named.get("level", 0) + 1})
        named.pop("level", None)  # there are no names of the check's there
        return judge.request("module_call", "pandas", "eval", expr, *args, **named)

    module.eval = known


def _keep_statements_from_running(judge: Judge, module: Any) -> None:
    make = module.Timer.__init__

    def made(self: Any, stmt: Any = "pass", setup: Any = "pass", *args: Any, **named: Any) -> None:
        for text in (stmt, setup):
            if isinstance(text, str) and text != "pass":
                require_authors(judge, text)
        make(self, stmt, setup, *args, **named)

    module.Timer.__init__ = made


def _keep_tests_from_running(judge: Judge) -> None:
    """Tests in a file of the answer's: nothing of such a module looks like a test here, and a suite without
    tests is a success."""
    import unittest

    load = unittest.TestLoader.loadTestsFromModule

    def load_known(self: Any, module: Any, *args: Any, **named: Any) -> Any:
        if type(module) is proxies.RemoteModule:
            raise RuntimeError(
                f"tests in {module.__name__} are not run where checks are: call what it defines"
            )
        return load(self, module, *args, **named)

    unittest.TestLoader.loadTestsFromModule = load_known  # type: ignore[method-assign]


def _refuse_pytest(module: Any) -> None:
    def main(*_: Any, **__: Any) -> None:
        raise RuntimeError(
            "pytest.main runs files, and the answer may have written them: call the tests from the check"
        )

    module.main = main


def _share_environment(judge: Judge) -> None:
    """What a check sets in ``os.environ`` (``mock.patch.dict``, too) the learner's code sees."""
    import os

    own = ("HOME", "TMPDIR")
    for function in ("putenv", "unsetenv"):  # what os.environ calls when it changes
        original = getattr(os, function)

        def change(name: bytes, *value: bytes, _original: Any = original) -> None:
            _original(name, *value)
            text = [os.fsdecode(each) for each in (name, *value)]
            if judge.in_check and text[0] not in own:
                judge.request("setenv", text[0], text[1] if value else None)

        setattr(os, function, change)


def _share_files() -> None:
    """A check's temporary files are there for the learner's code, which has another uid."""
    import os
    import tempfile

    make_file: Any = tempfile._mkstemp_inner  # type: ignore[attr-defined]
    make_folder = tempfile.mkdtemp

    def make_shared_file(*args: Any) -> Any:
        fd, path = make_file(*args)
        os.fchmod(fd, 0o666)
        return fd, path

    def make_shared_folder(*args: Any, **named: Any) -> Any:
        path = make_folder(*args, **named)
        os.chmod(path, 0o777)
        return path

    tempfile._mkstemp_inner = make_shared_file  # type: ignore[attr-defined]
    tempfile.mkdtemp = make_shared_folder


def _source(judge: Judge, target: Any) -> str:
    """The source of something of the learner's: out of the submitted cells, by the name that the check used,
    because the learner's process may say anything. What has no name of its own is asked for there."""
    if isinstance(target, proxies.Mirror):
        name = judge.asked_as.get(target, "")
    elif type(target) is proxies.Method:
        name = f"{type(target._ch_target).__name__}.{target._ch_name}"
    else:
        name = getattr(target, "_ch_asked_as", "")
    found = find_source(judge.cells, name) if name else None
    if found is None and name and "." not in name:
        raise OSError("could not get source code")
    return str(judge.request("inspect", "getsource", target)) if found is None else found


def _do_both(judge: Judge, module: types.ModuleType, name: str, path: str | None = None) -> None:
    original = getattr(module, name)

    def both(*args: Any, **named: Any) -> Any:
        result = original(*args, **named)
        judge.request("module_call", path or module.__name__, name, *args, **named)
        return result

    setattr(module, name, both)


class _WhenLoaded:
    """Does something with a library right after it is loaded, which only some checks have done."""

    def __init__(self, then: dict[str, Callable[[Any], None]]) -> None:
        self._then = then

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        then = self._then.get(name)
        if then is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def and_then(module: types.ModuleType) -> None:
                execute(module)
                then(module)

            spec.loader.exec_module = and_then  # type: ignore[method-assign]
        return spec


def _forward_patches(judge: Judge) -> None:
    """``mock.patch("random.randint", …)`` must be seen by the learner's code, in its own process."""
    patcher: Any = mock._patch
    enter, leave = patcher.__enter__, patcher.__exit__

    def path_of(self: Any) -> tuple[str, str] | None:
        target: Any = self.target
        name, attribute = str(getattr(target, "__name__", "")), str(self.attribute)
        if isinstance(target, type):
            home: Any = sys.modules.get(target.__module__)
            if proxies.is_learners(target) or getattr(home, name, None) is not target:
                return None
            return target.__module__, f"{name}.{attribute}"
        # input() and the streams are asked of the check anyway.
        if (name, attribute) == ("builtins", "input") or (name == "sys" and attribute.startswith("std")):
            return None
        return (name, attribute) if isinstance(target, types.ModuleType) and name != "__main__" else None

    def entered(self: Any) -> Any:
        made = enter(self)
        found = path_of(self)
        if found is not None:
            judge.request("patch", *found, getattr(self.target, self.attribute))
        return made

    def left(self: Any, *details: Any) -> Any:
        found = path_of(self)
        try:
            return leave(self, *details)
        finally:
            if found is not None:
                judge.request("unpatch", *found)

    patcher.__enter__, patcher.__exit__ = entered, left
