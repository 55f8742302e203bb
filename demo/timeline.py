"""What the demonstration prints: when, where, what, and whether it held."""

from __future__ import annotations

import time

OK, FAILED = "✓", "✗"


class Timeline:
    """Milliseconds since the start, one line a step; failed checks are counted."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self.failures = 0

    def chapter(self, title: str) -> None:
        """Begin a part of the story."""
        print(f"\n{title}")

    def step(self, where: str, what: str) -> None:
        """Say what happened, and where."""
        elapsed = (time.monotonic() - self._started) * 1000
        print(f"{elapsed:8.0f} ms  {where:<12} {what}", flush=True)

    def check(self, held: bool, what: str) -> None:
        """Say whether something held; the demonstration goes on, and fails at its end."""
        self.failures += not held
        print(f"{'':12} {OK if held else FAILED} {what}", flush=True)
