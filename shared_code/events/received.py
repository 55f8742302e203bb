"""An event on its way to a handler."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct

from shared_code.domain.events.envelope import CloudEvent
from shared_code.events.delivery import FIRST_TIME, Delivery


class Received(Struct, frozen=True, kw_only=True):
    """An event that fits its schema and is in the store.

    `data` is an instance of the type's model in the catalogue; `stream` is the pseudonym of the learner (or of the
    content item) that it is about, `version` its place there. `delivery` says why it comes, if not for the first time.
    """

    event: CloudEvent
    data: Any
    stream: str
    version: int
    delivery: Delivery = FIRST_TIME


Handler = Callable[[Received], Awaitable[None]]
