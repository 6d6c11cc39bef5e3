"""What can be seen of a challenge without running it: checks, spelling, links, neighbours."""

from __future__ import annotations

import ast
import difflib
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

from .findings import Finding
from .models import Challenge, Role
from .notebook import Notebook, NotebookCell
from .secrecy import code_lines, parsed, secrets_told, short

NBGRADER_KEYS = (
    "grade_id", "grade", "solution", "locked", "task", "points", "schema_version", "checksum", "cell_type",
)  # fmt: skip
NOTEBOOK_KEYS = ("challenge", "kernelspec", "language_info")
CELL_KEYS = ("challenge", "nbgrader", "tags")

# what Markdown leaves as it is: HTML, and what was meant as a link but is none
TAG = re.compile(r"<(img|a)\b[^<>]*?\b(?:src|href)\s*=\s*[\"']?([^\"'\s<>]*)", re.I)
NO_LINK = re.compile(r"\]\([^\n]{0,60}")
LONGEST_TEXT = 200_000  # characters of one notebook in which links are looked for
SCHEMES = ("http", "https", "mailto", "data")


def proofread(
    challenge: Challenge, written: Notebook, release: Mapping[str, Any], folder: Path | None
) -> list[Finding]:
    """All findings on one challenge; ``folder`` is where its relative links count from, if there is one."""
    return [
        *_checks(challenge),
        *_prompts(challenge),
        *secrets_told(challenge, release),
        *_spelling(written),
        *_links(challenge, written, folder),
    ]


# -- checks -----------------------------------------------------------------------------------------


def _checks(challenge: Challenge) -> Iterator[Finding]:
    if not challenge.max_score:
        told = "Its checks give no points" if challenge.checks else "It has no check"
        yield Finding("no_checks", f"{told}, so that no answer could be wrong.")
    for check in challenge.checks:
        if check.judge == "in-kernel" and check.points:
            hidden = ", and its hidden part be read" if check.hidden else ""
            yield Finding(
                "forgeable",
                f'This check runs in the learner\'s process ("judge": "in-kernel"): its {check.points:g} '
                f"points can be forged{hidden}.",
                check.id,
            )


def _prompts(challenge: Challenge) -> Iterator[Finding]:
    """Examples for doctest in a string: IPython takes them for a session that was pasted, and cleans up."""
    for cell in challenge.cells:
        lines = _prompts_in_strings(cell.source) if cell.role in (Role.CHECK, Role.SETUP) else []
        if lines:
            number, text = lines[0]
            more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
            yield Finding(
                "prompt_stripped",
                f"Line {number}, {short(text.strip())!r}{more}: IPython takes this for a line pasted from a "
                "terminal and removes the >>>, within a string too, so that doctest finds no example to "
                'try. Put the examples into the docstring of a function (def examples(): """…"""), which is '
                "left as it is.",
                cell.id,
                {"lines": [number for number, _ in lines]},
            )


def _prompts_in_strings(source: str) -> list[tuple[int, str]]:
    """(number, text) of the lines that lose a prompt: those in a string that begins behind something else."""
    tree, lines = parsed(source), code_lines(source)
    found: set[int] = set()
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Constant | ast.JoinedStr) and node.end_lineno:
            before = lines[node.lineno - 1].encode()[: node.col_offset]
            within = range(node.lineno + 1, node.end_lineno + 1) if before.strip() else ()
            found.update(number for number in within if lines[number - 1].lstrip().startswith(">>>"))
    return [(number, lines[number - 1]) for number in sorted(found)]


# -- spelling ---------------------------------------------------------------------------------------


def _spelling(written: Notebook) -> Iterator[Finding]:
    yield from _misspelt(written.metadata, NOTEBOOK_KEYS, "metadata", "")
    for cell in written.cells:
        yield from _misspelt(cell.metadata, CELL_KEYS, "metadata", cell.name)
        marks = cell.metadata.get("nbgrader")
        if isinstance(marks, dict):
            yield from _misspelt(marks, NBGRADER_KEYS, "metadata.nbgrader", cell.name, all=True)


def _misspelt(
    values: Mapping[str, Any], known: Sequence[str], place: str, cell: str, *, all: bool = False
) -> Iterator[Finding]:
    """Other programs have keys of their own there, so only what looks like ours is told; or ``all``."""
    for key in values:
        close = difflib.get_close_matches(key[:64].lower(), known, n=1, cutoff=0.75)
        if key not in known and (close or all):
            hint = f"; did you mean {close[0]!r}?" if close else ""
            yield Finding(
                "metadata_misspelt", f"{place} has the key {key[:40]!r}, which says nothing{hint}", cell
            )


# -- links ------------------------------------------------------------------------------------------


