"""Events for other systems, at their URLs."""

from __future__ import annotations

from msgspec import Struct

from shared_code.bootstrap.delivery import Delivery
from shared_code.bootstrap.events import Events
from shared_code.bootstrap.storage import Storage
from shared_code.domain.clock import utc_now
from shared_code.services.webhooks.address import Destinations
from shared_code.services.webhooks.log import DeliveryLog
from shared_code.services.webhooks.postman import Postman
from shared_code.services.webhooks.subscriptions import Subscriptions
from shared_code.services.webhooks.undelivered import Undelivered
from shared_code.settings import Settings


class Webhooks(Struct, frozen=True, kw_only=True):
    """Who wants which events, and what became of each delivery."""

    subscriptions: Subscriptions
    deliveries: DeliveryLog
    destinations: Destinations
    postman: Postman
    undelivered: Undelivered


def build_webhooks(settings: Settings, storage: Storage, events: Events, delivery: Delivery) -> Webhooks:
    """The webhooks of these settings."""
    subscriptions = Subscriptions(storage.tables, storage.keys, utc_now)
    deliveries = DeliveryLog(storage.tables, utc_now)
    destinations = Destinations(settings.webhook_hosts)
    postman = Postman(
        subscriptions=subscriptions,
        deliveries=deliveries,
        store=events.store,
        consents=events.consents,
        bus=events.bus,
        lake=storage.lake,
        destinations=destinations,
        clock=utc_now,
    )
    undelivered = Undelivered(
        postman=postman,
        deliveries=deliveries,
        store=events.store,
        dead_letters=delivery.dead_letters,
        bus=events.bus,
        clock=utc_now,
    )
    return Webhooks(
        subscriptions=subscriptions,
        deliveries=deliveries,
        destinations=destinations,
        postman=postman,
        undelivered=undelivered,
    )
