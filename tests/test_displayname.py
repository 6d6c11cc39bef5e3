"""Which names learners may show on leaderboards."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.displayname import LONGEST, display_name
from grader.errors import DisplayNameEmpty, DisplayNameTooLong, DisplayNameUnfit, GraderError

GIVEN_AND_KEPT = {
    "plain": ("Ada", "Ada"),
    "around": ("  Ada \n", "Ada"),
    "between": ("Ada   L.", "Ada L."),
    "wide-space": ("山田\u3000花子", "山田 花子"),
    "composed": ("Jose\u0301", "José"),
    "right-to-left": ("دانا", "دانا"),
    "joiner-of-a-script": ("می\u200cروم", "می\u200cروم"),
    "emoji": ("👩\u200d🚀", "👩\u200d🚀"),
    "thai": ("กำลังดี", "กำลังดี"),
    "markup-is-text": ("<b>Ada</b>", "<b>Ada</b>"),
    "longest": ("x" * LONGEST, "x" * LONGEST),
    "signs": ("+1", "+1"),
}
REFUSED = {
    "nothing": ("", DisplayNameEmpty),
    "spaces": (" \u00a0\u3000 ", DisplayNameEmpty),
    "joiners-only": ("\u200d\u200c", DisplayNameEmpty),
    "fillers-only": ("\u3164\u2800\u115f", DisplayNameEmpty),
    "mark-only": ("\u0301", DisplayNameEmpty),
    "too-long": ("x" * (LONGEST + 1), DisplayNameTooLong),
    "line-end": ("Ada\nEva", DisplayNameUnfit),
    "nul": ("Ada\0", DisplayNameUnfit),
    "escape": ("\x1b[31mAda", DisplayNameUnfit),
    "override": ("Ada\u202eevE", DisplayNameUnfit),
    "isolate": ("\u2066Ada", DisplayNameUnfit),
    "mark-of-direction": ("Ada\u200f", DisplayNameUnfit),
    "no-width": ("A\u200bda", DisplayNameUnfit),
    "line-separator": ("Ada\u2028Eva", DisplayNameUnfit),
    "half-a-character": ("Ada\ud800", DisplayNameUnfit),
    "private-use": ("Ada\ue000", DisplayNameUnfit),
    "filler": ("Ada\u3164", DisplayNameUnfit),
    "tag": ("Ada\U000e0041", DisplayNameUnfit),
    "pile-of-marks": ("A\u0317\u0317\u0317\u0317", DisplayNameUnfit),
}


@pytest.mark.parametrize(("given_name", "kept"), GIVEN_AND_KEPT.values(), ids=GIVEN_AND_KEPT)
def test_a_name_is_kept_as_people_write_it(given_name: str, kept: str) -> None:
    assert display_name(given_name) == kept


@pytest.mark.parametrize(("given_name", "error"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_seen_or_steers_its_surroundings_is_refused(
    given_name: str, error: type[GraderError]
) -> None:
    with pytest.raises(error):
        display_name(given_name)


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=())))
def test_whatever_is_typed_becomes_a_fit_name_or_a_refusal(text: str) -> None:
    try:
        name = display_name(text)
    except (DisplayNameEmpty, DisplayNameTooLong, DisplayNameUnfit):
        return
    assert display_name(name) == name
    assert 1 <= len(name) <= LONGEST
    assert unicodedata.is_normalized("NFC", name)
    assert not [
        char for char in name if unicodedata.bidirectional(char) in {"LRO", "RLO", "LRE", "RLE", "PDF"}
    ]
    name.encode()
