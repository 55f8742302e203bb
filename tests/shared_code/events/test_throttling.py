"""A namespace that asks for more than it gets is throttled: `com.microsoft:server-busy`."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.paths import PROJECT
from tests.local.servicebus.running import broker_thread, connection_string
from tests.shared_code.events.backbone import backbone_on, practised
from tests.shared_code.events.receiving import receive

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONFIGURATION = (PROJECT / "local" / "servicebus.json").read_bytes()


async def test_a_busy_bus_is_asked_again_and_takes_each_event_once(
    azurite: str, tmp_path: Path, learner: str, stream: str
) -> None:
    facts = [practised(learner) for _ in range(6)]
    with broker_thread(CONFIGURATION, tmp_path / "bus.sqlite3", busy=2) as port:
        async with backbone_on(azurite, connection_string(port)) as ours:
            for fact in facts:
                await ours.journal.record(stream, [fact])
            assert await ours.pending.of_stream(stream) == []
        received = await receive(
            connection_string(port), "learning-progress", "progress", learner, count=len(facts) + 1, wait=2
        )
    assert [each.message_id for each in received] == [fact.id for fact in facts]


async def test_what_a_throttled_bus_never_takes_is_accepted_and_goes_out_later_in_order(
    azurite: str, tmp_path: Path, learner: str, stream: str
) -> None:
    facts = [practised(learner) for _ in range(3)]
    with broker_thread(CONFIGURATION, tmp_path / "bus.sqlite3", busy=1) as port:
        async with backbone_on(azurite, connection_string(port)) as ours:
            for fact in facts:
                await ours.journal.record(stream, [fact])
            assert len(await ours.pending.of_stream(stream)) == len(facts)
    with broker_thread(CONFIGURATION, tmp_path / "bus.sqlite3") as port:
        async with backbone_on(azurite, connection_string(port)) as later:
            await later.sweeper.sweep()
            assert await later.pending.of_stream(stream) == []
        received = await receive(
            connection_string(port), "learning-progress", "progress", learner, count=len(facts) + 1, wait=2
        )
    assert [each.message_id for each in received] == [fact.id for fact in facts]
