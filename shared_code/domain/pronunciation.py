"""What an assessment says about one spoken attempt: the pronunciation result of the public contract."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

SyllableError = Literal["none", "omission", "insertion", "mispronunciation", "tone"]


class ToneVerdict(Struct, frozen=True, kw_only=True):
    """Tones are 1-4, and 5 for neutral. `heard` and `score` (0-100) are None where unknown: never invented."""

    expected: int
    accepted: tuple[int, ...]
    heard: int | None
    score: float | None


class SyllableVerdict(Struct, frozen=True, kw_only=True):
    """One syllable: times in milliseconds from the start of the recording, accuracy 0-100 or None."""

    hanzi: str
    pinyin: str
    pinyin_surface: str
    start_ms: int
    end_ms: int
    tone: ToneVerdict
    accuracy: float | None
    error: SyllableError


class Scores(Struct, frozen=True, kw_only=True):
    """0-100 each; None where the provider does not measure it."""

    pronunciation: float | None
    accuracy: float | None
    tone: float | None
    fluency: float | None
    completeness: float | None
    prosody: float | None


class VoiceMeasure(Struct, frozen=True, kw_only=True):
    """What one attempt tells of the speaker's voice, to be merged into the learner's profile. Personal data.

    Semitones above 100 Hz; `voiced_seconds` is the weight of the measure.
    """

    median_semitones: float
    spread_semitones: float
    voiced_seconds: float


class Pronunciation(Struct, frozen=True, kw_only=True):
    """A provider's whole answer. `voice` stays inside: it feeds the profile and is never sent out."""

    provider: str
    scores: Scores
    syllables: tuple[SyllableVerdict, ...]
    advice: str
    calibration: str
    voice: VoiceMeasure | None = None


class PronunciationResult(Struct, frozen=True, kw_only=True):
    """What was heard in an attempt. `degraded` says that a provider lower in the chain answered."""

    attempt_id: str
    text: str
    provider: str
    degraded: bool
    scores: Scores
    syllables: tuple[SyllableVerdict, ...]
    advice: str
    calibration: str
