"""From an event to the subscribers' servers: a message a delivery and attempt in the queue `webhooks`."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared_code.domain.clock import Clock
from shared_code.domain.errors import Conflict, Invalid, NotFound
from shared_code.domain.side_effects import latched
from shared_code.events.bus import Bus
from shared_code.events.consents import ConsentRecord
from shared_code.events.message import IncomingMessage
from shared_code.events.received import Received
from shared_code.events.store import EventStore
from shared_code.services.webhooks.address import Destinations
from shared_code.services.webhooks.attempt import QUEUE, Attempt
from shared_code.services.webhooks.log import DeliveryLog, Logged
from shared_code.services.webhooks.signing import signed_headers
from shared_code.services.webhooks.subscriptions import Subscription, Subscriptions
from shared_code.storage.lake import Lake

if TYPE_CHECKING:
    import aiohttp

SUBSCRIBER = "webhooks"  # of every topic
CONTENT_TYPE = "application/cloudevents+json"
ANSWER = 15.0  # seconds in which a subscriber has to answer
GONE = 410  # "this endpoint wants no more", as the specification has it
# Between one attempt and the next, as Standard Webhooks recommends: ten attempts within three days.
DELAYS = tuple(timedelta(seconds=seconds) for seconds in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400))
OVERDUE = timedelta(minutes=15)  # an attempt that was not made for so long has lost its message


class Postman:
    """Dispatches events and makes the attempts. `close` when the process ends."""

    def __init__(
        self,
        *,
        subscriptions: Subscriptions,
        deliveries: DeliveryLog,
        store: EventStore,
        consents: ConsentRecord,
        bus: Bus,
        lake: Lake,
        destinations: Destinations,
        clock: Clock,
        delays: Sequence[timedelta] = DELAYS,
    ) -> None:
        self._subscriptions = subscriptions
        self._deliveries = deliveries
        self._store = store
        self._consents = consents
        self._bus = bus
        self._lake = lake
        self._destinations = destinations
        self._clock = clock
        self._delays = tuple(delays)
        self._http: aiohttp.ClientSession | None = None

    async def dispatch(self, received: Received) -> None:
        """Have an event delivered to everybody of its tenant who wants it. The handler of the bus subscriptions."""
        if latched():
            return
        for subscription in await self._subscriptions.wanting(received.event.tenantid, received.event.type):
            delivery_id = await self._deliveries.begin(subscription.id, received.stream, received.event)
            await self._ask(
                Attempt(tenant=subscription.tenant, webhook_id=subscription.id, delivery_id=delivery_id, number=1)
            )

    async def again(self, tenant: str, webhook_id: str, delivery_id: str, *, redriven: int = 0) -> None:
        """Deliver once more what is not under way. Raises NotFound, Conflict for what is still being tried.

        Under way is what is pending and not overdue: a message may be lost, by a crash of this very method too. So
        what is `redriven`, for the how-manieth time, is asked for in any case: at worst the subscriber has it twice.
        """
        await self._subscriptions.get(tenant, webhook_id)
        logged = await self._deliveries.get(webhook_id, delivery_id)
        if logged is None:
            raise NotFound("There is no such delivery.")
        due = logged.delivery.next_at
        pending = logged.delivery.state == "pending" and due is not None and self._clock() < due + OVERDUE
        if pending and not redriven:
            raise Conflict("This delivery is still being tried.", code="delivery-pending")
        await self._deliveries.change(logged, state="pending", attempts=0, next_at=self._clock())
        await self._ask(
            Attempt(tenant=tenant, webhook_id=webhook_id, delivery_id=delivery_id, number=1, redriven=redriven)
        )

    async def attempt(self, message: IncomingMessage) -> None:
        """Make the attempt that a message of the queue asks for; when this returns, it is to be completed.

        A crash after the subscriber's answer repeats the attempt: subscribers know an event by its `webhook-id`.
        Raises what keeps us from making it, which says nothing about the subscriber: see `Undelivered`.
        """
        asked = Attempt.of(message)
        logged = await self._deliveries.get(asked.webhook_id, asked.delivery_id)
        if logged is None or logged.delivery.state != "pending":
            return
        try:
            subscription = await self._subscriptions.get(asked.tenant, asked.webhook_id)
        except NotFound:
            await self._deliveries.change(logged, state="dropped", next_at=None, failure="webhook-deleted")
            return
        if logged.delivery.attempts >= asked.number:  # made before, and cut off before the next one was asked for
            if logged.delivery.attempts == asked.number:
                await self._ask(asked.following(), due=logged.delivery.next_at)
            return
        await self._deliver(subscription, logged, asked)

    async def close(self) -> None:
        """Close the pooled connections."""
        if self._http is not None:
            await self._http.close()

    async def _deliver(self, subscription: Subscription, logged: Logged, asked: Attempt) -> None:
        stored = await self._store.find(logged.stream, logged.delivery.event_id)
        if stored is None or stored.erased or not subscription.active:
            failure = "webhook-inactive" if stored and not stored.erased else "data-erased"
            await self._deliveries.change(logged, state="dropped", next_at=None, failure=failure)
            return
        if not await self._consents.permit(stored.stream, stored.event.type, SUBSCRIBER):  # withdrawn meanwhile
            await self._deliveries.change(logged, state="dropped", next_at=None, failure="no-consent")
            return
        keys = await self._subscriptions.signing_keys(subscription)
        body = stored.event.encode()
        headers = signed_headers(keys, stored.event.id, int(self._clock().timestamp()), body)
        status, failure = await self._post(subscription.url, headers, body)
        attempt = asked.number
        self._record(subscription, logged, attempt, status, failure)
        if not failure:
            await self._deliveries.change(
                logged, state="delivered", attempts=attempt, status=status, failure="", next_at=None
            )
        elif status == GONE or attempt > len(self._delays):
            await self._deliveries.change(
                logged, state="failed", attempts=attempt, status=status, failure=failure, next_at=None
            )
        else:
            due = self._clock() + self._delays[attempt - 1] * random.uniform(1, 1.2)  # noqa: S311  spreads a rush
            await self._deliveries.change(logged, attempts=attempt, status=status, failure=failure, next_at=due)
            await self._ask(asked.following(), due=due)

    async def _post(self, url: str, headers: dict[str, str], body: bytes) -> tuple[int | None, str]:
        """Status and what was wrong; redirects are not followed, and nobody's answer is read."""
        import aiohttp  # at first use: a fifth of the time that the app takes to start

        try:
            self._destinations.check(url)  # the configuration may have changed since
            async with (
                asyncio.timeout(ANSWER),
                self._session().post(
                    url, data=body, headers={**headers, "content-type": CONTENT_TYPE}, allow_redirects=False
                ) as answer,
            ):
                return answer.status, "" if 200 <= answer.status < 300 else f"status-{answer.status}"
        except Invalid:
            return None, "address-refused"
        except TimeoutError:
            return None, "timeout"
        except (aiohttp.ClientError, OSError):
            return None, "not-reachable"

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            import aiohttp

            from shared_code.resilience.checked_resolver import CheckedResolver

            connector = aiohttp.TCPConnector(
                limit_per_host=8, resolver=CheckedResolver(self._destinations.forbidden), ttl_dns_cache=30
            )
            self._http = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"user-agent": "SayZhong-Webhooks/1"},
            )
        return self._http

    async def _ask(self, attempt: Attempt, *, due: datetime | None = None) -> None:
        await self._bus.send(QUEUE, [attempt.message(due)])

    def _record(
        self, subscription: Subscription, logged: Logged, attempt: int, status: int | None, failure: str
    ) -> None:
        self._lake.write(
            "integration",
            "external_services/third_party_integration_logs",
            {
                "kind": "webhook",
                "webhook": subscription.id,
                "event_id": logged.delivery.event_id,
                "type": logged.delivery.type,
                "learner": logged.stream,
                "attempt": attempt,
                "status": status,
                "failure": failure,
            },
        )
