"""Level, range and declination of a voice, fitted with the expected tones as anchors.

The mean pitch of syllable i is taken as level + range * height(tone) + slope * (time - mean time). Tone heights are the
usual ones of Mandarin relative to the speaker's middle; declination is the fall of pitch through an utterance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from shared_code.providers.speech.offline.arrays import Doubles

HEIGHTS = {1: 0.95, 2: -0.1, 3: -1.0, 4: 0.45, 5: -0.35}
LEVEL_WEIGHT, LEVEL_WEIGHT_UNKNOWN = 3.0, 0.6  # how much the prior level counts, with a profile and without
RANGE_WEIGHT, SLOPE_WEIGHT = 3.0, 6.0
PROFILE_RANGE = 5.0  # semitones: as good as a measured spread until minutes of speech are behind it
USUAL_RANGE, USUAL_SLOPE = 3.3, -1.0  # semitones, semitones a second
RANGES, SLOPES, PRIOR_RANGES = (1.8, 6.5), (-6.0, 2.0), (2.0, 6.0)
SHORTEST_FOR_SLOPE = 0.8  # seconds
ROUNDS = 4
NORMAL_SPREAD = 3.29  # standard deviations between the 5th and the 95th percentile


class Voice(NamedTuple):
    """What is known of the voice before the syllables are looked at. Semitones above 100 Hz."""

    level: float
    range: float
    known: bool


class Register(NamedTuple):
    """The fitted register of an utterance; `middle` is the time in seconds at which `level` holds."""

    level: float
    range: float
    slope: float
    middle: float

    def relative(self, points: Doubles, seconds: Doubles) -> Doubles:
        """Pitch relative to the register: 1 is about the height of a first tone, -1 of a low third."""
        return (points - self.level - self.slope * (seconds - self.middle)) / self.range


def spread(pitch: Doubles) -> float:
    """Spread of pitch in semitones, from percentiles: pitch trackers err by octaves. `pitch` has no NaN."""
    low, high = np.percentile(pitch, (5, 95))
    return float(high - low) / NORMAL_SPREAD


def profiled_voice(median: float) -> Voice:
    """The voice of a speaker whose median pitch is known."""
    return Voice(median, PROFILE_RANGE, known=True)


def unknown_voice(pitch: Doubles) -> Voice:
    """The voice as this utterance alone shows it."""
    blend = (spread(pitch) + USUAL_RANGE) / 2
    return Voice(float(np.median(pitch)), float(np.clip(blend, *PRIOR_RANGES)), known=False)


def register(means: Doubles, seconds: Doubles, tones: Sequence[int], voice: Voice) -> Register:
    """Fit the register to the syllables' mean pitches: ridge regression towards the voice, reweighted for outliers."""
    middle = float(seconds.mean())
    sloping = float(seconds.max() - seconds.min()) >= SHORTEST_FOR_SLOPE
    usual = np.array([voice.level, voice.range, USUAL_SLOPE if sloping else 0.0])
    ridge = np.diag([LEVEL_WEIGHT if voice.known else LEVEL_WEIGHT_UNKNOWN, RANGE_WEIGHT, SLOPE_WEIGHT])
    design = np.column_stack((np.ones_like(means), [HEIGHTS[tone] for tone in tones], seconds - middle))
    if not sloping:
        design[:, 2] = 0
    weights = np.ones_like(means)
    fitted = usual
    for _ in range(ROUNDS):
        weighted = design.T * weights
        fitted = np.linalg.solve(weighted @ design + ridge, weighted @ means + ridge @ usual)
        fitted[1] = np.clip(fitted[1], *RANGES)
        fitted[2] = np.clip(fitted[2], *SLOPES)
        weights = 1 / (1 + ((means - design @ fitted) / fitted[1]) ** 2)
    return Register(float(fitted[0]), float(fitted[1]), float(fitted[2]), middle)
