"""A learner's numbered log of a session: written before anything is pushed, read back when something was missed.

Each participant has a log of one's own, with numbers of its own: what is for all is written to all, what is for one,
such as feedback, to that one alone. So nobody reads what is another's, and a number that is missing is a message that
was missed, whoever reads.

Table `channel`, one partition a log: a row `head` with the latest number, a row a message (`m` and nine digits), and a
create-only row a key, so that a message that is appended again keeps its first number. What a message says is sealed
under the key of the learner whom it is about.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from shared_code.domain.clock import Clock, parse_rfc3339, rfc3339
from shared_code.domain.errors import Conflict, NotFound, Unavailable
from shared_code.realtime.envelope import Envelope, MessageType
from shared_code.storage.rows import Change, Row, Value
from shared_code.storage.sealing.learner_keys import LearnerKeys
from shared_code.storage.tables import Table

PAGE = 500  # messages in one catch-up
ERASED = {"erased": True}
COLUMN = 60_000  # bytes in one binary property; table storage takes 64 KiB
RACES = 20  # lost races for a number before we say that the channel is too busy


def personal(person: str) -> str:
    """What stands for the session in messages to a learner (a pseudonym) that belong to none."""
    return f"user:{person}"


class CatchUp(Struct, frozen=True, kw_only=True):
    """What a client missed. `complete` is false where messages are missing or more are to be read.

    Of a message about a learner who was erased since, `data` is `{"erased": true}`.
    """

    complete: bool
    latest_seq: int
    messages: tuple[Envelope, ...]


class Channel:
    """The logs of all learners in all sessions. People are pseudonyms."""

    def __init__(self, table: Table, keys: LearnerKeys, clock: Clock) -> None:
        self._table = table
        self._keys = keys
        self._clock = clock

    async def append(
        self,
        session_id: str,
        reader: str,
        kind: MessageType,
        data: dict[str, Any],
        *,
        key: str,
        correlation_id: str,
        about: str | None = None,
        expires_at: datetime | None = None,
    ) -> tuple[Envelope, bool]:
        """Number a message to a reader and keep it; false if this key was appended before.

        The same key gives the first envelope again, so that a step that runs twice says one thing once. `about` is
        whose words or deeds it tells of: the reader's own, unless another is named.
        """
        log = _log(session_id, reader)
        for _ in range(RACES):
            head = await self._table.get(log, "head")
            seq = (int(head.values["seq"]) if head else 0) + 1
            envelope = Envelope(
                seq=seq,
                type=kind,
                session_id=session_id,
                time=rfc3339(self._clock()),
                expires_at=rfc3339(expires_at) if expires_at else None,
                correlation_id=correlation_id,
                data=data,
            )
            new_head = Row(log, "head", {"seq": seq}, head.etag if head else "")
            columns = await self._columns(log, envelope, about or reader)
            try:
                await self._table.transact(
                    [
                        Change("replace" if head else "insert", new_head),
                        Change("insert", Row(log, f"k{key}", {"seq": seq})),
                        Change("insert", Row(log, _row_key(seq), columns)),
                    ]
                )
            except (Conflict, NotFound):
                earlier = await self._table.get(log, f"k{key}")
                if earlier is not None:
                    return await self._message(log, int(earlier.values["seq"])), False
                continue
            return envelope, True
        raise Unavailable("This session's channel is busy; try again.", code="channel-busy", retry_after=1)

    async def catch_up(self, session_id: str, reader: str, after: int) -> CatchUp:
        """A reader's messages after a number, at most 500; those that have expired are left out."""
        log = _log(session_id, reader)
        head = await self._table.get(log, "head")
        latest = int(head.values["seq"]) if head else 0
        rows = self._table.rows(log, start=_row_key(after + 1), end="n", limit=PAGE)
        envelopes = [await self._envelope(row) async for row in rows]
        now = self._clock()
        unbroken = [envelope.seq for envelope in envelopes] == list(range(after + 1, after + 1 + len(envelopes)))
        return CatchUp(
            complete=unbroken and after + len(envelopes) >= latest,
            latest_seq=max([latest, *(envelope.seq for envelope in envelopes)]),
            messages=_current(envelopes, now),
        )

    async def forget(self, session_id: str, reader: str) -> None:
        """Delete a reader's log of a session."""
        log = _log(session_id, reader)
        async for row in self._table.rows(log):
            await self._table.delete(log, row.key)

    async def _message(self, log: str, seq: int) -> Envelope:
        row = await self._table.get(log, _row_key(seq))
        if row is None:
            raise Unavailable("A message of this session cannot be read.", code="channel-broken")
        return await self._envelope(row)

    async def _columns(self, log: str, envelope: Envelope, about: str) -> dict[str, Value]:
        sealed = await self._keys.seal(about, msgspec.json.encode(envelope.data), f"channel/{log}/{envelope.seq}")
        values: dict[str, Value] = {"envelope": msgspec.json.encode(replace(envelope, data={})), "about": about}
        for number, start in enumerate(range(0, len(sealed), COLUMN)):
            values[f"part{number}"] = sealed[start : start + COLUMN]
        return values

    async def _envelope(self, row: Row) -> Envelope:
        envelope = msgspec.json.decode(bytes(row.values["envelope"]), type=Envelope)  # type: ignore[arg-type]
        parts = sorted((name for name in row.values if name.startswith("part")), key=lambda name: int(name[4:]))
        sealed = b"".join(bytes(row.values[name]) for name in parts)  # type: ignore[arg-type]
        place = f"channel/{row.partition}/{envelope.seq}"
        plain = await self._keys.open(str(row.values["about"]), sealed, place)
        return replace(envelope, data=ERASED if plain is None else msgspec.json.decode(plain))


def _current(envelopes: Sequence[Envelope], now: datetime) -> tuple[Envelope, ...]:
    return tuple(each for each in envelopes if each.expires_at is None or parse_rfc3339(each.expires_at) > now)


def _log(session_id: str, reader: str) -> str:
    return f"{session_id}:{reader}"


def _row_key(seq: int) -> str:
    return f"m{seq:09d}"
