"""What may be said about a tone: heard, heard otherwise, or unknown. A false alarm costs more than a missed slip."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shared_code.domain.mandarin.reading import Reading
from shared_code.domain.pronunciation import ToneVerdict
from shared_code.providers.speech.offline.arrays import Doubles

NEUTRAL = 5
WORD = 4  # syllables; what is longer is a sentence
HEARD = 0.6  # probability of the accepted tones at which they count as heard
FULL_MARKS = 0.6  # probability that earns a score of 100


class Claim(NamedTuple):
    """When a tone may be called wrong: accepted tones less likely than `accepted`, another likelier than `other`."""

    accepted: float
    other: float


CLAIMS = {  # (syllables: one, a word, a sentence), with a profile or without
    ("one", True): Claim(0.1, 0.8),
    ("one", False): Claim(0.05, 0.9),
    ("word", True): Claim(0.05, 0.9),
    ("word", False): Claim(0.02, 0.95),
    ("sentence", True): Claim(0.01, 0.97),
    ("sentence", False): Claim(0.01, 0.97),
}


def claim(syllables: int, known: bool) -> Claim:
    """The condition for a text of that many syllables, with a profile of the speaker or without."""
    length = "one" if syllables == 1 else "word" if syllables <= WORD else "sentence"
    return CLAIMS[length, known]


def unknown(reading: Reading) -> ToneVerdict:
    """Nothing can be said of this tone."""
    return ToneVerdict(expected=reading.tone, accepted=reading.accepted, heard=None, score=None)


def tone_verdict(reading: Reading, probabilities: Doubles | None, condition: Claim | None) -> ToneVerdict:
    """The verdict from the probabilities of tones 1-5; without a condition no tone is called wrong.

    Neutral tones are recognised too seldom to be judged, whether the text expects one or the model hears one.
    """
    if probabilities is None or NEUTRAL in reading.accepted or int(probabilities.argmax()) + 1 == NEUTRAL:
        return unknown(reading)
    accepted = [tone - 1 for tone in reading.accepted]
    right = float(probabilities[accepted].sum())
    others = probabilities.copy()
    others[[*accepted, NEUTRAL - 1]] = 0
    wrong = int(others.argmax())
    heard: int | None = None
    if right >= HEARD:
        heard = max(accepted, key=lambda tone: float(probabilities[tone])) + 1
    elif condition is not None and right < condition.accepted and float(others[wrong]) > condition.other:
        heard = wrong + 1
    score = round(100 * float(np.sqrt(min(1.0, right / FULL_MARKS))), 1)
    return ToneVerdict(expected=reading.tone, accepted=reading.accepted, heard=heard, score=score)


def is_wrong(verdict: ToneVerdict) -> bool:
    """Whether another tone than an accepted one was clearly heard."""
    return verdict.heard is not None and verdict.heard not in verdict.accepted
