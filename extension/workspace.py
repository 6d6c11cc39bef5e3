"""Challenges as files in the learner's home: opened once, never overwritten, read as saved for Submit.

Knows Jupyter's contents manager and the grader's client, nothing of HTTP handlers.
"""

from __future__ import annotations

import asyncio
import json
import re
from copy import deepcopy
from typing import Any

from jupyter_server.utils import ensure_async
from tornado.web import HTTPError

from .client import GraderClient
from .errors import Refusal
from .imports import LANGUAGE, missing_modules
from .inventory import Inventory
from .spool import KEY, Spool

FOLDER = "challenges"
# What the grader takes; outputs are left out first, so this is the learner's own text.
MAX_SUBMISSION_BYTES = 2 * 1024 * 1024
# Read into memory at all: notebooks beyond this are full of outputs, or no notebooks.
MAX_FILE_BYTES = 64 * 1024 * 1024
# One path segment, safe in a file name, a URL and a shell; never hidden, never a way up.
SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


class Workspace:
    """What a learner does with challenges in their own home. Paths are contents-manager paths."""

    def __init__(self, contents: Any, grader: GraderClient, spool: Spool, inventory: Inventory) -> None:
        self._contents = contents
        self._grader = grader
        self._spool = spool
        self._inventory = inventory
        # two quick clicks on Open must not both find the file missing
        self._writing = asyncio.Lock()

    async def open(self, slug: str) -> dict[str, Any]:
        """Make sure that the challenge's notebook exists; ``created`` is False if it did already."""
        slug = checked_slug(slug)
        path = f"{FOLDER}/{slug}.ipynb"
        async with self._writing:
            if await self._exists(path):
                return {"path": path, "created": False}
            release = await self._grader.request("GET", f"challenges/{slug}/release")
            if not await ensure_async(self._contents.dir_exists(FOLDER)):
                await self._save({"type": "directory"}, FOLDER)
            await self._save(_notebook_model(release["notebook"]), path)
        return {"path": path, "created": True}

    async def update(self, path: str) -> dict[str, Any]:
        """Bring a challenge notebook to the published version: answers are carried over by cell id, the
        learner's own cells stay behind what they followed, and the notebook as it was stays beside it
        (``kept``).
        """
        old = await self._read(path)
        slug, version = _challenge_of(old)
        release = await self._grader.request("GET", f"challenges/{slug}/release")
        if release["version"] == version:
            return {"path": path, "version": version, "kept": None}
        new = release["notebook"]
        _carry_answers(old, new)
        _carry_own_cells(old, new)
        async with self._writing:
            kept = await self._free_path(path.removesuffix(".ipynb") + f"-version-{version}")
            await self._save(_notebook_model(old), kept)
            await self._save(_notebook_model(new), path)
        return {"path": path, "version": release["version"], "kept": kept}

    async def restore(self, path: str, submission_id: str) -> dict[str, Any]:
        """Put an attempt's code into its challenge's notebook; the notebook as it was stays beside it.

        An attempt at the same version comes back whole, of one at another version the answers do.
        """
        now = await self._read(path)
        slug, version = _challenge_of(now)
        answer = await self._grader.request("GET", f"submissions/{submission_id}/notebook")
        attempt = answer["notebook"]
        attempted, its_version = _challenge_of(attempt)
        if attempted != slug:
            raise Refusal("not_a_challenge", "This attempt belongs to another challenge.", http_status=409)
        new = attempt
        if its_version != version:
            new = deepcopy(now)
            _carry_answers(attempt, new)
        async with self._writing:
            kept = await self._free_path(path.removesuffix(".ipynb") + "-before-restoring")
            await self._save(_notebook_model(now), kept)
            await self._save(_notebook_model(new), path)
        return {"path": path, "kept": kept}

    async def submit(self, path: str, key: str, accepted: frozenset[str] = frozenset()) -> dict[str, Any]:
        """Send the saved notebook, or keep it for later; the same ``key`` twice is one submission.

        One that imports what the sandbox is known not to have, but for what the learner has ``accepted``, is
        ``held`` back: nothing is sent or kept, and ``missing`` says what.
        """
        if not KEY.fullmatch(key):
            raise Refusal(
                "request_malformed", "The submission's key must be 1-64 letters, digits or hyphens."
            )
        notebook = await self._read(path)
        slug, version = _challenge_of(notebook)
        _drop_outputs(notebook)
        body = {"challenge": slug, "version": version, "notebook": notebook}
        try:
            size = len(json.dumps(notebook, ensure_ascii=False, allow_nan=False).encode())
        except (ValueError, RecursionError) as error:
            # NaN, half a surrogate pair, or nesting without end: nothing that JupyterLab writes
            raise _malformed("it holds something that cannot be sent as JSON") from error
        if size > MAX_SUBMISSION_BYTES:
            raise _too_large(
                "Even without outputs your notebook is larger than 2 MiB, the most that can be graded."
            )
        if missing := await self._missing(path, notebook, accepted):
            return {"id": None, "state": "held", "position": None, "missing": missing}
        return await self._spool.submit(key, path, body)

    async def _missing(
        self, path: str, notebook: dict[str, Any], accepted: frozenset[str]
    ) -> dict[str, list[str]] | None:
        """``packages`` and ``files``, the learner's own beside the notebook; None where nothing is missing,
        or nobody knows."""
        # of a challenge with an image of its own nobody has said what is in there
        usual = _language(notebook) == LANGUAGE and not _about(notebook).get("image")
        has = self._inventory.modules(LANGUAGE) if usual else None
        if has is None:
            return None
        code = [cell for cell in _cells(notebook) if cell.get("cell_type") == "code"]
        own = [_source(cell) for cell in code if _answer_id(cell) is not None or _is_own(cell)]
        names = [name for name in missing_modules(own, map(_source, code), has) if name not in accepted]
        files = [name for name in names if await self._is_beside(path, name)]
        packages = [name for name in names if name not in files]
        return {"packages": packages, "files": files} if names else None

    async def _is_beside(self, path: str, module: str) -> bool:
        """Whether the module is a file or a folder of the learner's in the notebook's folder."""
        place = f"{path.rpartition('/')[0]}/{module}".lstrip("/")
        return bool(
            await ensure_async(self._contents.file_exists(f"{place}.py"))
            or await ensure_async(self._contents.dir_exists(place))
        )

    async def _read(self, path: str) -> dict[str, Any]:
        """The saved notebook as JSON, unvalidated: the grader judges shape and names the cell to blame."""
        if not path.endswith(".ipynb"):
            raise _not_a_challenge()
        try:
            about = await ensure_async(self._contents.get(path, content=False))
            if (about.get("size") or 0) > MAX_FILE_BYTES:
                raise _too_large("Your notebook file is very large, most likely because of its outputs.")
            model = await ensure_async(self._contents.get(path, type="file", format="text"))
        except HTTPError as error:
            if error.status_code == 404:
                raise Refusal(
                    "file_missing",
                    "The notebook file is no longer where it was. Save it once more (Ctrl+S), "
                    "then submit again.",
                    http_status=404,
                ) from error
            raise _malformed("it is not a text file") from error
        try:
            notebook = json.loads(model["content"])
        except (ValueError, RecursionError) as error:
            raise _malformed("it is not valid JSON") from error
        if not isinstance(notebook, dict):
            raise _malformed("it is not a JSON object")
        return notebook

    async def _exists(self, path: str) -> bool:
        if await ensure_async(self._contents.dir_exists(path)):
            raise Refusal(
                "path_blocked",
                f"There is a folder named {path} where the notebook belongs. "
                "Rename the folder, then open again.",
                http_status=409,
            )
        return bool(await ensure_async(self._contents.file_exists(path)))

    async def _free_path(self, stem: str) -> str:
        path, number = f"{stem}.ipynb", 2
        while await ensure_async(self._contents.exists(path)):
            path, number = f"{stem}-{number}.ipynb", number + 1
        return path

    async def _save(self, model: dict[str, Any], path: str) -> None:
        try:
            await ensure_async(self._contents.save(model, path))
        except HTTPError as error:
            raise Refusal(
                "home_unavailable",
                f"{path} could not be written. Your disk may be full, or a file named {FOLDER} may be "
                "in the way. Make room or rename it, then try again.",
                http_status=507,
            ) from error


