"""Whether the recording is of the text at all: a forced alignment finds every text in every recording."""

from __future__ import annotations

LEAST_SCORE = 50.0  # mean of the syllables' scores
LEAST_FIT = -2.36  # mean log posterior under the best unit's, in words: 1 % of right words lie below
LONGEST_WORD = 4  # syllables


def is_the_text(scores: list[float], fit: float) -> bool:
    """Judge by the syllables' scores and, for a word, by how closely the model follows the text.

    About one wrong word of equal length in ten passes, one right one in a hundred fails; an unfamiliar accent may look
    like a wrong text. That is why a failed test is said and not refused.
    """
    if sum(scores) / len(scores) < LEAST_SCORE:
        return False
    return len(scores) > LONGEST_WORD or fit >= LEAST_FIT
