"""Identifiers that sort by time."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from datetime import UTC, datetime


def uuid7(now: datetime) -> str:
    """Make a UUIDv7 (RFC 9562, section 5.7) of this moment: 48 bits of milliseconds, then random bits."""
    return _uuid7(now, secrets.randbits(80))


def derived_uuid7(now: datetime, *parts: str) -> str:
    """Make the UUIDv7 that belongs to a moment and these parts: a step that runs again names its event the same."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return _uuid7(now, int.from_bytes(digest[:10]))


def named_uuid(*parts: str) -> str:
    """Make the UUID that belongs to these parts at any time (version 8 of RFC 9562: the beginning of a SHA-256)."""
    value = int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest()[:16])
    return str(uuid.UUID(int=value & ~(0xF << 76) & ~(0x3 << 62) | 0x8 << 76 | 0x2 << 62))


def moment_of(identifier: str) -> datetime:
    """The moment that a UUIDv7 bears, to the millisecond."""
    return datetime.fromtimestamp((uuid.UUID(identifier).int >> 80) / 1000, UTC)


def _uuid7(now: datetime, low: int) -> str:
    milliseconds = int(now.timestamp() * 1000)
    value = (milliseconds & (2**48 - 1)) << 80 | low
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))
