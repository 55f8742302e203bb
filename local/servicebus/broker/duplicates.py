"""Duplicate detection: which message ids an entity has seen within its window."""

from __future__ import annotations

from local.servicebus.amqp.encode import encode
from local.servicebus.amqp.message import MESSAGE_ID, Message
from local.servicebus.store import Store


class Duplicates:
    """The window, in ms, counts from the first message of an id, whatever follows; None detects nothing."""

    def __init__(self, entity: str, window: int | None, store: Store) -> None:
        self._entity = entity
        self._window = window
        self._store = store
        self._seen = store.duplicates(entity)  # when each id is forgotten, oldest first

    def first(self, message: Message, now: int) -> bool:
        """Note the message's id. False if a message with that id, of that AMQP type, came within the window."""
        if self._window is None:
            return True
        while self._seen and self._seen[oldest := next(iter(self._seen))] <= now:
            del self._seen[oldest]
            self._store.forget(self._entity, oldest)
        key = encode(message.properties[MESSAGE_ID])
        if key in self._seen:
            return False
        self._seen[key] = now + self._window
        self._store.remember(self._entity, key, now + self._window)
        return True
