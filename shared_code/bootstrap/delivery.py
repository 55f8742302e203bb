"""How a message reaches its subscriber: once, in order, again after a failure, and to the dead letters at last."""

from __future__ import annotations

from msgspec import Struct

from shared_code.bootstrap.events import Events
from shared_code.bootstrap.storage import Storage
from shared_code.domain.clock import utc_now
from shared_code.events.consumer import Consumer
from shared_code.events.dead_letter_queue import DeadLetterQueue
from shared_code.events.dead_letters import DeadLetters
from shared_code.events.found_letters import FoundLetters
from shared_code.events.handling import Handling
from shared_code.events.inbox import Inbox
from shared_code.events.letters import Letters
from shared_code.events.parking import Parking
from shared_code.events.redeliveries import Redeliveries
from shared_code.events.retries import Retries
from shared_code.services.people import People


class Delivery(Struct, frozen=True, kw_only=True):
    """A message's ways: handled, parked behind another, tried again, dead."""

    consumer: Consumer
    parking: Parking
    redeliveries: Redeliveries
    retries: Retries
    letters: Letters
    dead_letters: DeadLetters
    dead_letter_queue: DeadLetterQueue
    found_letters: FoundLetters


def build_delivery(storage: Storage, events: Events, people: People) -> Delivery:
    """The delivery of these events."""
    tables, keys, bus = storage.tables, storage.keys, events.bus
    handling = Handling(events.store, Inbox(tables, utc_now), events.timeline, events.consents, keys)
    parking = Parking(tables, keys)
    redeliveries = Redeliveries(bus)
    letters = Letters(tables, storage.blobs, keys, utc_now)
    dead_letters = DeadLetters(bus, letters, keys, people.pseudonym, utc_now)
    dead_letter_queue = DeadLetterQueue(bus)
    return Delivery(
        consumer=Consumer(
            handling=handling,
            parking=parking,
            redeliveries=redeliveries,
            dead_letters=dead_letters,
            lake=storage.lake,
            pseudonym=people.pseudonym,
            clock=utc_now,
        ),
        parking=parking,
        redeliveries=redeliveries,
        retries=Retries(
            store=events.store,
            handling=handling,
            parking=parking,
            redeliveries=redeliveries,
            dead_letters=dead_letters,
            lake=storage.lake,
            clock=utc_now,
        ),
        letters=letters,
        dead_letters=dead_letters,
        dead_letter_queue=dead_letter_queue,
        found_letters=FoundLetters(
            bus=bus,
            tables=tables,
            letters=letters,
            dead_letters=dead_letters,
            queue=dead_letter_queue,
            keys=keys,
            pseudonym=people.pseudonym,
            clock=utc_now,
        ),
    )
