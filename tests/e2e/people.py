"""People and programs around the stack, with real clients."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from demo.api import Api
from demo.screen import Screen
from local.connections import connection_settings
from tests.e2e.stack import Stack


class Learner:
    """A learner in a session, with a screen."""

    def __init__(self, name: str, api: Api, session: dict[str, Any], screen: Screen) -> None:
        self.name = name
        self.api = api
        self.session_id: str = session["session_id"]
        self.screen = screen

    async def attempt(self, text: str, wav: bytes) -> tuple[int, dict[str, Any], str]:
        """Submit one recording."""
        return await self.api.attempt(self.session_id, text, wav)

    async def next_message(self, kind: str, correlation_id: str, seconds: float = 30) -> dict[str, Any]:
        """The pushed envelope of this type and correlation id."""
        message = await self.screen.wait_for(
            lambda shown: shown["type"] == kind and shown["envelope"]["correlation_id"] == correlation_id, seconds
        )
        assert message is not None, f"no {kind} within {seconds} s; shown: {self.screen.messages}"
        envelope: dict[str, Any] = message["envelope"]
        return envelope


@asynccontextmanager
async def api_of(stack: Stack, name: str, *roles: str, tenant: str = "sayzhong") -> AsyncIterator[Api]:
    """The public API as this person."""
    async with Api(stack.ports, stack.token(name, *roles, tenant=tenant)) as api:
        yield api


@asynccontextmanager
async def learner(stack: Stack, name: str, mode: str = "practice") -> AsyncIterator[Learner]:
    """A learner who has opened a session and is connected."""
    async with api_of(stack, name) as api:
        status, session, _ = await api.call("POST", "/api/v1/sessions", json={"mode": mode})
        assert status == 201, session
        screen = await Screen.connect(session["realtime"]["url"], session["realtime"]["accessToken"])
        try:
            yield Learner(name, api, session, screen)
        finally:
            await screen.close()


async def publish(stack: Stack, topic: str, *events: dict[str, Any] | bytes, session: str = "somebody") -> None:
    """Publish CloudEvents, or anything else, straight to a topic, as another system does."""
    connection = connection_settings(stack.ports)["ServiceBusConnection"]
    async with ServiceBusClient.from_connection_string(connection) as client, client.get_topic_sender(topic) as sender:
        for event in events:
            body = event if isinstance(event, bytes) else json.dumps(event).encode()
            message_id = event["id"] if isinstance(event, dict) and "id" in event else None
            subject = event.get("subject", session) if isinstance(event, dict) else session
            await sender.send_messages(
                ServiceBusMessage(body, session_id=subject, message_id=message_id, content_type="application/json")
            )


async def dead_letter(stack: Stack, session: str, seconds: float = 30) -> dict[str, Any]:
    """Take the next dead letter of this session from the queue `dead-letters`."""
    connection = connection_settings(stack.ports)["ServiceBusConnection"]
    async with (
        ServiceBusClient.from_connection_string(connection) as client,
        client.get_queue_receiver("dead-letters", session_id=session) as receiver,
    ):
        messages = await asyncio.wait_for(receiver.receive_messages(1, max_wait_time=seconds), seconds + 5)
        assert messages, f"no dead letter of {session} within {seconds} s"
        [message] = messages
        await receiver.complete_message(message)
        properties = {
            (key.decode() if isinstance(key, bytes) else key): (value.decode() if isinstance(value, bytes) else value)
            for key, value in (message.application_properties or {}).items()
        }
        return {"message_id": message.message_id, "body": b"".join(message.body), "properties": properties}
