"""Timer triggers: one run at a time over all workers, and what was missed while nobody ran is past due.

learn.microsoft.com/azure/azure-functions/functions-bindings-timer; the status is what WebJobs' ScheduleMonitor keeps.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from local.host.indexing import Function, Refused
from local.host.invocation import BY_HAND, Invoker
from local.host.ncrontab import Schedule
from local.host.protos import Message, TypedData
from local.host.worker import InvocationFailed

MONITORED = timedelta(minutes=1)  # schedules that are due more often keep no status, in Azure either
LOOK_UP = 1.0  # seconds between two tries to become the worker that runs the timer


class TimerTrigger:
    """Runs one function by its schedule."""

    def __init__(self, function: Function, invoker: Invoker, folder: Path) -> None:
        """`folder` holds a lock and a status for each timer. Raises Refused."""
        self._function = function
        self._invoker = invoker
        try:
            self._schedule = Schedule(function.trigger["schedule"])
            first = self._schedule.after(datetime.now(UTC))
            often = self._schedule.after(first) - first < MONITORED
        except (ValueError, KeyError) as error:
            raise Refused(f"Function '{function.name}': cannot read the schedule: {error}") from error
        folder.mkdir(exist_ok=True)
        self._monitored = not often and function.trigger.get("useMonitor") is not False
        self._status = folder / f"{function.name}.json"
        self._lock = folder / f"{function.name}.lock"
        self._last: datetime | None = None  # when it last ran to an end

    async def run(self, stop: asyncio.Event) -> None:
        """Run the function whenever it is due, until `stop`."""
        with self._lock.open("w") as lock:  # the system lets go of it whichever way this worker ends
            while True:
                with suppress(BlockingIOError):
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                if await _stopped(stop, LOOK_UP):
                    return
            due = datetime.now(UTC)
            if self._monitored and self._status.exists():
                self._last = datetime.fromisoformat(json.loads(self._status.read_text())["Last"])
            past_due = self._last is not None and self._schedule.after(self._last) < due
            if past_due or self._function.trigger.get("runOnStartup"):
                await self._fire(stop, past_due=past_due)
            elif self._last is None:
                self._store(due)  # from here on a missed time is known to be missed
            while True:
                now = datetime.now(UTC)
                due = self._schedule.after(max(now, due))  # a wait may end a moment early
                if await _stopped(stop, (due - now).total_seconds()):
                    return
                await self._fire(stop)

    async def by_hand(self) -> None:
        """Run it once, now, whatever its schedule says; a failure is in the log."""
        with suppress(InvocationFailed):
            await self._once(BY_HAND)

    async def _fire(self, stop: asyncio.Event, *, past_due: bool = False) -> None:
        """Run the function, again as its retry policy says."""
        started = datetime.now(UTC)
        policy, attempt = self._function.retry, 0
        while True:
            retry = Message(retry_count=attempt, max_retry_count=policy.limit if policy else 0)
            try:
                await self._once(f"Timer fired at {started.isoformat()}", past_due=past_due, retry=retry)
                break
            except InvocationFailed:
                attempt += 1
                if policy is None or 0 <= policy.limit < attempt:
                    break
                if await _stopped(stop, policy.delay(attempt)):
                    return  # past due for whoever starts next
        self._last = started
        self._store(started)

    async def _once(self, reason: str, *, past_due: bool = False, retry: Message | None = None) -> None:
        last = self._last.isoformat() if self._last else "0001-01-01T00:00:00"
        status = {"Last": last, "LastUpdated": last, "Next": self._schedule.after(datetime.now(UTC)).isoformat()}
        value = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": past_due}
        retry = retry or Message(retry_count=0, max_retry_count=0)
        level = logging.INFO if reason == BY_HAND else logging.DEBUG  # what nobody asked for, few want to watch
        data = TypedData(json=json.dumps(value))
        await self._invoker.run(self._function, data, reason=reason, retry=retry, level=level)

    def _store(self, last: datetime) -> None:
        if self._monitored:
            fresh = self._status.with_suffix(".new")
            fresh.write_text(json.dumps({"Last": last.isoformat(), "Next": self._schedule.after(last).isoformat()}))
            fresh.replace(self._status)


async def _stopped(stop: asyncio.Event, seconds: float) -> bool:
    """Wait so long, or until `stop`; whether it is that."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
    return stop.is_set()
