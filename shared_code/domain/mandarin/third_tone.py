"""Third tone sandhi: of two third tones in a row the first is spoken as a second tone.

In longer runs only the last but one is certain; how the earlier ones go depends on phrasing and speed (M. Chen,
"Tone Sandhi", Cambridge 2000, chapter 9). A third tone spoken as it stands in the dictionary is never called wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shared_code.domain.mandarin.reading import Syllable

_KINSHIP = frozenset("姐奶姥嫂婶嬸宝寶")  # 姐姐 keeps its third tone, 想想 does not, though both end in a neutral tone
_KEPT_BY_HABIT = frozenset({"小姐"})


def third_tones(syllables: Sequence[Syllable]) -> dict[int, int]:
    """The spoken tone of each third tone that another one follows, by its place. There 2 and 3 are both right."""
    spoken: dict[int, int] = {}
    for run in _runs(syllables):
        spoken |= dict.fromkeys(run[:-1], 2)
        if len(run) == 3 and _is_word(syllables, run[0]):
            spoken[run[0]] = 3  # 小|老虎: the longer word goes first, and leaves nothing to change before it
    return spoken


def _runs(syllables: Sequence[Syllable]) -> Iterator[list[int]]:
    """Places of two or more third tones in a row in one clause. A neutral tone that hides one may end the row."""
    run: list[int] = []
    for place, syllable in enumerate(syllables):
        before = syllables[place - 1] if run else None
        if before is None or not _goes_on(before, syllable):
            if len(run) > 1:
                yield run
            run = []
        if run or syllable.tone == 3:
            run.append(place)
    if len(run) > 1:
        yield run


def _goes_on(before: Syllable, syllable: Syllable) -> bool:
    if before.clause != syllable.clause or before.tone != 3:
        return False
    return syllable.tone == 3 or _hides_third(before.hanzi, syllable)


def _hides_third(before: str, syllable: Syllable) -> bool:
    """Whether a neutral tone is a third tone underneath, which still raises the one before it (想想, 小姐)."""
    repeated = before == syllable.hanzi and syllable.hanzi not in _KINSHIP
    return syllable.tone == 5 and (repeated or before + syllable.hanzi in _KEPT_BY_HABIT)


def _is_word(syllables: Sequence[Syllable], place: int) -> bool:
    """Whether this syllable is a word of its own."""
    word = syllables[place].word
    return all(syllables[beside].word != word for beside in (place - 1, place + 1) if 0 <= beside < len(syllables))
