"""A broker on a clock of the test's own, and receivers that remember what they got."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from local.servicebus.broker.broker import Broker
from local.servicebus.broker.queue import Queue
from local.servicebus.broker.sessions import SessionQueue
from local.servicebus.config import load_config
from local.servicebus.refused import Refused
from local.servicebus.store import Store
from tests.local.servicebus.messages import ANNOTATIONS, APPLICATION_PROPERTIES, HEADER, body_of, message, sections

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000


class Receiver:
    """A consumer that remembers; `credit` is what it has left."""

    def __init__(self, name: str = "receiver", credit: int = 100, locks: bool = True) -> None:
        self.name = name
        self.credit = credit
        self.locks = locks
        self.got: list[tuple[bytes, bytes]] = []
        self.session: str | None = None
        self.until = 0
        self.lost_by: Refused | None = None

    def deliver(self, token: bytes, payload: bytes) -> None:
        self.credit -= 1
        self.got.append((token, payload))

    def granted(self, session_id: str, until: int) -> None:
        self.session, self.until = session_id, until

    def lost(self, why: Refused) -> None:
        self.lost_by = why

    @property
    def token(self) -> bytes:
        """Of the latest delivery."""
        return self.got[-1][0]

    @property
    def bodies(self) -> list[str]:
        return [body_of(payload) for _, payload in self.got]

    @property
    def delivery_counts(self) -> list[int]:
        return [int(sections(payload)[HEADER][4]) for _, payload in self.got]

    @property
    def numbers(self) -> list[int]:
        return [number_of(payload) for _, payload in self.got]

    @property
    def properties(self) -> dict[str, Any]:
        """The user's properties of the latest delivery."""
        return dict(sections(self.got[-1][1]).get(APPLICATION_PROPERTIES) or {})

    @property
    def annotations(self) -> dict[str, Any]:
        return dict(sections(self.got[-1][1])[ANNOTATIONS])


def number_of(payload: bytes) -> int:
    return int(sections(payload)[ANNOTATIONS]["x-opt-sequence-number"])


class Bench:
    """`now` moves only by `advance` and `at`, which let everything happen that falls due on the way."""

    def __init__(self, configuration: bytes, path: Path) -> None:
        self.configuration = configuration
        self._path = path
        self.now = 1_800_000_000_000
        self.open()

    def open(self) -> None:
        self.store = Store(self._path)
        self.broker = Broker(load_config(self.configuration), self.store)
        self.broker.agenda.run(self.now)

    def restart(self) -> None:
        """End without a word and start again: what was not committed is gone."""
        self.store.close()
        self.open()

    def advance(self, milliseconds: int) -> None:
        end = self.now + milliseconds
        while (due := self.broker.agenda.next_due()) is not None and due <= end:
            self.now = max(self.now, due)
            self.broker.agenda.run(self.now)
        self.now = end

    def send(self, name: str, *bodies: str, **details: Any) -> None:
        self.broker.destination(name).send([message(body, **details) for body in bodies], self.now)

    def queue(self, name: str) -> Queue:
        return self.broker.source(name)

    def sessions(self, name: str) -> SessionQueue:
        found = self.broker.source(name)
        assert isinstance(found, SessionQueue)
        return found

    def receiver(self, name: str, *, credit: int = 100, locks: bool = True) -> Receiver:
        receiver = Receiver(credit=credit, locks=locks)
        self.broker.source(name).attach(receiver, self.now)
        return receiver

    def dead_letters(self, name: str) -> Receiver:
        return self.receiver(f"{name}/$DeadLetterQueue")

    def waiting(self, name: str) -> list[str]:
        """Bodies of all messages of a queue, in whatever state."""
        return [body_of(self.queue(name).encoded(entry)) for entry in self.queue(name).peek(1)]
