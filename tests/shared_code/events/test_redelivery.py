"""Messages rest between their deliveries."""

from __future__ import annotations

from shared_code.events.redelivery import LONGEST, rest

DELIVERIES = 10  # MaxDeliveryCount of every subscription
OUTAGE = 60.0  # seconds: a restart, or a fail-over of a storage account


def test_an_outage_of_a_minute_does_not_use_up_the_deliveries() -> None:
    """The last delivery begins after it."""
    assert sum(rest(number) for number in range(1, DELIVERIES)) > OUTAGE


def test_the_rest_grows_and_is_bounded() -> None:
    """A lost race is tried again soon; a message that was delivered often never waits for long."""
    rests = [rest(number) for number in range(1, 100)]
    assert rests == sorted(rests)
    assert (rests[0], rests[-1]) == (0.5, LONGEST)
