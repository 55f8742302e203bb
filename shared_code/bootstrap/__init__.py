"""The one place that chooses implementations: built at first use, once a process.

A file a room: each builds its parts out of the rooms above it, and is the only one that names their classes. A part
that is new becomes a field of its room; triggers and activities find it as `app().room.part`.

Rooms are structs: to define a dataclass costs an instance that starts a millisecond or two, and there are many.
"""

from __future__ import annotations

from functools import cache

from msgspec import Struct

from shared_code.bootstrap.delivery import Delivery, build_delivery
from shared_code.bootstrap.events import Events, build_events
from shared_code.bootstrap.gateway import build_gateway
from shared_code.bootstrap.operations import Operations, build_operations
from shared_code.bootstrap.privacy import Privacy, build_privacy
from shared_code.bootstrap.readiness import build_readiness
from shared_code.bootstrap.realtime import Realtime, build_realtime
from shared_code.bootstrap.services import Services, build_services
from shared_code.bootstrap.storage import Storage, build_storage
from shared_code.bootstrap.webhooks import Webhooks, build_webhooks
from shared_code.gateway.assembly import identity_keys
from shared_code.gateway.gateway import Gateway
from shared_code.observability import logs
from shared_code.observability.health import Readiness
from shared_code.services.people import People
from shared_code.settings import Settings


class App(Struct, frozen=True, kw_only=True):
    """Everything that triggers and activities call, by room."""

    settings: Settings
    people: People
    storage: Storage
    events: Events
    delivery: Delivery
    realtime: Realtime
    services: Services
    webhooks: Webhooks
    operations: Operations
    gateway: Gateway
    privacy: Privacy
    readiness: Readiness


@cache
def app() -> App:
    """The app of this process. Raises SettingsError, with every fault, where the settings do not fit."""
    settings = Settings.from_environment()
    logs.install()
    people = People(settings.pseudonym_key)
    issuers = identity_keys(settings.gateway)

    storage = build_storage(settings)
    events = build_events(settings, storage, people)
    delivery = build_delivery(storage, events, people)
    realtime = build_realtime(settings, storage)
    services = build_services(settings, storage, events, realtime, people)
    webhooks = build_webhooks(settings, storage, events, delivery)
    operations = build_operations(storage, events, delivery, services, webhooks, people)
    gateway = build_gateway(settings, storage, events, services, operations, issuers)
    return App(
        settings=settings,
        people=people,
        storage=storage,
        events=events,
        delivery=delivery,
        realtime=realtime,
        services=services,
        webhooks=webhooks,
        operations=operations,
        gateway=gateway,
        privacy=build_privacy(settings, storage, events, delivery, realtime, services, operations, gateway),
        readiness=build_readiness(storage, events, realtime, issuers),
    )
