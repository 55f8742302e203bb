"""Feedback on attempts: kept first, then put on the session's channel, exactly once."""

from __future__ import annotations

import logging
import uuid
from typing import Any

import msgspec

from shared_code.domain.errors import Unavailable
from shared_code.domain.events.assessment import AssessmentCompleted
from shared_code.domain.events.envelope import CloudEvent
from shared_code.realtime.channel import Channel
from shared_code.realtime.push import Push
from shared_code.realtime.signalr import SignalRService
from shared_code.services.sessions import Sessions
from shared_code.storage.blobs import Blobs
from shared_code.storage.lake import Lake

log = logging.getLogger(__name__)

CONTAINER = "attempts"


class Feedback:
    """Results of attempts, `{learner}/{attempt}.json`. They hold the learner's text: erased with the learner."""

    def __init__(
        self, *, sessions: Sessions, blobs: Blobs, channel: Channel, realtime: SignalRService, lake: Lake
    ) -> None:
        self._sessions = sessions
        self._blobs = blobs
        self._channel = channel
        self._realtime = realtime
        self._lake = lake

    async def keep(self, person: str, attempt_id: str, result: dict[str, Any]) -> dict[str, Any]:
        """Keep a result before anything refers to it, and give the one that is kept: the first of its attempt stays."""
        name = _name(person, attempt_id)
        kept = await self._blobs.get(CONTAINER, name)
        if kept is not None:
            return msgspec.json.decode(kept.data)  # type: ignore[no-any-return]
        await self._blobs.put(CONTAINER, name, msgspec.json.encode(result))
        return result

    async def deliver(
        self, session_id: str, person: str, attempt_id: str, result: dict[str, Any], correlation_id: str
    ) -> list[Push]:
        """Number the feedback and say what to push: nothing if it was delivered before."""
        envelope, first = await self._channel.append(
            session_id,
            "learning_feedback",
            result,
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
        name is checked before it is believed. A push that fails is let go, as the channel is the record.
        """
        if data.session_id is None or not _is_uuid(data.assessment_id):
            return
        if not await self._sessions.has(data.session_id, person):
            return
        kept = await self._blobs.get(CONTAINER, _name(person, data.assessment_id))
        if kept is None:
            return
        result = msgspec.json.decode(kept.data)
        pushes = await self.deliver(data.session_id, person, data.assessment_id, result, event.correlationid)
        for push in pushes:
            try:
                await self._realtime.send(push)
            except Unavailable as failure:
                log.warning("feedback.push_failed", extra={"learner": person, "code": failure.code})


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _name(person: str, attempt_id: str) -> str:
    return f"{person}/{attempt_id}.json"
