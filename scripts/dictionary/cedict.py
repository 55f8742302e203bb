"""CC-CEDICT as it is published: one entry a line, `traditional simplified [pin1 yin1] /definition/definition/`.

Format: cc-cedict.org/wiki/format:syntax.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from shared_code.domain.mandarin.hanzi import HANZI
from shared_code.domain.mandarin.pinyin import from_numbered

_LINE = re.compile(r"(?P<traditional>\S+) (?P<simplified>\S+) \[(?P<pinyin>[^\]]+)\] /(?P<definitions>.+)/\s*")
_ALSO = re.compile(r"also pr\. \[(?P<pinyin>[^\]]+)\]")
_ELSEWHERE = re.compile(
    r"(old |archaic |erhua |japanese |nonstandard )?(simplified )?variant of|used in|see |surname |\(archaic\)",
    re.IGNORECASE,
)


class Sound(NamedTuple):
    """One syllable; `rhotic` where a 儿 belongs to it."""

    base: str
    tone: int
    rhotic: bool = False


Sounds = tuple[Sound, ...]


class Entry(NamedTuple):
    """One reading of a word, in both scripts; `also` are other readings that the entry calls as good.

    A `minor` entry is a name, or speaks of another word only: it counts where the word has no other entry.
    """

    forms: tuple[str, ...]
    sounds: Sounds
    also: tuple[Sounds, ...]
    minor: bool


def entries(path: Path) -> Iterator[Entry]:
    """All entries of hanzi alone whose pinyin has a syllable for each."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            match = _LINE.fullmatch(line)
            if match is None:
                continue
            entry = _entry(match)
            if entry is not None:
                yield entry


def _entry(match: re.Match[str]) -> Entry | None:
    forms = tuple(dict.fromkeys((match["traditional"], match["simplified"])))
    sounds = _sounds(forms[0], match["pinyin"])
    if sounds is None:
        return None
    definitions = match["definitions"]
    also = (
        [_sounds(forms[0], found["pinyin"]) for found in _ALSO.finditer(definitions)]
        if "also pr." in definitions
        else []
    )
    minor = match["pinyin"][0].isupper() or all(map(_ELSEWHERE.match, definitions.split("/")))
    return Entry(forms, sounds, tuple(other for other in also if other is not None), minor)


def _sounds(form: str, pinyin: str) -> Sounds | None:
    """The sounds of a form; none where a character is no hanzi or a syllable is none of Mandarin ("xx5")."""
    spelled = pinyin.split()
    if len(spelled) != len(form) or HANZI.fullmatch(form) is None:
        return None
    sounds: list[Sound] = []
    for hanzi, syllable in zip(form, spelled, strict=True):
        if syllable == "r5" and sounds and hanzi in "儿兒":
            sounds[-1] = sounds[-1]._replace(rhotic=True)
            continue
        sound = _sound(syllable)
        if sound is None:
            return None
        sounds.append(sound)
    return tuple(sounds)


@cache
def _sound(syllable: str) -> Sound | None:
    try:
        return Sound(*from_numbered(syllable))
    except ValueError:
        return None
