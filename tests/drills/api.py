"""Everything that the API takes and much that it does not, as a learner, an operator and a partner."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

from tests.e2e.conftest import WIDE
from tests.e2e.fuzzing import CALLERS, fuzz
from tests.e2e.stack import Stack


def drill(rounds: int, seed: int) -> bool:
    """Whether every answer was in the API's own description, and none a failure of ours.

    A round is an example of each operation and phase; the tests ask for a few.
    """
    state = Path(tempfile.mkdtemp(prefix="drill-"))
    held = asyncio.run(_fuzzed(state, rounds, seed))
    if held:
        shutil.rmtree(state)
    else:
        print(f"state and logs are kept in {state}")
    return held


async def _fuzzed(state: Path, examples: int, seed: int) -> bool:
    stack, held = Stack(state), True
    await stack.start(RATE_LIMITS=WIDE)
    try:
        for who, meet in CALLERS.items():
            caller = await meet(stack)
            fuzzed = await fuzz(stack, caller, state / f"fuzzing-{who}", examples=examples, seed=seed)
            print(f"   as {who}: {fuzzed.requests} requests to {len(fuzzed.statuses)} operations", end=", ")
            print(f"{len(fuzzed.worked)} of them worked", flush=True)
            if fuzzed.code != 0:
                held = False
                print(fuzzed.output)
            if missing := caller.opens - fuzzed.worked:
                held = False
                print(f"   never worked: {', '.join(sorted(missing))}")
    finally:
        await stack.stop()
        (state / "output.log").write_text("\n".join(stack.lines))
    return held
