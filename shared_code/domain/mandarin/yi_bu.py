"""How 一 and 不 change before other tones (GB/T 16159-2012 writes their dictionary tone; speech does not).

一 is a second tone before a fourth and a fourth before the others, and stays a first tone where it counts or orders:
in numbers, dates and ordinals, and at the end of a word or clause. 不 is a second tone before a fourth.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from shared_code.domain.mandarin.reading import Syllable


class Spoken(NamedTuple):
    """The tone that is spoken, and every tone that is right."""

    tone: int
    accepted: tuple[int, ...]


DIGITS = frozenset("〇零一二三四五六七八九")
_MAGNITUDES = frozenset("百千万亿萬億")
_NUMERALS = DIGITS | frozenset("十两兩第")
_ORDERED = frozenset("月号號楼樓级級等流")  # 一月, 一号, 一楼: the first, not one of them
_WEEKDAYS = ("星期", "礼拜", "禮拜", "周", "週", "初")  # 周二|一起: the two is no part of a number
_ARTICLES = frozenset({"同一", "另一", "任一", "不一", "头一", "頭一", "刚一", "剛一"})  # 一 leans on what follows


def spoken_yi(syllables: Sequence[Syllable], place: int) -> Spoken:
    """The tone of the 一 at this place."""
    yi, before, after = syllables[place], _beside(syllables, place, -1), _beside(syllables, place, 1)
    tone = 2 if after is not None and _is_fourth(after) else 4
    if yi.tone == 5 or _repeats(before, after):
        return _or_neutral(yi, tone)
    if after is None or _orders(syllables, place, before, after):
        return Spoken(1, (1,))
    if before is not None and before.hanzi in _MAGNITUDES and after.hanzi in _MAGNITUDES:
        return Spoken(tone, (1, tone))  # 一千一百: both are heard
    return Spoken(tone, (tone,))


def spoken_bu(syllables: Sequence[Syllable], place: int) -> Spoken:
    """The tone of the 不 at this place."""
    bu, before, after = syllables[place], _beside(syllables, place, -1), _beside(syllables, place, 1)
    tone = 2 if after is not None and _is_fourth(after) else 4
    if bu.tone == 5 or _repeats(before, after) or _is_infix(bu, before, after):
        return _or_neutral(bu, tone)
    if after is not None and after.hanzi == "一" and spoken_yi(syllables, place + 1).tone == 4:
        return Spoken(4, (2, 4))  # 不一起: whether 不 looks at the tone that 一 has or had is not settled
    return Spoken(tone, (tone,))


def _beside(syllables: Sequence[Syllable], place: int, step: int) -> Syllable | None:
    """The neighbour, if no pause is between."""
    beside = place + step
    if not 0 <= beside < len(syllables) or syllables[beside].clause != syllables[place].clause:
        return None
    return syllables[beside]


def _is_fourth(syllable: Syllable) -> bool:
    return syllable.tone == 4 or (syllable.tone == 5 and 4 in syllable.also)


def _repeats(before: Syllable | None, after: Syllable | None) -> bool:
    """看一看, 说不说: between a verb and itself a neutral tone is as good."""
    return before is not None and after is not None and before.hanzi == after.hanzi not in _NUMERALS


def _is_infix(bu: Syllable, before: Syllable | None, after: Syllable | None) -> bool:
    """受不了, 差不多: inside a word a neutral tone is as good."""
    return before is not None and after is not None and before.word == bu.word == after.word


def _or_neutral(syllable: Syllable, tone: int) -> Spoken:
    return Spoken(5 if syllable.tone == 5 else tone, (tone, 5))


def _orders(syllables: Sequence[Syllable], place: int, before: Syllable | None, after: Syllable) -> bool:
    """Whether this 一 is part of a number, a date or an ordinal, or ends a word."""
    if before is not None and (_goes_on_counting(syllables, place, before, after) or _ends_word(syllables, place)):
        return True
    if after.hanzi in DIGITS or after.hanzi in _ORDERED:
        return True
    two_after = _beside(syllables, place + 1, 1)
    return two_after is not None and after.hanzi + two_after.hanzi in ("年级", "年級")


def _goes_on_counting(syllables: Sequence[Syllable], place: int, before: Syllable, after: Syllable) -> bool:
    if before.hanzi == "月" and after.hanzi == "日":
        return True
    if before.hanzi in _MAGNITUDES and after.hanzi == "十":
        return True
    return before.hanzi in _NUMERALS and not _word(syllables, place - 1).startswith(_WEEKDAYS)


def _ends_word(syllables: Sequence[Syllable], place: int) -> bool:
    if syllables[place + 1].word == syllables[place].word or syllables[place - 1].word != syllables[place].word:
        return False
    return _word(syllables, place) not in _ARTICLES


def _word(syllables: Sequence[Syllable], place: int) -> str:
    return "".join(syllable.hanzi for syllable in syllables if syllable.word == syllables[place].word)
