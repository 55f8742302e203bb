"""All breakers of a process."""

from __future__ import annotations

import time
from collections.abc import Callable

from shared_code.resilience.breaker.breaker import Breaker, Changed
from shared_code.resilience.breaker.policy import BreakerPolicy
from shared_code.resilience.shared_state import CompareAndSet


class Breakers:
    """Makes breakers on demand, so that whatever is registered has one."""

    def __init__(
        self,
        state: CompareAndSet,
        changed: Changed,
        policy: BreakerPolicy | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._state = state
        self._changed = changed
        self._policy = policy or BreakerPolicy()
        self._now = now
        self._breakers: dict[str, Breaker] = {}

    def of(self, name: str) -> Breaker:
        """The breaker of this name."""
        breaker = self._breakers.get(name)
        if breaker is None:
            breaker = self._breakers[name] = Breaker(name, self._state, self._policy, self._changed, self._now)
        return breaker

    async def settle(self) -> None:
        """Wait until what was changed is published."""
        for breaker in tuple(self._breakers.values()):
            await breaker.settle()
