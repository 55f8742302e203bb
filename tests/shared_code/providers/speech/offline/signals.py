"""Sounds of known properties, and the WAV files they come in."""

from __future__ import annotations

import struct

import numpy as np

from shared_code.providers.speech.offline.arrays import Doubles

RATE = 16_000


def wav(samples: Doubles, rate: int = RATE, *, length: int | None = None, trailer: bytes = b"") -> bytes:
    """A WAV file, PCM 16 bit mono; `length` is what the header says of the data, if not the truth."""
    body = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
    return riff(struct.pack("<HHIIHH", 1, 1, rate, 2 * rate, 2, 16), body, length=length, trailer=trailer)


def riff(form: bytes, body: bytes, *, length: int | None = None, trailer: bytes = b"") -> bytes:
    """A WAV file of any format."""
    said = len(body) if length is None else length
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", said) + body + trailer
    return b"RIFF" + struct.pack("<I", (4 + len(chunks)) & 0xFFFFFFFF) + b"WAVE" + chunks


def seconds(count: float, rate: int = RATE) -> Doubles:
    """The times of the samples."""
    return np.arange(int(count * rate)) / rate


def voiced(hertz: Doubles, *, harmonics: tuple[float, ...] = (1.0, 0.8, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)) -> Doubles:
    """A buzz whose fundamental follows `hertz`, a value a sample; `harmonics` are its partials' amplitudes."""
    phase = 2 * np.pi * np.cumsum(hertz) / RATE
    buzz = np.zeros_like(phase)
    for number, amplitude in enumerate(harmonics, start=1):
        buzz += amplitude * np.sin(number * phase)
    scaled: Doubles = buzz / np.abs(buzz).max()
    return scaled


def noise(count: float, *, colour: float = 0.0, seed: int = 1) -> Doubles:
    """Noise whose power falls with frequency to the power of `colour`: 0 white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(int(count * RATE)))
    shaped = np.fft.irfft(spectrum / np.maximum(np.arange(len(spectrum)), 1) ** (colour / 2), int(count * RATE))
    scaled: Doubles = shaped / np.abs(shaped).max()
    return scaled


def framed_by_silence(samples: Doubles, count: float = 0.3) -> Doubles:
    """With quiet before and after."""
    quiet = 0.0005 * noise(count)
    return np.concatenate((quiet, samples, quiet))
