"""Everything that the API takes and much that it does not, as a learner, an operator and a partner."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

from tests.e2e.conftest import WIDE
from tests.e2e.fuzzing import CALLERS, fuzz
from tests.e2e.stack import Stack

EXAMPLES = 40  # of each operation and phase; the tests ask for a few
SHOWN = 60  # lines of a run that found something


def drill(_rounds: int, seed: int) -> bool:
    """Whether every answer was in the API's own description, and none a failure of ours."""
    state = Path(tempfile.mkdtemp(prefix="drill-"))
    held = asyncio.run(_fuzzed(state, seed))
    if held:
        shutil.rmtree(state)
    else:
        print(f"state and logs are kept in {state}")
    return held


async def _fuzzed(state: Path, seed: int) -> bool:
    stack, held = Stack(state), True
    await stack.start(RATE_LIMITS=WIDE)
    try:
        for who, meet in CALLERS.items():
            fuzzed = await fuzz(stack, await meet(stack), state / f"fuzzing-{who}", examples=EXAMPLES, seed=seed)
            print(f"   as {who}: {fuzzed.requests} requests, {len(fuzzed.worked)} operations worked")
            if fuzzed.code != 0:
                held = False
                print("\n".join(fuzzed.output.splitlines()[-SHOWN:]))
    finally:
        await stack.stop()
        (state / "output.log").write_text("\n".join(stack.lines))
    return held
