"""How well the tone heads do on a voice that they have never heard."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from scripts.training.measures import area_under_curve, equal_error_rate
from scripts.training.melodies import Melody
from scripts.training.tone_heads import Spoken, isolated_melodies, spliced_melodies, with_slip
from shared_code.domain.mandarin.reading import Reading
from shared_code.providers.speech.offline.arrays import Doubles, Ints
from shared_code.providers.speech.offline.normalisation import Voice
from shared_code.providers.speech.offline.tones import Heads, tone_probabilities
from shared_code.providers.speech.offline.verdicts import claim, is_wrong, tone_verdict

FULL_TONES = (1, 2, 3, 4)
SPLICED = 1_000


class ToneFigures(NamedTuple):
    """Shares of 1, except `clips` and the confusion matrix: spoken tones 1-4 in rows, recognised 1-5 in columns.

    `right`: the likeliest tone is the one spoken, with the text's tone as spoken; `right_in_spite` with another tone
    in the text. `false_alarms`: right tones called wrong; `caught`: wrong tones called wrong; `named`: those of the
    caught whose tone was named rightly.
    """

    clips: int
    right: float
    right_in_spite: float
    area: float
    equal_error: float
    false_alarms: float
    caught: float
    named: float
    confusion: Ints


class _Judged(NamedTuple):
    spoken: int
    expected: int
    probabilities: Doubles
    syllables: int


def isolated_trial(speaker: Spoken, heads: Heads, *, known: bool, seed: int) -> ToneFigures:
    """Every isolated syllable of tones 1-4, twice: with the right text, and with another tone in the text."""
    return _trial(isolated_melodies(speaker), speaker.profile if known else None, heads, seed)


def spliced_trial(speaker: Spoken, heads: Heads, *, known: bool, seed: int) -> ToneFigures:
    """Utterances spliced out of the speaker's syllables: an imitation of connected speech, no replacement for it."""
    melodies = spliced_melodies(speaker, SPLICED, np.random.default_rng(seed))
    return _trial(melodies, speaker.profile if known else None, heads, seed)


def _trial(melodies: Iterable[Melody], profile: Voice | None, heads: Heads, seed: int) -> ToneFigures:
    random = np.random.default_rng(seed)
    right: list[_Judged] = []
    slips: list[_Judged] = []
    for melody in melodies:
        voice = profile or melody.unknown
        right += _judged(melody, melody.tones, voice, heads, range(len(melody.tones)))
        expected, place = with_slip(melody.tones, random)
        slips += _judged(melody, expected, voice, heads, [place])
    return _figures(right, slips, profile is not None)


def _judged(
    melody: Melody, expected: Sequence[int], voice: Voice, heads: Heads, places: Iterable[int]
) -> list[_Judged]:
    rows = tone_probabilities(melody.contours, expected, voice, heads)
    return [
        _Judged(melody.tones[place], expected[place], row, len(rows))
        for place in places
        if (row := rows[place]) is not None and melody.tones[place] in FULL_TONES
    ]


def _figures(right: Sequence[_Judged], slips: Sequence[_Judged], known: bool) -> ToneFigures:
    confusion = np.zeros((4, 5), dtype=np.int64)
    for judged in right:
        confusion[judged.spoken - 1, judged.probabilities.argmax()] += 1
    alarms = [_heard(judged, known) is not None for judged in right]
    heard = [(_heard(judged, known), judged.spoken) for judged in slips]
    caught = [tone == spoken for tone, spoken in heard if tone is not None]
    likely, unlikely = (
        np.array([judged.probabilities[judged.expected - 1] for judged in group]) for group in (right, slips)
    )
    return ToneFigures(
        clips=len(right),
        right=float(confusion.diagonal().sum() / len(right)),
        right_in_spite=float(np.mean([judged.probabilities.argmax() + 1 == judged.spoken for judged in slips])),
        area=area_under_curve(likely, unlikely),
        equal_error=equal_error_rate(likely, unlikely),
        false_alarms=float(np.mean(alarms)),
        caught=len(caught) / len(slips),
        named=float(np.mean(caught)) if caught else float("nan"),
        confusion=confusion,
    )


def _heard(judged: _Judged, known: bool) -> int | None:
    """The wrong tone that the analyser would name, by the product's own rules."""
    tone = judged.expected
    reading = Reading(
        hanzi="", base="", tone=tone, surface=tone, accepted=(tone,), pinyin="", pinyin_surface="", start=0
    )
    verdict = tone_verdict(reading, judged.probabilities, claim(judged.syllables, known))
    return verdict.heard if is_wrong(verdict) else None
