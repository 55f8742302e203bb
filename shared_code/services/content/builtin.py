"""The content that is there from the start: the words of HSK 1, in lessons."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from shared_code.services.content.item import Body, Item, item_of

WORDS = Path(__file__).with_name("hsk1.tsv")
LEVEL = 1


@cache
def builtin() -> dict[str, Item]:
    """Items by id: `hsk1-lesson-01` and `hsk1-01-03`, the third word of the first lesson."""
    items: dict[str, Item] = {}
    for lesson, hanzi, meaning, words in _lessons():
        parts = []
        for number, (word, english) in enumerate(words, 1):
            parts.append(f"hsk1-{lesson}-{number:02}")
            body = Body(kind="vocabulary", hanzi=word, meaning=english, hsk_level=LEVEL)
            items[parts[-1]] = item_of(parts[-1], 1, body)
        body = Body(kind="lesson", hanzi=hanzi, meaning=meaning, hsk_level=LEVEL, parts=tuple(parts))
        items[f"hsk1-lesson-{lesson}"] = item_of(f"hsk1-lesson-{lesson}", 1, body)
    return items


def _lessons() -> list[tuple[str, str, str, list[tuple[str, str]]]]:
    lessons: list[tuple[str, str, str, list[tuple[str, str]]]] = []
    for line in WORDS.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        hanzi, tab, english = line.partition("\t")
        if tab:
            lessons[-1][3].append((hanzi, english))
        else:
            number, title, meaning = line.split(" ", 2)
            lessons.append((number, title, meaning, []))
    return lessons
