"""What the acoustic model sees: normalised log-mel bands of a frame and its neighbours.

Mel scale and triangular filters after S. Davis and P. Mermelstein, "Comparison of parametric representations for
monosyllabic word recognition", IEEE Transactions on Acoustics, Speech, and Signal Processing 28(4), 1980.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from shared_code.providers.speech.offline.arrays import Doubles, Floats
from shared_code.providers.speech.offline.energy import HOP, WINDOW, frame_count
from shared_code.providers.speech.offline.resampling import RATE

FFT, BANDS = 512, 26
LOWEST, HIGHEST = 80.0, 7600.0  # hertz
EMPHASIS = 0.97
FLOOR = 1e-7
CONTEXT = (-9, -6, -4, -2, -1, 0, 1, 2, 4, 6, 9)  # frames around the one that is judged
INPUTS = BANDS * len(CONTEXT)
SPEECH_WITHIN = 12.0  # ln units under the loud frames
SPREAD_FLOOR, CLIP = 0.5, 4.0
BLOCK = 2000


def log_mel(samples: Floats, warp: float = 1.0) -> Floats:
    """Log-mel energies, one row of 26 a frame. `warp` moves the bands, as a longer or shorter vocal tract does."""
    emphasised = np.append(samples[:1], samples[1:] - np.float32(EMPHASIS) * samples[:-1])
    count = frame_count(len(samples))
    padded = np.pad(emphasised, (0, max(0, WINDOW - len(emphasised))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][:count]
    window = np.hamming(WINDOW).astype(np.float32)
    filters = _filters(warp)
    mel = np.empty((count, BANDS), dtype=np.float32)
    for start in range(0, count, BLOCK):
        spectrum = np.fft.rfft(frames[start : start + BLOCK] * window, FFT)
        mel[start : start + BLOCK] = (spectrum.real**2 + spectrum.imag**2).astype(np.float32) @ filters
    logarithm: Floats = np.log(mel + np.float32(FLOOR))
    return logarithm


def normalise(mel: Floats) -> Floats:
    """Subtract the recording's mean spectrum and divide by its spread, both over its speech."""
    loudest = mel.max(axis=1)
    speech = mel[loudest > np.percentile(loudest, 95) - SPEECH_WITHIN]
    scaled = (mel - speech.mean(axis=0)) / (speech.std(axis=0) + np.float32(SPREAD_FLOOR))
    clipped: Floats = np.clip(scaled, -CLIP, CLIP).astype(np.float32)
    return clipped


def in_context(frames: Floats) -> Floats:
    """Each frame with its neighbours side by side; the first and the last are repeated beyond the ends."""
    places = np.arange(len(frames))[:, None] + np.array(CONTEXT)[None, :]
    beside: Floats = frames[np.clip(places, 0, len(frames) - 1)].reshape(len(frames), INPUTS)
    return beside


@cache
def _filters(warp: float) -> Floats:
    edges = _hertz(np.linspace(_mel(LOWEST), _mel(HIGHEST), BANDS + 2)) * warp
    bins = np.arange(FFT // 2 + 1) * RATE / FFT
    rise = (bins[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    return np.maximum(0, np.minimum(rise, fall)).astype(np.float32)


def _mel(hertz: float) -> float:
    return float(2595 * np.log10(1 + hertz / 700))


def _hertz(mel: Doubles) -> Doubles:
    hertz: Doubles = 700 * (10 ** (mel / 2595) - 1)
    return hertz
