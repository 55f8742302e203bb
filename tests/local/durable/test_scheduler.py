"""The engine's clock and its one thread for everything that is due."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import pytest

from local.durable.scheduler import Clock, Scheduler
from tests.local.durable.hub import PATIENCE


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def scheduler(clock: Clock) -> Iterator[Scheduler]:
    scheduler = Scheduler(clock)
    scheduler.start()
    yield scheduler
    scheduler.stop()


def test_what_is_due_is_called_in_order_of_its_time(clock: Clock, scheduler: Scheduler) -> None:
    """Also when the clock jumps over all of it."""
    called: list[int] = []
    done = threading.Event()
    for hours in (3, 1, 2):
        scheduler.at(clock.now() + timedelta(hours=hours), partial(called.append, hours))
    scheduler.at(clock.now() + timedelta(hours=4), done.set)
    clock.advance(timedelta(hours=5))
    assert done.wait(PATIENCE)
    assert called == [1, 2, 3]


def test_what_is_past_is_called_at_once(clock: Clock, scheduler: Scheduler) -> None:
    """A timer that fell due while the engine was down."""
    done = threading.Event()
    scheduler.at(clock.now() - timedelta(days=1), done.set)
    assert done.wait(PATIENCE)


def test_what_is_not_due_waits(clock: Clock, scheduler: Scheduler) -> None:
    """Nothing is called early."""
    early, done = threading.Event(), threading.Event()
    scheduler.at(clock.now() + timedelta(hours=2), early.set)
    scheduler.at(clock.now() + timedelta(hours=1), done.set)
    clock.advance(timedelta(hours=1, minutes=1))
    assert done.wait(PATIENCE)
    assert not early.is_set()
