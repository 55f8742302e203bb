"""The drill, in short: `make drill` runs it at length."""

from __future__ import annotations

import pytest

from tests.drills.stack import drill
from tests.e2e.stack import Stack


@pytest.mark.timeout(400)
async def test_kills_under_load_lose_nothing_and_double_nothing(own_stack: Stack) -> None:
    """Three rounds of `kill -9`: every acknowledged operation has every effect once, in each learner's order."""
    findings = await drill(own_stack, rounds=3, seed=2)

    assert findings.events > 0
    assert (findings.lost, findings.doubled, findings.broken) == ([], [], [])