def _links(challenge: Challenge, written: Notebook, folder: Path | None) -> Iterator[Finding]:
    left = LONGEST_TEXT
    for cell, raw in zip(challenge.cells, written.cells, strict=True):
        if raw.kind != "markdown" or cell.release_source is None:
            continue
        text, left = cell.release_source[:left], max(0, left - len(cell.release_source))
        for token in _inline(text):
            if token.type == "image" and not token.content.strip():
                yield Finding(
                    "image_without_words",
                    f"The picture {short(str(token.attrs['src']))!r} has no words for those who cannot "
                    "see it: ![what it shows](…).",
                    cell.id,
                )
            if token.type == "text" and (meant := NO_LINK.search(token.content)):
                yield Finding(
                    "link_malformed",
                    f"{short(meant[0])!r} was meant as a link but is none: an address may hold no blanks, "
                    "and begins with http://, https:// or mailto:.",
                    cell.id,
                )
            for target, image in _targets(token):
                yield from _link(target, image, cell.id, raw, folder)


def _inline(text: str) -> Iterator[Token]:
    """All pieces of a Markdown text, those within a link or a picture's words too."""
    waiting = list(reversed(MarkdownIt("commonmark").enable("table").parse(text)))
    while waiting:
        token = waiting.pop()
        yield token
        waiting.extend(reversed(token.children or []))


def _targets(token: Token) -> Iterator[tuple[str, bool]]:
    """Where a piece leads, and whether that is a picture."""
    if token.type == "link_open":
        yield str(token.attrs["href"]), False
    elif token.type == "image":
        yield str(token.attrs["src"]), True
    elif token.type in ("html_inline", "html_block"):
        for tag, target in TAG.findall(token.content):
            yield target, tag.lower() == "img"


def _link(target: str, image: bool, cell: str, raw: NotebookCell, folder: Path | None) -> Iterator[Finding]:
    what = "picture" if image else "link"
    if not target:
        yield Finding("link_malformed", f"A {what} leads nowhere: its address is empty.", cell)
        return
    if target.startswith("#"):
        return
    if target.startswith("attachment:"):
        name = unquote(target.removeprefix("attachment:"))
        if name not in raw.attachments:
            close = difflib.get_close_matches(name, list(raw.attachments), n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            yield Finding("link_broken", f"This cell has no attachment {name[:80]!r}.{hint}", cell)
        return
    try:
        parts = urlsplit(target)
        host = parts.hostname
    except ValueError as error:
        yield Finding("link_malformed", f"The {what} {short(target)!r} is no address: {error}.", cell)
        return
    if parts.scheme or parts.netloc:
        web = parts.scheme in ("http", "https", "")
        if (parts.scheme and parts.scheme not in SCHEMES) or (web and not _is_host(host or "")):
            yield Finding("link_malformed", f"The {what} {short(target)!r} is no web address.", cell)
        return
    yield from _file(target, unquote(parts.path), what, cell, folder)


def _is_host(host: str) -> bool:
    return bool(re.fullmatch(r"[^\s.]+(\.[^\s.]+)+|localhost|\[?[0-9a-f:]+\]?", host, re.I))


def _file(target: str, path: str, what: str, cell: str, folder: Path | None) -> Iterator[Finding]:
    """A path: learners receive the notebook and nothing beside it."""
    try:
        there = folder is not None and not path.startswith("/") and (folder / path).exists()
    except (OSError, ValueError):
        there = False
    if there:
        yield Finding(
            "link_not_sent",
            f"The {what} {short(target)!r} leads to a file beside your notebook, which learners do not "
            "receive. Attach a picture (drop it into the cell), or link to a web address.",
            cell,
        )
    else:
        yield Finding("link_broken", f"The {what} {short(target)!r} leads to no file.", cell)


# -- neighbours -------------------------------------------------------------------------------------


def neighbours(challenges: Sequence[Challenge], others: Collection[str] = ()) -> list[list[Finding]]:
    """What is wrong between challenges, a list for each of them; ``others``: slugs that exist besides."""
    count = Counter(challenge.slug for challenge in challenges)
    graph: dict[str, list[str]] = {}
    for challenge in challenges:
        graph.setdefault(challenge.slug, []).extend(challenge.prerequisites)
    found: list[list[Finding]] = []
    for challenge in challenges:
        mine: list[Finding] = []
        slug = challenge.slug
        if count[slug] > 1:
            mine.append(Finding("slug_duplicate", f"{count[slug]} notebooks have the slug {slug!r}."))
        for wanted in challenge.prerequisites:
            if wanted not in graph and wanted not in others:
                close = difflib.get_close_matches(wanted, [*graph, *others], n=1)
                hint = f" Did you mean {close[0]!r}?" if close else ""
                mine.append(
                    Finding(
                        "prerequisite_unknown",
                        f"Its prerequisite {wanted!r} is none of the challenges here.{hint}",
                    )
                )
        if circle := _circle(slug, graph):
            way = " → ".join(circle)
            mine.append(
                Finding(
                    "prerequisite_cyclic",
                    f"It would have to be done before itself: {way}.",
                    details={"way": circle},
                )
            )
        found.append(mine)
    return found


def _circle(start: str, graph: Mapping[str, Sequence[str]]) -> list[str]:
    """A way from a challenge through prerequisites back to itself; [] when there is none."""
    came_from: dict[str, str] = {}
    line = [start]
    while line:
        here = line.pop(0)
        for wanted in graph.get(here, ()):
            if wanted == start:
                way = [here]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return [*reversed(way), start]
            if wanted not in came_from:
                came_from[wanted] = here
                line.append(wanted)
    return []
