"""The name under which a learner stands on leaderboards: any, as long as others can read it."""

from __future__ import annotations

import unicodedata

from .errors import DisplayNameEmpty, DisplayNameTooLong, DisplayNameUnfit

LONGEST = 40
MARKS_MOST = 3  # on one letter; no script writes more, and piles of them cover the neighbouring rows

# Written as letters or symbols and drawn as nothing, so that a name of them would be an empty row.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
# Joiners are part of emoji and of how Persian and Indian languages are written; uniqueness looks past them.
_JOINERS = frozenset("\u200c\u200d")


def display_name(text: str) -> str:
    """``text`` in the form that is kept: NFC, one space between words, none around them.

    It has 1 to LONGEST characters. Raises DisplayNameEmpty, DisplayNameTooLong, and DisplayNameUnfit for
    what steers the text around it (control characters, overrides of the direction) or cannot be seen.
    """
    spaced = "".join(" " if unicodedata.category(char) == "Zs" else char for char in text.strip())
    name = " ".join(word for word in unicodedata.normalize("NFC", spaced).split(" ") if word)
    if not any(_is_visible(char) for char in name):
        raise DisplayNameEmpty("Type the name that others are to see.")
    if len(name) > LONGEST:
        raise DisplayNameTooLong(
            f"A display name has at most {LONGEST} characters; this one has {len(name)}.",
            details={"length": len(name), "longest": LONGEST},
        )
    marks = 0
    for char in name:
        marks = marks + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        if not _is_fit(char) or marks > MARKS_MOST:
            raise DisplayNameUnfit(
                "A display name is made of letters, digits, signs and spaces; this one has a character that "
                "cannot be seen or that changes how the text around it is shown. Type it anew.",
                details={"character": f"U+{ord(char):04X}"},
            )
    return name


def _is_visible(char: str) -> bool:
    return unicodedata.category(char)[0] in "LNPS" and char not in _BLANK


def _is_fit(char: str) -> bool:
    # C: controls, formats (the direction's overrides are among them), halves of characters, unassigned ones;
    # Z: what separates lines and paragraphs
    category = unicodedata.category(char)
    return char in _JOINERS or char == " " or (category[0] not in "CZ" and char not in _BLANK)
