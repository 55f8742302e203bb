"""`kill -9` between the steps of recording a fact: whatever was stored is published, exactly once to the reader."""

from __future__ import annotations

import asyncio
import sys

import pytest

from local.paths import PROJECT
from shared_code.domain.events.envelope import CloudEvent
from tests.shared_code.events.backbone import Backbone, practised, stream_of
from tests.shared_code.events.receiving import receive

pytestmark = pytest.mark.asyncio(loop_scope="session")

# step -> notes and events that a kill after it leaves
STEPS = {"note": (1, 0), "append": (1, 1), "publish": (1, 1), "clear": (0, 1)}


async def kill_after_each_step(azurite: str, servicebus: str, events: dict[str, CloudEvent]) -> None:
    records = [f"{step}={event.encode().decode()}" for step, event in events.items()]
    module = "tests.shared_code.events.standstill"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, azurite, servicebus, *records, cwd=PROJECT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    for _ in events:
        assert await process.stdout.readline() == b"here\n"
    process.kill()
    await process.wait()


async def test_a_kill_after_any_step_leaves_nothing_that_the_sweeper_does_not_finish(
    azurite: str, servicebus: str, backbone: Backbone, learner: str
) -> None:
    """E1: one effect wherever the process dies after the append; none where it died before."""
    learners = {step: f"{learner}-{step}" for step in STEPS}
    streams = {step: stream_of("sayzhong", name) for step, name in learners.items()}
    events = {step: practised(name) for step, name in learners.items()}
    await kill_after_each_step(azurite, servicebus, events)

    for step, (notes, stored) in STEPS.items():
        assert len(await backbone.pending.of_stream(streams[step])) == notes, step
        assert len([each async for each in backbone.store.read(streams[step])]) == stored, step
    await backbone.sweeper.sweep()
    await backbone.sweeper.sweep()

    async def check(step: str) -> None:
        assert await backbone.pending.of_stream(streams[step]) == [], step
        last = practised(learners[step])
        await backbone.journal.record(streams[step], [last])
        expected = [events[step].id, last.id] if STEPS[step][1] else [last.id]
        assert [each.event.id async for each in backbone.store.read(streams[step])] == expected, step
        messages = await receive(servicebus, "learning-progress", "progress", learners[step], count=len(expected))
        assert [message.message_id for message in messages] == expected, step  # a double would come before the last

    await asyncio.gather(*(check(step) for step in STEPS))
