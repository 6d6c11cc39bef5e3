"""A notebook file as data: size, depth and shape are checked here, before anything else looks at it.

Reading is on purpose more patient than nbformat's schema: a learner's notebook with a strange output or
an unknown key is still an answer. What is not needed to grade (outputs, execution counts) is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import NotebookMalformed, NotebookNotPython, NotebookTooLarge

MAX_SUBMISSION_BYTES = 2 * 1024 * 1024
MAX_CHALLENGE_BYTES = (
    8 * 1024 * 1024
)  # an author's file carries outputs and pictures that no learner receives
MAX_CELLS = 1000
MAX_DEPTH = 100  # of nested lists and objects; deep pictures (plotly, vega) stay under 30

CELL_TYPES = ("code", "markdown", "raw")
PYTHON_NAMES = ("python", "python3", "ipython")


@dataclass(frozen=True, slots=True)
class NotebookCell:
    """One cell as it stands in the file. ``index`` counts from 0; ``kind`` is one of CELL_TYPES."""

    index: int
    kind: str
    source: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""
    attachments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def grade_id(self) -> str:
        """The nbgrader ``grade_id``, or "" when there is none that could be one."""
        nbgrader = self.metadata.get("nbgrader")
        grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
        return grade_id if isinstance(grade_id, str) else ""

    @property
    def name(self) -> str:
        """What an error calls this cell."""
        return self.grade_id or f"cell-{self.index}"


@dataclass(frozen=True, slots=True)
class Notebook:
    cells: tuple[NotebookCell, ...]
    metadata: Mapping[str, Any] = field(default_factory=dict)


def read_notebook(text: str | bytes, *, max_bytes: int = MAX_SUBMISSION_BYTES) -> Notebook:
    """Read a Python notebook of nbformat 4.

    Raises NotebookTooLarge, NotebookMalformed (``details["cell"]`` when one cell is to blame) or
    NotebookNotPython. Never compiles or parses the code in it.
    """
    root = _load(text, max_bytes)
    if not isinstance(root, dict):
        raise NotebookMalformed("This file is not a notebook: it holds no JSON object.")
    if root.get("nbformat") != 4:
        raise NotebookMalformed(
            "This notebook is not in format 4 (nbformat). Open it in JupyterLab, save it, and try again."
        )
    cells = root.get("cells")
    if not isinstance(cells, list):
        raise NotebookMalformed('This file is not a notebook: "cells" is not a list.')
    if len(cells) > MAX_CELLS:
        raise NotebookTooLarge(
            f"This notebook has {len(cells)} cells; at most {MAX_CELLS} are allowed. "
            "Remove some and try again."
        )
    metadata = root.get("metadata", {})
    if not isinstance(metadata, dict):
        raise NotebookMalformed('This file is not a notebook: "metadata" is not an object.')
    _require_python(metadata)
    return Notebook(tuple(_read_cell(index, cell) for index, cell in enumerate(cells)), metadata)


def _load(text: str | bytes, max_bytes: int) -> Any:
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(data) > max_bytes:
        raise NotebookTooLarge(
            f"This notebook is larger than {max_bytes // 1024 // 1024} MiB. Clear large outputs "
            "(Edit → Clear Outputs of All Cells), save, and try again.",
            details={"max_bytes": max_bytes},
        )
    try:
        # surrogatepass: half a character in a learner's text is an error of that cell, not of the file
        root = json.loads(data.decode("utf-8-sig", "surrogatepass"))
    except UnicodeDecodeError as error:
        raise NotebookMalformed("This file is not a notebook: it is not UTF-8 text.") from error
    except RecursionError as error:
        raise NotebookMalformed("This notebook is nested too deeply to be read.") from error
    except ValueError as error:
        raise NotebookMalformed("This file is not a notebook: it is not valid JSON.") from error
    _require_shallow(root)
    return root


def _require_shallow(root: Any) -> None:
    level = [root]
    for _ in range(MAX_DEPTH):
        level = [child for item in level for child in _children(item) if isinstance(child, dict | list)]
        if not level:
            return
    raise NotebookMalformed("This notebook is nested too deeply to be read.")


def _children(item: Any) -> Iterable[Any]:
    if isinstance(item, dict):
        return item.values()
    return item if isinstance(item, list) else ()


def _require_python(metadata: Mapping[str, Any]) -> None:
    kernel, info = _mapping(metadata.get("kernelspec")), _mapping(metadata.get("language_info"))
    name = kernel.get("name")
    language = kernel.get("language")
    if language is None and "py" not in str(name or "").lower():
        # a kernel named after a person's environment says its language only here
        language = info.get("name", name)
    if language is not None and str(language).lower() not in PYTHON_NAMES:
        raise NotebookNotPython(
            f"This notebook is written for {str(language)[:40]!r}, not for Python. "
            "Choose the Python kernel (Kernel → Change Kernel), save, and try again."
        )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _read_cell(index: int, cell: Any) -> NotebookCell:
    def malformed(reason: str) -> NotebookMalformed:
        return NotebookMalformed(
            f"Cell {index + 1} of this notebook cannot be read: {reason}.", details={"cell": f"cell-{index}"}
        )

    if not isinstance(cell, dict):
        raise malformed("it is not an object")
    kind = cell.get("cell_type")
    if kind not in CELL_TYPES:
        raise malformed("its cell_type is not code, markdown or raw")
    source = cell.get("source")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise malformed("its source is not text")
    metadata = cell.get("metadata", {})
    if not isinstance(metadata, dict):
        raise malformed("its metadata is not an object")
    identity = cell.get("id")
    return NotebookCell(
        index=index,
        kind=kind,
        source=source,
        metadata=metadata,
        id=identity if isinstance(identity, str) else "",
        attachments=_mapping(cell.get("attachments")),
    )
