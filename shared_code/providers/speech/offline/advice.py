"""One sentence for an English-speaking learner, from the verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from shared_code.domain.pronunciation import SyllableVerdict
from shared_code.providers.speech.offline.verdicts import is_wrong

SHAPES = {1: "high and level", 2: "rising", 3: "low and dipping", 4: "falling"}
HOW = {
    1: "keep your voice high and even, as if singing one note",
    2: "let it rise, as in a surprised “What?”",
    3: "let your voice go down and stay low",
    4: "start high and drop sharply, as in a firm “No!”",
}
GOOD, FAIR = 80.0, 60.0


class Conditions(NamedTuple):
    """What limits the verdicts: another text than the reference, noise, overdriven samples, a long text."""

    is_the_text: bool = True
    noisy: bool = False
    clipped: bool = False
    sentence: bool = False


def advice(syllables: Sequence[SyllableVerdict], conditions: Conditions) -> str:
    """The most useful thing to say: a wrong tone, else something missing, else the weakest sound, else praise."""
    if not conditions.is_the_text:
        return "This did not sound like the text; check the words and try again, a little slower."
    said = _about_the_speech(syllables, conditions)
    if conditions.clipped:
        return f"{said} The recording is overdriven: move away from the microphone a little."
    if conditions.noisy:
        return f"{said} There is noise in the recording, so take this with care."
    return said


def _about_the_speech(syllables: Sequence[SyllableVerdict], conditions: Conditions) -> str:
    for syllable in syllables:
        if syllable.error == "tone" and is_wrong(syllable.tone):
            return _wrong_tone(syllable, conditions.sentence)
    for syllable in syllables:
        if syllable.error == "omission":
            return f"{_named(syllable)} could not be heard; say every syllable."
    weakest = min(syllables, key=lambda syllable: 100.0 if syllable.accuracy is None else syllable.accuracy)
    if weakest.error == "mispronunciation":
        return f"{_named(weakest)} was not clear; listen to it once more and say it slowly."
    unsure = [syllable for syllable in syllables if syllable.tone.score is not None and syllable.tone.score < FAIR]
    if unsure:
        syllable = min(unsure, key=lambda one: one.tone.score or 0.0)
        tone = _target(syllable)
        return f"The tone of {_named(syllable)} was not clear; it is {SHAPES[tone]}: {HOW[tone]}."
    if weakest.accuracy is not None and weakest.accuracy < GOOD:
        return f"Good; {_named(weakest)} could be clearer still."
    return "Well done: every sound was clear, and every tone that could be judged was right."


def _wrong_tone(syllable: SyllableVerdict, sentence: bool) -> str:
    tone = _target(syllable)
    heard = syllable.tone.heard or tone
    said = "perhaps sounded" if sentence else "sounded"
    return (
        f"{_named(syllable)} {said} like tone {heard} ({SHAPES[heard]}); "
        f"it needs tone {tone} ({SHAPES[tone]}): {HOW[tone]}."
    )


def _target(syllable: SyllableVerdict) -> int:
    """The tone to aim at: as spoken here, if that differs from the dictionary's."""
    accepted = syllable.tone.accepted
    return syllable.tone.expected if syllable.tone.expected in accepted else accepted[0]


def _named(syllable: SyllableVerdict) -> str:
    return f"{syllable.hanzi} ({syllable.pinyin_surface})"
