"""Service Bus is down for a minute under load: the API goes on answering, and afterwards everything has happened."""

from __future__ import annotations

import asyncio
import time

from tests.drills.findings import Inspector
from tests.drills.ledger import Ledger
from tests.drills.quiet import until_quiet
from tests.drills.report import report, say
from tests.drills.writers import Partner, Speaker, Writer
from tests.e2e.stack import Stack

DOWN = 60.0  # seconds
AROUND = 10.0  # seconds of load before and after


async def drill(stack: Stack, *, down: float = DOWN, seed: int) -> bool:
    """Start the stack, keep the bus down, compare; the stack is left running."""
    ledger, stop = Ledger(), asyncio.Event()
    await stack.start()
    say("the stack is up; the load begins")
    async with asyncio.TaskGroup() as load:
        for writer in _writers(stack, ledger, seed):
            load.create_task(writer.run(stop))
        try:
            await asyncio.sleep(AROUND)
            began = time.monotonic()
            await stack.keep_down("servicebus", down)
            ended = time.monotonic()
            say(f"Service Bus was down for {ended - began:.0f} s")
            await asyncio.sleep(AROUND)
        finally:
            stop.set()
    during = [took for at, took in ledger.answered if began <= at <= ended]
    say(f"answered: {len(ledger.answered)} requests, {len(during)} of them in the outage, the slowest in "
        f"{max(during, default=0):.1f} s; asked again: {ledger.retries}")  # fmt: skip
    say(f"everything was published and handled {await until_quiet(stack, ledger):.0f} s after the load")
    findings = await Inspector(stack, ledger).inspect()
    report(findings)
    return findings.clean and bool(during) and not ledger.retries


def _writers(stack: Stack, ledger: Ledger, seed: int) -> list[Writer]:
    partners: list[Writer] = [Partner(stack, ledger, f"drill-partner-{number}", seed) for number in range(3)]
    return [*partners, *(Speaker(stack, ledger, f"drill-spoken-{number}", seed) for number in range(2))]
