"""Events of other systems that come over HTTP: checked one by one, stored, and published like our own."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Any

import msgspec

from shared_code.domain.clock import Clock
from shared_code.domain.errors import AppError, Conflict, FieldError, Forbidden, Invalid, TooLarge
from shared_code.domain.events.catalogue import WRITE_ANY, EventType
from shared_code.domain.events.decoding import fit
from shared_code.domain.events.envelope import MAX_EVENT_BYTES, CloudEvent
from shared_code.domain.principal import Principal
from shared_code.events.journal import Journal
from shared_code.events.store import MOST_AT_ONCE
from shared_code.events.stored import StoredEvent


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one event: accepted, or the failure. `id` is empty where the event did not say one."""

    id: str
    failure: AppError | None = None


class Intake:
    """Accepts events. `pseudonym(tenant, subject)` names the stream of an event."""

    def __init__(self, journal: Journal, pseudonym: Callable[[str, str], str], clock: Clock) -> None:
        self._journal = journal
        self._pseudonym = pseudonym
        self._clock = clock

    async def accept(self, events: Sequence[Any], caller: Principal, correlation_id: str) -> list[Outcome]:
        """Store the events that are right and that this caller may publish; one outcome an event, in order.

        An event with an accepted outcome is stored and will be published. Sent again it is accepted again, and happens
        once; another event under its id is a Conflict. Where storage does not answer, the outcome is Unavailable.
        Without a correlation id of its own an event has the request's, without a tenant the caller's.
        """
        outcomes: list[Outcome] = [Outcome("")] * len(events)
        streams: defaultdict[str, list[tuple[int, CloudEvent]]] = defaultdict(list)
        for place, members in enumerate(events):
            try:
                event = self._checked(members, caller, correlation_id)
            except AppError as failure:
                outcomes[place] = Outcome(_id(members), failure)
            else:
                outcomes[place] = Outcome(event.id)
                streams[self._pseudonym(event.tenantid, event.subject)].append((place, event))
        failures = await asyncio.gather(*(self._keep(stream, found) for stream, found in streams.items()))
        for failed in failures:
            for place, reason in failed.items():
                outcomes[place] = Outcome(outcomes[place].id, reason)
        return outcomes

    def _checked(self, members: Any, caller: Principal, correlation_id: str) -> CloudEvent:
        if not isinstance(members, dict):
            raise _misfit("", "An event is a JSON object.")
        size = len(msgspec.json.encode(members))
        if size > MAX_EVENT_BYTES:
            raise TooLarge(f"An event of {size} bytes; at most {MAX_EVENT_BYTES} are taken.")
        decoded = fit(
            {"tenantid": caller.tenant, "correlationid": correlation_id, **members}, received_at=self._clock()
        )
        if decoded.event.tenantid != caller.tenant:
            raise _misfit("/tenantid", "This is not your tenant.")
        if not _may_publish(caller, decoded.type):
            raise Forbidden(f"Your token does not carry {decoded.type.write_scope}.", code="scope-missing")
        return decoded.event

    async def _keep(self, stream: str, found: Sequence[tuple[int, CloudEvent]]) -> dict[int, AppError]:
        """Record the events of one stream in their order; the failures by place."""
        failures: dict[int, AppError] = {}
        kept: dict[str, StoredEvent] = {}
        distinct: dict[str, CloudEvent] = {}
        for _, event in found:
            distinct.setdefault(event.id, event)
        for some in batched(distinct.values(), MOST_AT_ONCE, strict=False):
            try:
                stored = await self._journal.record(stream, some)
            except AppError as failure:  # what comes after it must not come before it
                return failures | {place: failure for place, event in found if event.id not in kept}
            kept |= {each.event.id: each for each in stored}
            for place, event in found:
                if event.id in kept and not _same(event, kept[event.id]):
                    failures[place] = Conflict("Another event has this id.", code="event-id-taken")
        return failures


def _may_publish(caller: Principal, kind: EventType) -> bool:
    return caller.has_role("service") or not caller.scopes.isdisjoint((WRITE_ANY, kind.write_scope))


def _same(sent: CloudEvent, stored: StoredEvent) -> bool:
    """Whether they state the same; the time may have been filled in by us, the correlation by the request.

    Of one whose learner was erased since, nobody can tell: it is what its sender says it is, and stays erased.
    """
    event = stored.event
    members = (sent.type, sent.source, sent.subject, sent.data)
    return stored.erased or members == (event.type, event.source, event.subject, event.data)


def _id(members: Any) -> str:
    given = members.get("id") if isinstance(members, dict) else None
    return given[:64] if isinstance(given, str) else ""


def _misfit(pointer: str, detail: str) -> Invalid:
    return Invalid(f"{pointer or '/'}: {detail}", errors=[FieldError(pointer, detail)])
