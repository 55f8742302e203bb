"""The Durable engine alone, with workers of the real SDK: no accepted orchestration, event or timer lost."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.local.durable.crash import crash_rounds
from tests.local.durable.processes import EngineProcess


def drill(rounds: int, seed: int) -> bool:
    """Run the rounds and print what was counted."""
    with tempfile.TemporaryDirectory() as folder:
        engine = EngineProcess(Path(folder))
        try:
            engine.wait()
            count = crash_rounds(engine, rounds, seed)
        finally:
            engine.kill()
    print(count)
    for title, faults in (("lost", count.lost), ("fired or answered twice", count.doubled), ("wrong", count.wrong)):
        print(f"{title}: {len(faults)}", *faults[:20], sep="\n  ")
    return count.clean
