"""What travels to a screen: one envelope a message, numbered within its session."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

MessageType = Literal[
    "session_started",
    "session_ended",
    "learning_feedback",
    "tutor_token",
    "tutor_reply",
    "lesson_adapted",
    "achievement",
    "notification",
    "presence",
    "turn_changed",
    "audio_ready",
]


class Envelope(Struct, frozen=True, kw_only=True):
    """`seq` rises by 1 for each reader of a session, who can sort by it, drop doubles and see a gap.

    Times are RFC 3339. `session_id` is `user:{pseudonym}` for what belongs to no session.
    """

    seq: int
    type: MessageType
    session_id: str
    time: str
    expires_at: str | None
    correlation_id: str
    data: dict[str, Any]
