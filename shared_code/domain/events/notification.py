"""What people are to be told, and what reached them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from shared_code.domain.events.fields import Identifier, Moment, Slug

Channel = Literal["realtime", "push", "email", "sms", "inbox"]
Parameter = Annotated[str, Meta(max_length=200)] | int | float | bool


class NotificationRequested(Struct, frozen=True, kw_only=True):
    """Somebody wants the learner told. Required: the first two.

    `template` names a text that the notification service keeps in the learner's language; `parameters` fill it and
    carry nothing that a learner wrote. Without `channels` the learner's preferences choose. After `expires_at` it is
    dropped.
    """

    notification_id: Identifier
    template: Slug
    parameters: Annotated[dict[Slug, Parameter], Meta(max_length=20, extra={"erased": {}})] = {}
    channels: Annotated[tuple[Channel, ...], Meta(max_length=5)] = ()
    priority: Literal["low", "normal", "high"] = "normal"
    not_before: Moment | None = None
    expires_at: Moment | None = None


class NotificationDelivered(Struct, frozen=True, kw_only=True):
    """A notification reached its channel, or will not. Required: the first three."""

    notification_id: Identifier
    channel: Channel
    status: Literal["delivered", "suppressed", "failed"]
    reason: Slug | None = None
    attempts: Annotated[int, Meta(ge=1)] = 1
    delivered_at: Moment | None = None
