"""Feedback on attempts: kept first, then put on the session's channel, exactly once."""

from __future__ import annotations

import uuid

import msgspec
from msgspec import Struct

from shared_code.domain.errors import Conflict
from shared_code.domain.events.assessment import AssessmentCompleted
from shared_code.domain.events.envelope import CloudEvent
from shared_code.domain.pronunciation import PronunciationResult, VoiceMeasure
from shared_code.domain.side_effects import latched
from shared_code.realtime.channel import Channel
from shared_code.realtime.push import Push
from shared_code.realtime.signalr import SignalRService
from shared_code.services.sessions import Sessions
from shared_code.storage.blobs import Blobs
from shared_code.storage.documents import SEALED
from shared_code.storage.lake import Lake
from shared_code.storage.sealing.learner_keys import LearnerKeys

CONTAINER = "attempts"


class Assessed(Struct, frozen=True, kw_only=True):
    """What is kept of an attempt: the result that is answered, and the measure of the voice, which never is."""

    result: PronunciationResult
    voice: VoiceMeasure | None


class Feedback:
    """Assessments of attempts, `{learner}/{attempt}.json`: they hold the learner's text, so they are sealed."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        blobs: Blobs,
        keys: LearnerKeys,
        channel: Channel,
        realtime: SignalRService,
        lake: Lake,
    ) -> None:
        self._sessions = sessions
        self._blobs = blobs
        self._keys = keys
        self._channel = channel
        self._realtime = realtime
        self._lake = lake

    async def keep(self, person: str, assessed: Assessed) -> Assessed:
        """Keep an assessment before anything refers to it, and give the one that is kept: the first of an attempt."""
        attempt_id = assessed.result.attempt_id
        name = _name(person, attempt_id)
        sealed = await self._keys.seal(person, msgspec.json.encode(assessed), f"{CONTAINER}/{name}")
        try:
            await self._blobs.put(CONTAINER, name, sealed, new=True, content_type=SEALED)
        except Conflict:
            kept = await self.kept(person, attempt_id)
            if kept is None:
                raise Conflict("An attempt under this Idempotency-Key was erased.", code="attempt-erased") from None
            return kept
        return assessed

    async def kept(self, person: str, attempt_id: str) -> Assessed | None:
        """What was kept of an attempt; None where there is nothing, or nothing any more."""
        name = _name(person, attempt_id)
        blob = await self._blobs.get(CONTAINER, name)
        plain = await self._keys.open(person, blob.data, f"{CONTAINER}/{name}") if blob is not None else None
        return None if plain is None else msgspec.json.decode(plain, type=Assessed)

    async def forget(self, person: str) -> None:
        """Delete a learner's results."""
        async for name in self._blobs.names(CONTAINER, f"{person}/"):
            await self._blobs.delete(CONTAINER, name)

    async def deliver(self, session_id: str, person: str, result: PronunciationResult, correlation_id: str) -> None:
        """Put the feedback on the learner's channel and push it; nothing happens if it is there already."""
        envelope, first = await self._channel.append(
            session_id,
            person,
            "learning_feedback",
            msgspec.to_builtins(result),
            key=f"feedback:{result.attempt_id}",
            correlation_id=correlation_id,
        )
        if not first:
            return
        self._lake.write(
            "realtime",
            "interaction_logs/feedback_delivery_logs",
            {
                "correlation_id": correlation_id,
                "session_id": session_id,
                "attempt_id": result.attempt_id,
                "learner": person,
                "seq": envelope.seq,
                "type": envelope.type,
            },
        )
        await self._realtime.show([Push(user=person, envelope=envelope)])

    async def make_good(self, person: str, event: CloudEvent, data: AssessmentCompleted) -> None:
        """Deliver what a crash between the facts and the channel left undelivered.

        Facts of other systems, or of attempts that were erased, have no result here: nothing to deliver. What they
        name is checked before it is believed. While side effects are latched, what is undelivered stays so.
        """
        if latched() or data.session_id is None or not _is_uuid(data.assessment_id):
            return
        if not await self._sessions.has(data.session_id, person):
            return
        kept = await self.kept(person, data.assessment_id)
        if kept is not None:
            await self.deliver(data.session_id, person, kept.result, event.correlationid)


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _name(person: str, attempt_id: str) -> str:
    return f"{person}/{attempt_id}.json"
