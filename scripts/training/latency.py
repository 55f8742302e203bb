"""How long the whole assessment of a three-second utterance takes: WAV bytes in, verdicts out."""

from __future__ import annotations

import io
import time
import wave
from pathlib import Path

import numpy as np
import soundfile

from scripts.training.corpus import FOLDERS
from shared_code.domain.mandarin.reading import Phrase, Reading
from shared_code.providers.speech.offline.analysis import analyse
from shared_code.providers.speech.offline.energy import HOP, energy_db, extent, speech_frames
from shared_code.providers.speech.offline.resampling import RATE, at_16_khz, to_peak
from shared_code.providers.speech.offline.weights import Weights
from shared_code.providers.speech.port import Utterance

SECONDS, REPEATS = 3, 60
SYLLABLES = ("ma1", "hao3", "tian1", "xue2", "shu1", "dian4", "ren2", "shui3", "che1", "guo2")
QUIET = 0.1  # seconds before and after


def latency(folder: Path, weights: Weights) -> tuple[float, float]:
    """Milliseconds at the median and at the 95th percentile, for ten syllables joined to three seconds."""
    utterance = Utterance(phrase=_phrase(), wav=_wav(folder / FOLDERS["davin"]))
    analyse(utterance, weights)
    taken = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        analyse(utterance, weights)
        taken.append((time.perf_counter() - start) * 1000)
    return float(np.percentile(taken, 50)), float(np.percentile(taken, 95))


def _phrase() -> Phrase:
    return Phrase(
        text=" ".join(SYLLABLES),
        readings=tuple(
            Reading(
                hanzi=name,
                base=name[:-1],
                tone=int(name[-1]),
                surface=int(name[-1]),
                accepted=(int(name[-1]),),
                pinyin=name,
                pinyin_surface=name,
                start=place,
            )
            for place, name in enumerate(SYLLABLES)
        ),
        pauses=0,
    )


def _wav(folder: Path) -> bytes:
    length = int((SECONDS - 2 * QUIET) * RATE / len(SYLLABLES))
    quiet = np.zeros(int(QUIET * RATE), dtype=np.float32)
    pieces = [quiet]
    for name in SYLLABLES:
        samples, rate = soundfile.read(folder / f"{name}.mp3", dtype="float32")
        samples = to_peak(at_16_khz(samples, rate))
        start = extent(speech_frames(energy_db(samples)))[0] * HOP
        pieces.append(np.resize(samples[start : start + length], length))
    whole = (np.concatenate([*pieces, quiet]) * 32767).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(whole.tobytes())
    return buffer.getvalue()
