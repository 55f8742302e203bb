"""One learner's line at one subscription: what must be handled one after the other."""

from __future__ import annotations

from typing import Self

from msgspec import Struct


class Line(Struct, frozen=True):
    """`stream` is the pseudonym of the learner (or content item), so the key may stand in tables and messages."""

    topic: str
    subscriber: str
    stream: str

    @property
    def key(self) -> str:
        """The line in one text; a Service Bus session id, so at most 128 characters."""
        return f"{self.topic}|{self.subscriber}|{self.stream}"

    @classmethod
    def parse(cls, key: str) -> Self:
        """The line that has this key. Raises ValueError for what is none."""
        topic, subscriber, stream = key.split("|")
        return cls(topic, subscriber, stream)
