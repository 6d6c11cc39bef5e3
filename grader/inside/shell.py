"""The IPython shell that runs the learner's cells, and errors of theirs as data."""

from __future__ import annotations

import linecache
import traceback
from typing import Any

# Also what `pip` on a shell's line says (images/sandbox/Dockerfile); pip's own words would lead astray.
NOTHING_INSTALLED = (
    "Nothing was installed: a submission runs without a network, with the packages that its sandbox has.\n"
    "“What the sandbox has”, below the verdict, lists them."
)
CELL_FILES: dict[str, str] = {}  # by the name of the file that Python thinks a cell came from: the cell's id


def frames_of(error: BaseException) -> list[Any]:
    """The innermost frames of the learner's own cells: [[function, line, source]…], outermost first."""
    frames = []
    for frame, line in traceback.walk_tb(error.__traceback__):
        name = frame.f_code.co_filename
        if name in CELL_FILES:
            source = linecache.getline(name, line).strip()
            frames.append([frame.f_code.co_name, line, source[:500], CELL_FILES[name]])
    return frames[-6:]


def describe_error(error: BaseException) -> Any:
    """[name, message, traceback text, line in the cell or None], of the learner's own frames only."""
    name = type(error).__name__
    try:
        message = str(error)
    except BaseException:
        message = ""
    lines: list[str] = []
    line: int | None = None
    if isinstance(error, SyntaxError):
        line = error.lineno
        message = error.msg or message
        text = (error.text or "").rstrip("\n")
        lines = [f"Line {line}", f"    {text}"] if line else []
        if error.offset and text:
            lines.append("    " + " " * (error.offset - 1) + "^")
    else:
        for function, number, source, cell in frames_of(error):
            where = "" if function == "<module>" else f", in {function}"
            lines += [f"Cell {cell}, line {number}{where}", f"    {source}"]
            line = number
    lines.append(f"{name}: {message}" if message else name)
    return [str(name), str(message)[:5000], "\n".join(lines)[:20_000], line]


def warm_up() -> None:
    """Import, before the fork, what both processes will need."""
    import asyncio
    import decimal
    import unittest.mock

    import IPython.core.interactiveshell

    _ = asyncio, decimal, unittest.mock, IPython.core.interactiveshell


def make_shell() -> Any:
    """An IPython shell without history, colours, threads or anything that waits for a person."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    config.HistoryAccessor.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.cache_size = 100
    config.InteractiveShell.banner1 = ""
    shell = InteractiveShell.instance(config=config)

    # Results of expressions are a notebook's own display; errors are reported as data.
    shell.displayhook.write_output_prompt = lambda: None
    shell.displayhook.write_format_data = lambda *args, **kwargs: None
    shell.displayhook.finish_displayhook = lambda: None
    for name in ("showtraceback", "showsyntaxerror", "showindentationerror", "_showtraceback"):
        setattr(shell, name, lambda *args, **kwargs: None)
    for name in ("pip", "conda", "mamba", "micromamba", "uv"):
        shell.register_magic_function(lambda line: print(NOTHING_INSTALLED), "line", name)
    return shell
