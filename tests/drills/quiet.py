"""Waiting for the stack to have done what it was given, or to have stopped doing anything."""

from __future__ import annotations

import asyncio
import time

from local.connections import connection_settings
from shared_code.storage.account import StorageAccount
from shared_code.storage.tables import Tables
from tests.drills.caller import Caller
from tests.drills.ledger import Ledger
from tests.e2e.stack import Stack

DONE = 8.0  # seconds without change once everything is there: late copies arrive within that time
STALLED = 100.0  # seconds without change while something is missing: locks last a minute, leases less
LOOK = 2.0  # seconds between looks


async def until_quiet(stack: Stack, ledger: Ledger) -> float:
    """Wait; how many seconds it took until the last change."""
    began = changed = time.monotonic()
    before: list[int] = []
    while True:
        now, complete = await _look(stack, ledger)
        if now != before:
            before, changed = now, time.monotonic()
        if time.monotonic() - changed > (DONE if complete else STALLED):
            return changed - began
        await asyncio.sleep(LOOK)


async def _look(stack: Stack, ledger: Ledger) -> tuple[list[int], bool]:
    """All counts that still may grow, and whether everything that was sent is among them."""
    numbers: list[int] = []
    complete = True
    for learner, sessions in ledger.sessions.items():
        async with Caller(stack, ledger, learner) as caller:
            attempts, plans = await caller.counts()
            for session in sessions:
                numbers.append((await caller.get(f"/api/v1/sessions/{session}/messages", after="0"))["latest_seq"])
        numbers += [attempts, plans]
        complete &= min(attempts, plans) >= len(ledger.sent[learner])
    tables = Tables(StorageAccount(connection_settings(stack.ports)["AzureWebJobsStorage"]))
    try:
        notes = [row async for row in tables.table("pending").rows()]
    finally:
        await tables.close()
    return [*numbers, len(notes)], complete and not notes
