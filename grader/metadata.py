"""Our own additions to a notebook's metadata: which keys there are, of which type, within which bounds.

An unknown key is refused, not ignored: a limit that is misspelt would silently not hold.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from .models import Limits
from .nbgrader import MetadataInvalid

SCHEMA_VERSION = 1
SLUG = re.compile(r"(?=.{1,64}$)[a-z0-9]+(-[a-z0-9]+)*")
CONTROL_IN_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
CONTROL_IN_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
MAX_DIFFICULTY = 5
MAX_ITEMS = 20  # tags, prerequisites, hints

# one challenge may not take a whole machine; below the floors no Python starts
LIMIT_CEILINGS = Limits(
    wall_s=60.0, total_s=300.0, cpu_s=300.0, memory_mb=2048, output_kb=4096, processes=256
)
LIMIT_FLOORS = Limits(wall_s=0.5, total_s=1.0, cpu_s=1.0, memory_mb=128, output_kb=1, processes=16)


@dataclass(frozen=True, slots=True)
class NotebookMetadata:
    """``metadata.challenge`` of a notebook; "" and () where it says nothing."""

    slug: str = ""
    title: str = ""
    summary: str = ""
    difficulty: int = 1
    tags: tuple[str, ...] = ()
    track: str = ""
    prerequisites: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    hints: tuple[str, ...] = ()
    show_solution: bool = True  # to learners who have passed
    image: str = ""  # the name that the installation has for a sandbox image; "": its usual one


@dataclass(frozen=True, slots=True)
class CheckMetadata:
    """``metadata.challenge`` of a cell."""

    title: str = ""
    hint: str = ""
    hidden: bool = False
    compare: str = "judge"
    judge: str = "process"


def read_notebook_metadata(written: Any) -> NotebookMetadata:
    """Raises MetadataInvalid."""
    if written is None:
        return NotebookMetadata()
    # "version" is what a release carries: a challenge made from one is welcome
    values = _object(written, "metadata.challenge", {*_names(NotebookMetadata), "schema_version", "version"})
    version = values.get("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        raise MetadataInvalid(
            f"metadata.challenge.schema_version is {version!r}; it should be {SCHEMA_VERSION}"
        )
    return NotebookMetadata(
        slug=_slug(values, "slug"),
        title=_text(values, "title", 200, lines=False),
        summary=_text(values, "summary", 500, lines=False),
        difficulty=_difficulty(values),
        tags=_texts(values, "tags", 40),
        track=_slug(values, "track"),
        prerequisites=_slugs(values, "prerequisites"),
        limits=_limits(values.get("limits", {})),
        hints=_texts(values, "hints", 2000, lines=True),
        show_solution=_flag(values, "show_solution", usual=True),
        image=_slug(values, "image"),
    )


def read_check_metadata(written: Any, *, is_check: bool) -> CheckMetadata:
    """Raises MetadataInvalid."""
    if written is None:
        return CheckMetadata()
    values = _object(written, "metadata.challenge", _names(CheckMetadata))
    misplaced = sorted(values.keys() & {"hint", "hidden", "compare", "judge"})
    if misplaced and not is_check:
        raise MetadataInvalid(
            f"metadata.challenge.{misplaced[0]} has a meaning only in a check (locked code with points)"
        )
    return CheckMetadata(
        title=_text(values, "title", 200, lines=False),
        hint=_text(values, "hint", 2000),
        hidden=_flag(values, "hidden"),
        compare=_choice(values, "compare", "judge", "learner"),
        judge=_choice(values, "judge", "process", "in-kernel"),
    )


def _names(of: type) -> set[str]:
    return {each.name for each in fields(of)}


def _object(written: Any, name: str, keys: Collection[str]) -> Mapping[str, Any]:
    if not isinstance(written, dict):
        raise MetadataInvalid(f"{name} is not an object")
    for key in written:
        if key not in keys:
            close = difflib.get_close_matches(key[:64], keys, n=1)
            raise MetadataInvalid(
                f"{name} has the unknown key {key[:40]!r}"
                + (f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(sorted(keys))}")
            )
    return written


def _text(values: Mapping[str, Any], key: str, longest: int, *, lines: bool = True) -> str:
    return _plain(values.get(key, ""), f"metadata.challenge.{key}", longest, lines=lines)


def _texts(values: Mapping[str, Any], key: str, longest: int, *, lines: bool = False) -> tuple[str, ...]:
    name = f"metadata.challenge.{key}"
    items = values.get(key, [])
    if not isinstance(items, list) or len(items) > MAX_ITEMS:
        raise MetadataInvalid(f"{name} is not a list of at most {MAX_ITEMS} texts")
    return tuple(_plain(item, f"{name}[{index}]", longest, lines=lines) for index, item in enumerate(items))


def _plain(value: Any, name: str, longest: int, *, lines: bool) -> str:
    if not isinstance(value, str):
        raise MetadataInvalid(f"{name} is not text")
    if len(value) > longest:
        raise MetadataInvalid(f"{name} is {len(value)} characters long; at most {longest} are allowed")
    if (CONTROL_IN_TEXT if lines else CONTROL_IN_LINE).search(value):
        raise MetadataInvalid(f"{name} holds a control character" + ("" if lines else " or a line break"))
    return value


def _slug(values: Mapping[str, Any], key: str) -> str:
    value = values.get(key, "")
    if value == "":
        return ""
    return _require_slug(value, f"metadata.challenge.{key}")


def _slugs(values: Mapping[str, Any], key: str) -> tuple[str, ...]:
    return tuple(
        _require_slug(item, f"metadata.challenge.{key}[{index}]")
        for index, item in enumerate(_texts(values, key, 64))
    )


def _require_slug(value: Any, name: str) -> str:
    if not isinstance(value, str) or not SLUG.fullmatch(value):
        raise MetadataInvalid(
            f"{name} ({str(value)[:40]!r}) may hold only small letters, digits and single dashes, 64 at most"
        )
    return value


def _difficulty(values: Mapping[str, Any]) -> int:
    value = values.get("difficulty", 1)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_DIFFICULTY:
        raise MetadataInvalid(
            f"metadata.challenge.difficulty ({str(value)[:40]!r}) is not a whole number from 1 to "
            f"{MAX_DIFFICULTY}"
        )
    return value


def _choice(values: Mapping[str, Any], key: str, usual: str, other: str) -> str:
    value = values.get(key, usual)
    if value != usual and value != other:
        raise MetadataInvalid(f'metadata.challenge.{key} ({str(value)[:40]!r}) is not "{usual}" or "{other}"')
    return str(value)


def _flag(values: Mapping[str, Any], key: str, *, usual: bool = False) -> bool:
    value = values.get(key, usual)
    if not isinstance(value, bool):
        raise MetadataInvalid(f"metadata.challenge.{key} ({str(value)[:40]!r}) is not true or false")
    return value


def _limits(written: Any) -> Limits:
    values = _object(written, "metadata.challenge.limits", _names(Limits))
    chosen: dict[str, Any] = {}
    for key, value in values.items():
        floor, ceiling = getattr(LIMIT_FLOORS, key), getattr(LIMIT_CEILINGS, key)
        whole = isinstance(ceiling, int)
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            raise MetadataInvalid(
                f"metadata.challenge.limits.{key} ({str(value)[:40]!r}) is not a "
                f"{'whole ' if whole else ''}number"
            )
        if not floor <= value <= ceiling:
            raise MetadataInvalid(
                f"metadata.challenge.limits.{key} is {value}; it must be from {floor} to {ceiling}"
            )
        chosen[key] = value if whole else float(value)
    limits = Limits(**chosen)
    if limits.wall_s > limits.total_s:
        raise MetadataInvalid(
            f"metadata.challenge.limits.wall_s ({limits.wall_s:g}) of one cell is more than "
            f"total_s ({limits.total_s:g}) of them all"
        )
    return limits
