"""Sessions, and what happens in them. References only: no words, no audio."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from shared_code.domain.events.fields import Count, Identifier, Milliseconds, Mode, Moment, Slug


class SessionStarted(Struct, frozen=True, kw_only=True):
    """A learner opened a session. Required: the first two."""

    session_id: Identifier
    mode: Mode
    lesson_id: Identifier | None = None
    participants: Annotated[int, Meta(ge=1)] = 1
    expires_at: Moment | None = None


class SessionEnded(Struct, frozen=True, kw_only=True):
    """A session ended, by request or because its time was up. Required: the first two."""

    session_id: Identifier
    reason: Literal["requested", "expired", "completed"]
    duration_ms: Milliseconds | None = None
    attempts: Count | None = None
    turns: Count | None = None


class InteractionOccurred(Struct, frozen=True, kw_only=True):
    """A learner did something in a session. Required: the first three.

    `reference` names what was worked on (an exercise, a lesson step), `attempt_id` the spoken attempt where it was one.
    """

    interaction_id: Identifier
    session_id: Identifier
    kind: Literal["attempt", "turn", "hint", "answer", "navigation", "checkpoint"]
    reference: Identifier | None = None
    attempt_id: Identifier | None = None
    turn: Count | None = None
    outcome: Slug | None = None
    duration_ms: Milliseconds | None = None
