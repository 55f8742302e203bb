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
from local.host.invocation import Invoker
from local.host.ncrontab import Schedule
from local.host.protos import Message, TypedData
from local.host.worker import InvocationFailed

MONITORED = timedelta(minutes=1)  # schedules that are due more often keep no status, in Azure either
LOOK_UP = 1.0  # seconds between two tries to become the worker that runs the timer
NEVER = "0001-01-01T00:00:00"


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
        except ValueError as error:
            raise Refused(f"Function '{function.name}': cannot read the schedule: {error}") from error
        folder.mkdir(exist_ok=True)
        self._monitored = not often and function.trigger.get("useMonitor") is not False
        self._status = folder / f"{function.name}.json"
        self._lock = folder / f"{function.name}.lock"
        self._last: datetime | None = None  # when it last ran to an end

    async def run(self, stop: asyncio.Event) -> None:
        """Run the function whenever it is due, until `stop`."""
        with self._lock.open("w") as lock:  # the system lets go of it whichever way this worker ends
            while not _locked(lock.fileno()):
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
                await self._fire(stop, past_due=False)

    async def _fire(self, stop: asyncio.Event, *, past_due: bool) -> None:
        """Run the function, again as its retry policy says (RpcRetryOptions; a limit of -1 is none)."""
        started = datetime.now(UTC)
        last = self._last.isoformat() if self._last else NEVER
        status = {"Last": last, "LastUpdated": last, "Next": self._schedule.after(started).isoformat()}
        value = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": past_due}
        policy, attempt = self._function.retry or Message(max_retry_count=0), 0
        while True:
            retry = Message(retry_count=attempt, max_retry_count=policy.max_retry_count)
            data, reason = TypedData(json=json.dumps(value)), f"Timer fired at {started.isoformat()}"
            try:
                # What nobody asked for, few want to watch: the stack keeps lines of this level in the log.
                await self._invoker.run(self._function, data, reason=reason, retry=retry, level=logging.DEBUG)
                break
            except InvocationFailed:
                if 0 <= policy.max_retry_count <= attempt:
                    break
                if await _stopped(stop, _pause(policy, attempt)):
                    return  # past due for whoever starts next
                attempt += 1
        self._last = started
        self._store(started)

    def _store(self, last: datetime) -> None:
        if self._monitored:
            fresh = self._status.with_suffix(".new")
            fresh.write_text(json.dumps({"Last": last.isoformat(), "Next": self._schedule.after(last).isoformat()}))
            fresh.replace(self._status)


def _pause(policy: Message, attempt: int) -> float:
    """Seconds after a failed attempt (from 0): always the same, or doubled each time up to the longest."""
    pause: timedelta | None = policy.delay_interval
    if pause is None:
        pause = min(policy.minimum_interval * 2 ** min(attempt, 20), policy.maximum_interval)
    return pause.total_seconds()


def _locked(file: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


async def _stopped(stop: asyncio.Event, seconds: float) -> bool:
    """Wait so long, or until `stop`; whether it is that."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
    return stop.is_set()
