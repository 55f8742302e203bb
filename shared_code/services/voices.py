"""Learners' voices: how high and how lively each speaks, which the tone model needs. Personal data."""

from __future__ import annotations

from msgspec import Struct, field

from shared_code.domain.pronunciation import VoiceMeasure
from shared_code.providers.speech.port import SpeakerProfile
from shared_code.storage.documents import Documents

REMEMBERED = 50  # attempts, so that one that is taken up again is merged once
LONGEST_MEMORY = 600.0  # voiced seconds that count; what is older fades, because voices and microphones change


class VoiceRecord(Struct, kw_only=True):
    """Semitones above 100 Hz, averaged over the voiced seconds behind them, and the latest attempts among these."""

    median_semitones: float = 0.0
    spread_semitones: float = 0.0
    voiced_seconds: float = 0.0
    attempts: list[str] = field(default_factory=list)


class Voices:
    """One profile a learner, made from attempts that were clearly the learner's own words."""

    def __init__(self, documents: Documents[VoiceRecord]) -> None:
        self._documents = documents

    async def profile(self, person: str) -> SpeakerProfile | None:
        """The learner's profile; None before anything was heard."""
        record = await self._documents.load(person)
        if record.voiced_seconds == 0:
            return None
        return SpeakerProfile(
            median_semitones=record.median_semitones,
            spread_semitones=record.spread_semitones,
            voiced_seconds=record.voiced_seconds,
        )

    async def forget(self, person: str) -> None:
        """Delete the learner's profile."""
        await self._documents.delete(person)

    async def merge(self, person: str, attempt_id: str, measure: VoiceMeasure | None) -> None:
        """Average one attempt's measure in, once, by its voiced seconds. None is an attempt that told nothing."""
        if measure is None or measure.voiced_seconds == 0:
            return

        async def merged(record: VoiceRecord) -> VoiceRecord:
            if attempt_id in record.attempts:
                return record
            total = min(record.voiced_seconds, LONGEST_MEMORY) + measure.voiced_seconds
            share = measure.voiced_seconds / total
            return VoiceRecord(
                median_semitones=record.median_semitones * (1 - share) + measure.median_semitones * share,
                spread_semitones=record.spread_semitones * (1 - share) + measure.spread_semitones * share,
                voiced_seconds=total,
                attempts=[*record.attempts, attempt_id][-REMEMBERED:],
            )

        await self._documents.change(person, merged)
