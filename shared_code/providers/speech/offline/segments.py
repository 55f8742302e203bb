"""How well each syllable's sounds were spoken, tones apart.

Goodness of pronunciation after S. Witt and S. Young, "Phone-level pronunciation scoring and assessment for interactive
language learning", Speech Communication 30, 2000: the expected unit's mean log posterior against the best other unit's.
"""

from __future__ import annotations

import numpy as np

from shared_code.providers.speech.offline.alignment import Segment
from shared_code.providers.speech.offline.arrays import Floats
from shared_code.providers.speech.offline.inventory import SILENCE

FLOOR = -9.0  # log posteriors below say no more than this
STEEPNESS = 0.9
INITIAL_CENTRE, FINAL_CENTRE = -1.5, -2.6  # goodness at which the score is 50, fitted on held-out voices
INITIAL_SHARE = 0.45


def syllable_score(posteriors: Floats, segment: Segment, units: tuple[int, int]) -> float:
    """0-100 for the sounds of one syllable, wherever the alignment put it. `posteriors` are logs, floored."""
    initial = _score(posteriors[segment.start : segment.middle], units[0], INITIAL_CENTRE)
    final = _score(posteriors[segment.middle : segment.end], units[1], FINAL_CENTRE)
    return INITIAL_SHARE * initial + (1 - INITIAL_SHARE) * final


def _score(frames: Floats, unit: int, centre: float) -> float:
    means = frames.mean(axis=0)
    others = np.delete(means, [unit, SILENCE])
    return float(100 / (1 + np.exp(-STEEPNESS * (means[unit] - others.max() - centre))))
