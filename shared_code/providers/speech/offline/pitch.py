"""Fundamental frequency by windowed autocorrelation and a Viterbi search for the smoothest path.

The method is that of P. Boersma, "Accurate short-term analysis of the fundamental frequency and the
harmonics-to-noise ratio of a sampled sound", IFA Proceedings 17, 1993; the code and the constants are our own.
"""

from __future__ import annotations

import numpy as np

from shared_code.providers.speech.offline.arrays import Doubles, Floats
from shared_code.providers.speech.offline.energy import HOP, frame_count
from shared_code.providers.speech.offline.resampling import RATE

FRAME = 720  # samples: 45 ms
FFT = 1024  # holds a frame and the longest lag, so that nothing wraps around
LOW, HIGH = 65.0, 600.0  # hertz
LAGS = slice(26, 247)
BLOCK = 500  # frames at once: bounds the memory of a long recording
CANDIDATES = 6
UNVOICED, QUIET_BONUS, QUIET = 0.45, 1.0, 0.02
OCTAVE_COST, VOICING_COST, JUMP_COST = 0.01, 0.14, 0.35
CENTRE = 200  # samples: the middle of an energy frame, so that frame i means the same time everywhere


def track(samples: Floats) -> Doubles:
    """Hertz of each 10 ms frame, 0 where unvoiced. `samples` are at 16 kHz."""
    count = frame_count(len(samples))
    pad = FRAME // 2 - CENTRE
    padded = np.pad(samples, (pad, FRAME))
    hertz = np.zeros((count, CANDIDATES))
    strength = np.full((count, CANDIDATES), -np.inf)
    power = np.zeros(count)
    window = np.hanning(FRAME + 1)[:-1].astype(np.float32)
    own = _autocorrelation(window[None])[0]
    floor = np.maximum(own / own[0], 0.001)
    views = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP][:count]
    for start in range(0, count, BLOCK):
        frames = views[start : start + BLOCK]
        frames = frames - frames.mean(axis=1, keepdims=True)
        block = slice(start, start + len(frames))
        power[block] = np.sqrt((frames**2).mean(axis=1))
        correlation = _autocorrelation(frames * window)
        correlation /= np.maximum(correlation[:, :1], 1e-12) * floor
        hertz[block], strength[block] = _candidates(correlation)
    unvoiced = np.where(power < QUIET * power.max(), UNVOICED + QUIET_BONUS, UNVOICED)
    return _smoothest(hertz, strength, unvoiced)


def _autocorrelation(frames: Floats) -> Floats:
    spectrum = np.fft.rfft(frames, FFT)
    correlation: Floats = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, FFT)[:, : LAGS.stop + 1].astype(np.float32)
    return correlation


def _candidates(correlation: Floats) -> tuple[Doubles, Doubles]:
    """Frequency and strength of the best local maxima of each frame; strength is -inf where there are fewer."""
    before = correlation[:, LAGS.start - 1 : LAGS.stop - 1]
    here = correlation[:, LAGS]
    after = correlation[:, LAGS.start + 1 : LAGS.stop + 1]
    peak = (here > before) & (here >= after) & (here > 0)
    curve = np.where(peak, np.maximum(2 * here - before - after, 1e-9), 1)
    shift = np.where(peak, (after - before) / (2 * curve), 0)
    height = np.minimum(here + (after - before) * shift / 4, 1)
    lag = np.arange(LAGS.start, LAGS.stop) + shift
    strength = np.where(peak, height - OCTAVE_COST * np.log2(LOW * lag / RATE), -np.inf)
    best = np.argpartition(-strength, CANDIDATES, axis=1)[:, :CANDIDATES]
    hertz = RATE / np.take_along_axis(lag, best, axis=1)
    strength = np.take_along_axis(strength, best, axis=1)
    strength[(hertz < LOW) | (hertz > HIGH)] = -np.inf
    return hertz, strength


def _smoothest(hertz: Doubles, strength: Doubles, unvoiced: Doubles) -> Doubles:
    """The path with the most strength and the fewest leaps. State 0 is unvoiced, the others are the candidates."""
    count = len(hertz)
    octave = np.log2(np.maximum(hertz, 1.0))
    local = np.column_stack((unvoiced, strength))
    came = np.zeros((count, CANDIDATES + 1), dtype=np.int8)
    score = local[0]
    cost = np.full((CANDIDATES + 1, CANDIDATES + 1), VOICING_COST)
    cost[0, 0] = 0
    columns = np.arange(CANDIDATES + 1)
    for frame in range(1, count):
        np.abs(np.subtract.outer(octave[frame - 1], octave[frame]), out=cost[1:, 1:])
        cost[1:, 1:] *= JUMP_COST
        total = score[:, None] - cost
        came[frame] = best = total.argmax(axis=0)
        score = total[best, columns] + local[frame]
    state = int(score.argmax())
    path = np.zeros(count)
    for frame in range(count - 1, -1, -1):
        if state:
            path[frame] = hertz[frame, state - 1]
        state = int(came[frame, state])
    return path


def semitones(hertz: Doubles) -> Doubles:
    """Semitones above 100 Hz; NaN where unvoiced."""
    return 12 * np.log2(np.where(hertz > 0, hertz, np.nan) / 100)
