"""The learning service: what a learner practises next, and how much is coming."""

from __future__ import annotations

from shared_code.domain.clock import Clock
from shared_code.domain.learning.plan import Plans
from shared_code.domain.learning.progress import Progress
from shared_code.domain.learning.schedule import DayLoad, NextPractice, load_by_day, next_practice
from shared_code.storage.documents import Documents


class LearningService:
    """Looks at a learner's progress, with its review dates, and at the latest plan."""

    def __init__(self, progress: Documents[Progress], plans: Documents[Plans], clock: Clock) -> None:
        self._progress = progress
        self._plans = plans
        self._clock = clock

    async def next(self, person: str, *, limit: int) -> NextPractice:
        """What to practise now; nothing before the first attempt."""
        plans = (await self._plans.load(person)).plans
        plan = plans[-1] if plans else None
        return next_practice(await self._progress.load(person), plan, self._clock(), limit=limit)

    async def schedule(self, person: str, *, days: int) -> tuple[DayLoad, ...]:
        """How many items fall due on each of the coming days (UTC)."""
        return load_by_day(await self._progress.load(person), self._clock().date(), days=days)