def checked_slug(slug: str) -> str:
    """``slug`` itself, or the grader's own words for a challenge that cannot exist."""
    if not SLUG.fullmatch(slug):
        raise Refusal("challenge_unknown", "There is no challenge of that name.", http_status=404)
    return slug


def _notebook_model(notebook: Any) -> dict[str, Any]:
    return {"type": "notebook", "format": "json", "content": notebook}


def _challenge_of(notebook: dict[str, Any]) -> tuple[str, int]:
    about = _about(notebook)
    slug, version = about.get("slug"), about.get("version")
    if not isinstance(slug, str) or not isinstance(version, int) or isinstance(version, bool):
        raise _not_a_challenge()
    return checked_slug(slug), version


def _language(notebook: dict[str, Any]) -> str:
    metadata = notebook.get("metadata")
    kernel = metadata.get("kernelspec") if isinstance(metadata, dict) else None
    language = kernel.get("language") if isinstance(kernel, dict) else None
    return language.lower() if isinstance(language, str) else LANGUAGE  # as older notebooks leave it out


def _about(notebook: dict[str, Any]) -> dict[str, Any]:
    """What the notebook says of its challenge."""
    metadata = notebook.get("metadata")
    about = metadata.get("challenge") if isinstance(metadata, dict) else None
    return about if isinstance(about, dict) else {}


