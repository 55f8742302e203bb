"""Which subscribers a learner lets have their voice and experiment data.

The learner's answers are one row beside their events (`consents` in the stream's partition), written in the same
transaction as the event that states the change: neither is ever without the other.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct, field

from shared_code.domain.clock import Clock
from shared_code.domain.errors import Conflict, FieldError, Invalid
from shared_code.domain.events.catalogue import Purpose, event_of, find
from shared_code.domain.events.consent import ConsentChanged
from shared_code.domain.events.topology import concerned, presumed
from shared_code.domain.principal import Principal
from shared_code.events.journal import Journal
from shared_code.events.store import EventStore
from shared_code.storage.rows import Change, Row

KEY = "consents"
PURPOSES: tuple[Purpose, ...] = ("voice", "experiment")
RACES = 10


class Consents(Struct, kw_only=True):
    """What a learner has said so far; the subscribers whom they said nothing about are not in it."""

    version: int = 0
    voice: dict[str, bool] = field(default_factory=dict)
    experiment: dict[str, bool] = field(default_factory=dict)

    def of(self, purpose: Purpose) -> dict[str, bool]:
        """The answers for one purpose."""
        return self.voice if purpose == "voice" else self.experiment

    def permit(self, purpose: Purpose, subscriber: str) -> bool:
        """Whether a subscriber may have data of this purpose."""
        return self.of(purpose).get(subscriber, presumed(subscriber, purpose))

    def whole(self) -> Consents:
        """The same with every subscriber that is concerned."""
        return Consents(
            version=self.version,
            voice={each: self.permit("voice", each) for each in concerned("voice")},
            experiment={each: self.permit("experiment", each) for each in concerned("experiment")},
        )


class ConsentRecord:
    """Reads and changes learners' consents. All methods raise Unavailable when storage cannot answer."""

    def __init__(self, store: EventStore, journal: Journal, clock: Clock) -> None:
        self._store = store
        self._journal = journal
        self._clock = clock

    async def of(self, learner: str) -> Consents:
        """What a learner (a pseudonym) has said so far."""
        return _read(await self._store.beside(learner, KEY))

    async def permit(self, learner: str, event_type: str, subscriber: str) -> bool:
        """Whether an event of this type may be handled for a subscriber; asked when it is handled.

        Costs a read for events that carry voice or experiment data, nothing for others.
        """
        kind = find(event_type)
        if kind is None or not kind.carries:
            return True
        consents = await self.of(learner)
        return all(consents.permit(purpose, subscriber) for purpose in kind.carries)

    async def change(
        self, learner: Principal, wanted: ConsentChanged, correlation_id: str, *, expected_version: int | None
    ) -> Consents:
        """Grant and withdraw; `wanted.version` does not count. The consents as they are then.

        Raises Invalid for a subscriber that is sent no such data, Conflict, with `current_version`, where the consents
        are not at `expected_version`.
        """
        for purpose, named in (("voice", wanted.voice), ("experiment", wanted.experiment)):
            _check(purpose, named)  # type: ignore[arg-type]
        stream = learner.pseudonym
        for _ in range(RACES):
            head = await self._store.head(stream)
            before = await self.of(stream)
            if expected_version not in (None, before.version):
                detail = f"Your consents are at version {before.version}."
                raise Conflict(detail, extra={"current_version": before.version})
            after = Consents(
                version=before.version + 1,
                voice=before.voice | wanted.voice,
                experiment=before.experiment | wanted.experiment,
            )
            if (after.voice, after.experiment) == (before.voice, before.experiment):
                return before
            event = event_of(
                msgspec.structs.replace(wanted, version=after.version),
                subject=learner.id,
                tenant=learner.tenant,
                correlation_id=correlation_id,
                now=self._clock(),
            )
            row = Row(stream, KEY, {"record": msgspec.json.encode(after)})
            try:
                await self._journal.record(stream, [event], expected_version=head.version, beside=Change("put", row))
            except Conflict:
                continue  # something else happened to the learner; their consents may be as they were
            return after
        raise Conflict("Too much happens at once; try again.", code="stream-busy", retry_after=1)


def _read(row: Row | None) -> Consents:
    return msgspec.json.decode(bytes(row.values["record"]), type=Consents) if row is not None else Consents()  # type: ignore[arg-type]


def _check(purpose: Purpose, named: dict[str, bool]) -> None:
    strangers = [
        FieldError(f"/{purpose}/{name}", "is sent no such data") for name in named if name not in concerned(purpose)
    ]
    if strangers:
        raise Invalid("The body does not fit.", errors=strangers)
