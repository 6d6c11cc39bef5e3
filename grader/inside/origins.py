"""Where code that runs in the judge may come from: the image, and the author's notebook.

Everything else may have been written by the answer: a file, a pickle, a text. It is run in the learner's
process where a check's question has the same meaning there, and refused otherwise. What Python's own
functions ask (``runpy``, ``importlib``, ``pickle``) is answered here by replacing them; behind that stands an
audit hook, which sees whatever a library compiles, runs or unpickles, however it came to it.
"""

from __future__ import annotations

import _io
import contextlib
import importlib.machinery
import io
import os
import pickle
import runpy
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any, cast

from . import proxies
from .judge import Judge

# Who runs a text that they are given. A check (``__main__``) does it by ``builtins.eval``; its ``eval`` is
# that of ``texts``.
_TEXT_RUNNERS = frozenset("__main__ bdb cProfile codeop logging.config profile site trace".split())
_UNMARSHALLERS = frozenset({"importlib._bootstrap_external", "pkgutil", "zipimport"})  # after open_code
_OURS = frozenset({f"{__package__}.texts"})


class Origins:
    """Which files are the image's, for one run."""

    def __init__(self) -> None:
        self._roots = tuple(os.path.join(path, "") for path in sys.path if path)

    def has(self, path: Any) -> bool:
        """Whether ``path`` names a file of the image. By its text: a link that leads elsewhere
        can only be where learners write, and a way up is spelt out."""
        path = os.fsdecode(path)
        return str.startswith(path, self._roots) and ".." not in str.split(path, os.sep)

    def require(self, path: Any) -> None:
        if not self.has(path):
            raise ImportError(
                f"{os.path.basename(os.fsdecode(path))} is not run where checks are, because the answer may "
                "have written it: import it by its name, or run it with runpy.run_path or subprocess"
            )


def guard(judge: Judge) -> None:
    """Called once, before anything of a submission is here."""
    origins = Origins()
    open_code = io.open_code

    def open_ours(path: str) -> Any:
        origins.require(path)
        return open_code(path)

    io.open_code = _io.open_code = open_ours  # by the one name or the other

    def find_nothing(path: str) -> _Nothing:
        if origins.has(os.path.join(path, "")):
            raise ImportError(path)  # so a path hook says that it is not for this one
        return _Nothing()

    sys.path_hooks.insert(0, find_nothing)
    _run_scripts_there(judge, origins)
    _load_modules_there(judge, origins)
    sys.meta_path.append(_LearnersModules(judge, origins))
    unpickling = _Unpickling(judge)
    sys.addaudithook(_hook(judge, origins, unpickling))


def require_authors(judge: Judge, text: str | bytes) -> None:
    """Of a text that somebody else than ``texts`` is about to run."""
    if not judge.author.wrote(text):
        raise RuntimeError("a text that does not stand in the check is not run where checks are")


def _hook(judge: Judge, origins: Origins, unpickling: _Unpickling) -> Callable[[str, tuple[Any, ...]], None]:
    def caller() -> str:
        return str(sys._getframe(3).f_globals.get("__name__"))

    def executed(code: types.CodeType) -> None:
        name = code.co_filename
        # Other names than paths are how libraries call the texts that they make themselves.
        if os.sep in name and not name.startswith("<") and caller() not in _OURS:
            origins.require(name)

    def compiled(source: Any, filename: Any) -> None:
        if isinstance(source, bytes | str) and caller() in _TEXT_RUNNERS:
            require_authors(judge, source)

    def unmarshalled(*_: Any) -> None:
        if caller() not in _UNMARSHALLERS:
            raise ValueError("what marshal has written is not read where checks are")

    watched: dict[str, Callable[..., None]] = {
        "exec": executed,
        "compile": compiled,
        "marshal.load": unmarshalled,
        "marshal.loads": unmarshalled,
        "pickle.find_class": unpickling.require,
    }

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        found = watched.get(event)
        if found is not None:
            found(*arguments)

    return hook


