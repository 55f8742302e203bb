"""The time, in UTC and RFC 3339."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The system's clock, aware and in UTC. The only place that reads it."""
    return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """Write a moment with milliseconds and a final Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_rfc3339(text: str) -> datetime:
    """Read an RFC 3339 moment; a naive one raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"'{text}' names no time zone")
    return moment.astimezone(UTC)
