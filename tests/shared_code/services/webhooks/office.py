"""One process's worth of webhooks, and what does the work of the queue's trigger."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import msgspec
from azure.servicebus.aio import ServiceBusClient

from shared_code.domain.clock import utc_now
from shared_code.domain.events.consent import ConsentChanged
from shared_code.domain.events.envelope import CloudEvent
from shared_code.domain.principal import Principal
from shared_code.events.consents import ConsentRecord
from shared_code.events.message import IncomingMessage
from shared_code.events.received import Received
from shared_code.services.webhooks.address import Destinations
from shared_code.services.webhooks.attempt import QUEUE
from shared_code.services.webhooks.log import Delivery, DeliveryLog
from shared_code.services.webhooks.postman import Postman
from shared_code.services.webhooks.subscriptions import Subscription, Subscriptions, Wish
from shared_code.services.webhooks.undelivered import Undelivered
from tests.shared_code.events.backbone import Backbone, practised, stream_of
from tests.shared_code.services.webhooks.subscriber import Subscriber

PRACTISED = "sayzhong.learning.progress-recorded.v1"
DELAYS = (timedelta(milliseconds=100), timedelta(milliseconds=200))


class Office:
    """One process's worth of webhooks."""

    def __init__(self, backbone: Backbone, tenant: str, hosts: tuple[str, ...] = ("127.0.0.1",)) -> None:
        self.backbone = backbone
        self.tenant = tenant
        self.subscriptions = Subscriptions(backbone.tables, backbone.keys, utc_now)
        self.log = DeliveryLog(backbone.tables, utc_now)
        self.consents = ConsentRecord(backbone.store, backbone.journal, utc_now)
        self.postman = Postman(
            subscriptions=self.subscriptions,
            deliveries=self.log,
            store=backbone.store,
            consents=self.consents,
            bus=backbone.bus,
            lake=backbone.lake,
            destinations=Destinations(hosts),
            clock=utc_now,
            delays=DELAYS,
        )
        self.undelivered = Undelivered(
            postman=self.postman,
            deliveries=self.log,
            store=backbone.store,
            dead_letters=backbone.dead_letters,
            bus=backbone.bus,
            clock=utc_now,
        )

    async def subscribe(self, subscriber: Subscriber, *types: str, **wish: Any) -> Subscription:
        made, subscriber.secret = await self.subscriptions.create(
            self.tenant, Wish(url=subscriber.url, types=types or (PRACTISED,), **wish)
        )
        return made

    async def publish(self, learner: str, **data: Any) -> CloudEvent:
        """Store and dispatch an event of a learner who lets webhooks have it, as its bus trigger does."""
        await self.let(learner, True)
        event = practised(learner)
        event = msgspec.structs.replace(event, tenantid=self.tenant, data=event.data | data)
        stream = stream_of(self.tenant, learner)
        (stored,) = await self.backbone.store.append(stream, [event])
        await self.postman.dispatch(Received(event=event, data=None, stream=stream, version=stored.version))
        return event

    async def let(self, learner: str, granted: bool) -> None:
        """Have a learner say whether webhooks may tell of their voice."""
        person = Principal(id=learner, tenant=self.tenant, pseudonym=stream_of(self.tenant, learner))
        wanted = ConsentChanged(version=1, voice={"webhooks": granted})
        await self.consents.change(person, wanted, str(uuid.uuid4()), expected_version=None)

    async def only(self, webhook: Subscription) -> Delivery:
        [delivery] = await self.log.page(webhook.id, after="", limit=9)
        return delivery

    async def settled(self, webhook: Subscription, state: str) -> Delivery:
        async with asyncio.timeout(60):
            while (delivery := await self.only(webhook)).state != state:
                await asyncio.sleep(0.05)
        return delivery


class pumping:  # noqa: N801  used like a function
    """Receives the queue's messages while it lasts."""

    def __init__(self, servicebus: str, handle: Callable[[IncomingMessage], Awaitable[None]]) -> None:
        self._connection = servicebus
        self._handle = handle

    async def __aenter__(self) -> None:
        self._ready = asyncio.Event()
        self._task = asyncio.create_task(self._pump())
        await self._ready.wait()

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _pump(self) -> None:
        async with (
            ServiceBusClient.from_connection_string(self._connection) as client,
            client.get_queue_receiver(QUEUE) as receiver,
        ):
            self._ready.set()
            while True:
                for message in await receiver.receive_messages(10, max_wait_time=1):
                    properties = {
                        (name.decode() if isinstance(name, bytes) else name): (
                            value.decode() if isinstance(value, bytes) else value
                        )
                        for name, value in (message.application_properties or {}).items()
                    }
                    await self._handle(IncomingMessage(body=b"", properties=properties))
                    await receiver.complete_message(message)
