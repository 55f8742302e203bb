"""What a drill tells."""

from __future__ import annotations

import time

from tests.drills.findings import Findings

SHOWN = 20  # faults of a kind


def say(line: str) -> None:
    """Print a line with its time."""
    print(f"{time.strftime('%H:%M:%S')}  {line}", flush=True)


def report(findings: Findings) -> None:
    """Print what was looked at, and every promise that did not hold."""
    say(
        f"looked at {findings.events} stored events, {findings.archived} archived ones, {findings.sagas} sagas, "
        f"{findings.messages} channel messages"
    )
    for title, faults in (("lost", findings.lost), ("doubled", findings.doubled), ("broken", findings.broken)):
        say(f"{title}: {len(faults)}")
        for fault in faults[:SHOWN]:
            say(f"  {fault}")
        if len(faults) > SHOWN:
            say(f"  and {len(faults) - SHOWN} more")
