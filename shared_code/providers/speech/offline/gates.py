"""What must hold of a recording before anything in it is scored. docs/offline-analyser.md has the measurements.

They come first because a forced alignment always finds something: white noise would score 72 against any text.
"""

from __future__ import annotations

import numpy as np

from shared_code.providers.speech.offline.arrays import Bools, Doubles, Floats
from shared_code.providers.speech.offline.energy import FRAME_SECONDS, extent
from shared_code.providers.speech.offline.rejections import RecordingRejected

QUIETEST = 10 ** (-50 / 20)  # peak, of full scale
FULL_SCALE = 32_700 / 32_768
CLIPPED, CLIPPED_TOO_MUCH = 0.03, 0.25  # shares of the samples
LEAST_RANGE = 8.0  # dB: noise and hum have under 7, speech in noise as loud as itself 7, clear speech 20 to 50
VOICED_SECONDS = 0.06  # a syllable
VOICED_RUN = 5  # frames: shorter stretches of pitch are found in noise too
LEAST_SECONDS, MOST_SECONDS = 0.1, 2.5  # of speech a syllable


def check_level(samples: Floats) -> None:
    """Refuse silence. `samples` are without their offset, at the level at which they were recorded."""
    if not len(samples) or float(np.abs(samples).max()) < QUIETEST:
        raise RecordingRejected("The recording is silent. Is the microphone on?", code="audio-silent")


def clipped_share(samples: Floats) -> float:
    """Share of the samples at full scale. Refuses a recording that is cut off too often to be judged."""
    share = float((np.abs(samples) >= FULL_SCALE).mean())
    if share > CLIPPED_TOO_MUCH:
        raise RecordingRejected("The recording is overdriven. Speak further from the microphone.", code="audio-clipped")
    return share


def check_range(decibels: float) -> None:
    """Refuse steady noise, hum and tones."""
    if decibels < LEAST_RANGE:
        raise RecordingRejected("There is nothing but steady noise in the recording.", code="audio-noise")


def check_speech(pitch: Doubles, speech: Bools, syllables: int) -> None:
    """Refuse what has no voice in it, and what is far too short or too long for its text.

    `pitch` is NaN where unvoiced; `speech` marks the frames that may be speech. From the first of these to the last
    there must be time for the text; only what is loud counts as too long, so that a click far off does no harm.
    """
    first, last = extent(speech)
    if (last - first) * FRAME_SECONDS < LEAST_SECONDS * syllables:
        raise RecordingRejected(f"There is too little speech for {syllables} syllable(s).", code="audio-too-short")
    if voiced_frames(pitch[first:last]) * FRAME_SECONDS < VOICED_SECONDS * syllables:
        raise RecordingRejected("No voice was found in the recording.", code="audio-unvoiced")
    if (seconds := float(speech.sum()) * FRAME_SECONDS) > MOST_SECONDS * syllables:
        raise RecordingRejected(
            f"{seconds:.1f} seconds of speech are too long for {syllables} syllable(s).", code="audio-too-long"
        )


def voiced_frames(pitch: Doubles) -> int:
    """Frames in stretches of voice of at least 50 ms."""
    voiced = np.concatenate(([0], np.isfinite(pitch).astype(np.int8), [0]))
    changes = np.flatnonzero(np.diff(voiced))
    lengths = changes[1::2] - changes[::2]
    return int(lengths[lengths >= VOICED_RUN].sum())
