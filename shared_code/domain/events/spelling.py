"""One spelling for each pinyin syllable: tone marks, NFC."""

from __future__ import annotations

import unicodedata

_MARKS = {"1": "\u0304", "2": "\u0301", "3": "\u030c", "4": "\u0300"}


def marked(syllable: str) -> str:
    """Spell a syllable with its tone mark: "ni3" is "nǐ", "lv4" is "lǜ", "ma5" and "ma" are "ma".

    The mark goes on a or e, else on the o of ou, else on the last vowel (ISO 7098:2015, 12.2).
    """
    text = syllable.replace("v", "ü")
    if text[-1] not in "12345":
        return unicodedata.normalize("NFC", text)
    letters, digit = text[:-1], text[-1]
    if digit == "5":
        return unicodedata.normalize("NFC", letters)
    vowels = [place for place, letter in enumerate(letters) if letter in "aeiouüê"]
    if not vowels:
        place = 0  # the syllabic m, n and ng of interjections
    elif "a" in letters:
        place = letters.index("a")
    elif "e" in letters:
        place = letters.index("e")
    elif "ou" in letters:
        place = letters.index("o")
    else:
        place = vowels[-1]
    return unicodedata.normalize("NFC", letters[: place + 1] + _MARKS[digit] + letters[place + 1 :])
