"""The rules that keep the code easy to find one's way in, each held by a test: see docs/architecture.md."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Lower may not import higher; modules on one level may import each other where that makes no circle.
LEVELS = [
    {"models", "errors"},
    {
        "settings",
        "metadata",
        "notebook",
        "nbgrader",
        "ratelimit",
        "database",
        "findings",
        "operators",
        "displayname",
    },
    {
        "challenge",
        "release",
        "submission",
        "catalogue",
        "changes",
        "publishing",
        "remote",
        "store",
        "frames",
        "confinement",
        "sandbox",
        "pool",
        "verdict",
        "hub",
        "events",
        "inventory",
        "mutants",
        "proofreading",
        "secrecy",
        "variants",
    },
    {
        "background",
        "regrading",
        "grading",
        "report",
        "pairs",
        "worker",
        "handlers",
        "selfcheck",
        "fitness",
        "trial",
        "starter",
    },
    {"app", "checking", "content", "importing"},
    {"cli", "__main__"},
]
SQL_MODULES = {"store", "database"}
ENGINE_MODULES = {"sandbox", "pool"}
# One for the service and one for the command line, whose first step looks for the right interpreter.
ENVIRONMENT_MODULES = {"settings", "cli", "__main__"}


# These help authors with Python, and say nothing of what they cannot read. All else knows cells, no language.
READERS_OF_CODE = {"importing", "mutants", "operators", "proofreading", "secrecy"}
READING_CODE = {"ast", "tokenize", "symtable", "dis", "code", "codeop", "IPython"}


def tracked(*patterns: str) -> list[Path]:
    """What git knows or would take: a file that is ignored is nobody's business."""
    command = [
        "git",
        "-C",
        str(ROOT),
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "--",
        *patterns,
    ]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


@functools.cache
def grader_modules() -> dict[str, ast.Module]:
    """By dotted name below ``grader``; a package by its own name. Not what runs inside a sandbox."""
    found = {}
    for path in tracked("grader/*.py"):
        parts = path.relative_to(ROOT / "grader").with_suffix("").parts
        if parts[0] != "inside":
            name = ".".join(parts).removesuffix(".__init__")
            found[name] = ast.parse(path.read_text())
    return found


def package_of(module: str) -> str:
    """What its relative imports start from."""
    is_package = (ROOT / "grader" / module.replace(".", "/")).is_dir()
    return ".".join(["grader", *(module.split(".") if is_package else module.split(".")[:-1])])


def top(module: str) -> str:
    """A package of the grader is one noun: its modules have one level and the same rights."""
    return module.split(".")[0]


