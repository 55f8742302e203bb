"""Trains the four tone heads: isolated and connected, each with and without a profile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from scripts.training.corpus import Clip
from scripts.training.melodies import Line, Melody, isolated, line, spliced, varied, voice_profile
from scripts.training.optimisation import Trainer, cosine
from shared_code.providers.speech.offline.alignment import Segment
from shared_code.providers.speech.offline.arrays import Floats, Ints
from shared_code.providers.speech.offline.network import log_probabilities
from shared_code.providers.speech.offline.normalisation import Voice
from shared_code.providers.speech.offline.tones import FEATURES, TONES, Head, Kind, tone_features

HIDDEN, SEEDS = 48, 3
RATE, DECAY, BATCH, EPOCHS, WARM_UP = 3e-3, 0.01, 256, 40, 100
UTTERANCES = 6_000  # spliced ones a speaker
VARIATIONS = 3  # of every isolated syllable
HELD_BACK = 0.1  # of the utterances, to stop early


class Spoken(NamedTuple):
    """A speaker's clips, where their syllables lie, and the profile of the voice."""

    clips: Sequence[Clip]
    segments: Sequence[Segment]
    profile: Voice


class Example(NamedTuple):
    """Rows of features and the tones that were spoken."""

    features: Floats
    tones: Ints


def spoken(clips: Sequence[Clip], segments: Sequence[Segment]) -> Spoken:
    """A speaker, ready for training or for a test."""
    return Spoken(clips, segments, voice_profile(clips, segments))


def train_heads(speakers: Sequence[Spoken], seed: int, utterances: int = UTTERANCES) -> dict[tuple[Kind, bool], Head]:
    """Train all four heads. Some two minutes on one core."""
    random = np.random.default_rng(seed)
    single = [
        (melody, speaker.profile)
        for speaker in speakers
        for melody in (*isolated_melodies(speaker), *varied_melodies(speaker, VARIATIONS, random))
    ]
    connected = [
        (melody, speaker.profile) for speaker in speakers for melody in spliced_melodies(speaker, utterances, random)
    ]
    heads: dict[tuple[Kind, bool], Head] = {}
    for known in (True, False):
        alone = [both(melody, profile if known else melody.unknown, random) for melody, profile in single]
        joined = [both(melody, profile if known else melody.unknown, random) for melody, profile in connected]
        heads["isolated", known] = _fit(alone, seed)
        heads["connected", known] = _fit([*alone, *joined], seed)
    return heads


def isolated_melodies(speaker: Spoken) -> Iterator[Melody]:
    """Every clip that has a contour."""
    for clip, segment in zip(speaker.clips, speaker.segments, strict=True):
        melody = isolated(clip, segment)
        if melody is not None:
            yield melody


def varied_melodies(speaker: Spoken, times: int, random: np.random.Generator) -> Iterator[Melody]:
    """Every clip `times` times, each time a little differently."""
    for syllable in _lines(speaker) * times:
        melody = varied(syllable, speaker.profile.level, random)
        if melody is not None:
            yield melody


def spliced_melodies(speaker: Spoken, count: int, random: np.random.Generator) -> Iterator[Melody]:
    """Utterances out of the speaker's syllables."""
    lines = _lines(speaker)
    for _ in range(count):
        yield spliced(lines, speaker.profile.level, random)


def _lines(speaker: Spoken) -> list[Line]:
    pairs = zip(speaker.clips, speaker.segments, strict=True)
    return [found for clip, segment in pairs if (found := line(clip, segment)) is not None]


def both(melody: Melody, voice: Voice, random: np.random.Generator) -> Example:
    """The utterance twice: as it is, and with one syllable's expected tone replaced, as in a learner's slip.

    The replaced tone reaches the register and the neighbours' features as it would with a learner; the label stays
    what was spoken.
    """
    said = np.array(
        [tone for tone, contour in zip(melody.tones, melody.contours, strict=True) if contour is not None],
        dtype=np.int64,
    )
    if not len(said):
        return Example(np.zeros((0, FEATURES), dtype=np.float32), said)
    rows = [
        tone_features(melody.contours, tones, voice) for tones in (melody.tones, with_slip(melody.tones, random)[0])
    ]
    return Example(np.concatenate(rows), np.concatenate((said, said)))


def with_slip(tones: Sequence[int], random: np.random.Generator) -> tuple[list[int], int]:
    """The tones with one replaced by another of 1-4, and its place."""
    place = int(random.integers(len(tones)))
    other = int(random.choice([tone for tone in (1, 2, 3, 4) if tone != tones[place]]))
    return [*tones[:place], other, *tones[place + 1 :]], place


def _fit(examples: Sequence[Example], seed: int) -> Head:
    random = np.random.default_rng(seed)
    back = random.random(len(examples)) < HELD_BACK
    inputs, labels = _stacked([example for example, held in zip(examples, back, strict=True) if not held])
    checks, answers = _stacked([example for example, held in zip(examples, back, strict=True) if held])
    mean, scale = inputs.mean(axis=0), inputs.std(axis=0) + np.float32(1e-3)
    members = [
        _member((inputs - mean) / scale, labels, (checks - mean) / scale, answers, seed + n) for n in range(SEEDS)
    ]
    return Head(mean, scale, tuple(tuple(member.layers) for member in members))


def _stacked(examples: Sequence[Example]) -> tuple[Floats, Ints]:
    return (
        np.concatenate([example.features for example in examples]),
        np.concatenate([example.tones for example in examples]) - 1,
    )


def _member(inputs: Floats, labels: Ints, checks: Floats, answers: Ints, seed: int) -> Trainer:
    random = np.random.default_rng(seed)
    trainer = Trainer((FEATURES, HIDDEN, len(TONES)), seed, decay=DECAY)
    best, kept = np.inf, [(layer.weights.copy(), layer.bias.copy()) for layer in trainer.layers]
    per_epoch = max(1, len(labels) // BATCH)
    for epoch in range(EPOCHS):
        order = random.permutation(len(labels))
        for number in range(per_epoch):
            batch = order[number * BATCH : (number + 1) * BATCH]
            rate = cosine(epoch * per_epoch + number, EPOCHS * per_epoch, RATE, WARM_UP)
            trainer.train(inputs[batch], labels[batch], rate)
        logs = log_probabilities(checks, trainer.layers)
        loss = -float(logs[np.arange(len(answers)), answers].mean())
        if loss < best:
            best, kept = loss, [(layer.weights.copy(), layer.bias.copy()) for layer in trainer.layers]
    for layer, (weights, bias) in zip(trainer.layers, kept, strict=True):
        layer.weights[:], layer.bias[:] = weights, bias
    return trainer
