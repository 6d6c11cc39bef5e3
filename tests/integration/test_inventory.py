"""What a sandbox has is what its image says, asked once: of real ones, and of one that says nonsense."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from grader.confinement import Spec
from grader.errors import EngineUnavailable, InventoryUnknown, SandboxFailed
from grader.inventory import Inventories, Inventory
from grader.models import Job, Limits, Step
from grader.pool import Pool
from tests.conftest import ROOT

from .sandboxes import containers, engine_settings, run_job


async def test_the_image_tells_what_learners_code_can_import() -> None:
    async with Pool(engine_settings(), size=0, max_total=1) as pool:
        inventory = await Inventories(pool, pool).get()
        # what it says can be imported can be, and the rest cannot
        names = ["numpy", "json", "dateutil", "PIL", "sqlite3", "mpl_toolkits", "_thread", "__future__"]
        foreign = ["requests", "grader_inside", "pip", "no_such_module"]
        code = "import importlib.util as u; print([n for n in NAMES if u.find_spec(n)])"
        cell = Step("cell", "cell", f"NAMES = {names + foreign}\n{code}")
        _, events = await run_job(pool, Job((cell,), Limits()))
        versions = Step("cell", "cell", "import platform; print(platform.python_version())")
        _, told = await run_job(pool, Job((versions,), Limits()))
    (found,) = [event["stdout"] for event in events if event["event"] == "cell"]
    assert set(names) <= set(inventory.modules)
    assert not {*foreign} & {*inventory.modules}
    assert set(re.findall(r"'(\w+)'", found)) - {"grader_inside"} == set(names)
    assert (inventory.language, f"{inventory.version}\n") == ("Python", told[1]["stdout"])
    assert containers() == []


async def test_every_pinned_package_is_named_with_its_version() -> None:
    async with Pool(engine_settings(), size=0, max_total=1) as pool:
        inventory = await Inventories(pool, pool).get()
    installed = {package.name.lower().replace("_", "-"): package for package in inventory.packages}
    pinned = re.findall(
        r"^([\w-]+)==(\S+)", (ROOT / "images/sandbox/requirements.txt").read_text(), re.MULTILINE
    )
    assert len(pinned) > 30
    for name, version in pinned:
        assert installed[name.lower().replace("_", "-")].version == version
    assert installed["pillow"].modules == ("PIL",)
    assert installed["python-dateutil"].modules == ("dateutil",)


class Staged:
    """Sandboxes that say what a test wants: (image, answer) or an error."""

    def __init__(self) -> None:
        self.now = "first"
        self.says: Any = {"language": "L", "version": "1", "packages": [], "modules": ["a"]}
        self.asked = self.closed = 0

    async def image(self) -> str:
        if isinstance(self.says, Exception):
            raise self.says
        return self.now

    async def take(self, spec: Spec) -> Staged:
        return self

    async def inventory(self) -> tuple[str, dict[str, Any]]:
        self.asked += 1
        await asyncio.sleep(0)
        return self.now, self.says

    async def close(self) -> None:
        self.closed += 1


async def test_it_is_asked_once_for_each_image(monkeypatch: pytest.MonkeyPatch) -> None:
    staged = Staged()
    inventories = Inventories(staged, staged)
    told = await asyncio.gather(*(inventories.get() for _ in range(5)))
    assert (staged.asked, staged.closed) == (1, 1)
    assert {each.modules for each in told} == {("a",)}
    monkeypatch.setattr("grader.inventory.FRESH_S", -1.0)
    await inventories.get()
    assert staged.asked == 1, "the same image says the same"
    staged.now, staged.says = "second", staged.says | {"modules": ["b"]}
    assert (await inventories.get()).modules == ("b",)
    # an engine that is away does not make it forget
    staged.says = EngineUnavailable("away")
    assert (await inventories.get()).modules == ("b",)


@pytest.mark.parametrize(
    "nonsense",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"language": "L", "version": 3, "packages": [], "modules": []}, id="number"),
        pytest.param({"language": "L", "version": "x" * 201, "packages": [], "modules": []}, id="long"),
        pytest.param({"language": "L", "version": "1", "packages": [{}], "modules": []}, id="package"),
        pytest.param({"language": "L", "version": "1", "packages": [], "modules": "abc"}, id="text"),
    ],
)
async def test_what_is_no_inventory_is_refused(nonsense: dict[str, Any]) -> None:
    with pytest.raises(SandboxFailed):
        Inventory.read(nonsense)
    staged = Staged()
    staged.says = nonsense
    with pytest.raises(InventoryUnknown):
        await Inventories(staged, staged).get()
    assert staged.closed == 1
