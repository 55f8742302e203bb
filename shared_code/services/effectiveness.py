"""The effectiveness service: how well a learner's practice works."""

from __future__ import annotations

from shared_code.domain.clock import Clock, parse_rfc3339
from shared_code.domain.events.catalogue import event_of
from shared_code.domain.events.effectiveness import EffectivenessAnalysed, ToneConfusion, Trend
from shared_code.domain.events.envelope import CloudEvent
from shared_code.domain.identifiers import derived_uuid7
from shared_code.domain.learning.analysis import Analysis, analyse
from shared_code.domain.learning.analysis import Trend as Measured
from shared_code.domain.learning.progress import Progress
from shared_code.events.journal import Journal
from shared_code.storage.documents import Documents


class EffectivenessService:
    """Analyses progress; every analysis that a saga asked for is a fact in the learner's stream."""

    def __init__(self, progress: Documents[Progress], journal: Journal, clock: Clock) -> None:
        self._progress = progress
        self._journal = journal
        self._clock = clock

    async def view(self, person: str) -> Analysis:
        """What the learner's progress shows now."""
        return analyse(await self._progress.load(person))

    async def analyse(self, person: str, cause: CloudEvent, saga_id: str) -> Analysis:
        """Analyse for a saga. The fact's id follows from the saga, so a second run states no second fact."""
        found = await self.view(person)
        analysis_id = derived_uuid7(parse_rfc3339(cause.time), saga_id, "analysis")
        data = EffectivenessAnalysed(
            analysis_id=analysis_id,
            attempts=found.attempts,
            accuracy=_trend(found.accuracy),
            tone=_trend(found.tone),
            direction=found.tone.direction,  # type: ignore[arg-type]
            confusions=tuple(
                ToneConfusion(expected=each.expected, heard=each.heard, times=each.times)
                for each in found.confusions[:20]
            ),
            weakest_tones=found.weakest_tones,
            trigger_event_id=cause.id,
        )
        event = event_of(
            data,
            subject=cause.subject,
            tenant=cause.tenantid,
            correlation_id=cause.correlationid,
            causation_id=cause.id,
            now=self._clock(),
            event_id=analysis_id,
        )
        await self._journal.record(person, [event])
        return found


def _trend(measured: Measured) -> Trend:
    return Trend(mean=measured.mean, change=measured.change)
