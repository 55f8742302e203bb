"""How a text is read aloud."""

from __future__ import annotations

from msgspec import Struct


class Syllable(Struct, frozen=True, kw_only=True):
    """One syllable as the dictionary has it, before its neighbours change it.

    `also` are further tones that are right whatever stands beside it. `word` and `clause` number the words and the
    stretches without a pause: tones change each other across words, never across clauses. The rest is as in `Reading`.
    """

    hanzi: str
    base: str
    tone: int
    also: tuple[int, ...] = ()
    rhotic: bool = False
    start: int
    word: int
    clause: int


class Reading(Struct, frozen=True, kw_only=True):
    """One syllable of a text.

    `base` is toneless pinyin with ü as v ("nv", "lve", "hao"). Tones are 1-4 and 5 for neutral: `tone` as in the
    dictionary, `surface` as spoken after sandhi, `accepted` every tone that is right here, `surface` among them.
    `pinyin` and `pinyin_surface` are NFC with tone marks ("nǐ", "ní"). `start` is the hanzi's index in the text.
    `rhotic` is a syllable that 儿 has coloured: `hanzi` holds both characters ("哪儿"), `pinyin` is "nǎr", `base` "na".
    """

    hanzi: str
    base: str
    tone: int
    surface: int
    accepted: tuple[int, ...]
    pinyin: str
    pinyin_surface: str
    start: int
    rhotic: bool = False


class Phrase(Struct, frozen=True, kw_only=True):
    """A text and its syllables; `pauses` counts the places where punctuation allows one between syllables."""

    text: str
    readings: tuple[Reading, ...]
    pauses: int
