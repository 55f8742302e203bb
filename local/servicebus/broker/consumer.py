"""What the broker sees of a receiver."""

from __future__ import annotations

from typing import Protocol

from local.servicebus.broker.refused import Refused


class Consumer(Protocol):
    """A receiving link. `locks` is true for peek-lock, false for receive-and-delete."""

    name: str
    locks: bool

    @property
    def credit(self) -> int:
        """How many more messages it takes now."""

    def deliver(self, token: bytes, payload: bytes) -> None:
        """Hand over a message under a lock token of 16 bytes, in the byte order of .NET."""

    def granted(self, session_id: str, until: int) -> None:
        """The session that it waited for is its own until then, in ms since 1970."""

    def lost(self, error: Refused) -> None:
        """Its session, or its wait for one, is over."""
