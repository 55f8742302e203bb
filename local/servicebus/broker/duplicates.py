"""Duplicate detection: which message ids an entity has seen within its window."""

from __future__ import annotations

from local.servicebus.amqp.codec import encode
from local.servicebus.amqp.message import MESSAGE_ID, Message
from local.servicebus.store import Store


class Duplicates:
    """The window, in ms, counts from the first message of an id, whatever follows; None detects nothing."""

    def __init__(self, entity: str, window: int | None, store: Store) -> None:
        self._entity = entity
        self._window = window
        self._store = store
        self._seen = {key: until for _, key, until in store.rows("duplicate", entity)}  # the oldest first

    def first(self, message: Message, now: int) -> bool:
        """Note the message's id. False if a message with that id, of that AMQP type, came within the window."""
        if self._window is None:
            return True
        while self._seen and self._seen[oldest := next(iter(self._seen))] <= now:
            del self._seen[oldest]
            self._store.drop("duplicate", self._entity, oldest)
        key, until = encode(message.properties[MESSAGE_ID]), now + self._window
        if key in self._seen:
            return False
        self._seen[key] = until
        self._store.put("duplicate", self._entity, key, columns=lambda: (until,))
        return True
