"""The words of a text, and the syllables of its words before they change each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from shared_code.domain.errors import Invalid
from shared_code.domain.mandarin.pinyin import NEUTRAL
from shared_code.domain.mandarin.reading import Syllable
from shared_code.providers.phonetics.context import in_context
from shared_code.providers.phonetics.segmentation import segment
from shared_code.providers.phonetics.text import Run

_NOTATION = re.compile(r"(?P<base>[a-z]+)(?P<tones>[1-5]+)(?P<rhotic>r?)")
_RHOTIC = ("儿", "兒")
_NUMERALS = frozenset("〇零一二两兩三四五六七八九十百千万萬亿億")


class Word(NamedTuple):
    """A word from index `start` of the text; `before` and `after` are its neighbours in the clause, or ""."""

    form: str
    start: int
    clause: int
    before: str = ""
    after: str = ""


def words(runs: Sequence[Run], dictionary: Mapping[str, str]) -> list[Word]:
    """Split runs into the words of the dictionary."""
    found: list[Word] = []
    for run in runs:
        start = run.start
        for form in segment(run.hanzi, dictionary):
            word = Word(form, start, run.clause)
            if found and found[-1].clause == word.clause:
                found[-1], word = found[-1]._replace(after=form), word._replace(before=found[-1].form)
            found.append(word)
            start += len(form)
    return found


def syllables(text: str, found: Sequence[Word], dictionary: Mapping[str, str]) -> list[Syllable]:
    """Read the words of `text` one by one. Raises Invalid (`text-unreadable`) for an unknown hanzi."""
    read: list[Syllable] = []
    for number, word in enumerate(found):
        if word.form in _RHOTIC and read and not read[-1].rhotic and read[-1].start + 1 == word.start:
            read[-1] = replace(read[-1], hanzi=read[-1].hanzi + text[word.start], rhotic=True)
            continue
        reading = in_context(word.form, word.before, word.after) or dictionary.get(word.form)
        if reading is None:
            raise Invalid(f"No reading is known for {word.form}.", code="text-unreadable")
        read += _syllables(text, word, number, reading)
        if _is_repeated(word):
            read[-1] = replace(read[-1], tone=NEUTRAL, also=(read[-1].tone,))
    return read


def _is_repeated(word: Word) -> bool:
    """想想, 问问: a verb said twice, the second time in the neutral tone. Not 哈哈哈, not 五五."""
    return len(word.form) == 1 and word.form == word.before != word.after and word.form not in _NUMERALS


def _syllables(text: str, word: Word, number: int, reading: str) -> Iterator[Syllable]:
    start = word.start
    for match in _NOTATION.finditer(reading):
        tone, *also = map(int, match["tones"])
        length = 2 if match["rhotic"] else 1
        yield Syllable(
            hanzi=text[start : start + length],
            base=match["base"],
            tone=tone,
            also=tuple(also),
            rhotic=bool(match["rhotic"]),
            start=start,
            word=number,
            clause=word.clause,
        )
        start += length
