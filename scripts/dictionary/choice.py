"""Of a word's readings, the one to teach, and the tones that are as good.

CC-CEDICT says which readings there are, pypinyin which is common. Where only a neutral tone divides two readings
(东西), the neutral one is taught and the full one is right too. What neither knows is in corrections.txt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from pypinyin import Style, pinyin
from pypinyin.constants import PINYIN_DICT

from scripts.dictionary.cedict import Entry, Sound, Sounds
from shared_code.domain.mandarin.pinyin import NEUTRAL, from_marked

CORRECTIONS = Path(__file__).with_name("corrections.txt")
_INSEPARABLE = {"一": ("yi", 1), "不": ("bu", 4)}  # pypinyin writes their sandhi


def readings(entries: Iterable[Entry]) -> dict[str, str]:
    """Each word's reading, in the dictionary's notation: "dong1 xi51" is dong1 and xi5, where xi1 is right too.

    A syllable that 儿 colours ends in r and stands for two characters: "na3r".
    """
    words: dict[str, str] = {character: _notation((sound,), ()) for character, sound in _characters().items()}
    for form, candidates in _by_form(entries).items():
        words[form] = _choose(form, candidates)
    for line in CORRECTIONS.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            forms, reading = line.split(maxsplit=1)
            words |= dict.fromkeys(forms.split("/"), reading)
    return {form: _lenient(form, reading, words) for form, reading in words.items()}


def _by_form(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    forms: dict[str, list[Entry]] = {}
    for entry in entries:
        for form in entry.forms:
            forms.setdefault(form, []).append(entry)
    return {form: [entry for entry in found if not entry.minor] or found for form, found in forms.items()}


def _choose(form: str, candidates: list[Entry]) -> str:
    as_good = [other for entry in candidates for other in entry.also]
    sounds = list(dict.fromkeys(entry.sounds for entry in candidates))
    if len(sounds) > 1:
        common = _common(form)
        closest = max(sounds, key=lambda candidate: _agreement(candidate, common))
        rivals = [other for other in sounds if len(form) > 1 and _differ_in_neutral(closest, other)]
        chosen = max([closest, *rivals], key=lambda candidate: sum(sound.tone == NEUTRAL for sound in candidate))
        as_good += [closest, *rivals]
        return _notation(chosen, as_good)
    return _notation(sounds[0], as_good)


def _common(form: str) -> list[tuple[str, int]]:
    """pypinyin's reading, or none where it does not know every character."""
    if not all(ord(hanzi) in PINYIN_DICT for hanzi in form):
        return []
    spelled = [options[0] for options in pinyin(form, style=Style.TONE)]
    return [
        _INSEPARABLE.get(hanzi) or _read(syllable) or ("", 0) for hanzi, syllable in zip(form, spelled, strict=True)
    ]


def _agreement(candidate: Sounds, common: list[tuple[str, int]]) -> tuple[int, int]:
    pairs = list(zip(candidate, common, strict=False))
    return sum(sound[:2] == other for sound, other in pairs), sum(sound.base == other[0] for sound, other in pairs)


def _differ_in_neutral(one: Sounds, other: Sounds) -> bool:
    """Whether two readings are the same but for syllables that one of them has in the neutral tone."""
    return len(one) == len(other) and all(
        a == b or (a.base == b.base and NEUTRAL in (a.tone, b.tone)) for a, b in zip(one, other, strict=True)
    )


def _notation(chosen: Sounds, as_good: Iterable[Sounds]) -> str:
    same = [other for other in as_good if [sound.base for sound in other] == [sound.base for sound in chosen]]
    return " ".join(
        f"{sound.base}{_tones(sound.tone, [other[place].tone for other in same])}{'r' * sound.rhotic}"
        for place, sound in enumerate(chosen)
    )


def _lenient(form: str, reading: str, words: Mapping[str, str]) -> str:
    """Add neutral tones that are right too: of a measure word (这个), and of a word of two in a longer one (小朋友)."""
    syllables = reading.split()
    if len(form) != len(syllables):
        return reading  # with a 儿 that is no syllable
    for place in range(1, len(form)):
        if form[place] in "个個":
            syllables[place] = {"ge4": "ge45", "ge5": "ge54"}.get(syllables[place], syllables[place])
        inner = words.get(form[place - 1 : place + 1], "").split() if len(form) > 2 else []
        if len(inner) == 2 and "5" in inner[1] and inner[1].rstrip("12345") == syllables[place].rstrip("12345"):
            syllables[place] += "" if "5" in syllables[place] else "5"
    return " ".join(syllables)


def _tones(tone: int, others: list[int]) -> str:
    return "".join(map(str, dict.fromkeys([tone, *others]))) if others else str(tone)


def _characters() -> Mapping[str, Sound]:
    """The common reading of every single character that pypinyin knows; rare ones are in no other list."""
    characters: dict[str, Sound] = {}
    for code, spelled in PINYIN_DICT.items():
        known = (read for read in map(_read, spelled.split(",")) if read is not None)
        first = next(known, None)
        if first is not None:
            characters[chr(code)] = Sound(*first)
    return characters


def _read(syllable: str) -> tuple[str, int] | None:
    try:
        return from_marked(syllable)
    except ValueError:
        return None
