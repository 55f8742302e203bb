"""Guests who become account holders keep what they have practised."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from shared_code.domain.clock import parse_rfc3339
from shared_code.domain.events.envelope import CloudEvent
from shared_code.domain.events.learning import ProgressRecorded
from shared_code.domain.events.versions import VERSIONS
from shared_code.domain.identifiers import derived_uuid7
from shared_code.domain.principal import Principal
from shared_code.events.store import MOST_AT_ONCE, EventStore
from shared_code.events.stored import StoredEvent
from shared_code.services.erasure import Person
from shared_code.services.progress import ProgressService


class GuestProgress:
    """Copies a guest's progress into the stream of the account.

    The copies are not published: what followed from them followed when the guest practised. Their ids are derived from
    the originals', so that copying again adds only what the guest has practised since.
    """

    def __init__(self, store: EventStore, progress: ProgressService) -> None:
        self._store = store
        self._progress = progress

    async def adopt(self, guest: Principal, account: Principal, correlation_id: str) -> None:
        """Give the account what the guest has practised, and compute its progress."""
        reverted = set((await self._progress.catch_up(guest.pseudonym)).reverted)
        copies: list[CloudEvent] = []
        async for stored in self._store.read(guest.pseudonym):
            if _counts(stored) and stored.event.id not in reverted:
                copies.append(_copy(stored.event, account, correlation_id))
            if len(copies) == MOST_AT_ONCE:
                await self._keep(account.pseudonym, copies)
                copies = []
        if copies:
            await self._keep(account.pseudonym, copies)
        await self._progress.catch_up(account.pseudonym)

    async def _keep(self, stream: str, copies: list[CloudEvent]) -> None:
        await self._store.announce(stream, copies)
        await self._store.append(stream, copies)


class LinkedGuests:
    """Who became an account: their streams are the account holder's too. `linked_to` finds them by their pseudonyms."""

    def __init__(self, linked_to: Callable[[str], Awaitable[list[str]]], store: EventStore) -> None:
        self._linked_to = linked_to
        self._store = store

    async def of(self, account: Person) -> list[Person]:
        """The guests of an account, with their names where their events still tell them."""
        return [await self._named(guest) for guest in await self._linked_to(account.pseudonym)]

    async def _named(self, guest: str) -> Person:
        async for stored in self._store.read(guest):
            if not stored.erased:
                return Person(id=stored.event.subject, tenant=stored.event.tenantid, pseudonym=guest)
        return Person(id="", tenant="", pseudonym=guest)


def _counts(stored: StoredEvent) -> bool:
    return VERSIONS.carries(stored.event, ProgressRecorded) and not stored.erased


def _copy(event: CloudEvent, account: Principal, correlation_id: str) -> CloudEvent:
    return msgspec.structs.replace(
        event,
        id=derived_uuid7(parse_rfc3339(event.time), event.id, account.pseudonym),
        subject=account.id,
        tenantid=account.tenant,
        correlationid=correlation_id,
        causationid=event.id,
    )
