"""What the documentation names exists, so that it cannot grow stale without anybody noticing."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
PICTURE_MAX_BYTES = 300 * 1024


def prose(page: Path) -> str:
    """The page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


@functools.cache
def functions_of(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, functions)}


def test_every_promise_of_the_security_page_names_a_test() -> None:
    rows = [line for line in prose(ROOT / "docs" / "security.md").splitlines() if line.startswith("|")]
    promises = [row for row in rows if not re.match(r"\| promise \||\|-", row)]
    assert promises
    assert not [row for row in promises if "::test_" not in row.rsplit("|", 2)[1]]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_is_named_exists(page: Path) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page.read_text(encoding="utf-8"))
    missing = [
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / path).exists() or name not in functions_of(path)
    ]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", prose(page))
    near = [target for target in targets if not re.match(r"[a-z]+:", target)]
    assert not [target for target in near if not (page.parent / target).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_is_named_exists(page: Path) -> None:
    """Paths between backticks; a name that make makes, or one with a placeholder, is no file of ours."""
    made = {"logs/", "logs/test-containers.log", "logs/screenshots/"}
    named = set(re.findall(r"`((?:[\w.-]+/)+[\w.-]*)`", prose(page))) - made
    ours = {name for name in named if (ROOT / name.split("/", 1)[0]).is_dir()}
    assert not [name for name in sorted(ours) if not (ROOT / name).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_container_that_is_named_has_that_name_under_each_compose(page: Path) -> None:
    given = re.findall(
        r"container_name: \$\{COMPOSE_PROJECT_NAME\}(\S+)", (ROOT / "compose.yaml").read_text()
    )
    named = re.findall(r"\bchallengehub((?:_[a-z]+_1|-(?:db|proxy|hub|grader)-1))\b", page.read_text("utf-8"))
    assert set(named) <= set(given)


def test_the_architecture_page_knows_every_module_of_the_grader() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    layers = page.split("## Layers")[1].split("\n## ")[0]
    modules = {path.stem for path in (ROOT / "grader").glob("*.py")} - {"__init__"}
    assert modules <= set(re.findall(r"`(\w+)`", layers))


def test_the_authors_page_knows_every_key_and_every_limit() -> None:
    from grader.metadata import LIMIT_CEILINGS, LIMIT_FLOORS, CheckMetadata, NotebookMetadata
    from grader.models import Limits

    page = (ROOT / "docs" / "authoring.md").read_text(encoding="utf-8")
    for described in (NotebookMetadata, CheckMetadata):
        for key in described.__dataclass_fields__:
            assert f"| `{key}` |" in page, key
    for key in Limits.__dataclass_fields__:
        usual, floor, ceiling = (getattr(limits, key) for limits in (Limits(), LIMIT_FLOORS, LIMIT_CEILINGS))
        row = next(line for line in page.splitlines() if line.startswith(f"| `{key}` |"))
        assert row.endswith(f"| {usual:g} | {floor:g} | {ceiling:g} |"), key


def test_the_authors_page_explains_every_finding() -> None:
    from grader.findings import CODES

    page = (ROOT / "docs" / "authoring.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (error|warning) \|", page, re.M))
    assert rows == {code: severity.value for code, severity in CODES.items()}


def test_pictures_are_small() -> None:
    pictures = list((ROOT / "docs" / "images").iterdir())
    assert pictures
    assert not [picture.name for picture in pictures if picture.stat().st_size > PICTURE_MAX_BYTES]
