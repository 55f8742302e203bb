"""A syllable's two sounds: its initial and its final, named by how they sound rather than how they are spelled.

Pinyin's spelling hides them: "yue" and "xue" share a final, "zi" and "ji" do not. The names follow the initials and
finals of ISO 7098:2015, with ü as v, and i after z c s as `ii`, after zh ch sh r as `iii`.
"""

from __future__ import annotations

from functools import lru_cache

NO_INITIAL = "^"
INITIALS: tuple[str, ...] = tuple("b p m f d t n l g k h j q x zh ch sh r z c s".split())
FINALS: tuple[str, ...] = tuple(
    "a ai an ang ao e ei en eng er i ia ian iang iao ie ii iii in ing iong iou o ong ou"
    " u ua uai uan uang uei uen ueng uo v van ve vn".split()
)
UNITS: tuple[str, ...] = (*INITIALS, NO_INITIAL, *FINALS)
"""Every unit; the order is part of the acoustic weights' format."""

_FINALS = frozenset(FINALS)
_SHORTENED = {"iu": "iou", "ui": "uei", "un": "uen"}
_ROUNDED = {"u": "v", "uan": "van", "ue": "ve", "un": "vn"}  # what u stands for after j, q, x and y
_BUZZED = dict.fromkeys(("z", "c", "s"), "ii") | dict.fromkeys(("zh", "ch", "sh", "r"), "iii")
_WITHOUT_INITIAL = {  # y and w are letters, not initials
    "yi": "i", "ya": "ia", "yan": "ian", "yang": "iang", "yao": "iao", "ye": "ie", "yin": "in", "ying": "ing",
    "yong": "iong", "you": "iou", "yu": "v", "yuan": "van", "yue": "ve", "yun": "vn",
    "yo": "iou",  # a particle's own final, [jo]; the nearest there is
    "wu": "u", "wa": "ua", "wai": "uai", "wan": "uan", "wang": "uang", "wei": "uei", "wen": "uen", "weng": "ueng",
    "wo": "uo",
}  # fmt: skip
_BARE = frozenset("a ai an ang ao e ei en eng er o ou".split())  # finals written as they are without an initial


@lru_cache(maxsize=512)
def units(base: str) -> tuple[str, str]:
    """Split a toneless syllable ("xue", "lve", "an") into its initial and its final, both of `UNITS`.

    Raises ValueError where the spelling stands for no initial and final of Mandarin ("hm", "ng", "xx").
    """
    if base in _WITHOUT_INITIAL:
        return NO_INITIAL, _WITHOUT_INITIAL[base]
    if base in _BARE:
        return NO_INITIAL, base
    initial = next((start for start in (base[:2], base[:1]) if start in INITIALS), "")
    final = _final(initial, base[len(initial) :])
    if not initial or final not in _FINALS:
        raise ValueError(f"{base!r} is not a syllable of an initial and a final")
    return initial, final


def _final(initial: str, spelled: str) -> str:
    """The final that `spelled` stands for after this initial, or "" for a spelling that cannot follow it."""
    if spelled == "i":
        return _BUZZED.get(initial, "i")
    if initial in ("j", "q", "x"):
        return _ROUNDED.get(spelled, _SHORTENED.get(spelled, spelled if spelled.startswith("i") else ""))
    if spelled.startswith("v") and initial not in ("l", "n"):
        return ""
    if spelled in _SHORTENED.values() or spelled in ("ii", "iii", "er", "ueng"):
        return ""  # names of ours, or finals that take no initial
    return _SHORTENED.get(spelled, spelled)
