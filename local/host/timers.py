"""Timer triggers: one run at a time over all workers, and what was missed while nobody ran is past due.

learn.microsoft.com/azure/azure-functions/functions-bindings-timer; the status is what WebJobs' ScheduleMonitor keeps.
Schedules are NCRONTAB in UTC, as github.com/atifaziz/NCrontab reads it; Python's cron libraries know other weekdays.
"""

import asyncio
import calendar
import fcntl
import json
import logging
from bisect import bisect
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from itertools import count, product
from pathlib import Path

from local.host.indexing import Function, Refused
from local.host.protos import Message, TypedData
from local.host.worker import InvocationFailed, Worker

MONITORED = timedelta(minutes=1)  # schedules that are due more often keep no status, in Azure either
LOOK_UP = 1.0  # seconds between two tries to become the worker that runs the timer
MONTHS = [name.lower() for name in calendar.month_name[1:]]
DAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]
FIELDS: tuple[tuple[int, int, list[str]], ...] = (  # lowest, highest, names of the numbers from the lowest
    (0, 59, []), (0, 59, []), (0, 23, []), (1, 31, []), (1, 12, MONTHS), (0, 6, DAYS),
)  # fmt: skip
SEARCHED = 9 * 366  # days; a 29 February may be eight years away


class Schedule:
    """When a timer is due. All six fields must fit, day of month and day of week both."""

    def __init__(self, expression: str) -> None:
        """Read an expression. Raises ValueError."""
        fields = expression.lower().split()
        if len(fields) == 5:
            fields.insert(0, "0")
        if len(fields) != 6:
            raise ValueError(f"'{expression}' has {len(fields)} fields, a schedule has six")
        read = [_values(field, *known) for field, known in zip(fields, FIELDS, strict=True)]
        seconds, minutes, hours, self._days, self._months, self._weekdays = read
        self._times = sorted(time(*each) for each in product(hours, minutes, seconds))

    def after(self, moment: datetime) -> datetime:
        """The first time due after the moment. Raises ValueError where none comes within nine years."""
        at = bisect(self._times, moment.time())
        for ahead in range(SEARCHED):
            day = moment.date() + timedelta(days=ahead)
            fits = day.month in self._months and day.day in self._days and day.isoweekday() % 7 in self._weekdays
            if fits and at < len(self._times):
                return datetime.combine(day, self._times[at], UTC)
            at = 0
        raise ValueError("the schedule is never due")


def _values(field: str, lowest: int, highest: int, names: list[str]) -> frozenset[int]:
    """The numbers that a field allows: `*`, `5`, `1-5`, `*/10`, `5/20`, `MON,WED`; the ends of a range in any order."""

    def number(text: str) -> int:
        named = [lowest + at for at, name in enumerate(names) if text and name.startswith(text)]
        return named[0] if named else int(text)

    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        start = lowest if span == "*" else number(first)
        end = number(last) if last else highest if step or span == "*" else start
        if not (lowest <= start <= highest and lowest <= end <= highest):
            raise ValueError(f"'{part}' is outside {lowest}-{highest}")
        found |= set(range(min(start, end), max(start, end) + 1, max(int(step or 1), 1)))
    return frozenset(found)


class TimerTrigger:
    """Runs one function by its schedule."""

    def __init__(self, function: Function, worker: Worker, folder: Path) -> None:
        """`folder` holds a lock and a status for each timer. Raises Refused."""
        self._function = function
        self._worker = worker
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
            while True:
                with suppress(BlockingIOError):
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                if await stopped(stop, LOOK_UP):
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
                if await stopped(stop, (due - now).total_seconds()):
                    return
                await self._fire(stop, past_due=False)

    async def _fire(self, stop: asyncio.Event, *, past_due: bool) -> None:
        """Run the function, again as its retry policy says (RpcRetryOptions; a limit of -1 is none)."""
        started = datetime.now(UTC)
        last = self._last.isoformat() if self._last else "0001-01-01T00:00:00"
        status = {"Last": last, "LastUpdated": last, "Next": self._schedule.after(started).isoformat()}
        value = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": past_due}
        data, reason = TypedData(json=json.dumps(value)), f"Timer fired at {started.isoformat()}"
        policy = self._function.retry or Message(max_retry_count=0)
        for attempt in count():
            retry = Message(retry_count=attempt, max_retry_count=policy.max_retry_count)
            try:
                # What nobody asked for, few want to watch: the stack keeps lines of this level in the log.
                await self._worker.run(self._function, data, reason=reason, retry=retry, level=logging.DEBUG)
                break
            except InvocationFailed:
                if 0 <= policy.max_retry_count <= attempt:
                    break
                if await stopped(stop, _pause(policy, attempt)):
                    return  # past due for whoever starts next
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


async def stopped(stop: asyncio.Event, seconds: float) -> bool:
    """Wait so long, or until `stop`; whether it is that."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
    return stop.is_set()
