"""The Service Bus stand-in alone, on the wire: no accepted message lost, no completed one delivered again."""

from __future__ import annotations

import signal
import tempfile
from pathlib import Path

from tests.local.servicebus.crash import CONFIGURATION, crash_rounds
from tests.local.servicebus.process import BrokerProcess


def drill(rounds: int, seed: int) -> bool:
    """Run the rounds and print what was counted."""
    with tempfile.TemporaryDirectory() as state:
        broker = BrokerProcess(CONFIGURATION, Path(state))
        try:
            count = crash_rounds(broker, rounds, seed=seed)
        finally:
            broker.end(signal.SIGKILL)
    print(f"{len(count.accepted)} messages accepted, {len(count.completed)} completed, {count.left} of them later")
    print(f"lost: {len(count.lost)}\ndelivered again: {len(count.repeated)}\nnumbers used twice: {len(count.reused)}")
    return not (count.lost or count.repeated or count.reused)
