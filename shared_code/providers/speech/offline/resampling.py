"""Brings a recording to 16 kHz, without what lies below any voice."""

from __future__ import annotations

from math import gcd

import numpy as np

from shared_code.providers.speech.offline.arrays import Floats

RATE = 16_000
PEAK = 0.7
RUMBLE, VOICE = 30.0, 60.0  # hertz: all is taken away below the first, nothing above the second
MARGIN = 0.05  # seconds of silence at the end, so that the transform's wrap-around stays outside the speech


def at_16_khz(samples: Floats, rate: int) -> Floats:
    """Resample to 16 kHz and take away direct current and rumble, in the spectrum of the whole signal.

    Cheap sound cards add an offset that can be louder than the speech; it would drown every measure of energy. The
    length is padded to where both rates meet in whole samples, in blocks whose count has small factors only, so that
    the transforms stay fast for every usual rate.
    """
    common = gcd(rate, RATE)
    block = rate // common
    blocks = _smooth(max(2, -(-int(len(samples) + MARGIN * rate) // block)))
    spectrum = np.fft.rfft(samples - samples.mean(), blocks * block)
    length = blocks * (RATE // common)
    kept = np.zeros(length // 2 + 1, dtype=spectrum.dtype)
    shared = min(len(kept), len(spectrum))
    hertz = np.arange(shared) * (RATE / length)
    rise = np.clip((hertz - RUMBLE) / (VOICE - RUMBLE), 0, 1)
    kept[:shared] = spectrum[:shared] * (0.5 - 0.5 * np.cos(np.pi * rise))
    wave = np.fft.irfft(kept, length)[: -(-len(samples) * RATE // rate)]
    return (wave * (RATE / rate)).astype(np.float32)


def _smooth(count: int) -> int:
    """The next number whose only factors are 2, 3 and 5."""
    while True:
        rest = count
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return count
        count += 1


def to_peak(samples: Floats) -> Floats:
    """Scale so that the loudest sample is at 0.7 of full scale. The signal must not be all zero."""
    return samples * np.float32(PEAK / float(np.abs(samples).max()))
