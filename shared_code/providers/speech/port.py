"""What a speech assessor takes and gives. Azure Speech and the offline analyser both implement it."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from shared_code.domain.mandarin.reading import Phrase
from shared_code.domain.pronunciation import Pronunciation


class SpeakerProfile(Struct, frozen=True, kw_only=True):
    """A learner's voice: semitones above 100 Hz, and the voiced seconds behind them. Personal data."""

    median_semitones: float
    spread_semitones: float
    voiced_seconds: float


class Utterance(Struct, frozen=True, kw_only=True):
    """One attempt at a text: `wav` is a whole WAV file (PCM 16 bit mono, 8-48 kHz, up to 60 s)."""

    phrase: Phrase
    wav: bytes
    profile: SpeakerProfile | None = None


class SpeechAssessor(Protocol):
    """Assesses an utterance against its reference text.

    Raises ProviderRejected (422 or 415, with a code that says which gate refused: `audio-silent`, `audio-noise`,
    `audio-unvoiced`, `audio-clipped`, `audio-too-short`, `audio-too-long`, `audio-corrupt`) when the caller's
    recording is at fault, and ProviderUnavailable when the provider is.
    """

    name: str

    async def assess(self, utterance: Utterance) -> Pronunciation:
        """Score every syllable of the phrase."""
        ...
