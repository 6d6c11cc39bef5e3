"""What the judge may ask the learner's process to do, each a method ``do_`` and the operation's name."""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import inspect
import operator
import os
import resource
import runpy
import sys
from typing import Any

from .peer import Overtime, Peer
from .shell import describe_error


class Operations(Peer):
    """Of the learner's process (``learner.Learner``), which has the state that these work on."""

    shell: Any
    namespace: dict[str, Any]
    watched: dict[str, Any]
    originals: dict[tuple[str, str], Any]
    described: set[int]
    loop: Any
    tasks: dict[int, Any]
    in_cell: bool
    cell_name: str

    def do_run_cell(self, name: str, source: str, cpu_s: float | None = None) -> Any:
        """Run one cell; [status, error or None], where error is [name, message, traceback, line]. With
        ``cpu_s`` after ``limit_cpu``: a request less."""
        if cpu_s is not None:
            self.do_limit_cpu(cpu_s)
        self.in_cell = True
        self.cell_name = name
        try:
            result = self.shell.run_cell(source, store_history=True, silent=False)
            error = result.error_before_exec or result.error_in_exec
        except Overtime:
            raise
        except BaseException as escaped:  # a RecursionError can escape run_cell (deep attribute chains)
            error = escaped
        finally:
            self.in_cell = False
        if isinstance(error, Overtime):
            raise error
        if error is None:
            return ["passed", None]
        return ["error", describe_error(error)]

    def do_run_check(self, source: str) -> Any:
        """The opt-out: a check in the learner's own process. [status, error, value of the last line]."""
        result = self.shell.run_cell(source, store_history=False, silent=False)
        error = result.error_before_exec or result.error_in_exec
        if isinstance(error, Overtime):
            raise error
        if error is None:
            value = result.result
            if type(value).__module__ == "numpy" and getattr(value, "shape", None) == ():
                value = value.item()
            return ["passed", None, value if type(value) in (int, float, bool) else None]
        status = "failed" if isinstance(error, AssertionError) else "error"
        return [status, describe_error(error), None]

    def do_limit_cpu(self, seconds: float) -> None:
        """Asked for once, before the first cell: the kernel lets nobody raise it again."""
        whole = max(1, int(seconds + 0.999))
        resource.setrlimit(resource.RLIMIT_CPU, (whole, whole + 1))

    def do_forget(self) -> None:
        """After an interruption: the judge may have missed a frame (see Peer.forget)."""
        self.forget()
        self.described.clear()
        self.watched.clear()

    def do_names(self) -> Any:
        hidden = self.shell.user_ns_hidden
        return [name for name in self.namespace if isinstance(name, str) and name not in hidden]

    def do_get(self, name: str) -> Any:
        """[found, value]"""
        try:
            value = self.watched[name] = self.namespace[name]
            return (True, value)
        except KeyError:
            return (False, None)

    def do_has(self, name: str) -> bool:
        if name not in self.namespace:
            return False
        self.watched[name] = self.namespace[name]
        return True

    def do_set(self, name: str, value: Any) -> None:
        self.namespace[name] = value

    def do_delete(self, name: str) -> bool:
        return self.namespace.pop(name, self) is not self

    def do_call(self, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    def do_method(self, target: Any, name: str, /, *args: Any, **kwargs: Any) -> Any:
        return getattr(target, name)(*args, **kwargs)

    def do_getattr(self, target: Any, name: str) -> Any:
        return getattr(target, name)

    def do_setattr(self, target: Any, name: str, value: Any) -> None:
        setattr(target, name, value)

    def do_delattr(self, target: Any, name: str) -> None:
        delattr(target, name)

    def do_dir(self, target: Any) -> Any:
        return [name for name in dir(target) if isinstance(name, str)]

    def do_operator(self, name: str, *args: Any) -> Any:
        return OPERATORS[name](*args)

    def do_signature(self, target: Any) -> Any:
        found = inspect.signature(target)
        empty = inspect.Parameter.empty
        return [
            [
                [p.name, int(p.kind), p.default is not empty, None if p.default is empty else p.default,
                 p.annotation is not empty, None if p.annotation is empty else p.annotation]
                for p in found.parameters.values()
            ],
            found.return_annotation is not empty,
            None if found.return_annotation is empty else found.return_annotation,
        ]  # fmt: skip

    def do_inspect(self, name: str, target: Any) -> Any:
        if name not in ("getsource", "getsourcelines", "getdoc", "isgeneratorfunction", "iscoroutinefunction",
                        "isasyncgenfunction", "isfunction", "ismethod", "isbuiltin"):  # fmt: skip
            raise ValueError(name)
        return getattr(inspect, name)(target)

    def do_module_call(self, module: str, name: str, *args: Any, **kwargs: Any) -> Any:
        """A function of a library on learner's objects (``copy.copy``, ``dataclasses.asdict``, a seed…)."""
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
        return found(*args, **kwargs)

    def do_patch(self, module: str, name: str, value: Any) -> None:
        """A check's ``mock.patch`` of a library's attribute, done here too."""
        target: Any = sys.modules.get(module) or importlib.import_module(module)
        *path, last = name.split(".")
        for part in path:
            target = getattr(target, part)
        self.originals.setdefault((module, name), getattr(target, last, None))
        setattr(target, last, value)

    def do_unpatch(self, module: str, name: str) -> None:
        target: Any = sys.modules[module]
        *path, last = name.split(".")
        for part in path:
            target = getattr(target, part)
        if (module, name) in self.originals:
            setattr(target, last, self.originals.pop((module, name)))

    def do_evaluate(self, how: str, text: Any, globals: Any, locals: Any) -> Any:
        """``eval`` or ``exec`` of a text, on the learner's own names or on those that a check gives."""
        names = self.namespace if globals is None else globals
        had = "__builtins__" in names
        try:
            return getattr(builtins, how)(text, names, names if locals is None else locals)
        finally:
            if not had:
                names.pop("__builtins__", None)

    def do_setenv(self, name: str, value: str | None) -> None:
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value

    def do_import(self, name: str, folders: list[str]) -> Any:
        """``folders``: where a check looks for modules too."""
        sys.path[:0] = [folder for folder in folders if folder not in sys.path]
        return importlib.import_module(name)

    def do_make_module(self, name: str, path: str) -> Any:
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None:
            raise ImportError(f"{path} is no module")
        return importlib.util.module_from_spec(spec)

    def do_execute_module(self, module: Any) -> None:
        module.__spec__.loader.exec_module(module)

    def do_run_script(self, how: str, name: str, arguments: list[str], *args: Any, **named: Any) -> Any:
        """What ``runpy`` leaves of a script or module: the names that it has defined."""
        argv = sys.argv
        sys.argv = [argv[0], *arguments]
        try:
            left: dict[str, Any] = getattr(runpy, how)(name, *args, **named)
        finally:
            sys.argv = argv
        return {key: left[key] for key in left if key not in ("__builtins__", "__loader__", "__spec__")}

    def do_generator(self, generator: Any, verb: str, *args: Any) -> Any:
        """One step of a generator: [True, value yielded] or [False, value returned]."""
        try:
            return (True, getattr(generator, verb)(*args))
        except StopIteration as stop:
            return (False, stop.value)

    def do_iterate(self, iterator: Any) -> Any:
        """One step of an iterator: [True, value] or [False, None]."""
        try:
            return (True, next(iterator))
        except StopIteration:
            return (False, None)

    def _event_loop(self) -> Any:
        import asyncio

        if self.loop is None or self.loop.is_closed():
            self.loop = asyncio.new_event_loop()
        return self.loop

    def do_start(self, coroutine: Any) -> int:
        """Schedule an awaitable on the learner's own event loop; the number of its task."""
        import asyncio

        loop = self._event_loop()

        async def run() -> Any:
            return await coroutine

        number = len(self.tasks) + 1
        asyncio.set_event_loop(loop)
        self.tasks[number] = loop.create_task(run())
        return number

    def do_advance(self, number: int, seconds: float) -> Any:
        """Run the loop until that task is done or the time is over: [done, value]; done is None for a task
        that was cancelled."""
        import asyncio

        task, loop = self.tasks[number], self._event_loop()

        async def wait() -> None:
            await asyncio.wait([task], timeout=seconds)

        loop.run_until_complete(wait())
        if not task.done():
            return (False, None)
        del self.tasks[number]
        return (None, None) if task.cancelled() else (True, task.result())

    def do_cancel(self, number: int) -> None:
        self.tasks[number].cancel()


def _power(*args: Any) -> Any:
    return pow(*args)


def _reflected(operation: Any) -> Any:
    return lambda a, b: operation(b, a)


OPERATORS: dict[str, Any] = {
    **{f"__{name}__": getattr(operator, f"__{name}__") for name in (
        "lt le eq ne gt ge add sub mul truediv floordiv mod and or xor lshift rshift matmul neg pos abs "
        "invert "
        "iadd isub imul itruediv ifloordiv imod iand ior ixor ilshift irshift imatmul ipow contains getitem "
        "setitem delitem index").split()},
    **{f"__r{name}__": _reflected(getattr(operator, f"__{name}__")) for name in (
        "add sub mul truediv floordiv mod and or xor lshift rshift matmul").split()},
    "__pow__": _power, "__rpow__": lambda a, b: pow(b, a), "__divmod__": divmod,
    "__rdivmod__": lambda a, b: divmod(b, a), "__len__": len, "__iter__": iter, "__next__": next,
    "__reversed__": reversed, "__hash__": hash, "__bool__": bool, "__int__": int, "__float__": float,
    "__complex__": complex, "__round__": round, "__str__": str, "__repr__": repr, "__format__": format,
    "__bytes__": bytes, "__trunc__": __import__("math").trunc, "__floor__": __import__("math").floor,
    "__ceil__": __import__("math").ceil, "__fspath__": os.fspath, "__aiter__": aiter, "__anext__": anext,
    "__instancecheck__": lambda cls, value: isinstance(value, cls),
    "__subclasscheck__": lambda cls, other: issubclass(other, cls),
    "__length_hint__": operator.length_hint, "__dir__": dir, "__sizeof__": sys.getsizeof,
}  # fmt: skip
for _verb in ("enter", "exit", "aenter", "aexit", "call", "missing", "await", "set_name", "get", "set"):
    OPERATORS[f"__{_verb}__"] = lambda self, *args, _n=f"__{_verb}__": getattr(type(self), _n)(self, *args)
