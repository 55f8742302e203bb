"""Another system at the bus: sends with Microsoft's SDK, again under the same ids until the bus has accepted."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusSender
from azure.servicebus.exceptions import ServiceBusError

from local.connections import connection_settings
from tests.drills.ledger import Ledger
from tests.e2e.stack import Stack

TOPIC = "learning-progress"
PAUSE = 0.3  # seconds before it is sent again
PATIENCE = 5.0  # seconds for one send, and for closing what may be dead


class Publisher:
    """One sender to one topic, opened anew after every failure."""

    def __init__(self, stack: Stack, ledger: Ledger) -> None:
        self._connection = connection_settings(stack.ports)["ServiceBusConnection"]
        self._ledger = ledger
        self._client: ServiceBusClient | None = None
        self._sender: ServiceBusSender | None = None

    async def publish(self, event: dict[str, Any], message_id: str, *, delay: float = 0.0) -> None:
        """Return once the bus has accepted the event; with `delay`, to be delivered after so many seconds."""
        message = ServiceBusMessage(
            json.dumps(event).encode(),
            session_id=event["subject"],
            message_id=message_id,
            content_type="application/cloudevents+json",
        )
        while True:
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._send(message, delay)
            except (ServiceBusError, OSError, ValueError, TimeoutError):
                await self.close()
                self._ledger.retries += 1
                await asyncio.sleep(PAUSE)
            else:
                return

    async def _send(self, message: ServiceBusMessage, delay: float) -> None:
        if self._sender is None:
            self._client = ServiceBusClient.from_connection_string(self._connection, retry_total=0)
            self._sender = self._client.get_topic_sender(TOPIC)
        if delay:
            await self._sender.schedule_messages(message, datetime.now(UTC) + timedelta(seconds=delay))
        else:
            await self._sender.send_messages(message)

    async def close(self) -> None:
        """Close the sender; it may be broken, and whatever closing says then is no news."""
        for part in (self._sender, self._client):
            if part is not None:
                with suppress(ServiceBusError, OSError, ValueError, TimeoutError):
                    await asyncio.wait_for(part.close(), PATIENCE)
        self._sender = self._client = None
