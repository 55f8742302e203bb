"""From when to when a list by time goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from shared_code.domain.clock import utc_now
from shared_code.domain.errors import BadRequest

LONGEST = timedelta(days=31)
_DAY = timedelta(days=1)


def span(start: datetime | None, end: datetime | None) -> tuple[datetime, datetime]:
    """Both ends in UTC: left out, the end is now and the start a day before it.

    Raises BadRequest for a span that is longer than LONGEST, runs backwards or reaches to the ends of the calendar.
    """
    try:
        last = (end or utc_now()).astimezone(UTC)
        first = start.astimezone(UTC) if start is not None else last - _DAY
        first - _DAY, last + _DAY  # room for whoever goes through the days
    except OverflowError:
        raise _misfit() from None
    if not timedelta() <= last - first <= LONGEST:
        raise _misfit()
    return first, last


def _misfit() -> BadRequest:
    return BadRequest(f"'to' is 0 to {LONGEST.days} days after 'from'.", code="span-invalid")
