"""While side effects are latched, nothing reaches a screen."""

from __future__ import annotations

import pytest

from shared_code.domain.clock import rfc3339, utc_now
from shared_code.domain.side_effects import latch
from shared_code.realtime.envelope import Envelope
from shared_code.realtime.push import Push
from shared_code.realtime.signalr import SignalRService, key_bearer


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
        assert not caplog.records
        await nobody.show([push])
        assert [record.message for record in caplog.records] == ["realtime.push_lost"]
    finally:
        await nobody.close()
