"""``python -m grader new``: a small challenge that is fit to publish, for its author to rewrite."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .challenge import notebooks, parse_challenge
from .errors import ChallengeInvalid
from .metadata import CONTROL_IN_LINE, SLUG
from .notebook import MAX_CHALLENGE_BYTES

TEMPLATE = Path(__file__).with_name("templates") / "starter.ipynb"
LIBRARY = "challenge_notebooks"
NEXT = """\
Made {path}

It is a whole challenge already, and fit to publish. To make it yours:

  1. Open it in JupyterLab. Rewrite the description, the solution between the SOLUTION
     lines, the checks, and the hints (in the notebook's metadata).
  2. See whether your checks notice wrong answers:
         python3 -m grader check {path}
  3. docs/authoring.md explains everything, publishing too.
"""


def starter(slug: str, track: str, title: str) -> dict[str, Any]:
    """The notebook. Raises ChallengeInvalid for a name that cannot be one."""
    for what, name in (("slug", slug), ("track", track)):
        if not SLUG.fullmatch(name):
            raise ChallengeInvalid(
                f"The {what} {name[:80]!r} may hold only small letters a-z, digits and single dashes, "
                "64 at most."
            )
    if not title.strip() or len(title) > 200 or CONTROL_IN_LINE.search(title):
        raise ChallengeInvalid("The title has to be one line of at most 200 characters.")
    made: dict[str, Any] = json.loads(TEMPLATE.read_text(encoding="utf-8"))
    heading = made["cells"][0]["source"]
    heading[0] = heading[0].replace("{title}", title)
    made["metadata"]["challenge"] |= {"slug": slug, "title": title, "track": track}
    return made


def nameless() -> dict[str, Any]:
    """The notebook before anybody named it: its slug will be its file's name, its title its heading."""
    made = starter("my-challenge", "first-steps", "My challenge")
    for key in ("slug", "title", "track"):
        del made["metadata"]["challenge"][key]
    return made


def create(library: Path, slug: str, track: str, title: str = "") -> Path:
    """Write the notebook to ``<library>/<track>/<slug>.ipynb``; returns that path.

    Raises ChallengeInvalid when the slug is taken or the file is there, OSError when it cannot be written.
    """
    made = starter(slug, track, title or slug.replace("-", " ").capitalize())
    path = library / track / f"{slug}.ipynb"
    if os.path.lexists(path):
        raise ChallengeInvalid(f"{path} exists already, and stays as it is.")
    for other in _with_slug(library, slug):
        raise ChallengeInvalid(f"The slug {slug!r} is taken by {other}. Choose another one.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(json.dumps(made, indent=1, ensure_ascii=False) + "\n")
    return path


def _with_slug(library: Path, slug: str) -> Iterator[Path]:
    for path in notebooks(library):
        try:
            with path.open("rb") as file:
                found = parse_challenge(file.read(MAX_CHALLENGE_BYTES + 1), filename=path.name)
        except (OSError, ChallengeInvalid):
            continue
        if found.slug == slug:
            yield path


def add_command(commands: Any) -> None:
    """Describe ``new`` to the command line."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "new",
        help="begin a challenge",
        description="Write a small challenge that is fit to publish, for you to rewrite.",
        epilog="Exit status: 0 the notebook is there; 2 it could not be made.",
    )
    parser.add_argument(
        "slug", metavar="SLUG", help="its name in addresses and files: a-z, digits, dashes; never changes"
    )
    parser.add_argument(
        "--track", required=True, metavar="TRACK", help="the track (and folder) that it belongs to"
    )
    parser.add_argument("--title", default="", help="what people call it (default: made from the slug)")
    parser.add_argument(
        "--dir", default=LIBRARY, metavar="FOLDER", help=f"where the tracks are (default: {LIBRARY})"
    )
    parser.set_defaults(run=_new)


def _new(arguments: argparse.Namespace) -> int:
    try:
        path = create(Path(arguments.dir), arguments.slug, arguments.track, arguments.title)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise ChallengeInvalid(
            f"The notebook could not be written into {arguments.dir}: {reason}."
        ) from error
    print(NEXT.format(path=path), end="")
    return 0
