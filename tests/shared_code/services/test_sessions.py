"""A session begins and ends once, and wholly."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
import pytest

from local.connections import SIGNALR_ACCESS_KEY
from local.signalr.service import Service
from shared_code.domain.clock import utc_now
from shared_code.domain.errors import Unavailable
from shared_code.domain.principal import Principal
from shared_code.domain.session import Session
from shared_code.realtime.channel import Channel
from shared_code.realtime.signalr import SignalRService, key_bearer
from shared_code.services.people import People
from shared_code.services.sessions import Sessions, StartedSession
from shared_code.storage.rows import Row
from tests.local.signalr.running import running_service
from tests.ports import free_ports
from tests.shared_code.events.backbone import KEY, Backbone, backbone_on, stream_of

NOWHERE = "DefaultEndpointsProtocol=http;AccountName=x;AccountKey=eA==;TableEndpoint=http://127.0.0.1:1/x;"
STARTED, ENDED = "sayzhong.session.started.v1", "sayzhong.session.ended.v1"


@pytest.fixture
def learner() -> Principal:
    name = f"learner-{uuid.uuid4().hex[:12]}"
    return Principal(id=name, tenant="sayzhong", pseudonym=stream_of("sayzhong", name))


@pytest.fixture
async def signalr() -> AsyncIterator[Service]:
    async with running_service(free_ports(1)[0], "http://127.0.0.1:1/events") as service:
        yield service


@dataclass
class App:
    """The sessions of one process. `facts_on` and `told_on` are where its journal and its channel write."""

    backbone: Backbone
    facts_on: Backbone
    told_on: Backbone
    realtime: SignalRService
    now: datetime | None = None

    def __post_init__(self) -> None:
        self.channel = Channel(self.told_on.tables.table("channel"), self.backbone.keys, utc_now)
        self.sessions = Sessions(
            table=self.backbone.tables.table("sessions"),
            people=People(KEY),
            journal=self.facts_on.journal,
            channel=self.channel,
            realtime=self.realtime,
            clock=lambda: self.now or utc_now(),
        )

    async def start(self, learner: Principal, key: str = "once", **asked: str) -> StartedSession:
        """Ask for a session under a key."""
        started, _ = await self.sessions.start(
            learner, str(uuid.uuid4()), mode="practice", key=key, participants=("an",), **asked
        )
        return started

    async def facts(self, learner: Principal) -> Counter[str]:
        """What the learner's stream holds."""
        return Counter([each.event.type async for each in self.backbone.store.read(learner.pseudonym)])

    async def told(self, session_id: str, reader: str) -> list[str]:
        """What a participant's channel of a session holds."""
        return [each.type for each in (await self.channel.catch_up(session_id, reader, 0)).messages]


@pytest.fixture
async def app(azurite: str, servicebus: str, signalr: Service) -> AsyncIterator[App]:
    realtime = SignalRService(signalr.endpoint, key_bearer(SIGNALR_ACCESS_KEY))
    async with backbone_on(azurite, servicebus) as backbone:
        yield App(backbone, backbone, backbone, realtime)
    await realtime.close()


@pytest.mark.parametrize("broken", ["journal", "channel"])
async def test_a_start_that_was_cut_short_is_the_same_session_when_asked_again(
    app: App, servicebus: str, learner: Principal, signalr: Service, broken: str
) -> None:
    """The row was written, then storage was gone; the repetition finishes it, and a third copy adds nothing."""
    async with backbone_on(NOWHERE, servicebus) as gone:
        facts_on, told_on = (gone, app.backbone) if broken == "journal" else (app.backbone, gone)
        with pytest.raises(Unavailable):
            await App(app.backbone, facts_on, told_on, app.realtime).start(learner)
    first, second = await app.start(learner), await app.start(learner)
    assert first.session_id == second.session_id
    assert first.expires_at == second.expires_at
    assert await app.facts(learner) == {STARTED: 1}
    for reader in (learner.pseudonym, stream_of("sayzhong", "an")):
        assert await app.told(first.session_id, reader) == ["session_started"]
    assert learner.pseudonym in signalr.users("learning", f"session:{first.session_id}")
    [row] = [each async for each in app.backbone.tables.table("sessions").rows(first.session_id)]
    assert msgspec.json.decode(bytes(row.values["record"]), type=Session).owner == learner.pseudonym  # type: ignore[arg-type]


async def test_without_the_realtime_service_nothing_is_begun(app: App, learner: Principal) -> None:
    """Nobody could connect: no row, no fact, no message; the same request succeeds later."""
    nobody = SignalRService("http://127.0.0.1:1", key_bearer("nobody listens where these calls go"))
    with pytest.raises(Unavailable):
        await App(app.backbone, app.backbone, app.backbone, nobody).start(learner)
    assert await app.facts(learner) == {}
    started = await app.start(learner)
    assert await app.facts(learner) == {STARTED: 1}
    assert await app.told(started.session_id, learner.pseudonym) == ["session_started"]
    await nobody.close()


async def test_a_key_names_one_request_of_one_learner_for_a_day(app: App, learner: Principal) -> None:
    """Another body, another learner and another day have sessions of their own."""
    other = Principal(id="other", tenant="sayzhong", pseudonym=stream_of("sayzhong", f"{learner.id}-other"))
    first = await app.start(learner)
    ids = {first.session_id, (await app.start(other)).session_id, (await app.start(learner, lesson_id="l1")).session_id}
    ids.add((await app.start(learner, key="twice")).session_id)
    app.now = utc_now() + timedelta(hours=23)
    assert (await app.start(learner)).session_id == first.session_id
    app.now = utc_now() + timedelta(hours=25)
    tomorrow = await app.start(learner)
    assert len(ids | {tomorrow.session_id}) == 5
    assert tomorrow.expires_at > first.expires_at
    assert (await app.start(learner)).session_id == tomorrow.session_id


async def test_an_end_that_a_crash_cut_short_is_finished_by_asking_again(app: App, learner: Principal) -> None:
    """The row said that the session had ended, and nothing else did: no event, no message. Asking on adds no second.

    Nor does it fail where the realtime service is down: the group is left to expire.
    """
    now = utc_now()
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
    await app.backbone.tables.table("sessions").insert(
        Row(session.session_id, "session", {"record": msgspec.json.encode(session)})
    )
    nobody = SignalRService("http://127.0.0.1:1", key_bearer("nobody listens where these calls go"))
    offline = App(app.backbone, app.backbone, app.backbone, nobody)
    for each in (offline, app):
        await each.sessions.end(session.session_id, learner, str(uuid.uuid4()))
    assert await app.facts(learner) == {ENDED: 1}
    assert await app.told(session.session_id, learner.pseudonym) == ["session_ended"]
    await nobody.close()
