"""Challenge notebooks: from an author's file to a checked ``Challenge``.

The format is nbgrader's (see nbgrader.py) with our own additions beside it, all optional: the notebook's
``metadata.challenge`` (slug, title, summary, difficulty, tags, track, prerequisites, limits, hints,
show_solution, image, schema_version) and a check's ``metadata.challenge`` (title, hint, hidden, compare,
judge).

Each cell gets one role: a code cell with points that is not an answer is a CHECK; a ``solution`` cell is a
SOLUTION, also one that nbgrader would have a person grade (it is run and earns no points by itself); a
locked one is SETUP; any other code is FREE. What is not code is TEXT.

This module is also the door to its neighbours: ``release_notebook``, ``parse_submission``, ``build_job``.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path, PurePath

from .errors import ChallengeInvalid, GraderError
from .metadata import (
    CONTROL_IN_LINE,
    SLUG,
    NotebookMetadata,
    read_check_metadata,
    read_notebook_metadata,
)
from .models import Cell, Challenge, Role
from .nbgrader import Marks, MetadataInvalid, read_marks
from .notebook import MAX_CHALLENGE_BYTES, Notebook, NotebookCell, read_notebook
from .release import MarkerMisplaced, has_hidden_tests, release_notebook, release_source
from .submission import build_job, parse_submission

__all__ = [
    "build_job",
    "content_hash",
    "load_challenge",
    "notebooks",
    "parse_challenge",
    "parse_submission",
    "release_notebook",
]

AUTOTEST = "AUTOTEST"


def load_challenge(path: str | PurePath) -> Challenge:
    """Read and parse a challenge's file. Raises OSError or ChallengeInvalid."""
    path = Path(path)
    return parse_challenge(path.read_bytes(), filename=path.name)


def notebooks(folder: Path) -> list[Path]:
    """The notebooks in a folder and those below it; the copies that Jupyter keeps are none."""
    found = folder.rglob("*.ipynb")
    return sorted(path for path in found if ".ipynb_checkpoints" not in path.parts and not path.is_dir())


def content_hash(text: str) -> str:
    """Names an author's notebook by what is in it."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def parse_challenge(text: bytes | str, *, slug: str | None = None, filename: str = "") -> Challenge:
    """Parse and check an author's notebook.

    The slug is ``slug``, else the one in the notebook's metadata, else made from ``filename``; the title
    falls back on the first heading, then on the file's name. Raises ChallengeInvalid, with the cell that
    is to blame in ``details["cell"]``.
    """
    try:
        notebook = read_notebook(text, max_bytes=MAX_CHALLENGE_BYTES)
    except GraderError as error:
        raise ChallengeInvalid(error.message, details=error.details) from error
    try:
        about = read_notebook_metadata(notebook.metadata.get("challenge"))
        name = _slug(slug, about, filename)
    except MetadataInvalid as error:
        raise ChallengeInvalid(f"This challenge is not valid: {error}.") from error
    return Challenge(
        slug=name,
        title=about.title
        or _first_heading(notebook)
        or CONTROL_IN_LINE.sub(" ", PurePath(filename).stem)
        or name,
        summary=about.summary,
        cells=tuple(_read_cells(notebook)),
        limits=about.limits,
        difficulty=about.difficulty,
        tags=about.tags,
        track=about.track,
        prerequisites=about.prerequisites,
        hints=about.hints,
        show_solution=about.show_solution,
        image=about.image,
    )


def _slug(given: str | None, about: NotebookMetadata, filename: str) -> str:
    slug = about.slug if given is None else given
    if not slug:
        ascii_name = unicodedata.normalize("NFKD", PurePath(filename).stem).encode("ascii", "ignore").decode()
        slug = re.sub(r"[^a-z0-9]+", "-", ascii_name.lower()).strip("-")[:64].strip("-")
    if not slug:
        raise MetadataInvalid("it has no slug; write one into metadata.challenge.slug")
    if not SLUG.fullmatch(slug):
        raise MetadataInvalid(
            f"the slug {slug[:40]!r} may hold only small letters a-z, digits and single dashes, at most 64"
        )
    return slug


def _first_heading(notebook: Notebook) -> str:
    for cell in notebook.cells:
        if cell.kind == "markdown":
            for line in cell.source.splitlines():
                heading = re.match(r"#{1,6}\s+(.*?)[\s#]*$", line)
                if heading and heading[1]:
                    return CONTROL_IN_LINE.sub(" ", heading[1])[:200]
    return ""


def _read_cells(notebook: Notebook) -> Iterator[Cell]:
    marks = []
    names: dict[str, int] = {}
    for written in notebook.cells:
        try:
            mark = read_marks(written)
            if mark.grade_id in names:
                raise MetadataInvalid(
                    f"cell {names[mark.grade_id]} already has its grade_id; every cell needs its own"
                )
        except MetadataInvalid as error:
            raise _invalid(written, error) from error
        if mark.grade_id:
            names[mark.grade_id] = written.index + 1
        marks.append(mark)
    for written, mark in zip(notebook.cells, marks, strict=True):
        try:
            yield _read_cell(written, mark, mark.grade_id or _free_name(written.index, names))
        except (MetadataInvalid, MarkerMisplaced) as error:
            raise _invalid(written, error) from error


def _invalid(cell: NotebookCell, reason: Exception) -> ChallengeInvalid:
    name = f" ({cell.grade_id[:64]})" if cell.grade_id else ""
    return ChallengeInvalid(f"Cell {cell.index + 1}{name}: {reason}.", details={"cell": cell.name})


def _free_name(index: int, taken: dict[str, int]) -> str:
    name = f"cell-{index}"
    while name in taken:
        name += "-text"
    return name


def _read_cell(written: NotebookCell, marks: Marks, name: str) -> Cell:
    role = _role(written, marks)
    check = read_check_metadata(written.metadata.get("challenge"), is_check=role is Role.CHECK)
    _require_text(written)
    if role is Role.CHECK:
        _require_no_autotest(written)
    return Cell(
        id=name,
        role=role,
        source=written.source,
        release_source=release_source(
            written.source,
            code=written.kind == "code",
            solution=marks.solution,
            check=marks.grade,
            task=marks.task,
            hidden=check.hidden,
        ),
        locked=marks.locked,
        points=marks.points if role is Role.CHECK else 0.0,
        hidden=role is Role.CHECK and (check.hidden or has_hidden_tests(written.source)),
        title=check.title or (name if role is Role.CHECK else ""),
        hint=check.hint,
        compare=check.compare,
        judge=check.judge,
    )


def _role(cell: NotebookCell, marks: Marks) -> Role:
    if cell.kind != "code":
        return Role.TEXT
    if marks.solution:
        return Role.SOLUTION
    if marks.grade:
        return Role.CHECK
    return Role.SETUP if marks.locked else Role.FREE


def _require_text(cell: NotebookCell) -> None:
    try:
        cell.source.encode()
    except UnicodeEncodeError as error:
        raise MetadataInvalid("its source holds half a character (a lone surrogate)") from error
    if "\0" in cell.source:
        raise MetadataInvalid("its source holds a NUL character")


def _require_no_autotest(cell: NotebookCell) -> None:
    # nbgrader writes asserts in place of these comments; left as they are, the check would always pass
    if any(AUTOTEST in line and line.lstrip().startswith("#") for line in cell.source.split("\n")):
        raise MetadataInvalid(
            "it has an AUTOTEST line, which only nbgrader's generate_assignment turns into a test; "
            "write the test out"
        )
