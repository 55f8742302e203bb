"""One breaker: decides by a local view, which is read and published in the background.

A decision is a comparison of numbers, except for the one call that claims the probe: that waits for the shared store,
because exactly one instance of the whole fleet may win. While there are calls to decide, the view is at most
`staleness` seconds and one read old; a process that was idle decides its first call by what it last knew.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from enum import Enum

import msgspec

from shared_code.domain.errors import Conflict, Unavailable
from shared_code.resilience.breaker.policy import BreakerPolicy
from shared_code.resilience.breaker.view import View
from shared_code.resilience.breaker.window import Window
from shared_code.resilience.shared_state import CompareAndSet, Stored

log = logging.getLogger(__name__)

PARTITION = "breakers"
Changed = Callable[[str, View, View], None]
"""Told of each change that this process makes: the breaker's name, what it was, what it is."""


class Outcome(Enum):
    """How a call ended: theirs failed, theirs answered (also with a refusal), or it says nothing (we left early)."""

    ANSWERED = "answered"
    FAILED = "failed"
    ABANDONED = "abandoned"


class BreakerOpen(Unavailable):
    """The breaker refuses the call; `retry_after` says when a probe may go."""

    code = "circuit-open"


class Permit:
    """One admitted call. Say how it ended, with its seconds, exactly once."""

    __slots__ = ("_breaker", "_probe")

    def __init__(self, breaker: Breaker, probe: bool) -> None:
        self._breaker = breaker
        self._probe = probe

    def ended(self, outcome: Outcome, seconds: float) -> None:
        """Count the call."""
        if self._probe:
            self._breaker.probed(outcome)
        else:
            self._breaker.counted(outcome, seconds)


class Breaker:
    """A breaker by name. Fails open: without the shared store each process keeps to what it sees itself."""

    def __init__(
        self,
        name: str,
        state: CompareAndSet,
        policy: BreakerPolicy,
        changed: Changed,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self._state = state
        self._policy = policy
        self._changed = changed
        self._now = now
        self._window = Window(policy.window, now)
        self.view = View()
        self._stored: Stored | None = None
        self._read_at = -float("inf")
        self._in_a_row = 0
        self._unpublished = False
        self._claiming = False
        self._turn = asyncio.Lock()  # one conversation with the store at a time
        self._background: asyncio.Task[None] | None = None

    def admits(self) -> bool:
        """Whether `enter` would admit a call, as far as this process knows. Costs well under 10 µs."""
        now = self._now()
        if now - self._read_at > self._policy.staleness and self._background is None:
            self._background = asyncio.create_task(self._synchronise())
        view = self.view
        return view.state == "closed" or (now >= view.until and not self._claiming)

    async def enter(self) -> Permit:
        """Admit a call. Raises BreakerOpen."""
        if not self.admits():
            raise self._refusal()
        if self.view.state == "closed":
            return Permit(self, probe=False)
        self._claiming = True
        try:
            return await self._claim_probe()
        finally:
            self._claiming = False

    def counted(self, outcome: Outcome, seconds: float) -> None:
        """Count an ordinary call, and open when there were too many bad ones."""
        if self.view.state != "closed" or outcome is Outcome.ABANDONED:
            return
        policy = self._policy
        is_failed, is_slow = outcome is Outcome.FAILED, seconds > policy.slow_after
        self._window.add(failed=is_failed, slow=is_slow)
        self._in_a_row = self._in_a_row + 1 if is_failed else 0
        if not (is_failed or is_slow):
            return  # a good call cannot open it
        calls, failed, slow = self._window.totals()
        if self._in_a_row >= policy.in_a_row or (
            calls >= policy.least_calls and (failed / calls >= policy.failure_rate or slow / calls >= policy.slow_rate)
        ):
            self._open()

    def probed(self, outcome: Outcome) -> None:
        """Close after a probe that was answered, open again after one that failed."""
        if outcome is Outcome.ANSWERED:
            self._window.clear()
            self._in_a_row = 0
            self._change(View())
        elif outcome is Outcome.FAILED:
            self._open()

    async def settle(self) -> None:
        """Wait for what is going on in the background."""
        while self._background is not None:
            await asyncio.gather(self._background, return_exceptions=True)

    def _open(self) -> None:
        rest = min(self._policy.open_for * 2**self.view.opened, self._policy.open_at_most)
        self._change(View(state="open", until=self._now() + rest, opened=self.view.opened + 1))

    def _change(self, view: View) -> None:
        before, self.view = self.view, view
        self._unpublished = True
        self._changed(self.name, before, view)
        if self._background is None:
            self._background = asyncio.create_task(self._synchronise())

    def _refusal(self) -> BreakerOpen:
        rest = max(self.view.until - self._now(), 0.1)
        return BreakerOpen(f"{self.name} is not answering; it is left alone for a while.", retry_after=rest)

    async def _claim_probe(self) -> Permit:
        """Become the one probe of the fleet. Raises BreakerOpen when another instance is faster."""
        async with self._turn:
            if not self.view.rested(self._now()):  # learnt while waiting for our turn
                if self.view.state == "closed":
                    return Permit(self, probe=False)
                raise self._refusal()
            claim = View(state="probing", until=self._now() + self._policy.probe_for, opened=self.view.opened)
            try:
                await self._write(claim)
            except Conflict:
                await self._read()
                raise self._refusal() from None
            except Unavailable:
                log.warning("breaker.store_unavailable", extra={"breaker": self.name})
            before, self.view = self.view, claim
            self._changed(self.name, before, claim)
            return Permit(self, probe=True)

    async def _synchronise(self) -> None:
        """Publish what we changed, or read what others did."""
        try:
            async with self._turn:
                while self._unpublished:  # stays so in an outage, and is tried again
                    await self._publish(self.view)
                if self._now() - self._read_at > self._policy.staleness:
                    await self._read()
        except Unavailable:
            self._read_at = self._now()  # ask again no sooner than usual
            log.warning("breaker.store_unavailable", extra={"breaker": self.name})
        finally:
            self._background = None

    async def _publish(self, view: View) -> None:
        try:
            await self._write(view)
            self._unpublished = self.view is not view
        except Conflict:
            self._unpublished = False
            await self._read()  # somebody else saw the same thing and was faster: theirs counts

    async def _write(self, view: View) -> None:
        value = msgspec.json.encode(view)
        if self._stored is None:
            self._stored = await self._state.create(PARTITION, self.name, value)
        else:
            self._stored = await self._state.replace(PARTITION, self._stored, value)
        self._read_at = self._now()

    async def _read(self) -> None:
        stored = await self._state.get(PARTITION, self.name)
        self._read_at = self._now()
        self._stored = stored
        if not self._unpublished:
            self.view = msgspec.json.decode(stored.value, type=View) if stored else View()
