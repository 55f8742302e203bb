"""`python -m tests.drills [NAME…]`: run drills; `--list` names them. The exit code is 1 where a promise is broken."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.drills import outage, redrive
from tests.drills import stack as whole_stack
from tests.drills.api import drill as drill_api
from tests.drills.broker import drill as drill_broker
from tests.drills.durable import drill as drill_durable
from tests.e2e.stack import Stack


def _stack(rounds: int, seed: int) -> bool:
    return _on_a_stack(lambda stack: whole_stack.drill(stack, rounds=rounds, seed=seed))


def _outage(_rounds: int, seed: int) -> bool:
    return _on_a_stack(lambda stack: outage.drill(stack, seed=seed))


def _redrive(_rounds: int, seed: int) -> bool:
    return _on_a_stack(lambda stack: redrive.drill(stack, seed=seed))


def _on_a_stack(drill: Callable[[Stack], Awaitable[bool]]) -> bool:
    """Run a drill on a stack of its own; its state and logs are kept where a promise is broken."""
    state = Path(tempfile.mkdtemp(prefix="drill-"))

    async def whole() -> bool:
        stack = Stack(state)
        try:
            return await drill(stack)
        finally:
            if stack.running:
                await stack.stop()
            (state / "output.log").write_text("\n".join(stack.lines))

    clean = asyncio.run(whole())
    if clean:
        shutil.rmtree(state)
    else:
        print(f"state and logs are kept in {state}")
    return clean


DRILLS: dict[str, tuple[str, Callable[[int, int], bool]]] = {
    "stack": ("the whole stack under load, one part or everything killed each round", _stack),
    "outage": ("Service Bus down for a minute under load", _outage),
    "redrive": ("10,000 dead letters redriven, the host killed three times on the way", _redrive),
    "api": ("every operation of the API, asked right and wrong by everybody who may ask", drill_api),
    "broker": ("the Service Bus stand-in under load, killed each round", drill_broker),
    "durable": ("the Durable engine and its workers under load, one of them killed each round", drill_durable),
}


def main() -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.drills", description="Break things on purpose, and count what was lost."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(DRILLS)}; all without one")
    parser.add_argument("--list", action="store_true", help="say what each drill does, and run none")
    parser.add_argument("--rounds", type=int, default=whole_stack.ROUNDS, help="kills, or examples (%(default)s)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000), help="of all chance; random without it")
    options = parser.parse_args()
    unknown = set(options.names) - set(DRILLS)
    if unknown:
        parser.error(f"no drill is named {', '.join(sorted(unknown))}; there are {', '.join(DRILLS)}")
    if options.list:
        for name, (description, _) in DRILLS.items():
            print(f"{name:<10} {description}")
        return 0
    failed = [name for name in options.names or DRILLS if not _held(name, options.rounds, options.seed)]
    print(f"FAILED: {', '.join(failed)} (seed {options.seed})" if failed else "nothing lost, nothing doubled")
    return 1 if failed else 0


def _held(name: str, rounds: int, seed: int) -> bool:
    description, run = DRILLS[name]
    print(f"== {name}: {description}; {rounds} rounds, seed {seed}", flush=True)
    began = time.monotonic()
    held = run(rounds, seed)
    print(f"   {'held' if held else 'FAILED'} ({time.monotonic() - began:.0f} s)", flush=True)
    return held


if __name__ == "__main__":
    sys.exit(main())
