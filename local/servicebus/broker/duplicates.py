"""Duplicate detection: which message ids an entity has seen within its window."""

from __future__ import annotations

from local.servicebus.amqp.encode import encode
from local.servicebus.amqp.message import MESSAGE_ID, Message
from local.servicebus.store import Store


class Duplicates:
    """Ids with the time at which each is forgotten; the window counts from the first message, whatever follows."""

    def __init__(self, entity: str, window: int, store: Store) -> None:
        self._entity = entity
        self._window = window
        self._store = store
        self._seen = store.duplicates(entity)  # oldest first, since the window is the same for all

    def first(self, message: Message, now: int) -> bool:
        """Note the message's id. False if a message with that id, of that AMQP type, came within the window."""
        self._forget(now)
        key = encode(message.properties[MESSAGE_ID])
        if key in self._seen:
            return False
        self._seen[key] = now + self._window
        self._store.remember(self._entity, key, now + self._window)
        return True

    def _forget(self, now: int) -> None:
        gone = []
        for key, until in self._seen.items():
            if until > now:
                break
            gone.append(key)
        for key in gone:
            del self._seen[key]
            self._store.forget(self._entity, key)
