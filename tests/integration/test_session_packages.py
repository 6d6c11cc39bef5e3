"""`%pip install` in a learner's session: there at once, for it alone, and no danger to any other part."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Callable, Iterator

import pytest

from tests.conftest import ROOT, Person, Stack

from .workspaces import HOME, Workspace

SESSION = "/opt/python/session/"


def give(workspace: Workspace, name: str, files: dict[str, str | bytes], requires: str = "") -> str:
    """A wheel of these files in the learner's home; returns what to install. No index is asked."""
    info = f"{name}-1.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    told: dict[str, str | bytes] = {
        f"{info}/METADATA": metadata + (f"Requires-Dist: {requires}\n" if requires else ""),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    every = files | told
    rows = "".join(f"{path},,\n" for path in [*every, f"{info}/RECORD"])
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in (every | {f"{info}/RECORD": rows}).items():
            archive.writestr(path, text)
    file = f"{name}-1.0-py3-none-any.whl"
    encoded = base64.b64encode(content.getvalue()).decode()
    model = {"type": "file", "format": "base64", "content": encoded}
    answer = workspace.server("PUT", f"api/contents/{file}", json=model)
    assert answer.status_code in (200, 201), answer.text
    return f"--no-index {HOME}/{file}"


@pytest.fixture(scope="module")
def workspace(stack: Stack, new_learner: Callable[[], Person]) -> Iterator[Workspace]:
    workspace = Workspace(stack, new_learner()).start()
    yield workspace
    workspace.stop()


def test_a_kernel_that_runs_already_imports_it_at_once(workspace: Workspace) -> None:
    wheel = give(workspace, "hello", {"hello/__init__.py": "word = 'hi'"})
    with workspace.kernel() as running:
        assert "ModuleNotFoundError" in running.run("import hello")
        assert "Successfully installed hello-1.0" in running.run(f"%pip install {wheel}")
        assert running.run("import hello; print(hello.word, hello.__file__)").startswith(f"hi {SESSION}")
        # the same place however it is called, and one that can be cleared
        assert "already installed" in running.run(f"!pip install {wheel}")
        assert "Successfully uninstalled hello-1.0" in running.run("%pip uninstall -y hello")
        assert "ModuleNotFoundError" in running.run(
            "del hello\nimport sys; del sys.modules['hello']\nimport hello"
        )


def test_it_ends_with_the_session_and_nobody_else_sees_it(
    stack: Stack, workspace: Workspace, new_learner: Callable[[], Person]
) -> None:
    other = Workspace(stack, new_learner()).start()
    code, output = other.run("pip", "install", *give(other, "mine", {"mine.py": ""}).split())
    assert code == 0, output
    assert other.python("import mine; print(mine.__file__)").startswith(SESSION)
    assert workspace.run("python3", "-c", "import mine")[0] == 1
    other.stop()
    other.start()
    assert other.run("python3", "-c", "import mine")[0] == 1
    assert other.run("find", SESSION, "-type", "f")[1] == ""
    other.stop()


def test_a_broken_package_stops_neither_the_server_nor_a_kernel(workspace: Workspace) -> None:
    broken = "raise SystemExit('broken on purpose')"
    names = ("tornado", "ipykernel", "zmq", "traitlets", "jupyter_server", "extension")
    files: dict[str, str | bytes] = {f"{name}/__init__.py": broken for name in names}
    files |= {"sitecustomize.py": broken, "usercustomize.py": broken, "broken.pth": f"import sys; {broken}"}
    code, output = workspace.run("pip", "install", *give(workspace, "broken", files).split())
    assert code == 0, output
    with workspace.kernel() as kernel:
        assert kernel.run("import tornado; print(tornado.__file__)").startswith("/opt/python/lib/")
    # the server has an environment of its own: what it would import when it starts is not looked for there
    server = workspace.run(
        "/opt/challengehub/bin/python", "-c", "import sys, tornado, extension; print(sys.path)"
    )
    assert server[0] == 0
    assert SESSION not in server[1]
    assert workspace.run("pip", "uninstall", "-y", "broken")[0] == 0


def test_a_learners_python_has_what_the_sandbox_has(workspace: Workspace) -> None:
    """What the server needs for itself is no part of it: it would run here and fail when it is graded."""
    assert workspace.run("python3", "-c", "import requests")[0] == 1
    assert workspace.run("/opt/challengehub/bin/python", "-c", "import requests")[0] == 0
    pins = dict(
        line.split("#")[0].strip().split("==")
        for line in (ROOT / "images/sandbox/requirements.txt").read_text().splitlines()
        if "==" in line
    )
    for name in ("numpy", "pandas", "scipy", "matplotlib"):
        assert workspace.python(f"import {name}; print({name}.__version__)") == pins[name]


def test_what_wants_another_version_of_what_is_there_is_refused_in_words(workspace: Workspace) -> None:
    wheel = give(workspace, "picky", {"picky.py": ""}, requires="numpy<2")
    code, output = workspace.run("pip", "install", *wheel.split())
    assert code != 0
    assert "constraint" in output
    assert "numpy" in output


def test_a_full_place_is_said_in_words_and_what_was_half_done_goes(workspace: Workspace) -> None:
    megabytes = int(workspace.stack.settings["NOTEBOOK_PACKAGES"].removesuffix("M"))
    kept = give(workspace, "kept", {"kept.py": "here = True"})
    assert workspace.run("pip", "install", *kept.split())[0] == 0
    flood = give(workspace, "flood", {"flood/small.py": "", "flood/big.bin": bytes((megabytes + 1) * 2**20)})
    with workspace.kernel() as kernel:
        said = kernel.run(f"%pip install {flood}")
        assert "There is no room for this" in said
        assert f"share {megabytes} MB" in said
        assert kernel.run("import kept; print(kept.here)") == "True\n"
    assert workspace.run("find", SESSION, "-path", "*flood*")[1] == ""
    assert workspace.server("GET", "api/status").status_code == 200
