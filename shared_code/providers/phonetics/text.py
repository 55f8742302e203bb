"""A text's stretches of hanzi, and where a reader may pause."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from shared_code.domain.mandarin.hanzi import HANZI

_PAUSE = re.compile(r"[，。、；：！？…—,.;:!?\n]")
_TRANSPARENT = re.compile(r"[\s“”‘’\"'（）()《》〈〉「」『』【】·]*")


_VARIANTS = str.maketrans("爲裏祕峯啓衆羣綫麪牀", "為裡秘峰啟眾群線麵床")  # as good, and in no dictionary's words


class Run(NamedTuple):
    """Hanzi without anything between, from index `start` of the text. Runs of one clause are spoken without a pause.

    `hanzi` are as dictionaries write them: compatibility ideographs and variants are replaced, one for one.
    """

    hanzi: str
    start: int
    clause: int


def runs(text: str) -> Iterator[Run]:
    """The runs of hanzi. Spaces and quotation marks part words, everything else parts clauses.

    Latin letters and digits are not read: how they are spoken is the reader's choice, and no tone is known for them.
    """
    clause, end = 0, 0
    for match in HANZI.finditer(text):
        if _TRANSPARENT.fullmatch(text, end, match.start()) is None or "\n" in text[end : match.start()]:
            clause += 1
        yield Run(unicodedata.normalize("NFC", match[0]).translate(_VARIANTS), match.start(), clause)
        end = match.end()


def pauses(text: str) -> int:
    """How many places between two runs of hanzi have punctuation that allows a pause."""
    between = HANZI.split(text)[1:-1]
    return sum(_PAUSE.search(gap) is not None for gap in between)
