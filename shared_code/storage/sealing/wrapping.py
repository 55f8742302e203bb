"""Wrapping data keys: the port, with Azure Key Vault and a local file behind it."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct


class WrappedKey(Struct, frozen=True, kw_only=True):
    """A data key as it may lie in storage, and the name and version of the key that wrapped it."""

    wrapped: bytes
    by: str


class KeyWrapper(Protocol):
    """Wraps and unwraps data keys of 32 bytes with a key-encryption key. Raises Unavailable when it cannot now."""

    async def wrap(self, secret: bytes) -> WrappedKey:
        """Wrap a data key with the newest version of the key-encryption key."""
        ...

    async def unwrap(self, key: WrappedKey) -> bytes:
        """The data key. Versions that are older than the newest still unwrap what they wrapped."""
        ...

    async def close(self) -> None:
        """Close connections."""
        ...
