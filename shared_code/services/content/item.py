"""Items of content."""

from __future__ import annotations

import unicodedata
from typing import Annotated

from msgspec import Meta, Struct

from shared_code.domain.events.content import ContentKind
from shared_code.domain.events.fields import HskLevel, Slug, Tone
from shared_code.providers.phonetics.reader import read

TONE_MARKS = "\u0304\u0301\u030c\u0300"
DOTS = "\u0308"  # of ü, which people type as u


class Body(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an author writes: the text in hanzi, what it means in English, and the items that a lesson is made of."""

    kind: ContentKind
    hanzi: Annotated[str, Meta(min_length=1, max_length=400)]
    meaning: Annotated[str, Meta(min_length=1, max_length=400)]
    hsk_level: HskLevel | None = None
    parts: Annotated[tuple[Slug, ...], Meta(max_length=50)] = ()


class ReadSyllable(Struct, frozen=True, kw_only=True):
    """One syllable of the text: as in the dictionary, and as spoken between its neighbours."""

    hanzi: str
    pinyin: str
    tone: Tone
    pinyin_surface: str


class Item(Struct, frozen=True, kw_only=True):
    """An item as it stands. `version` counts its revisions from 1; `withdrawn` items are kept, but not shown."""

    item_id: str
    version: int
    kind: ContentKind
    hanzi: str
    meaning: str
    hsk_level: HskLevel | None
    parts: tuple[str, ...]
    syllables: tuple[ReadSyllable, ...]
    withdrawn: bool = False

    def fits(self, words: str) -> bool:
        """Whether hanzi, English or pinyin (with or without tone marks, dots and spaces) hold these words."""
        wanted = words.strip().lower()
        pinyin = "".join(syllable.pinyin for syllable in self.syllables)
        toneless = _without(pinyin, TONE_MARKS)
        spellings = (pinyin, toneless, _without(toneless, DOTS))
        return (
            wanted in self.hanzi
            or wanted in self.meaning.lower()
            or any(unicodedata.normalize("NFC", wanted).replace(" ", "") in spelling for spelling in spellings)
        )


def item_of(item_id: str, version: int, body: Body) -> Item:
    """An item with its readings. Raises Invalid for a text that cannot be read."""
    readings = read(body.hanzi).readings
    return Item(
        item_id=item_id,
        version=version,
        kind=body.kind,
        hanzi=body.hanzi,
        meaning=body.meaning,
        hsk_level=body.hsk_level,
        parts=body.parts,
        syllables=tuple(
            ReadSyllable(hanzi=each.hanzi, pinyin=each.pinyin, tone=each.tone, pinyin_surface=each.pinyin_surface)
            for each in readings
        ),
    )


def _without(pinyin: str, marks: str) -> str:
    letters = (letter for letter in unicodedata.normalize("NFD", pinyin) if letter not in marks)
    return unicodedata.normalize("NFC", "".join(letters))
