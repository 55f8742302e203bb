"""The pitch contour of one syllable: ten points in semitones."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shared_code.providers.speech.offline.arrays import Doubles

POINTS = 10
MIN_FRAMES = 4
AUDIBLE = 16.0  # dB under the syllable's loudest frame; below it rooms echo and voices creak
OCTAVE_UP, OCTAVE_DOWN = 9.5, 14.0  # semitones from the median beyond which the tracker was an octave off
WIDTH = 5


class Contour(NamedTuple):
    """`points` are semitones above 100 Hz, `frames` the 10 ms frames behind them, `voiced` the voiced share.

    `first` is the first of these frames, counted from the start of the recording.
    """

    points: Doubles
    frames: int
    voiced: float
    first: int


def contour(pitch: Doubles, level: Doubles, start: int, end: int) -> Contour | None:
    """The contour between two frames, or None where fewer than four frames are voiced.

    `pitch` is in semitones, NaN where unvoiced; `level` in dB. Jumps of an octave are the tracker's: a voice does not
    leave its median that far within a syllable.
    """
    tone = pitch[start:end]
    audible = level[start:end] > level[start:end].max(initial=-np.inf) - AUDIBLE
    (used,) = np.nonzero(audible & np.isfinite(tone))
    if len(used) < MIN_FRAMES:
        return None
    values = tone[used]
    away = values - np.median(values)
    values = np.where(away > OCTAVE_UP, values - 12, np.where(away < -OCTAVE_DOWN, values + 12, values))
    frames = np.arange(used[0], used[-1] + 1)
    line = _smooth(np.interp(frames, used, values))
    cut = min(2, len(line) // 8)
    line = line[cut : len(line) - cut]
    points = np.interp(np.linspace(0, len(line) - 1, POINTS), np.arange(len(line)), line)
    return Contour(points, len(frames), len(used) / max(1, int(audible.sum())), start + int(used[0]))


def _smooth(line: Doubles) -> Doubles:
    """Median of five, then mean of five, the ends repeated."""
    half = WIDTH // 2
    around = np.clip(np.arange(len(line))[:, None] + np.arange(-half, half + 1), 0, len(line) - 1)
    median = np.sort(line[around], axis=1)[:, half]
    smooth: Doubles = median[around].mean(axis=1)
    return smooth
