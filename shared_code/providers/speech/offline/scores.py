"""The scores of a whole attempt. Their formulas are proposals: no listener has rated the recordings behind them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from shared_code.domain.pronunciation import Scores, SyllableVerdict
from shared_code.providers.speech.offline.alignment import Segment
from shared_code.providers.speech.offline.energy import FRAME_SECONDS

PAUSE = 0.2  # seconds of silence between syllables that count as a pause
LONG_PAUSE = 0.6
A_PAUSE, A_SECOND = 12.0, 15.0  # points off for a pause, and for each second beyond a long one
SLOW, FAST = 2.2, 7.0  # syllables a second
A_SLOWER, A_FASTER = 25.0, 10.0  # points off for each syllable a second beyond these
SHARE = 0.2  # of every part in the whole; the lowest part takes what is left


def attempt_scores(syllables: Sequence[SyllableVerdict], fluency: float | None, is_the_text: bool) -> Scores:
    """The parts and the whole. A syllable that was left out counts as nothing right."""
    left_out = sum(syllable.error == "omission" for syllable in syllables)
    accuracy = _mean([syllable.accuracy for syllable in syllables])
    tones = [syllable.tone.score for syllable in syllables]
    tone = _mean([*tones, *([0.0] * left_out)]) if any(score is not None for score in tones) else None
    completeness = 100 * (1 - left_out / len(syllables)) if is_the_text else 0.0
    return Scores(
        pronunciation=_whole([accuracy, tone, fluency, completeness]),
        accuracy=_rounded(accuracy),
        tone=_rounded(tone),
        fluency=_rounded(fluency),
        completeness=_rounded(completeness),
        prosody=None,
    )


def fluency_score(segments: Sequence[Segment], pauses: int) -> float | None:
    """From pauses and pace; `pauses` is how many the text's punctuation allows. None for a single syllable."""
    if len(segments) < 2:
        return None
    gaps = [(after.start - before.end) * FRAME_SECONDS for before, after in itertools.pairwise(segments)]
    long = sorted((gap for gap in gaps if gap >= PAUSE), reverse=True)
    spoken = (segments[-1].end - segments[0].start) * FRAME_SECONDS - sum(long)
    pace = len(segments) / spoken
    hesitations = long[pauses:]
    off = A_PAUSE * len(hesitations) + A_SECOND * sum(max(0.0, gap - LONG_PAUSE) for gap in hesitations)
    off += A_SLOWER * max(0.0, SLOW - pace) + A_FASTER * max(0.0, pace - FAST)
    return max(0.0, 100 - off)


def _whole(parts: Sequence[float | None]) -> float | None:
    known = [part for part in parts if part is not None]
    if not known:
        return None
    return round(SHARE * sum(known) + (1 - SHARE * len(known)) * min(known), 1)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
