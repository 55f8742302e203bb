"""`kill -9` after every single write of an erasure and of a session's start: nothing half-done remains."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from local.connections import SIGNALR_ACCESS_KEY, connection_settings
from local.paths import PROJECT
from local.ports import Ports
from local.signalr.service import Service
from shared_code.domain.clock import utc_now
from shared_code.domain.learning.progress import Progress
from shared_code.domain.principal import Principal
from shared_code.events.message import IncomingMessage
from shared_code.events.parking import Parked
from shared_code.realtime.channel import Channel, personal
from shared_code.realtime.signalr import SignalRService, key_bearer
from shared_code.services.people import People
from shared_code.services.sessions import Sessions
from shared_code.services.voices import VoiceRecord
from shared_code.storage.documents import Documents
from tests.e2e.traces import Everything, found_in
from tests.local.signalr.running import running_service
from tests.shared_code.events.backbone import KEY, KEY_FILE, Backbone, practised, stream_of
from tests.shared_code.events.receiving import receive
from tests.shared_code.events.test_dead_letters import foreign, misfit
from tests.shared_code.events.test_parking import line_of
from tests.shared_code.services.dying import COLLEAGUE, TENANT
from tests.shared_code.services.dying import KEY as ASKED_UNDER

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]


@pytest.fixture
def learner() -> str:
    return f"xiaomei-{uuid.uuid4().hex[:12]}"


@pytest_asyncio.fixture(loop_scope="session")
async def backbone(azurite: str, servicebus: str) -> AsyncIterator[Backbone]:
    ours = Backbone(azurite, servicebus)
    yield ours
    await ours.close()


@pytest_asyncio.fixture(loop_scope="session")
async def signalr(parts: Ports) -> AsyncIterator[Service]:
    async with running_service(parts.signalr, "http://127.0.0.1:1/events") as service:
        yield service


async def killed_after_every_write(parts: Ports, work: str, learner: str) -> list[str]:
    """Have the work done by processes that are killed; after which write each was."""
    settings = connection_settings(parts) | {
        "PSEUDONYM_KEY": base64.b64encode(KEY).decode(),
        "LEARNER_KEYS_FILE": str(KEY_FILE),
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.shared_code.services.dying", work, learner),
        cwd=PROJECT, env={**os.environ, **settings}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    *places, end = (await process.stdout.read()).decode().splitlines()
    assert (await process.wait(), end) == (0, "through")
    return places


async def fill(backbone: Backbone, learner: str, remark: str) -> None:
    """Have something of the learner in every place that an erasure goes to."""
    stream, table = stream_of(TENANT, learner), backbone.tables.table
    await backbone.journal.record(stream, [practised(learner, f"a-{number}") for number in range(2)])
    for container, kind, model in (("projections", "progress", Progress), ("voices", "voice", VoiceRecord)):
        await Documents(backbone.blobs, backbone.keys, container, kind, model).put(stream, model())
    for _ in range(2):
        name = f"{stream}/{uuid.uuid4()}.json"
        sealed = await backbone.keys.seal(stream, remark.encode(), f"attempts/{name}")
        await backbone.blobs.put("attempts", name, sealed, content_type="application/octet-stream")
    channel = Channel(table("channel"), backbone.keys, utc_now)
    await channel.append(personal(stream), stream, "notification", {"text": remark}, key="k", correlation_id="c")
    await channel.append(personal(stream), stream, "notification", {"text": remark}, key="l", correlation_id="c")
    await backbone.parking.close(
        line_of(learner), Parked(event_id="e", version=7, failures=1, body=remark.encode()), utc_now()
    )
    await backbone.redeliveries.wake(line_of(learner), utc_now())
    for event in (misfit(learner, TENANT), foreign(learner, TENANT)):
        body = json.dumps({**event, "remark": remark}).encode()
        await backbone.dead_letters.send(
            IncomingMessage(body=body, session_id=learner), reason="rejected", description=remark,
            topic="learning-progress", subscription="progress",
        )  # fmt: skip


async def test_an_erasure_that_is_killed_after_every_write_erases_everything(
    backbone: Backbone, parts: Ports, learner: str, tmp_path: Path
) -> None:
    """Each process goes on where the one before was killed."""
    remark, stream = f"苹果{uuid.uuid4().hex}很好吃", stream_of(TENANT, learner)
    await fill(backbone, learner, remark)
    everything = Everything(parts, tmp_path)
    needles: dict[str, str | bytes] = {"name": learner, "remark": remark}
    held = await everything.on_the_bus(learner, stream)
    assert {name for name, _ in found_in(held, needles)} == set(needles)

    places = await killed_after_every_write(parts, "erasure", learner)
    assert places.index("erasures.insert") < places.index("learnerkeys.delete")
    assert Counter(places)["erasures.replace"] == 1 + 11  # the round and its steps
    assert {"learnerkeys.delete", "deadletters.transact", "Blobs.delete", "channel.delete", "Bus.drain"} <= set(places)

    [row] = [each async for each in backbone.tables.table("erasures").rows("done") if each.key == stream]
    assert row is not None
    assert [each async for each in backbone.tables.table("erasures").rows("open") if each.key == stream] == []
    events = [each async for each in backbone.store.read(stream)]
    assert [(each.erased, each.event.subject) for each in events] == [(True, "erased")] * len(events)
    assert [name async for name in backbone.blobs.names("attempts", f"{stream}/")] == []
    assert await backbone.parking.first(line_of(learner)) is None
    assert await everything.on_the_bus(learner, stream) == {}
    assert found_in(everything.at_rest(), needles) == []


async def test_a_session_whose_start_is_killed_after_any_write_is_one_when_asked_again(
    backbone: Backbone, servicebus: str, parts: Ports, signalr: Service, learner: str
) -> None:
    """One row, one fact, published once, one message to each participant, whose group the owner is in."""
    places = await killed_after_every_write(parts, "session", learner)
    assert {"sessions.insert", "pending.put", "events.transact", "Bus.send", "channel.transact"} <= set(places)
    realtime = SignalRService(signalr.endpoint, key_bearer(SIGNALR_ACCESS_KEY))
    channel = Channel(backbone.tables.table("channel"), backbone.keys, utc_now)
    sessions = Sessions(
        table=backbone.tables.table("sessions"), people=People(KEY), journal=backbone.journal, channel=channel,
        realtime=realtime, clock=utc_now,
    )  # fmt: skip

    names = [f"{learner}-{number + 1}" for number in range(len(places) + 1)]  # the last one came through

    async def again(name: str) -> None:
        caller = Principal(id=name, tenant=TENANT, pseudonym=stream_of(TENANT, name))
        started, _ = await sessions.start(caller, "", mode="practice", participants=(COLLEAGUE,), key=ASKED_UNDER)
        for reader in (caller.pseudonym, stream_of(TENANT, COLLEAGUE)):
            told = await channel.catch_up(started.session_id, reader, 0)
            assert [each.type for each in told.messages] == ["session_started"]
        assert caller.pseudonym in signalr.users("learning", f"session:{started.session_id}")

    async def check(name: str) -> None:
        stream = stream_of(TENANT, name)
        assert await backbone.pending.of_stream(stream) == []
        facts = [each.event async for each in backbone.store.read(stream)]
        assert [each.type for each in facts] == ["sayzhong.session.started.v1"]
        messages = await receive(servicebus, "interaction", "audit", name, count=2, wait=3)
        assert [message.message_id for message in messages] == [facts[0].id]

    await asyncio.gather(*map(again, names))
    await backbone.sweeper.sweep()
    await asyncio.gather(*map(check, names))
    rows = [each async for each in backbone.tables.table("sessions").rows()]
    owners = Counter(json.loads(bytes(row.values["record"]))["owner"] for row in rows)  # type: ignore[arg-type]
    assert {owners[stream_of(TENANT, name)] for name in names} == {1}
    await realtime.close()