def imports(tree: ast.AST, package: str) -> set[str]:
    """Full names of what a module imports, relative ones resolved against its package."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parents, node.module] if node.module else parents)
            found |= {base, *(f"{base}.{name.name}" for name in node.names)}
    return found


def ours(names: set[str]) -> set[str]:
    """Modules of the package grader among the names."""
    return {name.removeprefix("grader.") for name in names if name.startswith("grader.")} & set(
        grader_modules()
    )


def test_every_module_of_the_grader_has_its_level() -> None:
    known = set().union(*LEVELS) | {"__init__"}
    assert {top(module) for module in grader_modules()} <= known, (
        "a new module: give it a level in LEVELS, and a line in docs/architecture.md"
    )


def test_imports_point_one_way() -> None:
    level = {name: number for number, names in enumerate(LEVELS) for name in names}
    wrong = [
        f"{module} imports {other}"
        for module, tree in grader_modules().items()
        for other in ours(imports(tree, package_of(module)))
        if top(module) in level and top(other) in level and level[top(other)] > level[top(module)]
    ]
    assert not wrong


def test_no_module_imports_itself_by_a_detour() -> None:
    edges = {
        module: ours(imports(tree, package_of(module))) - {"__init__", top(module)}
        for module, tree in grader_modules().items()
    }
    left = dict(edges)
    while free := [module for module, needs in left.items() if not needs & set(left)]:
        for module in free:
            del left[module]
    assert not left, f"these import each other in a circle: {sorted(left)}"


def test_what_runs_in_a_sandbox_imports_nothing_else_of_ours() -> None:
    for path in tracked("grader/inside/*.py"):
        found = imports(ast.parse(path.read_text()), ".".join(path.relative_to(ROOT).parent.parts))
        foreign = {name for name in found if re.match(r"(grader|hub_config|extension)(\.|$)", name)}
        assert not {name for name in foreign if not name.startswith("grader.inside")}, path.name


def test_only_the_authors_tools_read_code() -> None:
    """And nothing but a sandbox runs it: so a second language is a second image, and no second grader."""
    readers = set()
    for name, tree in grader_modules().items():
        tools = {each.split(".")[0] for each in imports(tree, package_of(name))}
        called = {
            node.func.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert not called & {"exec", "eval", "__import__"}, name
        if tools & READING_CODE or "compile" in called:
            readers.add(top(name))
    assert readers == READERS_OF_CODE


def test_the_parts_know_each_other_only_over_the_network() -> None:
    for package, others in {
        "extension": "grader|hub_config",
        "hub_config": "grader|extension",
        "grader": "hub_config|extension",
    }.items():
        for path in tracked(f"{package}/*.py"):
            found = imports(ast.parse(path.read_text()), ".".join(path.relative_to(ROOT).parent.parts))
            assert not {name for name in found if re.match(rf"({others})(\.|$)", name)}, path.relative_to(
                ROOT
            )


def test_sql_is_in_one_module() -> None:
    statement = re.compile(
        r"\b(SELECT\b.+\bFROM|INSERT\s+INTO|UPDATE\b.+\bSET|DELETE\s+FROM|CREATE\s+TABLE)\b", re.S
    )
    for module, tree in grader_modules().items():
        texts = [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        if top(module) not in SQL_MODULES:
            assert not [text for text in texts if statement.search(text)], module
            assert not {
                name
                for name in imports(tree, package_of(module))
                if name.split(".")[0] in {"sqlalchemy", "pymysql"}
            }, module


def test_the_engine_is_in_one_module() -> None:
    for module, tree in grader_modules().items():
        if top(module) not in ENGINE_MODULES:
            assert not {
                name
                for name in imports(tree, package_of(module))
                if name.split(".")[0] in {"aiodocker", "docker"}
            }, module


def test_environment_variables_are_read_in_one_module() -> None:
    for path in [*tracked("grader/*.py"), *tracked("hub_config/*.py")]:
        inside = path.is_relative_to(ROOT / "grader/inside")
        if path.stem in ENVIRONMENT_MODULES or inside:
            continue
        reads = [
            node
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Attribute)
            and node.attr in {"environ", "getenv"}
            and path.stem != "jupyterhub_config"
        ]
        assert not reads, path.relative_to(ROOT)


def texts() -> list[Path]:
    binary = {".png", ".jpg", ".gif", ".ico", ".woff2", ".gz", ".zip"}
    return [path for path in tracked() if path.suffix not in binary]


@pytest.mark.parametrize(
    "forbidden",
    [
        # A lock file that names where its maker fetched from sends everybody there.
        r'"resolved":\s*"',
        r"(index-url|find-links|registry)\s*=\s*[\x27\"]?(https?|file):",
        # Somebody's own machine.
        r"(?<![\w.])/(home|Users)/(?!learner\b|jovyan\b)[a-z]\w*/",
        r"(?<![\w./-])/work/",
        # Keys and tokens, by the shapes that are known.
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
        r"\b(ghp_|glpat-|npm_|pypi-)[A-Za-z0-9_-]{20,}",
    ],
)
def test_no_file_names_its_makers_machine(forbidden: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in texts()
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(forbidden, line)
    ]
    assert not found


def settings_of(path: str) -> dict[str, str]:
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", (ROOT / path).read_text(), re.M))


def test_every_setting_is_documented() -> None:
    used = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "compose.yaml").read_text()))
    assert used == set(settings_of(".env.example"))


def test_every_setting_has_a_comment_above_it() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"[A-Z_]+=", line):
            block = lines[: number + 1]
            while block and re.match(r"[A-Z_]+=", block[-1]):
                block.pop()
            assert block, line
            assert block[-1].startswith("#"), f"{line}: say above it what it is for"


def test_no_secret_has_a_value_in_the_example() -> None:
    for name, value in settings_of(".env.example").items():
        if name.endswith(("_PASSWORD", "_TOKEN", "_KEY")):
            assert value == "", f"{name} would be the same on every machine"


def test_what_an_operator_may_set_reaches_the_grader() -> None:
    from grader.settings import Settings

    compose = (ROOT / "compose.yaml").read_text()
    # Where things are inside the image, and what only a second grader on another machine would change.
    fixed = {
        "GRADER_BIND",
        "GRADER_PORT",
        "GRADER_CHALLENGES_DIR",
        "GRADER_BUILD_SQL",
        "SANDBOX_IMAGE",
        "JUPYTERHUB_SERVICE_PREFIX",
        "JUPYTERHUB_BASE_URL",
        "JUPYTERHUB_CLIENT_ID",
        "JUPYTERHUB_SERVICE_NAME",
        "MYSQL_HOST",
        "MYSQL_PORT",
        "MYSQL_GRADER_USER",
        "MYSQL_GRADER_DATABASE",
        "GRADER_DB_CONNECTIONS",
    }
    missing = [
        name
        for name, _default, _help in Settings.described()
        if name not in fixed and f"{name}:" not in compose
    ]
    assert not missing


def test_defaults_are_the_same_in_the_example_and_in_the_code() -> None:
    from grader.settings import Settings

    example = settings_of(".env.example")
    differing = {
        name: (default, example[name])
        for name, default, _help in Settings.described()
        if name in example
        and name.startswith(("GRADER_", "SANDBOX_"))
        and example[name] not in {default, "0" if default == "False" else default}
    }
    assert not differing
