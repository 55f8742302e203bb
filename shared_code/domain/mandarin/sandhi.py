"""From the dictionary's tones to the spoken ones, and to every tone that is right."""

from __future__ import annotations

from collections.abc import Sequence

from shared_code.domain.mandarin.pinyin import marked
from shared_code.domain.mandarin.reading import Reading, Syllable
from shared_code.domain.mandarin.third_tone import third_tones
from shared_code.domain.mandarin.yi_bu import Spoken, spoken_bu, spoken_yi


def spoken(syllables: Sequence[Syllable]) -> tuple[Reading, ...]:
    """Read syllables as they are spoken beside each other."""
    risen = third_tones(syllables)
    return tuple(
        _reading(syllable, _spoken(syllables, place, risen.get(place))) for place, syllable in enumerate(syllables)
    )


def _spoken(syllables: Sequence[Syllable], place: int, risen: int | None) -> Spoken:
    syllable = syllables[place]
    if risen is not None:
        return Spoken(risen, (2, 3))
    if syllable.hanzi == "一":
        return spoken_yi(syllables, place)
    if syllable.hanzi == "不":
        return spoken_bu(syllables, place)
    return Spoken(syllable.tone, (syllable.tone,))


def _reading(syllable: Syllable, spoken: Spoken) -> Reading:
    colour = "r" if syllable.rhotic else ""
    return Reading(
        hanzi=syllable.hanzi,
        base=syllable.base,
        tone=syllable.tone,
        surface=spoken.tone,
        accepted=tuple(sorted({*spoken.accepted, *syllable.also})),
        pinyin=marked(syllable.base, syllable.tone) + colour,
        pinyin_surface=marked(syllable.base, spoken.tone) + colour,
        start=syllable.start,
        rhotic=syllable.rhotic,
    )
