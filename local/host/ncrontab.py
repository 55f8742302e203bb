"""NCRONTAB: `{second} {minute} {hour} {day} {month} {day of week}`, or five fields without the seconds; times are UTC.

learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions; what a field may say is
github.com/atifaziz/NCrontab, CrontabFieldImpl. Cron libraries for Python take more than that, and other weekdays.
"""

from __future__ import annotations

from bisect import bisect
from datetime import UTC, datetime, time, timedelta
from itertools import product

MONTHS = ["january", "february", "march", "april", "may", "june",
          "july", "august", "september", "october", "november", "december"]  # fmt: skip
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
