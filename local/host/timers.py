"""Timer triggers: one run at a time over all workers, and what was missed while nobody ran is past due.

learn.microsoft.com/azure/azure-functions/functions-bindings-timer; the status is what WebJobs' ScheduleMonitor keeps.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TextIO

from local.host.indexing import Function, Refused
from local.host.invocation import Invoker
from local.host.ncrontab import Schedule
from local.host.protos import Message, TypedData
from local.host.worker import InvocationFailed

log = logging.getLogger("host")
MONITORED = timedelta(minutes=1)  # schedules that are due more often keep no status, in Azure either
LOOK_UP = 1.0  # seconds between two tries to become the worker that runs the timer


class TimerTrigger:
    """Runs one function by its schedule."""

    def __init__(self, function: Function, invoker: Invoker, folder: Path) -> None:
        self._function = function
        self._invoker = invoker
        try:
            self._schedule = Schedule(function.trigger["schedule"])
            first = self._schedule.after(datetime.now(UTC))
            often = self._schedule.after(first) - first < MONITORED
        except (ValueError, KeyError) as error:
            raise Refused(f"Function '{function.name}': cannot read the schedule: {error}") from error
        folder.mkdir(exist_ok=True)
        self._status = (
            None if often or function.trigger.get("useMonitor") is False else folder / f"{function.name}.json"
        )
        self._lock = folder / f"{function.name}.lock"

    async def run(self, stop: asyncio.Event) -> None:
        """Run the function whenever it is due, until `stop`."""
        with self._lock.open("w") as lock:  # the system lets go of it whichever way this worker ends
            while not _locked(lock):
                if await _stopped(stop, LOOK_UP):
                    return
            last = self._stored()
            now = datetime.now(UTC)
            past_due = last is not None and self._schedule.after(last) < now
            if past_due or self._function.trigger.get("runOnStartup"):
                last = await self._fire(stop, last, past_due=past_due)
            elif last is None:
                self._store(now)  # from here on a missed time is known to be missed
            due = now
            while True:
                now = datetime.now(UTC)
                due = self._schedule.after(max(now, due))  # a wait may end a moment early
                if await _stopped(stop, (due - now).total_seconds()):
                    return
                last = await self._fire(stop, last, past_due=False)

    async def _fire(self, stop: asyncio.Event, last: datetime | None, *, past_due: bool) -> datetime | None:
        """Run the function, again as its retry policy says; return when it last ran to an end."""
        started = datetime.now(UTC)
        before = last.isoformat() if last else "0001-01-01T00:00:00"
        status = {"Last": before, "LastUpdated": before, "Next": self._schedule.after(started).isoformat()}
        value = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": past_due}
        policy, attempt = self._function.retry, 0
        while True:
            retry = Message(retry_count=attempt, max_retry_count=policy.limit if policy else 0)
            reason = f"Timer fired at {started.isoformat()}"
            try:
                await self._invoker.run(self._function, TypedData(json=json.dumps(value)), reason=reason, retry=retry)
                break
            except InvocationFailed:
                attempt += 1
                if policy is None or 0 <= policy.limit < attempt:
                    break
                if await _stopped(stop, policy.delay(attempt)):
                    return last  # past due for whoever starts next
        self._store(started)
        return started

    def _stored(self) -> datetime | None:
        if self._status is None or not self._status.exists():
            return None
        return datetime.fromisoformat(json.loads(self._status.read_text())["Last"])

    def _store(self, last: datetime) -> None:
        if self._status is not None:
            fresh = self._status.with_suffix(".new")
            fresh.write_text(json.dumps({"Last": last.isoformat(), "Next": self._schedule.after(last).isoformat()}))
            fresh.replace(self._status)


def _locked(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _stopped(stop: asyncio.Event, seconds: float) -> bool:
    """Wait so long, or until `stop`; whether it is that."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True
