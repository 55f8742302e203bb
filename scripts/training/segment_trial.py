"""How well the acoustic model tells right syllables from wrong ones, on a voice that it has never heard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scripts.training.acoustic import AcousticModel
from scripts.training.corpus import Clip
from scripts.training.measures import area_under_curve
from shared_code.providers.speech.offline.alignment import MIN_FRAMES, align
from shared_code.providers.speech.offline.arrays import Floats
from shared_code.providers.speech.offline.features import in_context, normalise
from shared_code.providers.speech.offline.inventory import CLASSES
from shared_code.providers.speech.offline.network import log_probabilities
from shared_code.providers.speech.offline.segments import FLOOR, syllable_score

CONFUSABLE = (
    *(("z", "zh"), ("c", "ch"), ("s", "sh"), ("n", "l"), ("r", "l"), ("f", "h"), ("j", "zh"), ("q", "ch"), ("x", "sh")),
    *(("b", "p"), ("d", "t"), ("g", "k"), ("an", "ang"), ("en", "eng"), ("in", "ing"), ("ian", "iang")),
    *(("uan", "uang"), ("ii", "iii"), ("u", "v"), ("ou", "uo"), ("e", "uo")),
)
"""Sounds that learners take for one another."""

type Pair = tuple[int, int]


class SegmentFigures(NamedTuple):
    """Areas under the curve against a random wrong syllable and against a minimal pair; median scores of each."""

    clips: int
    random_area: float
    pair_area: float
    right_median: float
    random_median: float
    right_below_50: float


def segment_trial(clips: Sequence[Clip], model: AcousticModel, seed: int) -> SegmentFigures:
    """Score every clip as its own syllable, as another one, and as one that differs in one sound."""
    random = np.random.default_rng(seed)
    syllables = sorted({clip.units for clip in clips})
    neighbours = _neighbours(syllables)
    right, other, pair = [], [], []
    for clip in clips:
        if len(clip.level) < MIN_FRAMES:
            continue
        logs = np.maximum(log_probabilities(in_context(normalise(clip.mels[0])), model.layers), np.float32(FLOOR))
        right.append(_score(logs, model, clip.units))
        wrong = [units for units in syllables if units != clip.units]
        other.append(_score(logs, model, wrong[int(random.integers(len(wrong)))]))
        if near := neighbours.get(clip.units):
            pair.append(_score(logs, model, near[int(random.integers(len(near)))]))
    scores, others, pairs = (np.array(group) for group in (right, other, pair))
    return SegmentFigures(
        len(scores),
        area_under_curve(scores, others),
        area_under_curve(scores, pairs),
        float(np.median(scores)),
        float(np.median(others)),
        float((scores < 50).mean()),
    )


def _score(logs: Floats, model: AcousticModel, units: Pair) -> float:
    return syllable_score(logs, align(logs, model.priors, [units])[0], units)


def _neighbours(syllables: Sequence[Pair]) -> dict[Pair, list[Pair]]:
    """Of each syllable those that exist and differ in one confusable sound."""
    index = {unit: place for place, unit in enumerate(CLASSES)}
    swaps = {(index[a], index[b]) for one, two in CONFUSABLE for a, b in ((one, two), (two, one))}
    return {
        syllable: [
            (initial, final)
            for initial, final in syllables
            if (final == syllable[1] and (syllable[0], initial) in swaps)
            or (initial == syllable[0] and (syllable[1], final) in swaps)
        ]
        for syllable in syllables
    }
