"""Syllables for the tests of sandhi: "小 xiao3 | 老 lao3 虎 hu3 , 好 hao3", where | parts words and a comma clauses."""

from __future__ import annotations

from itertools import pairwise

from shared_code.domain.mandarin.pinyin import from_numbered
from shared_code.domain.mandarin.reading import Syllable


def syllables(written: str) -> list[Syllable]:
    found: list[Syllable] = []
    word = clause = 0
    for hanzi, spelled in pairwise([*written.split(), ""]):
        if hanzi == "|":
            word += 1
        elif hanzi == ",":
            word, clause = word + 1, clause + 1
        elif spelled and spelled[-1].isdigit():
            base, tone = from_numbered(spelled)
            found.append(Syllable(hanzi=hanzi, base=base, tone=tone, start=len(found), word=word, clause=clause))
    return found
