"""Energy by frame: 25 ms every 10 ms."""

from __future__ import annotations

import numpy as np

from shared_code.providers.speech.offline.arrays import Bools, Doubles, Floats

WINDOW, HOP = 400, 160  # samples at 16 kHz
FRAME_SECONDS = 0.01
FLOOR = 1e-10
WITHIN = 38.0  # dB under the loudest frame that may still be speech
ABOVE_NOISE = 6.0  # dB over the noise floor that speech must have
QUIET_NOISE = 45.0  # dB: a noise floor further than this under the peak does not matter


def frame_count(length: int) -> int:
    """How many frames a signal of `length` samples has; every frame-wise measure has this many."""
    return max(1, (length - WINDOW) // HOP + 1)


def energy_db(samples: Floats) -> Doubles:
    """Mean power of each frame in dB relative to full scale."""
    sums = np.concatenate(([0.0], np.cumsum(samples.astype(np.float64) ** 2)))
    starts = np.arange(frame_count(len(samples))) * HOP
    ends = np.minimum(starts + WINDOW, len(samples))
    power = (sums[ends] - sums[starts]) / np.maximum(ends - starts, 1)
    level: Doubles = 10 * np.log10(np.maximum(power, FLOOR))
    return level


def energy_range(level: Doubles) -> float:
    """How far the loud frames lie above the quiet ones, in dB: 0 for a steady tone, over 20 for clear speech."""
    low, high = np.percentile(level, (10, 95))
    return float(high - low)


def speech_frames(level: Doubles) -> Bools:
    """Which frames may be speech: within 38 dB of the loudest and clear of the noise floor."""
    peak, floor = float(level.max()), float(np.percentile(level, 5))
    speech: Bools = level > peak - WITHIN
    if floor > peak - QUIET_NOISE:
        speech &= level > floor + ABOVE_NOISE
    return speech


def extent(speech: Bools) -> tuple[int, int]:
    """First frame of speech, and the one after the last; (0, 0) where there is none."""
    (found,) = np.nonzero(speech)
    return (int(found[0]), int(found[-1]) + 1) if len(found) else (0, 0)
