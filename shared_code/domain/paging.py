"""Where a page begins: what the page before said, as whoever asks for more hands it back."""

from __future__ import annotations

from datetime import date

from shared_code.domain.errors import BadRequest


def number_of(after: str) -> int:
    """The number after which a page begins; 0 for the first page. Raises BadRequest for what no page said."""
    if not after:
        return 0
    if not (after.isascii() and after.isdecimal()):
        raise _never_said()
    return int(after)


def day_of(key: str) -> date:
    """The day of a key that begins with a time in RFC 3339. Raises BadRequest for what no page said."""
    try:
        return date.fromisoformat(key[:10])
    except ValueError:
        raise _never_said() from None


def _never_said() -> BadRequest:
    return BadRequest("'after' is the 'next' of the page before.", code="after-invalid")
