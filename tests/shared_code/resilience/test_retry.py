from __future__ import annotations

import asyncio

import pytest

from shared_code.domain.errors import Conflict, DeadlineExceeded, Unavailable
from shared_code.resilience.deadline import within
from shared_code.resilience.retry import backoff, retry
from shared_code.resilience.single_flight import SingleFlight


class Failing:
    """Fails with these errors, then gives 42."""

    def __init__(self, *errors: Exception) -> None:
        self.calls = 0
        self._errors = list(errors)

    async def __call__(self) -> int:
        self.calls += 1
        if self._errors:
            raise self._errors.pop(0)
        return 42


async def test_what_may_pass_is_tried_again() -> None:
    call = Failing(Unavailable("1"), Unavailable("2"))
    assert await retry(call, attempts=3, first=0.001, longest=0.01) == 42
    assert call.calls == 3


async def test_the_last_error_is_raised_as_it_came() -> None:
    last = Unavailable("2")
    call = Failing(Unavailable("1"), last)
    with pytest.raises(Unavailable) as raised:
        await retry(call, attempts=2, first=0.001, longest=0.01)
    assert raised.value is last


@pytest.mark.parametrize("error", [Conflict("no"), RuntimeError("no"), Unavailable("later", retry_after=60)])
async def test_what_cannot_help_is_not_tried_again(error: Exception) -> None:
    call = Failing(error)
    with pytest.raises(type(error)):
        await retry(call, attempts=3, first=0.001, longest=0.01)
    assert call.calls == 1


async def test_the_callee_s_wish_is_the_least_wait() -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    await retry(Failing(Unavailable("", retry_after=0.2)), attempts=2, first=0.001, longest=1)
    assert loop.time() - started >= 0.19


def test_waits_grow_and_end_at_the_longest() -> None:
    assert all(
        0 <= backoff(attempt, first=1, longest=5) <= min(5, 2**attempt) for attempt in range(8) for _ in range(50)
    )
    assert max(backoff(9, first=1, longest=5) for _ in range(200)) > 2.5


async def test_a_deadline_says_what_took_too_long() -> None:
    async with within(10, "a quick thing"):
        pass
    with pytest.raises(DeadlineExceeded, match=r"the slow thing took longer than 0.01 s"):
        async with within(0.01, "the slow thing"):
            await asyncio.sleep(60)


async def test_those_who_come_while_it_runs_share_one_run() -> None:
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        await asyncio.sleep(0.01)

    flight = SingleFlight(work)
    await asyncio.gather(*(flight.run() for _ in range(5)))
    assert runs == 1
    await flight.run()
    assert runs == 2


async def test_who_leaves_early_does_not_stop_the_run_for_the_others() -> None:
    done = asyncio.Event()

    async def work() -> None:
        await asyncio.sleep(0.05)
        done.set()

    flight = SingleFlight(work)
    first = asyncio.create_task(flight.run())
    second = asyncio.create_task(flight.run())
    await asyncio.sleep(0)
    first.cancel()
    await second
    assert done.is_set()


async def test_a_failed_run_fails_all_who_waited_and_the_next_is_a_new_one() -> None:
    outcomes = [Unavailable("down"), None]

    async def work() -> None:
        await asyncio.sleep(0.01)
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome

    flight = SingleFlight(work)
    assert all(
        isinstance(outcome, Unavailable)
        for outcome in await asyncio.gather(flight.run(), flight.run(), return_exceptions=True)
    )
    await flight.run()
