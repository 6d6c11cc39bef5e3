"""The scripts that make images, with an engine that is none."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Has every image but those of the database, and says what it is asked to build.
ENGINE = """#!/bin/sh
case "$*" in
    *db/debian.Dockerfile*) echo "asked: $*"; exit 1 ;;
    *mysql*) exit 1 ;;
esac
"""


def test_where_mysql_cannot_be_had_nothing_else_takes_its_place(tmp_path: Path) -> None:
    """The statements are MySQL's own: on another server every submission would fail, long after this step."""
    engine = tmp_path / "docker"
    engine.write_text(ENGINE)
    engine.chmod(0o755)
    nowhere = "http://127.0.0.1:9"
    ended = subprocess.run(
        ["bash", "-c", "exec 3>&1; exec images/base.sh"],
        cwd=ROOT,
        env={
            **os.environ,
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "CHALLENGEHUB_STEP_LOG": str(tmp_path / "log"),
            "https_proxy": nowhere,
            "HTTPS_PROXY": nowhere,
        },
        capture_output=True,
        text=True,
    )
    assert ended.returncode != 0
    assert len(re.findall("^asked: ", ended.stdout, re.M)) == 1, ended.stdout
    hint = (tmp_path / "log.hint").read_text()
    assert "bring mysql:lts from another machine" in hint
