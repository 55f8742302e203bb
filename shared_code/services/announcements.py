"""Telling learners what their practice led to."""

from __future__ import annotations

from typing import Any

import msgspec

from shared_code.domain.events.envelope import CloudEvent
from shared_code.domain.events.learning import ProgressRecorded
from shared_code.domain.events.versions import VERSIONS
from shared_code.domain.learning.plan import LessonPlan
from shared_code.domain.learning.progress import Progress
from shared_code.realtime.channel import Channel, personal
from shared_code.realtime.envelope import MessageType
from shared_code.realtime.push import Push
from shared_code.realtime.signalr import SignalRService
from shared_code.services.sessions import Sessions
from shared_code.storage.documents import Documents
from shared_code.storage.lake import Lake


class Announcements:
    """Puts `lesson_adapted` and `achievement` on the learner's channel, each once, and pushes them."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        progress: Documents[Progress],
        channel: Channel,
        realtime: SignalRService,
        lake: Lake,
    ) -> None:
        self._sessions = sessions
        self._progress = progress
        self._channel = channel
        self._realtime = realtime
        self._lake = lake

    async def announce(self, person: str, cause: CloudEvent, plan: LessonPlan) -> None:
        """Announce a saga's plan and the tones first spoken perfectly in its attempt.

        What was announced before is pushed again, under its first number: a push may have been lost with the
        process that was to make it, and clients drop doubles by number.
        """
        practised = VERSIONS.read(cause)
        assert isinstance(practised, ProgressRecorded)
        session_id = await self._channel_of(person, practised.session_id)
        pushes = [await self._say(session_id, person, cause, "lesson_adapted", msgspec.to_builtins(plan), plan.plan_id)]
        progress = await self._progress.load(person)
        for tone, event_id in sorted(progress.perfect_tones.items()):
            if event_id == cause.id:
                data = {"achievement": "first-perfect-tone", "tone": int(tone)}
                key = f"perfect-tone-{tone}:{cause.id}"
                pushes.append(await self._say(session_id, person, cause, "achievement", data, key))
        await self._realtime.show(pushes)

    async def _channel_of(self, person: str, named: str | None) -> str:
        """The session that the event names, if it is the learner's: other systems may name what they like."""
        if named is not None and await self._sessions.has(named, person):
            return named
        return personal(person)

    async def _say(
        self, session_id: str, person: str, cause: CloudEvent, kind: MessageType, data: dict[str, Any], key: str
    ) -> Push:
        envelope, first = await self._channel.append(
            session_id, person, kind, data, key=f"{kind}:{key}", correlation_id=cause.correlationid
        )
        if first:
            self._lake.write(
                "realtime",
                "interaction_logs/notification_delivery_logs",
                {
                    "correlation_id": cause.correlationid,
                    "session_id": session_id,
                    "learner": person,
                    "seq": envelope.seq,
                    "type": kind,
                },
            )
        return Push(user=person, envelope=envelope)
