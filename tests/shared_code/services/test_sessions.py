"""A session ends once, and wholly."""

from __future__ import annotations

import uuid
from datetime import timedelta

import msgspec
import pytest

from shared_code.domain.clock import utc_now
from shared_code.domain.errors import Unavailable
from shared_code.domain.principal import Principal
from shared_code.domain.session import Session
from shared_code.realtime.channel import Channel
from shared_code.realtime.signalr import SignalRService, key_bearer
from shared_code.services.people import People
from shared_code.services.sessions import Sessions
from shared_code.storage.rows import Row
from tests.shared_code.events.backbone import KEY, backbone_on, stream_of


async def test_an_end_that_a_crash_cut_short_is_finished_by_asking_again(azurite: str, servicebus: str) -> None:
    """The row said that the session had ended, and nothing else did: no event, no message. Asking on adds no second."""
    name, now = f"learner-{uuid.uuid4().hex[:12]}", utc_now()
    learner = Principal(id=name, tenant="sayzhong", pseudonym=stream_of("sayzhong", name))
    session = Session(
        session_id=str(uuid.uuid4()),
        tenant="sayzhong",
        mode="practice",
        owner=learner.pseudonym,
        participants=(learner.pseudonym,),
        lesson_id=None,
        created_at=now - timedelta(hours=1),
        expires_at=now + timedelta(hours=1),
        ended_at=now,
        ended_by=learner.pseudonym,
    )
    async with backbone_on(azurite, servicebus) as backbone:
        table, channel = (
            backbone.tables.table("sessions"),
            Channel(backbone.tables.table("channel"), backbone.keys, utc_now),
        )
        await table.insert(Row(session.session_id, "session", {"record": msgspec.json.encode(session)}))
        realtime = SignalRService("http://127.0.0.1:1", key_bearer("nobody listens: leaving its group comes last"))
        sessions = Sessions(
            table=table,
            people=People(KEY),
            journal=backbone.journal,
            channel=channel,
            realtime=realtime,
            clock=utc_now,
        )
        for _ in range(2):
            with pytest.raises(Unavailable):
                await sessions.end(session.session_id, learner, str(uuid.uuid4()))
        facts = [stored.event.type async for stored in backbone.store.read(learner.pseudonym)]
        assert facts == ["sayzhong.session.ended.v1"]
        missed = await channel.catch_up(session.session_id, 0)
        assert [each.type for each in missed.messages] == ["session_ended"]
        await realtime.close()
