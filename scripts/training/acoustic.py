"""Trains the acoustic model from isolated syllables without any transcription of their inside.

A flat start guesses where the initial ends; the model then realigns its own training material three times; the last
model learns from the syllables and from utterances spliced out of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scripts.training.corpus import WARPS, Clip
from scripts.training.optimisation import Trainer, cosine
from scripts.training.splicing import Labelled, spliced
from shared_code.providers.speech.offline.alignment import MIN_FRAMES, Segment, align
from shared_code.providers.speech.offline.arrays import Floats, Ints
from shared_code.providers.speech.offline.features import BANDS, CONTEXT, INPUTS, in_context, normalise
from shared_code.providers.speech.offline.inventory import CLASSES, NO_INITIAL, SILENCE
from shared_code.providers.speech.offline.network import Layer, log_probabilities
from shared_code.providers.speech.offline.segments import FLOOR

SIZES = (INPUTS, 256, 256, len(CLASSES))
DROPOUT, RATE, WARM_UP, BATCH = 0.3, 1.5e-3, 250, 1024
MASKED = 6  # bands hidden at most, so that no voice's own harmonics are relied on
REALIGNMENTS, ROUGH_EPOCHS, EPOCHS = 3, 3, 6
UTTERANCES = 6_000
INITIAL_SHARE, NO_INITIAL_SHARE, INITIAL_MOST = 0.3, 0.1, 18  # of the syllable, of the syllable, frames
LEAST_PRIOR = 0.001
SILENCE_KEPT = 20  # frames around an isolated syllable


class AcousticModel(NamedTuple):
    """The network and the log priors of its classes."""

    layers: tuple[Layer, ...]
    priors: Floats


class Material(NamedTuple):
    """Normalised frames of many utterances in one array; `first` and `last` bound each frame's utterance."""

    frames: Floats
    first: Ints
    last: Ints
    units: Ints


def train_acoustic(clips: Sequence[Clip], seed: int, utterances: int = UTTERANCES) -> AcousticModel:
    """Train from flat start. Some five minutes on one core for two voices."""
    random = np.random.default_rng(seed)
    segments = [flat_start(clip) for clip in clips]
    for round_ in range(REALIGNMENTS):
        model = _fit(_syllables(clips, segments, np.zeros(len(clips), dtype=np.int64)), ROUGH_EPOCHS, seed + round_)
        segments = [realigned(clip, model) for clip in clips]
    isolated = [
        *_syllables(clips, segments, np.zeros(len(clips), dtype=np.int64)),
        *_syllables(clips, segments, random.integers(1, len(WARPS), len(clips))),
    ]
    return _fit([*isolated, *spliced(clips, segments, utterances, random)], EPOCHS, seed)


def flat_start(clip: Clip) -> Segment:
    """The first 30 % of the speech is the initial, the rest the final."""
    start, end = clip.extent
    share = NO_INITIAL_SHARE if clip.units[0] == NO_INITIAL else INITIAL_SHARE
    return Segment(start, start + max(1, min(INITIAL_MOST, round(share * (end - start)))), end)


def realigned(clip: Clip, model: AcousticModel) -> Segment:
    """Where the model finds the clip's syllable."""
    if len(clip.mels[0]) < MIN_FRAMES:
        return flat_start(clip)
    logs = np.maximum(log_probabilities(in_context(normalise(clip.mels[0])), model.layers), FLOOR)
    return align(logs, model.priors, [clip.units])[0].within(*clip.extent)


def _syllables(clips: Sequence[Clip], segments: Sequence[Segment], warps: Ints) -> list[Labelled]:
    """The clips, each with its warp, without most of the silence around them."""
    found = []
    for clip, segment, warp in zip(clips, segments, warps, strict=True):
        units = np.full(len(clip.mels[0]), SILENCE)
        units[segment.start : segment.middle] = clip.units[0]
        units[segment.middle : segment.end] = clip.units[1]
        kept = slice(max(0, segment.start - SILENCE_KEPT), segment.end + SILENCE_KEPT)
        found.append(Labelled(clip.mels[warp][kept], units[kept]))
    return found


def _material(utterances: Sequence[Labelled]) -> Material:
    lengths = np.array([len(utterance.units) for utterance in utterances])
    ends = lengths.cumsum()
    return Material(
        np.concatenate([normalise(utterance.mel) for utterance in utterances]),
        np.repeat(ends - lengths, lengths),
        np.repeat(ends - 1, lengths),
        np.concatenate([utterance.units for utterance in utterances]),
    )


def _fit(utterances: Sequence[Labelled], epochs: int, seed: int) -> AcousticModel:
    material = _material(utterances)
    random = np.random.default_rng(seed)
    trainer = Trainer(SIZES, seed, dropout=DROPOUT)
    per_epoch = len(material.units) // BATCH
    context = np.array(CONTEXT)
    for epoch in range(epochs):
        order = random.permutation(len(material.units))
        for number in range(per_epoch):
            batch = order[number * BATCH : (number + 1) * BATCH]
            bounds = material.first[batch, None], material.last[batch, None]
            inputs = material.frames[np.clip(batch[:, None] + context, *bounds)]
            inputs *= _unmasked(len(batch), random)
            rate = cosine(epoch * per_epoch + number, epochs * per_epoch, RATE, WARM_UP)
            trainer.train(inputs.reshape(len(batch), INPUTS), material.units[batch], rate)
    share = np.bincount(material.units, minlength=len(CLASSES)) / len(material.units)
    return AcousticModel(tuple(trainer.layers), np.log(np.maximum(share, LEAST_PRIOR)).astype(np.float32))


def _unmasked(count: int, random: np.random.Generator) -> Floats:
    """Which bands each input may use: all but a stretch of up to six, hidden in the whole context.

    After D. Park et al., "SpecAugment", Interspeech 2019.
    """
    first, width = random.integers(BANDS, size=(count, 1)), random.integers(MASKED + 1, size=(count, 1))
    band = np.arange(BANDS)
    return ((band < first) | (band >= first + width)).astype(np.float32)[:, None, :]
