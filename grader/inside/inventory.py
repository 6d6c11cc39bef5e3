"""What this image has: the interpreter, the packages with their versions, and what a program may import.

Asked for in the place of a job, of a sandbox that runs none. Imports nothing that it lists.
"""

from __future__ import annotations

import pkgutil
import platform
import sys
from importlib import metadata
from typing import Any

OURS = "grader_inside"


def inventory() -> dict[str, Any]:
    """``language`` and ``version`` of the interpreter, ``packages`` as {name, version, modules}, and
    ``modules``: every name that a program can import at the top level, the language's own included."""
    provided: dict[str, set[str]] = {}
    for module, names in metadata.packages_distributions().items():
        for name in names:
            if module.isidentifier():
                provided.setdefault(name, set()).add(module)
    packages = {
        package.metadata["Name"]: {
            "name": package.metadata["Name"],
            "version": package.version,
            "modules": sorted(provided.get(package.metadata["Name"], ())),
        }
        for package in metadata.distributions()
    }
    modules = {"__main__", *sys.builtin_module_names, *(found.name for found in pkgutil.iter_modules())}
    return {
        "language": "Python",
        "version": platform.python_version(),
        "packages": sorted(packages.values(), key=lambda package: package["name"].lower()),
        # a namespace package is no module that is found in a folder
        "modules": sorted({*filter(str.isidentifier, modules), *set().union(*provided.values())} - {OURS}),
    }