class _Unpickling:
    """What is unpickled may run anything: only what a check has pickled itself is unpickled here."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._dumps, self._loads = pickle.dumps, pickle.loads
        self._made: set[bytes] = set()
        self._trusted = False
        loads = self.loads

        class Unpickler(pickle.Unpickler):
            def __init__(self, file: Any, **named: Any) -> None:
                super().__init__(file)
                self._file = file

            def load(self) -> Any:
                return loads(self._file.read())

        pickle.dumps, pickle.loads, pickle.dump = self.dumps, self.loads, self.dump  # type: ignore[assignment]
        pickle.Unpickler = Unpickler  # type: ignore[misc]
        pickle.load = lambda file, **named: loads(file.read(), **named)

    def dumps(self, value: Any, *args: Any, **named: Any) -> bytes:
        try:
            data = self._dumps(value, *args, **named)
        except (TypeError, pickle.PicklingError, AttributeError):
            return bytes(self._judge.request("module_call", "pickle", "dumps", value, *args))
        self._made.add(data)
        return data

    def dump(self, value: Any, file: Any, *args: Any, **named: Any) -> None:
        file.write(self.dumps(value, *args, **named))

    def loads(self, data: Any, /, **named: Any) -> Any:
        data = bytes(data)
        if data not in self._made:
            return self._judge.request("module_call", "pickle", "loads", data)
        self._trusted = True
        try:
            return self._loads(data, **named)
        finally:
            self._trusted = False

    def require(self, module: str, name: str) -> None:
        """Asked for every class and function that a pickle names, also by the other unpicklers that there are
        (``pickle._Unpickler``, which pandas and joblib derive theirs from)."""
        if not self._trusted:
            raise pickle.UnpicklingError(
                f"a pickle that names {module}.{name} is not read where checks are, because the answer may "
                "have written it"
            )


def _run_scripts_there(judge: Judge, origins: Origins) -> None:
    run_path, run_module = runpy.run_path, runpy.run_module

    def path(path_name: Any, init_globals: Any = None, run_name: Any = None) -> Any:
        if origins.has(path_name):
            return run_path(path_name, init_globals, run_name)
        return judge.request(
            "run_script", "run_path", os.fsdecode(path_name), sys.argv[1:], init_globals, run_name=run_name
        )

    def module(mod_name: str, init_globals: Any = None, run_name: Any = None, alter_sys: bool = False) -> Any:
        if mod_name not in judge.author.files:
            return run_module(mod_name, init_globals, run_name, alter_sys)
        return judge.request(
            "run_script",
            "run_module",
            mod_name,
            sys.argv[1:],
            init_globals,
            run_name=run_name,
            alter_sys=alter_sys,
        )

    runpy.run_path, runpy.run_module = path, module


def _load_modules_there(judge: Judge, origins: Origins) -> None:
    """``spec_from_file_location`` and its relatives: the module is made and run in the learner's process, and
    what the check gets is one that asks for each name there."""
    loader: Any = importlib.machinery.SourceFileLoader
    create, execute = loader.create_module, loader.exec_module

    def create_module(self: Any, spec: Any) -> Any:
        if origins.has(self.path):
            return create(self, spec)
        module = judge.request("make_module", self.name, os.fsdecode(self.path))
        if type(module) is not proxies.RemoteModule:
            raise ImportError(f"{self.name} is no module")
        return module

    def exec_module(self: Any, module: Any) -> None:
        if type(module) is proxies.RemoteModule:
            judge.request("execute_module", module)
        else:
            execute(self, module)

    loader.create_module, loader.exec_module = create_module, exec_module


class _Nothing:
    """Finds no module in a folder of ``sys.path`` where the answer may write: a library that imports
    something late would get the answer's ``random.py``."""

    def find_spec(self, name: str, target: Any = None) -> Any:
        return None

    def invalidate_caches(self) -> None:
        return None


class _LearnersModules:
    """``import calc`` in a check: a file that the learner was told to write (``%%writefile calc.py``)."""

    def __init__(self, judge: Judge, origins: Origins) -> None:
        self.judge, self.origins = judge, origins

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        # Only what the author's source speaks of: an optional library that is not installed stays away.
        if not self.judge.in_check or name not in self.judge.author.files:
            return None
        try:
            module = self.judge.request("import", name, list(self._own_folders()))
        except Exception:
            return None
        return importlib.machinery.ModuleSpec(name, cast(Any, _Found(module)))

    def _own_folders(self) -> Iterator[str]:
        """What the check has put on ``sys.path``."""
        for folder in sys.path:
            with contextlib.suppress(TypeError):
                if not self.origins.has(os.path.join(folder, "")):
                    yield os.path.abspath(folder)


class _Found:
    def __init__(self, module: Any) -> None:
        self.module = module

    def create_module(self, spec: Any) -> Any:
        return self.module

    def exec_module(self, module: Any) -> None:
        return None
