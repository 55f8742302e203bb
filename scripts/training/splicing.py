"""Makes utterances out of isolated syllables, as log-mel frames with labels.

A model of isolated syllables alone is useless on connected speech. The utterances here are no natural speech, but have
its durations, joints, noise and gain.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from scripts.training.corpus import WARPS, Clip
from shared_code.providers.speech.offline.alignment import Segment
from shared_code.providers.speech.offline.arrays import Doubles, Floats, Ints
from shared_code.providers.speech.offline.features import BANDS
from shared_code.providers.speech.offline.inventory import SILENCE

DB = np.log(10) / 10  # natural log units of power in one dB


class Labelled(NamedTuple):
    """Log-mel frames and the unit of each."""

    mel: Floats
    units: Ints


def spliced(
    clips: Sequence[Clip], segments: Sequence[Segment], count: int, random: np.random.Generator
) -> Iterator[Labelled]:
    """Utterances of 2-8 syllables of one speaker; `segments` says where each clip's syllable lies."""
    by_speaker: dict[str, list[int]] = {}
    for place, clip in enumerate(clips):
        by_speaker.setdefault(clip.speaker, []).append(place)
    pools = list(by_speaker.values())
    for number in range(count):
        pool = pools[number % len(pools)]
        chosen = random.choice(pool, size=random.integers(2, 9))
        warp = int(random.integers(len(WARPS)))
        yield _utterance([(clips[place], segments[place]) for place in chosen], warp, random)


def _utterance(syllables: list[tuple[Clip, Segment]], warp: int, random: np.random.Generator) -> Labelled:
    pace = random.uniform(1.2, 3.2)
    mels: list[Floats] = []
    labels: list[Ints] = []
    for clip, segment in syllables:
        mel, units = _shortened(clip, segment, warp, pace * random.uniform(0.75, 1.25))
        mels.append(mel + np.float32(random.uniform(-6, 3) * DB))
        labels.append(units)
        if random.random() < 0.08:
            pause = int(random.integers(5, 25))
            mels.append(_quiet(clip, warp, pause, random))
            labels.append(np.full(pause, SILENCE))
    _blend(mels, random)
    edges = [_quiet(syllables[0][0], warp, int(random.integers(5, 26)), random) for _ in range(2)]
    mel = np.concatenate((edges[0], *mels, edges[1]))
    units = np.concatenate((np.full(len(edges[0]), SILENCE), *labels, np.full(len(edges[1]), SILENCE)))
    mel = mel + np.linspace(0, random.uniform(-12, 12) * DB, BANDS, dtype=np.float32)
    if random.random() < 0.5:
        mel = _in_noise(mel, random)
    return Labelled(mel.astype(np.float32), units)


def _shortened(clip: Clip, segment: Segment, warp: int, factor: float) -> tuple[Floats, Ints]:
    source = clip.mels[warp][segment.start : segment.end]
    length = max(8, round(len(source) / factor))
    at = np.linspace(0, len(source) - 1, length)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, len(source) - 1)
    share = (at - low)[:, None].astype(np.float32)
    units = np.where(np.round(at) < segment.middle - segment.start, clip.units[0], clip.units[1])
    return source[low] * (1 - share) + source[high] * share, units


def _blend(mels: list[Floats], random: np.random.Generator) -> None:
    """Let each joint's two or three frames on either side run into one another."""
    for left, right in itertools.pairwise(mels):
        width = int(random.integers(2, 4))
        last, first = left[-1].copy(), right[0].copy()
        for step in range(min(width, len(left) // 2, len(right) // 2)):
            share = np.float32(0.5 * (1 - step / width))
            left[-1 - step] = left[-1 - step] * (1 - share) + first * share
            right[step] = right[step] * (1 - share) + last * share


def _quiet(clip: Clip, warp: int, count: int, random: np.random.Generator) -> Floats:
    """Frames like the clip's own background."""
    mel = clip.mels[warp]
    start, end = clip.extent
    outside = np.concatenate((mel[: max(0, start - 2)], mel[end + 2 :]))
    if len(outside) < 3:
        outside = mel[np.argsort(mel.sum(axis=1))[:3]]
    chosen: Floats = outside[random.integers(len(outside), size=count)]
    return chosen


def _in_noise(mel: Floats, random: np.random.Generator) -> Floats:
    """Add noise of a random colour, 17-52 dB under the loudest frame."""
    peak = float(np.log(np.exp(mel).sum(axis=1)).max()) - np.log(BANDS)
    colour: Doubles = np.linspace(0, random.uniform(-15, 5) * DB, BANDS)
    floor = peak - random.uniform(17, 52) * DB + colour
    mixed: Floats = np.logaddexp(mel, floor + 0.35 * random.standard_normal(mel.shape)).astype(np.float32)
    return mixed
