"""Mending a dead letter: its body is changed to an event that fits, before it is redriven."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from shared_code.domain.clock import Clock
from shared_code.domain.errors import Conflict, FieldError, Invalid
from shared_code.domain.principal import Principal
from shared_code.events.consumer import fitting
from shared_code.events.hints import members
from shared_code.events.letter import Letter
from shared_code.events.letters import Edit, Letters
from shared_code.events.store import WITHDRAWN, EventStore


class Mending:
    """`pseudonym(tenant, subject)` names streams."""

    def __init__(self, letters: Letters, store: EventStore, pseudonym: Callable[[str, str], str], clock: Clock) -> None:
        self._letters = letters
        self._store = store
        self._pseudonym = pseudonym
        self._clock = clock

    async def mend(self, letter: Letter, event: dict[str, Any], by: Principal, *, seen: str = "") -> Edit:
        """Put this event in the place of the letter's body, and the edit on record.

        Raises Invalid, with the place, for an event that does not fit, is another one or another tenant's; Conflict for
        one that is in the event store: what was stated is stated, and a correction is an event of its own.
        """
        before = letter.summary
        if await self._is_stored(before.learner, before.event_id):
            raise _stored()
        body = msgspec.json.encode(event)
        mended = fitting(body, letter.summary.topic, self._clock).event
        if mended.tenantid != letter.summary.tenant:
            raise _misfit("/tenantid", "An edit leaves a letter with its tenant.")
        named = members(letter.body).get("id")
        if isinstance(named, str) and named and mended.id != named:
            raise _misfit("/id", "An edit leaves an event its id.")
        stream = self._pseudonym(mended.tenantid, mended.subject)
        if await self._is_stored(stream, mended.id):
            raise _stored()
        return await self._letters.edit(letter.summary.tenant, letter.summary.id, body, by, seen=seen, learner=stream)

    async def _is_stored(self, stream: str, event_id: str) -> bool:
        """Whether it is there, if only so that nobody can read it any more."""
        return (await self._store.versions(stream, [event_id])).get(event_id, WITHDRAWN) > WITHDRAWN


def _stored() -> Conflict:
    return Conflict("The event is in the event store, where nothing changes.", code="event-stored")


def _misfit(pointer: str, detail: str) -> Invalid:
    return Invalid(f"{pointer}: {detail}", errors=[FieldError(pointer, detail)])
