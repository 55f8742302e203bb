"""What is kept of a person, and for how long: whatever adds a place for learners' data adds its step here."""

from __future__ import annotations

from msgspec import Struct

from shared_code.bootstrap.delivery import Delivery
from shared_code.bootstrap.events import Events
from shared_code.bootstrap.operations import Operations
from shared_code.bootstrap.realtime import Realtime
from shared_code.bootstrap.services import Services
from shared_code.bootstrap.storage import Storage
from shared_code.domain.clock import utc_now
from shared_code.events.consents import KEY as CONSENTS
from shared_code.events.forgetting import Forgetting
from shared_code.gateway.gateway import Gateway
from shared_code.realtime.channel import personal
from shared_code.services.erasure import Erasures, Person
from shared_code.services.guests import LinkedGuests
from shared_code.services.retention import Retention
from shared_code.settings import Settings


class Privacy(Struct, frozen=True, kw_only=True):
    """Erasure at a person's word, and by age."""

    erasures: Erasures
    retention: Retention


def build_privacy(
    settings: Settings,
    storage: Storage,
    events: Events,
    delivery: Delivery,
    realtime: Realtime,
    services: Services,
    operations: Operations,
    gateway: Gateway,
) -> Privacy:
    """The erasures over all places where something of a learner's may be."""
    forgetting = Forgetting(events.bus, delivery.parking)

    async def forget_letters(person: Person) -> None:
        await delivery.letters.forget(person.tenant, person.pseudonym)
        await delivery.found_letters.start_over()

    erasures = Erasures(
        table=storage.tables.table("erasures"),
        keys=storage.keys,
        steps={
            "key": lambda person: storage.keys.erase(person.pseudonym),
            "events": lambda person: events.store.forget(person.pseudonym, CONSENTS),
            "attempts": lambda person: services.feedback.forget(person.pseudonym),
            "progress": lambda person: services.progress.forget(person.pseudonym),
            "plans": lambda person: services.planning.forget(person.pseudonym),
            "voice": lambda person: services.voices.forget(person.pseudonym),
            "channel": lambda person: realtime.channel.forget(personal(person.pseudonym), person.pseudonym),
            "answers": lambda person: gateway.forget(person.pseudonym),
            "parked": lambda person: forgetting.parked(person.pseudonym),
            "letters": forget_letters,
            "messages": lambda person: forgetting.messages(person.id, person.pseudonym),
        },
        others=LinkedGuests(gateway.guests.linked_to, events.store).of,
        clock=utc_now,
    )
    retention = Retention(storage.tables, storage.blobs, operations.jobs, utc_now, kept_jobs=settings.jobs_kept)
    return Privacy(erasures=erasures, retention=retention)
