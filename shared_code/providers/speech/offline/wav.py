"""Reads a WAV file: PCM 16 bit mono, 8-48 kHz.

The format is RIFF/WAVE (Microsoft, "Multimedia Programming Interface and Data Specifications 1.0", 1991) with
WAVE_FORMAT_EXTENSIBLE. Streamed files carry a data length of 0 or of up to 4 GB, because it was not known when the
header went out: the bytes that are there count, never the header alone. That is why the standard library's `wave`,
which believes the header, does not do.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np

from shared_code.providers.speech.offline.arrays import Floats
from shared_code.providers.speech.offline.rejections import RecordingRejected, RecordingTooLong, corrupt, unsupported

MAX_SECONDS = 60
RATES = range(8_000, 48_001)
PCM, EXTENSIBLE = 1, 0xFFFE
STREAMED = (0, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
OTHER_FORMATS = {b"ID3": "MP3", b"\xff\xfb": "MP3", b"OggS": "Ogg", b"fLaC": "FLAC", b"\x1aE\xdf\xa3": "WebM"}


class Recording(NamedTuple):
    """Samples in -1 to 1 at `rate` hertz."""

    samples: Floats
    rate: int


class _Format(NamedTuple):
    tag: int
    channels: int
    rate: int
    bits: int


def decode(data: bytes) -> Recording:
    """Read a whole WAV file.

    Raises RecordingRejected with `audio-corrupt` (422, or 415 for an intact recording in another format),
    `audio-too-short` (no sample) or `audio-too-long` (413).
    """
    form, body = _chunks(data)
    if form.tag != PCM or form.bits != 16 or form.channels != 1 or form.rate not in RATES:
        raise unsupported(
            f"The recording is {form.bits} bit, {form.channels} channel(s), {form.rate} Hz, format {form.tag}; "
            "PCM 16 bit mono at 8,000 to 48,000 Hz is needed."
        )
    count = len(body) // 2
    if count == 0:
        raise RecordingRejected("The recording holds no sound.", code="audio-too-short")
    if count > MAX_SECONDS * form.rate:
        raise RecordingTooLong(f"The recording is longer than {MAX_SECONDS} seconds.", code="audio-too-long")
    samples = np.frombuffer(body, dtype="<i2", count=count).astype(np.float32) / np.float32(32768)
    return Recording(samples, form.rate)


def _chunks(data: bytes) -> tuple[_Format, memoryview]:
    """The format and the sample bytes."""
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        for magic, name in OTHER_FORMATS.items():
            if data.startswith(magic):
                raise unsupported(f"The recording is {name}; a WAV file is needed.")
        raise corrupt("The recording is not a WAV file.")
    form: _Format | None = None
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        at += 8
        if name == b"fmt ":
            form = _read_format(data[at : at + size])
        elif name == b"data":
            if form is None:
                raise corrupt("The WAV file names no format before its samples.")
            return form, memoryview(data)[at : None if size in STREAMED else at + size]
        at += size + size % 2
    raise corrupt("The WAV file ends before its samples.")


def _read_format(chunk: bytes) -> _Format:
    if len(chunk) < 16:
        raise corrupt("The WAV file's format cannot be read.")
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if tag == EXTENSIBLE and len(chunk) >= 26:
        (tag,) = struct.unpack_from("<H", chunk, 24)
    return _Format(tag, channels, rate, bits)
