"""nbgrader's autograde on the same notebook, from an environment of its own: one submission, and twenty."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from .rig import ROOT, Rig, say, three_checks

VERSION = "0.9.5"
FOLDER = ROOT / ".cache" / "nbgrader"
MANY = 20


def environment() -> Path:
    """Its python, made once."""
    python = FOLDER / "bin" / "python"
    if not (FOLDER / "made").exists():
        say("nbgrader: making its environment")
        shutil.rmtree(FOLDER, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(FOLDER)], check=True)
        packages = [f"nbgrader=={VERSION}", "ipykernel"]
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
        (FOLDER / "made").touch()
    return python


def measure(rig: Rig) -> dict[str, Any]:
    python = environment()
    # it calls alembic, and jupyter, by their names
    path = os.environ | {"PATH": f"{python.parent}:{os.environ['PATH']}"}
    students = rig.choose(3, MANY, MANY)
    with tempfile.TemporaryDirectory() as name:
        course = Path(name)

        def run(*arguments: str) -> float:
            began = time.perf_counter()
            command = [str(python), "-m", "nbgrader", *arguments, "--course", "bench"]
            ended = subprocess.run(command, cwd=course, capture_output=True, text=True, env=path)
            if ended.returncode:
                raise RuntimeError(f"nbgrader {arguments}: {ended.stderr[-2000:]}")
            return time.perf_counter() - began

        text = json.dumps(three_checks())
        (course / "nbgrader_config.py").write_text("c = get_config()\n")
        source = course / "source" / "ps1"
        source.mkdir(parents=True)
        (source / "mean.ipynb").write_text(text)
        run("generate_assignment", "ps1", "--create", "--force")
        for number in range(students + 3):
            folder = course / "submitted" / f"s{number}" / "ps1"
            folder.mkdir(parents=True)
            (folder / "mean.ipynb").write_text(text)
        single = [run("autograde", "ps1", "--student", f"s{number}") for number in range(3)]
        for number in range(3):
            shutil.rmtree(course / "submitted" / f"s{number}")
        batch = run("autograde", "ps1")
    return {
        "version": VERSION,
        "single_s": round(statistics.median(single), 3),
        "batch": students,
        "batch_each_s": round(batch / students, 3),
    }
