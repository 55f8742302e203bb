"""Thousands of dead letters are redriven while the host is killed: each event is handled, and has its effect once."""

from __future__ import annotations

import asyncio
import json
import random
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec

from local.connections import connection_settings
from shared_code.domain.events.envelope import CloudEvent
from shared_code.events.letter import Selection
from shared_code.events.message import IncomingMessage
from tests.drills.caller import Caller
from tests.drills.ledger import Ledger
from tests.drills.report import say
from tests.e2e.stack import Stack
from tests.shared_code.events.backbone import Backbone, backbone_on

LETTERS, ITEMS, KILLS = 10_000, 50, 3
TOPIC, SUBSCRIBER, TENANT = "content", "audit", "sayzhong"
SENT_AT_ONCE = 24
STALLED = 120.0  # seconds without another event handled
LOOK = 3.0
LATEST_KILL = 0.7  # of the way: a job counts by the page, and a page that ends it is too late


@dataclass
class Counts:
    """What was found in the end. `effects` are events in the store, by id; `handled` the log's lines about them.

    The event's own row in its stream is the mark that it was handled: `audit` only keeps events.
    """

    effects: Counter[str] = field(default_factory=Counter)
    handled: Counter[str] = field(default_factory=Counter)
    letters: int = 0


async def drill(stack: Stack, *, letters: int = LETTERS, kills: int = KILLS, seed: int) -> bool:
    """Let so many events die, redrive them, kill the host so often meanwhile, and count."""
    chance, ledger = random.Random(seed), Ledger()
    await stack.start()
    settings = connection_settings(stack.ports)
    key_file = stack.state / "learner-keys.key"
    async with backbone_on(settings["AzureWebJobsStorage"], settings["ServiceBusConnection"], key_file=key_file) as bus:
        ids = await _let_die(bus, letters)
        say(f"{letters} events are among the dead letters; the redrive begins")
        began = time.monotonic()
        async with Caller(stack, ledger, "drill-operator", "operator") as operator:
            job = await operator.post("/api/v1/ops/redrives", str(uuid.uuid4()), json={"subscriber": SUBSCRIBER})
            moments = sorted(chance.uniform(0.02, LATEST_KILL) for _ in range(kills))
            job = await _killed_on_the_way(stack, operator, job, moments)
        say(f"the redrive is {job['state']}: {job['done']} of {job['total']} after {time.monotonic() - began:.0f} s")
        await _until_handled(bus, ids)
        say(f"the last one was handled {time.monotonic() - began:.0f} s after the redrive began")
        counts = await _count(bus, ids)
    return _report(counts, ids, job)


async def _let_die(bus: Backbone, count: int) -> set[str]:
    """Dead letters that fit, as a subscriber that was broken would leave them."""
    ids = [str(uuid.uuid4()) for _ in range(count)]
    gate = asyncio.Semaphore(SENT_AT_ONCE)

    async def one(number: int, event_id: str) -> None:
        message = IncomingMessage(body=json.dumps(_event(event_id, f"drill-item-{number % ITEMS}")).encode())
        async with gate:
            await bus.dead_letters.send(
                message, reason="rejected", description="It was broken.", topic=TOPIC, subscription=SUBSCRIBER
            )

    await asyncio.gather(*(one(*each) for each in enumerate(ids)))
    return set(ids)


def _event(event_id: str, item: str) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": "/drill/content",
        "type": "sayzhong.content.updated.v1",
        "subject": item,
        "tenantid": TENANT,
        "data": {"content_id": item, "version": 1, "change": "revised"},
    }


async def _killed_on_the_way(stack: Stack, operator: Caller, job: Any, moments: list[float]) -> Any:
    """Wait for the job's end, and kill the host when it has come so far."""
    while job["state"] == "running":
        if moments and job["total"] and job["done"] >= moments[0] * job["total"]:
            moments.pop(0)
            await asyncio.sleep(random.uniform(0, 2))  # somewhere within a step
            say(f"   kill -9 of the host at {job['done']} of {job['total']}")
            await stack.kill_part("host")
        await asyncio.sleep(0.5)
        job = await operator.get(f"/api/v1/ops/redrives/{job['id']}")
    assert not moments, f"the redrive ended with {len(moments)} kills to go"
    return job


async def _until_handled(bus: Backbone, ids: set[str]) -> None:
    before, changed = -1, time.monotonic()
    while time.monotonic() - changed < STALLED:
        rows = bus.tables.table("events").rows(start="i", end="j", select=["version"])
        now = len({row.key[1:] async for row in rows} & ids)
        if now == len(ids):
            return
        if now != before:
            before, changed = now, time.monotonic()
        await asyncio.sleep(LOOK)


async def _effects(bus: Backbone, ids: set[str]) -> Counter[str]:
    rows = bus.tables.table("events").rows(start="e", end="e:", select=["body"])
    stored = [msgspec.json.decode(bytes(row.values["body"]), type=CloudEvent).id async for row in rows]  # type: ignore[arg-type]
    return Counter(event_id for event_id in stored if event_id in ids)


async def _count(bus: Backbone, ids: set[str]) -> Counts:
    counts = Counts(effects=await _effects(bus, ids))
    async for name in bus.blobs.names("integration", "event_bus/event_processing_logs/"):
        blob = await bus.blobs.get("integration", name)
        lines = [json.loads(line) for line in blob.data.splitlines()] if blob is not None else []
        counts.handled.update(line["event_id"] for line in lines if line["outcome"] == "handled")
    counts.letters = len([each async for each in bus.letters.summaries(TENANT, Selection())])
    return counts


def _report(counts: Counts, ids: set[str], job: Any) -> bool:
    lost = ids - counts.effects.keys()
    doubled = [event_id for event_id in ids if counts.effects[event_id] > 1 or counts.handled[event_id] > 1]
    say(f"{len(ids)} dead, {sum(counts.handled.values())} handled, {sum(counts.effects.values())} effects")
    say(f"lost: {len(lost)}; handled twice: {len(doubled)}; still among the dead letters: {counts.letters}")
    return not (lost or doubled or counts.letters) and job["done"] == len(ids)
