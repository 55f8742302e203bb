"""Sessions: opened, looked at, ended. Only participants know that a session exists."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import count

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from shared_code.domain.clock import Clock, rfc3339
from shared_code.domain.errors import Conflict, NotFound, Unavailable
from shared_code.domain.events.catalogue import event_of
from shared_code.domain.events.interaction import SessionEnded, SessionStarted
from shared_code.domain.identifiers import derived_uuid7, named_uuid, uuid7
from shared_code.domain.principal import Principal
from shared_code.domain.session import LIFETIME, Mode, Session
from shared_code.events.journal import Journal
from shared_code.realtime.channel import Channel
from shared_code.realtime.envelope import MessageType
from shared_code.realtime.push import Push
from shared_code.realtime.signalr import ClientAccess, SignalRService
from shared_code.services.people import People
from shared_code.storage.rows import Row
from shared_code.storage.tables import Table

log = logging.getLogger(__name__)

KEYS_KEPT = timedelta(hours=24)  # as long as the gateway keeps the answers to idempotency keys


class StartedSession(Struct, frozen=True, kw_only=True):
    """The answer to a new session: what the client needs to connect is in it."""

    session_id: str
    mode: Mode
    realtime: ClientAccess
    expires_at: str


class SessionView(Struct, frozen=True, kw_only=True):
    """A session as its participants see it."""

    session_id: str
    mode: Mode
    lesson_id: str | None
    participants: int
    created_at: str
    expires_at: str
    ended_at: str | None


class Sessions:
    """The record of every session: table `sessions`, one row each."""

    def __init__(
        self,
        *,
        table: Table,
        people: People,
        journal: Journal,
        channel: Channel,
        realtime: SignalRService,
        clock: Clock,
    ) -> None:
        self._table = table
        self._people = people
        self._journal = journal
        self._channel = channel
        self._realtime = realtime
        self._clock = clock

    async def start(
        self,
        caller: Principal,
        correlation_id: str,
        *,
        mode: Mode,
        lesson_id: str | None = None,
        participants: Sequence[str] = (),
        key: str = "",
    ) -> tuple[StartedSession, list[Push]]:
        """Open a session; its participants are in the group `session:{id}` until it expires.

        `participants` are the ids of other people of the caller's tenant. Under the same `key`, the client's own name
        for the request, whatever a crash cut off is taken up again for a day, and stays one session. Without the
        realtime service, without which nobody could connect, nothing is written: Unavailable.
        """
        now = self._clock()
        others = (self._people.pseudonym(caller.tenant, person) for person in participants)
        session = Session(
            session_id=uuid7(now),
            tenant=caller.tenant,
            mode=mode,
            owner=caller.pseudonym,
            participants=tuple(dict.fromkeys([caller.pseudonym, *others])),
            lesson_id=lesson_id,
            created_at=now,
            expires_at=now + LIFETIME,
        )
        if key:
            session = await self._named(session, key)
        access = await self._admit(session)
        session = await self._written(session)
        event = event_of(
            SessionStarted(
                session_id=session.session_id,
                mode=session.mode,
                lesson_id=session.lesson_id,
                participants=len(session.participants),
                expires_at=session.expires_at,
            ),
            subject=caller.id,
            tenant=caller.tenant,
            correlation_id=correlation_id,
            now=session.created_at,
            event_id=derived_uuid7(session.created_at, session.session_id, "started"),
        )
        await self._journal.record(caller.pseudonym, [event])
        started = StartedSession(
            session_id=session.session_id, mode=session.mode, realtime=access, expires_at=rfc3339(session.expires_at)
        )
        return started, await self._tell(session, "session_started", correlation_id)

    async def _named(self, wanted: Session, key: str) -> Session:
        """The session that was opened under this key within a day, or the wanted one under an id that follows from it.

        Whoever asks for something else under the same key, or is somebody else, meets another id.
        """
        for use in count():
            asked = msgspec.json.encode([wanted.mode, wanted.lesson_id, wanted.participants]).decode()
            session_id = named_uuid("session", wanted.owner, key, asked, str(use))
            row = await self._table.get(session_id, "session")
            if row is None:
                return replace(wanted, session_id=session_id)
            if wanted.created_at - _session(row).created_at < KEYS_KEPT:
                return _session(row)
        raise AssertionError("unreachable: `count` does not end")

    async def _admit(self, session: Session) -> ClientAccess:
        """Let the owner connect, and all participants hear. Nothing of it matters unless the session is written."""
        group, left = f"session:{session.session_id}", session.expires_at - self._clock()
        joins = []
        for person in session.participants:
            joins.append(self._realtime.join(person, group, max(1, int(left.total_seconds()))))
            joins.append(self._realtime.join(person, f"user:{person}", int(LIFETIME.total_seconds())))
        access, _ = await asyncio.gather(self._realtime.client_access(session.owner), asyncio.gather(*joins))
        return access

    async def _written(self, session: Session) -> Session:
        """The session as it is in the table, whoever wrote it."""
        try:
            await self._table.insert(_row(session))
        except Conflict:
            row = await self._table.get(session.session_id, "session")
            assert row is not None, "sessions are never deleted"
            return _session(row)
        return session

    async def joined(self, session_id: str, caller: Principal) -> Session:
        """The session, if the caller takes part in it; NotFound otherwise, whether or not it exists."""
        row = await self._table.get(session_id, "session")
        if row is not None:
            session = _session(row)
            if session.tenant == caller.tenant and caller.pseudonym in session.participants:
                return session
        raise NotFound("There is no such session.")

    async def has(self, session_id: str, person: str) -> bool:
        """Whether there is such a session and this person (a pseudonym) takes part in it."""
        row = await self._table.get(session_id, "session")
        return row is not None and person in _session(row).participants

    async def end(self, session_id: str, caller: Principal, correlation_id: str) -> None:
        """End a session for all its participants; one that has ended stays as it is.

        Whoever ended it and asks again has finished what a crash left of it; what was done stays done once. Groups
        that cannot be left for an outage are left to expire.
        """
        await self.joined(session_id, caller)
        session = await self._over(session_id, caller)
        if session.ended_at is None or session.ended_by != caller.pseudonym:
            return
        event = event_of(
            SessionEnded(
                session_id=session_id,
                reason="requested",
                duration_ms=int((session.ended_at - session.created_at).total_seconds() * 1000),
            ),
            subject=caller.id,
            tenant=caller.tenant,
            correlation_id=correlation_id,
            now=session.ended_at,
            event_id=derived_uuid7(session.ended_at, session_id, "ended"),
        )
        await self._journal.record(caller.pseudonym, [event])
        await self._realtime.show(await self._tell(session, "session_ended", correlation_id))
        try:
            await asyncio.gather(
                *(self._realtime.leave(each, f"session:{session_id}") for each in session.participants)
            )
        except Unavailable as failure:
            log.warning("sessions.group_not_left", extra={"session_id": session_id, "code": failure.code})

    async def _over(self, session_id: str, caller: Principal) -> Session:
        """The session when it has ended: by the caller now, unless somebody ended it before."""
        while True:
            row = await self._table.get(session_id, "session")
            if row is None:
                raise NotFound("There is no such session.")  # it ended so long ago that it is no longer kept
            session = _session(row)
            if session.ended_at is not None:
                return session
            ended = replace(session, ended_at=self._clock(), ended_by=caller.pseudonym)
            with suppress(Conflict):
                await self._table.replace(Row(row.partition, row.key, _row(ended).values, row.etag))
                return ended

    def view(self, session: Session) -> SessionView:
        """What participants may see."""
        return SessionView(
            session_id=session.session_id,
            mode=session.mode,
            lesson_id=session.lesson_id,
            participants=len(session.participants),
            created_at=rfc3339(session.created_at),
            expires_at=rfc3339(session.expires_at),
            ended_at=rfc3339(session.ended_at) if session.ended_at else None,
        )

    async def _tell(self, session: Session, kind: MessageType, correlation_id: str) -> list[Push]:
        """Put the session as it stands on every participant's channel, once."""

        async def told(person: str) -> Push:
            envelope, _ = await self._channel.append(
                session.session_id,
                person,
                kind,
                msgspec.to_builtins(self.view(session)),
                key=kind,
                correlation_id=correlation_id,
            )
            return Push(user=person, envelope=envelope)

        return list(await asyncio.gather(*map(told, session.participants)))


def _row(session: Session) -> Row:
    return Row(session.session_id, "session", {"record": msgspec.json.encode(session)})


def _session(row: Row) -> Session:
    return msgspec.json.decode(bytes(row.values["record"]), type=Session)  # type: ignore[arg-type]
