"""A step outlasts an outage, and does not insist on what cannot get better."""

from __future__ import annotations

import pytest

from orchestrations.activities.step import outlast
from shared_code.domain.errors import AppError, NotFound, Unavailable


class Service:
    """Fails with each of these in turn, then answers."""

    def __init__(self, *failures: AppError) -> None:
        self.failures = list(failures)

    async def work(self) -> str:
        if self.failures:
            raise self.failures.pop(0)
        return "done"


async def test_a_step_goes_on_when_the_outage_is_over() -> None:
    service = Service(Unavailable("storage is down"), Unavailable("still"))
    assert await outlast(service.work) == "done"


async def test_what_cannot_get_better_is_raised_at_once() -> None:
    service = Service(NotFound("no such learner"))
    with pytest.raises(NotFound):
        await outlast(service.work)
