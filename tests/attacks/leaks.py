"""Finds hidden words in what a learner is shown, also where they were encoded to slip through."""

from __future__ import annotations

import base64
import codecs
import html
import re
from collections.abc import Iterable, Iterator
from typing import Any

ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]")
TAG = re.compile(r"<[^<>]*>")
BASE64 = re.compile(r"[A-Za-z0-9+/_\-]{6,}={0,2}")
NUMBERS = re.compile(r"(?:\d{1,3}\D{1,4}){3,}\d{1,3}")


def texts(value: Any) -> Iterator[str]:
    """Every text in a result, at any depth, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts(key)
            yield from texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from texts(item)
    elif value is not None:
        yield str(value)


def leaked(text: str, secrets: Iterable[str]) -> list[str]:
    """Those of ``secrets`` that can be read from ``text``, plain or in an encoding a person could undo."""
    plain = TAG.sub("", html.unescape(ANSI.sub("", text)))
    views = {text, plain}
    for view in (text, plain):
        views |= _decoded(view)
    squeezed = {_squeeze(view) for view in views}
    found = []
    for secret in secrets:
        word = _squeeze(secret)
        forms = {word, word[::-1], _squeeze(codecs.encode(secret, "rot13"))}
        if word.isdigit():
            # A short number inside another number is chance, so it has to stand alone.
            number = re.compile(rf"(?<![\d.]){word}(?!\.?\d)")
            if any(number.search(view) for view in views):
                found.append(secret)
        elif any(form in view for form in forms for view in squeezed):
            found.append(secret)
    return found


def _squeeze(text: str) -> str:
    """Lower case without white space and the signs that people put between letters."""
    return re.sub(r"[\s,;:|'\"\-_+*/\\\[\](){}<>#=~`^%&!?]+", "", text).casefold()


def _decoded(text: str) -> set[str]:
    views: set[str] = set()
    for run in BASE64.findall(text):
        normal = run.replace("-", "+").replace("_", "/").rstrip("=")
        for start in range(4):
            part = normal[start:]
            part = part[: len(part) // 4 * 4]
            views.add(base64.b64decode(part + "==" if len(part) % 4 else part).decode("latin-1"))
        if len(normal) % 4 in (2, 3):
            views.add(base64.b64decode(normal + "=" * (-len(normal) % 4)).decode("latin-1"))
    hexes = re.sub(r"\\x|0x|[\s,:;]+", "", text)
    for run in re.findall(r"(?:[0-9a-fA-F]{2}){4,}", hexes):
        views.add(bytes.fromhex(run).decode("latin-1"))
        views.add(bytes.fromhex(run[1:-1]).decode("latin-1"))
    for run in NUMBERS.findall(text):
        codes = [int(n) for n in re.findall(r"\d+", run)]
        views.add("".join(map(chr, codes)))
    bits = re.sub(r"[\s,]+", "", text)
    for run in re.findall(r"[01]{24,}", bits):
        for size in (7, 8):
            views.add("".join(chr(int(run[i : i + size], 2)) for i in range(0, len(run) - size + 1, size)))
    return views
