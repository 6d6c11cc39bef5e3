"""``python -m grader``: starts the command line with an interpreter that has what it needs.

From a checkout the system's ``python3`` is enough to type: what is missing there is in the checkout's own
environment, ``.venv``, which ``make up`` makes.
"""

import os
import sys
from pathlib import Path

VENV_PYTHON = Path(__file__).resolve().parent.parent / ".venv" / "bin" / "python"
ALREADY = "CHALLENGEHUB_IN_VENV"  # set for the second try, so that there is no third


def main() -> int:
    try:
        from .cli import main as run
    except (ImportError, SyntaxError) as error:
        # StrEnum and newer syntax are missing from an old Python just as a library is
        if isinstance(error, SyntaxError) or not str(error.name or "").startswith("grader."):
            return _run_elsewhere(error)
        raise
    return run(sys.argv[1:], os.environ)


def _run_elsewhere(error: Exception) -> int:
    if VENV_PYTHON.exists() and not os.environ.get(ALREADY):
        os.environ[ALREADY] = "1"
        os.execv(VENV_PYTHON, [str(VENV_PYTHON), "-m", "grader", *sys.argv[1:]])  # noqa: S606
    print(
        f"This Python ({sys.executable}) lacks what the grader needs: {error}.\n"
        "Run `make up` once, which makes an environment of its own beside this file (.venv), "
        'or install it here: pip install ".[grader]"',
        file=sys.stderr,
    )
    return 2


if __name__ == "__main__":
    sys.exit(main())
