"""From envelopes to messages of SignalR."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from shared_code.realtime.envelope import Envelope


class Push(Struct, frozen=True, kw_only=True):
    """One envelope for one user (a pseudonym), on every device on which that person is connected."""

    user: str
    envelope: Envelope

    def message(self) -> dict[str, Any]:
        """The message in the form that the binding and the REST API take; the target is the envelope's type."""
        return {
            "target": self.envelope.type,
            "arguments": [msgspec.to_builtins(self.envelope)],
            "userId": self.user,
        }
