"""Feedback on attempts: kept first, then put on the session's channel, exactly once."""

from __future__ import annotations

import logging
import uuid
from typing import Any

import msgspec

from shared_code.domain.errors import Unavailable
from shared_code.domain.events.assessment import AssessmentCompleted
from shared_code.domain.events.envelope import CloudEvent
from shared_code.domain.side_effects import latched
from shared_code.realtime.channel import Channel
from shared_code.realtime.push import Push
from shared_code.realtime.signalr import SignalRService
from shared_code.services.sessions import Sessions
from shared_code.storage.blobs import Blobs
from shared_code.storage.documents import SEALED
from shared_code.storage.lake import Lake
from shared_code.storage.sealing.learner_keys import LearnerKeys

log = logging.getLogger(__name__)

CONTAINER = "attempts"


class Feedback:
    """Results of attempts, `{learner}/{attempt}.json`: they hold the learner's text, so they are sealed."""

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

    async def keep(self, person: str, attempt_id: str, result: dict[str, Any]) -> dict[str, Any]:
        """Keep a result before anything refers to it, and give the one that is kept: the first of its attempt stays."""
        kept = await self.kept(person, attempt_id)
        if kept is not None:
            return kept
        name = _name(person, attempt_id)
        sealed = await self._keys.seal(person, msgspec.json.encode(result), f"{CONTAINER}/{name}")
        await self._blobs.put(CONTAINER, name, sealed, content_type=SEALED)
        return result

    async def forget(self, person: str) -> None:
        """Delete a learner's results."""
        async for name in self._blobs.names(CONTAINER, f"{person}/"):
            await self._blobs.delete(CONTAINER, name)

    async def deliver(
        self, session_id: str, person: str, attempt_id: str, result: dict[str, Any], correlation_id: str
    ) -> list[Push]:
        """Number the feedback and say what to push: nothing if it was delivered before."""
        envelope, first = await self._channel.append(
            session_id,
            "learning_feedback",
            result,
            about=person,
            key=f"feedback:{attempt_id}",
            correlation_id=correlation_id,
        )
        if not first:
            return []
        self._lake.write(
            "realtime",
            "interaction_logs/feedback_delivery_logs",
            {
                "correlation_id": correlation_id,
                "session_id": session_id,
                "attempt_id": attempt_id,
                "learner": person,
                "seq": envelope.seq,
                "type": envelope.type,
            },
        )
        return [Push(user=person, envelope=envelope)]

    async def make_good(self, person: str, event: CloudEvent, data: AssessmentCompleted) -> None:
        """Deliver what a crash between the facts and the channel left undelivered.

        Facts of other systems, or of attempts that were erased, have no result here: nothing to deliver. What they
        name is checked before it is believed. A push that fails is let go, as the channel is the record. While side
        effects are latched, what is undelivered stays so.
        """
        if latched():
            return
        if data.session_id is None or not _is_uuid(data.assessment_id):
            return
        if not await self._sessions.has(data.session_id, person):
            return
        result = await self.kept(person, data.assessment_id)
        if result is None:
            return
        pushes = await self.deliver(data.session_id, person, data.assessment_id, result, event.correlationid)
        for push in pushes:
            try:
                await self._realtime.send(push)
            except Unavailable as failure:
                log.warning("feedback.push_failed", extra={"learner": person, "code": failure.code})

    async def kept(self, person: str, attempt_id: str) -> dict[str, Any] | None:
        """A person's result of an attempt, or None."""
        name = _name(person, attempt_id)
        blob = await self._blobs.get(CONTAINER, name)
        plain = await self._keys.open(person, blob.data, f"{CONTAINER}/{name}") if blob is not None else None
        return None if plain is None else msgspec.json.decode(plain)


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _name(person: str, attempt_id: str) -> str:
    return f"{person}/{attempt_id}.json"
