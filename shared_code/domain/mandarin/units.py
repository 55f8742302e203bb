"""A syllable's two sounds: its initial and its final, named by how they sound rather than how they are spelled.

Pinyin's spelling hides them: "yue" and "xue" share a final, "zi" and "ji" do not. The names are the initials and finals
of ISO 7098:2015, with ü as v, and i after z c s as `ii`, after zh ch sh r as `iii`.
"""

from __future__ import annotations

from functools import lru_cache

from shared_code.domain.mandarin.syllables import SYLLABLES

NO_INITIAL = "^"
INITIALS = ("b", "p", "m", "f", "d", "t", "n", "l", "g", "k", "h", "j", "q", "x", "zh", "ch", "sh", "r", "z", "c", "s")
FINALS = (
    "a", "ai", "an", "ang", "ao", "e", "ei", "en", "eng", "er",
    "i", "ia", "ian", "iang", "iao", "ie", "ii", "iii", "in", "ing", "iong", "iou", "o", "ong", "ou",
    "u", "ua", "uai", "uan", "uang", "uei", "uen", "ueng", "uo", "v", "van", "ve", "vn",
)  # fmt: skip
UNITS = (*INITIALS, NO_INITIAL, *FINALS)
"""Every unit; the order is part of the acoustic weights' format."""

_SHORTENED = {"iu": "iou", "ui": "uei", "un": "uen"}
_ROUNDED = {"u": "v", "uan": "van", "ue": "ve", "un": "vn"}  # what u stands for after j, q and x
_BUZZED = dict.fromkeys(("z", "c", "s"), "ii") | dict.fromkeys(("zh", "ch", "sh", "r"), "iii")
_WITHOUT_INITIAL = {  # y and w are letters, not initials
    "yi": "i", "ya": "ia", "yan": "ian", "yang": "iang", "yao": "iao", "ye": "ie", "yin": "in", "ying": "ing",
    "yong": "iong", "you": "iou", "yu": "v", "yuan": "van", "yue": "ve", "yun": "vn",
    "yo": "iou",  # a particle's own final, [jo]; the nearest there is
    "wu": "u", "wa": "ua", "wai": "uai", "wan": "uan", "wang": "uang", "wei": "uei", "wen": "uen", "weng": "ueng",
    "wo": "uo",
}  # fmt: skip


@lru_cache(maxsize=len(SYLLABLES))
def units(base: str) -> tuple[str, str]:
    """Split a toneless syllable ("xue", "lve", "an") into its initial and its final, both of `UNITS`.

    Raises ValueError for what is no syllable of Mandarin ("bong"), or one without a vowel ("hm", "ng").
    """
    if base not in SYLLABLES:
        raise ValueError(f"{base!r} is not a syllable of Mandarin")
    initial = next((start for start in (base[:2], base[:1]) if start in INITIALS), NO_INITIAL)
    if initial == NO_INITIAL:
        return NO_INITIAL, _WITHOUT_INITIAL.get(base, base)
    return initial, _final(initial, base.removeprefix(initial))


def _final(initial: str, spelled: str) -> str:
    if spelled == "i":
        return _BUZZED.get(initial, "i")
    if initial in ("j", "q", "x") and spelled in _ROUNDED:
        return _ROUNDED[spelled]
    return _SHORTENED.get(spelled, spelled)
