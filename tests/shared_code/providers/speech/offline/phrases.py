"""Texts as the reader gives them, without a dictionary."""

from __future__ import annotations

from shared_code.domain.mandarin.pinyin import from_numbered, marked
from shared_code.domain.mandarin.reading import Phrase, Reading


def reading(numbered: str, *accepted: int, hanzi: str = "字") -> Reading:
    """One syllable; the tones accepted besides its own."""
    base, tone = from_numbered(numbered)
    return Reading(
        hanzi=hanzi,
        base=base,
        tone=tone,
        surface=tone,
        accepted=tuple(sorted({tone, *accepted})),
        pinyin=marked(base, tone),
        pinyin_surface=marked(base, tone),
        start=0,
    )


def phrase(spoken: str, pauses: int = 0) -> Phrase:
    """A text of the syllables in `spoken`, numbered pinyin with spaces."""
    return Phrase(text=spoken, readings=tuple(reading(one) for one in spoken.split()), pauses=pauses)
