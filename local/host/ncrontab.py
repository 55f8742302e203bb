"""NCRONTAB: `{second} {minute} {hour} {day} {month} {day of week}`, or five fields without the seconds.

learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions. Times are UTC.
"""

from __future__ import annotations

from datetime import datetime, timedelta

RANGES = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
NAMES = {
    4: {name: number for number, name in enumerate(MONTHS, start=1)},
    5: {name: number for number, name in enumerate(DAYS)} | {"7": 0},
}


class Schedule:
    """When a timer is due. All six fields must fit, day of month and day of week both."""

    def __init__(self, expression: str) -> None:
        """Read an expression. Raises ValueError."""
        fields = expression.split()
        if len(fields) == 5:
            fields.insert(0, "0")
        if len(fields) != 6:
            raise ValueError(f"'{expression}' has {len(fields)} fields, a schedule has six")
        read = [_values(field, position) for position, field in enumerate(fields)]
        self._seconds, self._minutes, self._hours, self._days, self._months, self._weekdays = read

    def after(self, moment: datetime) -> datetime:
        """The first time due after the moment. Raises ValueError where none comes within nine years."""
        found = moment.replace(microsecond=0) + timedelta(seconds=1)
        end = found + timedelta(days=9 * 366)  # a 29 February may be eight years away
        while found < end:
            if found.month not in self._months or not self._on(found):
                found = found.replace(hour=0, minute=0, second=0) + timedelta(days=1)
            elif found.hour not in self._hours:
                found = found.replace(minute=0, second=0) + timedelta(hours=1)
            elif found.minute not in self._minutes:
                found = found.replace(second=0) + timedelta(minutes=1)
            elif found.second not in self._seconds:
                found += timedelta(seconds=1)
            else:
                return found
        raise ValueError("the schedule is never due")

    def _on(self, day: datetime) -> bool:
        return day.day in self._days and (day.weekday() + 1) % 7 in self._weekdays


def _values(field: str, position: int) -> frozenset[int]:
    """The numbers that a field allows: `*`, `5`, `1-5`, `*/10`, `MON,WED`."""
    lowest, highest = RANGES[position]
    names = NAMES.get(position, {})

    def number(text: str) -> int:
        return names[text[:3]] if text[:3] in names else int(text)

    found: set[int] = set()
    for part in field.lower().split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        low = lowest if span == "*" else number(first)
        high = number(last) if last else highest if step or span == "*" else low
        if not lowest <= low <= high <= highest or (step and int(step) < 1):
            raise ValueError(f"'{part}' is outside {lowest}-{highest}")
        found |= set(range(low, high + 1, int(step or 1)))
    return frozenset(found)