def _cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    cells = notebook.get("cells")
    return [cell for cell in cells if isinstance(cell, dict)] if isinstance(cells, list) else []


def _drop_outputs(notebook: dict[str, Any]) -> None:
    """Outputs are not graded, can be huge, and are nobody else's business."""
    for cell in _cells(notebook):
        if cell.get("cell_type") == "code":
            cell["outputs"] = []
            cell["execution_count"] = None


def _answer_id(cell: dict[str, Any]) -> str | None:
    """The nbgrader ``grade_id`` of a cell that the learner writes, None for any other cell."""
    metadata = cell.get("metadata")
    part = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    if not isinstance(part, dict) or not part.get("solution"):
        return None
    grade_id = part.get("grade_id")
    return grade_id if isinstance(grade_id, str) else None


def _carry_answers(old: dict[str, Any], new: dict[str, Any]) -> None:
    answers = {_answer_id(cell): cell.get("source") for cell in _cells(old)}
    for cell in _cells(new):
        answer_id = _answer_id(cell)
        if answer_id is not None and isinstance(answers.get(answer_id), (str, list)):
            cell["source"] = answers[answer_id]


def _carry_own_cells(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Cells that the learner added go behind the cell that they followed, or to the end."""
    cells = new.get("cells")
    if not isinstance(cells, list):
        return
    released = {_identity(cell) for cell in _cells(new)}
    after: Any = None
    for cell in _cells(old):
        identity = _identity(cell)
        if identity in released:
            after = identity
        elif _is_own(cell):
            places = [index for index, other in enumerate(cells) if _identity(other) == after]
            cells.insert(places[0] + 1 if places else len(cells), cell)
            after = identity


def _identity(cell: dict[str, Any]) -> Any:
    """What a cell of a release keeps from one version to the next."""
    metadata = cell.get("metadata")
    part = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = part.get("grade_id") if isinstance(part, dict) else None
    return ("grade_id", str(grade_id)) if grade_id else ("id", str(cell.get("id")))


def _is_own(cell: dict[str, Any]) -> bool:
    """Not one of the author's: those are marked, or locked."""
    metadata = cell.get("metadata")
    about: dict[str, Any] = metadata if isinstance(metadata, dict) else {}
    locked = about.get("deletable") is False or about.get("editable") is False
    return "nbgrader" not in about and not locked and bool(_source(cell).strip())


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source")
    return (
        source if isinstance(source, str) else "".join(map(str, source)) if isinstance(source, list) else ""
    )


def _malformed(why: str) -> Refusal:
    return Refusal(
        "notebook_malformed",
        f"The saved file cannot be read as a notebook: {why}. "
        "Rename it, open the challenge again for a fresh copy, and move your code over.",
    )


def _too_large(what: str) -> Refusal:
    return Refusal(
        "notebook_too_large",
        f"{what} Remove large texts or data from the cells and clear all outputs (Edit menu), "
        "then submit again.",
        http_status=413,
    )


def _not_a_challenge() -> Refusal:
    return Refusal(
        "not_a_challenge",
        "This notebook does not say which challenge it belongs to. "
        "Open the challenge from the Challenges panel and submit from there.",
    )
