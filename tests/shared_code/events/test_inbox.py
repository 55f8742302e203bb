from __future__ import annotations

import asyncio
import sys
import uuid
from datetime import timedelta

import pytest

from local.paths import PROJECT
from shared_code.domain.clock import utc_now
from shared_code.events.inbox import Inbox
from shared_code.events.lease import LeaseHeld
from tests.shared_code.events.backbone import Backbone

pytestmark = pytest.mark.asyncio(loop_scope="session")

SUBSCRIBER = "progress"


@pytest.fixture
def event_id() -> str:
    return str(uuid.uuid4())


async def handled(inbox: Inbox, event_id: str, subscriber: str = SUBSCRIBER) -> bool:
    """Deliver an event once; whether it was handled now."""
    async with inbox.once(subscriber, event_id) as first:
        return first


async def test_an_event_is_handled_once_by_each_subscriber(backbone: Backbone, other: Backbone, event_id: str) -> None:
    assert await handled(backbone.inbox, event_id)
    for inbox in (backbone.inbox, other.inbox, backbone.inbox):
        assert not await handled(inbox, event_id)
    assert await handled(other.inbox, event_id, "effectiveness")


async def test_an_event_whose_handler_raised_is_free_at_once(backbone: Backbone, event_id: str) -> None:
    with pytest.raises(RuntimeError, match="no"):
        async with backbone.inbox.once(SUBSCRIBER, event_id):
            raise RuntimeError("no")
    assert await handled(backbone.inbox, event_id)


async def test_an_event_whose_handler_was_cancelled_is_free_at_once(backbone: Backbone, event_id: str) -> None:
    started = asyncio.Event()

    async def never_ends() -> None:
        async with backbone.inbox.once(SUBSCRIBER, event_id):
            started.set()
            await asyncio.sleep(600)

    task = asyncio.create_task(never_ends())
    await started.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await handled(backbone.inbox, event_id)


async def test_of_many_deliveries_at_once_one_handles_and_the_others_wait_for_it(
    backbone: Backbone, other: Backbone, event_id: str
) -> None:
    handling = 0

    async def deliver(inbox: Inbox) -> bool:
        nonlocal handling
        async with inbox.once(SUBSCRIBER, event_id) as first:
            if first:
                handling += 1
                assert handling == 1
                await asyncio.sleep(0.2)
            return first

    outcomes = await asyncio.gather(*(deliver((backbone.inbox, other.inbox)[number % 2]) for number in range(6)))
    assert sorted(outcomes) == [False] * 5 + [True]


async def test_a_handler_that_takes_longer_than_a_lease_keeps_it(backbone: Backbone, event_id: str) -> None:
    inbox = Inbox(backbone.tables, utc_now, lease=timedelta(seconds=1))
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with inbox.once(SUBSCRIBER, event_id):
            entered.set()
            await leave.wait()

    task = asyncio.create_task(slow())
    await entered.wait()
    with pytest.raises(LeaseHeld) as held:  # waited for longer than a lease lasts
        await handled(inbox, event_id)
    assert held.value.retryable
    leave.set()
    await task
    assert not await handled(inbox, event_id)


HOLDER = """
import asyncio, sys
from datetime import timedelta
from shared_code.domain.clock import utc_now
from shared_code.events.inbox import Inbox
from shared_code.storage.account import StorageAccount
from shared_code.storage.tables import Tables

async def main():
    tables = Tables(StorageAccount(connection_string=sys.argv[1]))
    async with Inbox(tables, utc_now, lease=timedelta(seconds=2)).once("progress", sys.argv[2]) as first:
        print(first, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_an_event_whose_handler_was_killed_is_free_when_its_lease_has_run_out(
    azurite: str, backbone: Backbone, event_id: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, azurite, event_id, cwd=PROJECT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"True\n"
    process.kill()
    await process.wait()

    # The delivery that follows the kill waits for the lease instead of failing: failing would use up deliveries.
    assert await handled(Inbox(backbone.tables, utc_now, lease=timedelta(seconds=4)), event_id)
    assert not await handled(backbone.inbox, event_id)
