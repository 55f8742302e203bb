"""Whether the recording is of the text at all: a forced alignment finds every text in every recording."""

from __future__ import annotations

from collections.abc import Sequence

LEAST_SCORE, LEAST_SCORE_ALONE = 50.0, 40.0  # mean of the syllables' scores; of a lone syllable, which varies more


def is_the_text(scores: Sequence[float]) -> bool:
    """Judge by the mean score of the syllables' sounds.

    Of wrong texts of equal length one sentence in twenty passes, one word in eight, one syllable in four; of right
    ones one in a hundred fails. An unfamiliar accent may look like a wrong text: a failed test is said, not refused.
    """
    return sum(scores) / len(scores) >= (LEAST_SCORE_ALONE if len(scores) == 1 else LEAST_SCORE)
