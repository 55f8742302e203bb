"""From the service's detailed result to ours.

For zh-CN the service gives accuracy, fluency and completeness, and no tones (learn.microsoft.com/azure/ai-services/
speech-service/how-to-pronunciation-assessment): `heard` and the tone scores stay unknown. Its words may hold several
hanzi, which then share the word's accuracy and divide its time.
"""

from __future__ import annotations

from msgspec import Struct, field

from shared_code.domain.mandarin.reading import Phrase, Reading
from shared_code.domain.pronunciation import Scores, SyllableError, SyllableVerdict, ToneVerdict

TICKS = 10_000  # of 100 ns in a millisecond


class _WordScores(Struct, frozen=True, rename="pascal"):
    accuracy_score: float | None = None
    error_type: str = "None"


class _Word(Struct, frozen=True, rename="pascal"):
    word: str
    offset: int = 0
    duration: int = 0
    pronunciation_assessment: _WordScores = field(default_factory=_WordScores)


class _UtteranceScores(Struct, frozen=True, rename="pascal"):
    accuracy_score: float | None = None
    fluency_score: float | None = None
    completeness_score: float | None = None
    pron_score: float | None = None


class _Candidate(Struct, frozen=True, rename="pascal"):
    pronunciation_assessment: _UtteranceScores
    words: tuple[_Word, ...] = ()


class DetailedResult(Struct, frozen=True, rename={"candidates": "NBest"}):
    """What we read of the service's JSON."""

    candidates: tuple[_Candidate, ...]


_ERRORS: dict[str, SyllableError] = {
    "Omission": "omission",
    "Insertion": "insertion",
    "Mispronunciation": "mispronunciation",
}


def scores_of(result: DetailedResult) -> Scores:
    """The utterance's scores; tone and prosody are unknown for zh-CN."""
    given = result.candidates[0].pronunciation_assessment
    return Scores(
        pronunciation=given.pron_score,
        accuracy=given.accuracy_score,
        tone=None,
        fluency=given.fluency_score,
        completeness=given.completeness_score,
        prosody=None,
    )


def syllables_of(result: DetailedResult, phrase: Phrase) -> tuple[SyllableVerdict, ...]:
    """The verdict on each syllable of the phrase: the service's words give their hanzi in order."""
    hanzi = [
        (character, place, len(word.word), word)
        for word in result.candidates[0].words
        if word.pronunciation_assessment.error_type != "Insertion"
        for place, character in enumerate(word.word)
    ]
    found = []
    at = 0
    for reading in phrase.readings:
        match = next((place for place in range(at, len(hanzi)) if hanzi[place][0] == reading.hanzi[0]), None)
        if match is None:
            found.append(_omitted(reading))
            continue
        _, place, length, word = hanzi[match]
        found.append(_verdict(reading, word, place, length))
        at = match + 1
    return tuple(found)


def _verdict(reading: Reading, word: _Word, place: int, length: int) -> SyllableVerdict:
    share = word.duration / length
    given = word.pronunciation_assessment
    return SyllableVerdict(
        hanzi=reading.hanzi,
        pinyin=reading.pinyin,
        pinyin_surface=reading.pinyin_surface,
        start_ms=round((word.offset + place * share) / TICKS),
        end_ms=round((word.offset + (place + 1) * share) / TICKS),
        tone=_tone(reading),
        accuracy=given.accuracy_score,
        error=_ERRORS.get(given.error_type, "none"),
    )


def _omitted(reading: Reading) -> SyllableVerdict:
    return SyllableVerdict(
        hanzi=reading.hanzi,
        pinyin=reading.pinyin,
        pinyin_surface=reading.pinyin_surface,
        start_ms=0,
        end_ms=0,
        tone=_tone(reading),
        accuracy=0.0,
        error="omission",
    )


def _tone(reading: Reading) -> ToneVerdict:
    return ToneVerdict(expected=reading.tone, accepted=reading.accepted, heard=None, score=None)
