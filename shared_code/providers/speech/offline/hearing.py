"""What is measured in a recording before its text is looked at: energy, pitch, where the speech is."""

from __future__ import annotations

from typing import NamedTuple

from shared_code.providers.speech.offline.arrays import Bools, Doubles, Floats
from shared_code.providers.speech.offline.energy import energy_db, energy_range, extent, speech_frames
from shared_code.providers.speech.offline.gates import check_level, check_range, check_speech, clipped_share
from shared_code.providers.speech.offline.pitch import semitones, track
from shared_code.providers.speech.offline.resampling import at_16_khz, to_peak
from shared_code.providers.speech.offline.wav import decode


class Hearing(NamedTuple):
    """Samples at 16 kHz and, for each 10 ms frame, level in dB, pitch in semitones (NaN unvoiced), maybe speech or not.

    `extent` bounds the speech, `range` is the energy range in dB, `clipped` the share of samples at full scale.
    """

    samples: Floats
    level: Doubles
    pitch: Doubles
    speech: Bools
    extent: tuple[int, int]
    range: float
    clipped: float


def hear(wav: bytes, syllables: int) -> Hearing:
    """Measure a recording of that many syllables. Raises RecordingRejected where one of the gates refuses it."""
    recording = decode(wav)
    clipped = clipped_share(recording.samples)
    samples = at_16_khz(recording.samples, recording.rate)
    check_level(samples)
    samples = to_peak(samples)
    level = energy_db(samples)
    decibels = energy_range(level)
    check_range(decibels)
    pitch = semitones(track(samples))
    speech = speech_frames(level)
    check_speech(pitch, speech, syllables)
    return Hearing(samples, level, pitch, speech, extent(speech), decibels, clipped)
