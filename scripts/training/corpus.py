"""The recordings: isolated syllables of two voices, each decoded once and measured with the product's own code.

`davin/mp3` is github.com/davinfifield/mp3-chinese-pinyin-sound (Unlicense); `chen-wang/18k-abr/syllabs` is
github.com/hugolpz/audio-cmn (CC BY-SA). Neither is part of this repository.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import soundfile

from shared_code.providers.speech.offline.arrays import Doubles, Floats
from shared_code.providers.speech.offline.energy import energy_db, extent, speech_frames
from shared_code.providers.speech.offline.features import log_mel
from shared_code.providers.speech.offline.inventory import unit_indexes
from shared_code.providers.speech.offline.pitch import semitones, track
from shared_code.providers.speech.offline.resampling import at_16_khz, to_peak

FOLDERS = {"davin": "davin/mp3", "chen-wang": "chen-wang/18k-abr/syllabs"}
WARPS = (1.0, 0.84, 0.92, 1.09, 1.18)  # moves the bands as shorter and longer vocal tracts would
NAME = re.compile(r"(?:cmn-)?(?P<base>[a-z]+)(?P<tone>[1-5])")
NOT_MANDARIN = frozenset({"shong", "diang", "rei", "sei", "muo", "fe", "fiao", "cei", "yai"})


class Clip(NamedTuple):
    """One spoken syllable: what it is, and what the analyser measures in it. `mels` has one entry a warp."""

    speaker: str
    base: str
    tone: int
    units: tuple[int, int]
    mels: tuple[Floats, ...]
    pitch: Doubles
    level: Doubles
    extent: tuple[int, int]


def voices(folder: Path) -> dict[str, list[Clip]]:
    """All usable clips of each voice under `folder`."""
    return {speaker: list(_clips(folder / path, speaker)) for speaker, path in FOLDERS.items()}


def _clips(folder: Path, speaker: str) -> Iterator[Clip]:
    for path in sorted(folder.glob("*.mp3")):
        match = NAME.fullmatch(path.stem)
        if match is None:
            continue
        base = _spelling(match["base"])
        if base in NOT_MANDARIN:
            continue
        try:
            units = unit_indexes(base)
        except ValueError:
            continue
        yield _measure(path, speaker, base, int(match["tone"]), units)


def _spelling(base: str) -> str:
    """Both collections' spellings of ü, as the project spells it."""
    base = base.replace("uu", "v")
    if base[0] in "jqxy" and base[1:2] == "v":
        base = base[0] + "u" + base[2:]
    return base


def _measure(path: Path, speaker: str, base: str, tone: int, units: tuple[int, int]) -> Clip:
    samples, rate = soundfile.read(path, dtype="float32")
    samples = to_peak(at_16_khz(samples, rate))
    level = energy_db(samples)
    return Clip(
        speaker,
        base,
        tone,
        units,
        tuple(log_mel(samples, warp) for warp in WARPS),
        semitones(track(samples)),
        level,
        extent(speech_frames(level)),
    )
