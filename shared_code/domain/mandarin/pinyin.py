"""Pinyin's spellings: tone marks and tone digits, ü in its many disguises.

Inside, a syllable is its toneless spelling with ü as v ("nv", "lve") and a tone 1-4, or 5 for neutral. Everything else
("lǜ", "lu:4", "LÜ4", "luu4") is converted here, at the edges. Rules: ISO 7098:2015; GB/T 16159-2012.
"""

from __future__ import annotations

import re
import unicodedata

from shared_code.domain.mandarin.syllables import SYLLABLES

NEUTRAL = 5
_MARKS = {1: "\u0304", 2: "\u0301", 3: "\u030c", 4: "\u0300"}
_TONES = {mark: tone for tone, mark in _MARKS.items()}
_UMLAUT = "\u0308"
_CARRIER = re.compile(r"[ae]|o(?=u)|[iouv](?=[^aeiouv]*$)")
_NUMBERED = re.compile(r"(?P<letters>[a-zü:]+)(?P<tone>[0-5]?)")


def is_syllable(base: str) -> bool:
    """Whether this is a toneless syllable of Mandarin, in the spelling used inside."""
    return base in SYLLABLES


def marked(base: str, tone: int) -> str:
    """Write a syllable with its tone mark, in NFC: ("lve", 4) is "lüè", ("ma", 5) is "ma".

    The mark goes on a or e, else on the o of ou, else on the last vowel.
    """
    mark = _MARKS.get(tone, "")
    text = _CARRIER.sub(lambda vowel: vowel[0] + mark, base, count=1)
    return unicodedata.normalize("NFC", text.replace("v" + mark, "u" + _UMLAUT + mark).replace("v", "u" + _UMLAUT))


def from_marked(text: str) -> tuple[str, int]:
    """Read a syllable with its tone mark, composed or decomposed, in any case: "Lǜ" is ("lv", 4).

    Raises ValueError where it is no syllable of Mandarin, or has more than one mark.
    """
    letters = unicodedata.normalize("NFD", text.lower())
    marks = [_TONES[character] for character in letters if character in _TONES]
    base = _spelling("".join(character for character in letters if character not in _TONES))
    if len(marks) > 1 or not is_syllable(base):
        raise ValueError(f"{text!r} is not a pinyin syllable")
    return base, marks[0] if marks else NEUTRAL


def numbered(base: str, tone: int) -> str:
    """Write a syllable with its tone digit: "lv4"."""
    return f"{base}{tone}"


def from_numbered(text: str) -> tuple[str, int]:
    """Read a syllable with its tone digit, in any case: "Lu:4" is ("lv", 4). No digit, 0 and 5 are the neutral tone.

    Raises ValueError where it is no syllable of Mandarin.
    """
    match = _NUMBERED.fullmatch(unicodedata.normalize("NFC", text.lower()))
    base = _spelling(match["letters"]) if match else ""
    if match is None or not is_syllable(base):
        raise ValueError(f"{text!r} is not a pinyin syllable")
    return base, int(match["tone"] or NEUTRAL) or NEUTRAL


def _spelling(letters: str) -> str:
    """ü, u:, uu and v are one letter; after j, q, x and y it is spelled u, and in lüe and nüe it may not be."""
    base = unicodedata.normalize("NFC", letters).replace("u:", "v").replace("uu", "v").replace("ü", "v")
    if base[:1] in ("j", "q", "x", "y"):
        return base.replace("v", "u")
    return {"lue": "lve", "nue": "nve"}.get(base, base)
