"""The learning service: what a learner practises next, and how much is coming."""

from __future__ import annotations

from shared_code.domain.clock import Clock
from shared_code.domain.learning.progress import Progress
from shared_code.domain.learning.schedule import DayLoad, NextPractice, load_by_day, next_practice
from shared_code.services.planning import PlanningService
from shared_code.storage.documents import Documents


class LearningService:
    """Looks at a learner's progress, with its review dates, and at the latest plan."""

    def __init__(self, progress: Documents[Progress], planning: PlanningService, clock: Clock) -> None:
        self._progress = progress
        self._planning = planning
        self._clock = clock

    async def next(self, person: str, *, limit: int) -> NextPractice:
        """What to practise now; nothing before the first attempt."""
        plan = await self._planning.current(person)
        return next_practice(await self._progress.load(person), plan, self._clock(), limit=limit)

    async def schedule(self, person: str, *, days: int) -> tuple[DayLoad, ...]:
        """How many items fall due on each of the coming days (UTC)."""
        return load_by_day(await self._progress.load(person), self._clock().date(), days=days)
