"""An event on its way to a handler."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct

from shared_code.domain.events.envelope import CloudEvent


class Received(Struct, frozen=True, kw_only=True):
    """An event that fits its schema and is in the store.

    `data` is an instance of the type's model in the catalogue; `stream` is the pseudonym of the learner (or of the
    content item) that it is about, `version` its place there.
    """

    event: CloudEvent
    data: Any
    stream: str
    version: int


Handler = Callable[[Received], Awaitable[None]]
