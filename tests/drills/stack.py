"""The whole stack under load: `kill -9` of one part or of everything at random moments, then a full reckoning.

In the spirit of Jepsen (jepsen.io): writers keep a record of what they were told, parts die, and in the end every
acknowledged operation is compared with every effect. None may be lost, none may have happened twice, and each learner's
order is the order of that learner's sends.
"""

from __future__ import annotations

import asyncio
import random
import time

from tests.drills.findings import Inspector
from tests.drills.ledger import Ledger
from tests.drills.quiet import until_quiet
from tests.drills.report import report, say
from tests.drills.writers import Reporter, Speaker, Writer
from tests.e2e.stack import Stack, eventually

ROUNDS = 20
EVERYTHING = "everything"
VICTIMS = (EVERYTHING, "host", "servicebus", "azurite", "durable")
MOMENT = (0.5, 4.0)  # seconds of load before a kill
LOAD = 5  # operations acknowledged between two kills, at least
PATIENCE = 90.0  # seconds for them


async def drill(stack: Stack, *, rounds: int = ROUNDS, seed: int) -> bool:
    """Start the stack, kill its parts under load so many times, and compare; the stack is left running."""
    chance, ledger, stop = random.Random(seed), Ledger(), asyncio.Event()
    await stack.start()
    say("the stack is up; the load begins")
    async with asyncio.TaskGroup() as load:
        for writer in _writers(stack, ledger, seed):
            load.create_task(writer.run(stop))
        try:
            await _kill_in_turn(stack, _victims(chance, rounds), chance, ledger)
        finally:
            stop.set()
    say(f"the load has ended: {_told(ledger)}")
    say(f"quiet after {await until_quiet(stack, ledger):.0f} s")
    findings = await Inspector(stack, ledger).inspect()
    report(findings)
    return findings.clean


def _writers(stack: Stack, ledger: Ledger, seed: int) -> list[Writer]:
    reporters: list[Writer] = [Reporter(stack, ledger, f"drill-reported-{number}", seed) for number in range(3)]
    return [*reporters, *(Speaker(stack, ledger, f"drill-spoken-{number}", seed) for number in range(3))]


def _victims(chance: random.Random, rounds: int) -> list[str]:
    """Every part as often as every other, in an order of chance."""
    bags = [chance.sample(VICTIMS, len(VICTIMS)) for _ in range(-(-rounds // len(VICTIMS)))]
    return [victim for bag in bags for victim in bag][:rounds]


async def _kill_in_turn(stack: Stack, victims: list[str], chance: random.Random, ledger: Ledger) -> None:
    for number, victim in enumerate(victims, 1):
        await _some_load(ledger)
        await asyncio.sleep(chance.uniform(*MOMENT))
        began = time.monotonic()
        if victim == EVERYTHING:
            await stack.kill()
            await stack.start()
        else:
            await stack.kill_part(victim)
        say(f"round {number:>2}: killed {victim:<10} up again after {time.monotonic() - began:.1f} s")


async def _some_load(ledger: Ledger) -> None:
    """Wait until the stack has taken something again since the last kill, however slow the machine is."""
    wanted = len(ledger.everything()) + LOAD

    async def taken() -> bool:
        return len(ledger.everything()) >= wanted

    await eventually(taken, PATIENCE, f"the acknowledgement of {LOAD} operations")


def _told(ledger: Ledger) -> str:
    everything = ledger.everything()
    foreign = sum(sent.kind == "foreign" for sent in everything)
    sessions = sum(map(len, ledger.sessions.values()))
    return (
        f"{foreign} events published and {ledger.duplicates} of them again, {len(everything) - foreign} attempts "
        f"answered, {sessions} sessions opened, {ledger.retries} retries"
    )
