"""Notebooks in a few words, for tests: cells as nbgrader marks them."""

from __future__ import annotations

import json
from typing import Any

Cell = dict[str, Any]


def cell(source: str = "", kind: str = "code", **metadata: Any) -> Cell:
    made: Cell = {"cell_type": kind, "metadata": metadata, "source": source}
    return made | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def marked(grade_id: str, source: str, kind: str = "code", about: Any = None, **nbgrader: Any) -> Cell:
    marks = {"grade": False, "solution": False, "locked": False, "schema_version": 3, **nbgrader}
    return cell(
        source, kind, nbgrader={"grade_id": grade_id, **marks}, **({"challenge": about} if about else {})
    )


def text(source: str, **metadata: Any) -> Cell:
    return cell(source, "markdown", **metadata)


def setup(grade_id: str, source: str = "import math") -> Cell:
    return marked(grade_id, source, locked=True)


def solution(grade_id: str, source: str = "x = 1", **nbgrader: Any) -> Cell:
    return marked(grade_id, source, solution=True, **nbgrader)


def check(grade_id: str, source: str = "assert x == 1", points: Any = 1, about: Any = None) -> Cell:
    return marked(grade_id, source, grade=True, locked=True, points=points, about=about)


def notebook(*cells: Any, minor: int = 5, **metadata: Any) -> str:
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return json.dumps(
        {
            "cells": list(cells),
            "metadata": {"kernelspec": kernel} | metadata,
            "nbformat": 4,
            "nbformat_minor": minor,
        }
    )
