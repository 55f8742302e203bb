from __future__ import annotations

import pytest

from shared_code.domain.mandarin.syllables import SYLLABLES
from shared_code.domain.mandarin.units import FINALS, INITIALS, UNITS, units


def test_there_are_sixty_units_and_each_is_heard_in_some_syllable() -> None:
    assert (len(INITIALS), len(FINALS), len(UNITS), len(set(UNITS))) == (21, 38, 60, 60)
    assert {unit for base in SYLLABLES for unit in units(base)} == set(UNITS)


def test_no_two_syllables_sound_alike_but_a_particle() -> None:
    by_sound: dict[tuple[str, str], list[str]] = {}
    for base in sorted(SYLLABLES):
        by_sound.setdefault(units(base), []).append(base)
    assert [bases for bases in by_sound.values() if len(bases) > 1] == [["yo", "you"]]


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("xue", ("x", "ve")), ("yue", ("^", "ve")), ("lve", ("l", "ve")), ("ju", ("j", "v")), ("yu", ("^", "v")),
        ("nv", ("n", "v")), ("zhu", ("zh", "u")), ("quan", ("q", "van")), ("yuan", ("^", "van")), ("jun", ("j", "vn")),
        ("dun", ("d", "uen")), ("wen", ("^", "uen")), ("liu", ("l", "iou")), ("you", ("^", "iou")),
        ("gui", ("g", "uei")),
        ("zi", ("z", "ii")), ("zhi", ("zh", "iii")), ("ri", ("r", "iii")), ("ji", ("j", "i")), ("yi", ("^", "i")),
        ("yong", ("^", "iong")), ("xiong", ("x", "iong")), ("weng", ("^", "ueng")), ("dong", ("d", "ong")),
        ("bo", ("b", "o")), ("wo", ("^", "uo")), ("an", ("^", "an")), ("er", ("^", "er")), ("re", ("r", "e")),
    ],
)  # fmt: skip
def test_units_follow_the_sound_not_the_spelling(base: str, expected: tuple[str, str]) -> None:
    assert units(base) == expected


@pytest.mark.parametrize("base", ["", "hm", "ng", "bong", "jv", "liou", "zii", "r", "hao3", "ü"])
def test_what_is_no_syllable_has_no_units(base: str) -> None:
    with pytest.raises(ValueError, match="not a syllable of Mandarin"):
        units(base)
