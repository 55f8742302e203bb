"""While side effects are latched, nothing reaches a screen."""

from __future__ import annotations

import pytest

from shared_code.domain.clock import rfc3339, utc_now
from shared_code.domain.side_effects import latch
from shared_code.realtime.envelope import Envelope
from shared_code.realtime.push import Push
from shared_code.realtime.signalr import SignalRService, key_bearer


def lost(caplog: pytest.LogCaptureFixture) -> int:
    """How many pushes were tried and lost; others may log at the same time."""
    return sum(record.getMessage().startswith("realtime.push_lost") for record in caplog.records)


async def test_a_push_is_not_even_tried(caplog: pytest.LogCaptureFixture) -> None:
    """One that is tried and lost is logged."""
    nobody = SignalRService("http://127.0.0.1:9", key_bearer("a key that nobody asks for, 32 bytes"))
    envelope = Envelope(
        seq=1,
        type="lesson_adapted",
        session_id="s",
        time=rfc3339(utc_now()),
        expires_at=None,
        correlation_id="c",
        data={},
    )
    push = Push(user="somebody", envelope=envelope)
    try:
        with latch(), latch(on=False):
            await nobody.show([push])
        assert lost(caplog) == 0
        await nobody.show([push])
        assert lost(caplog) == 1
    finally:
        await nobody.close()
