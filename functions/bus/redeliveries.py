"""What comes to one subscription alone: what failed before, what was redriven, what is replayed."""

from __future__ import annotations

import asyncio
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from functions.bus.receiving import CONNECTION, received
from functions.bus.subscribers import HANDLERS
from shared_code.bootstrap import app
from shared_code.events.delivery import delivery_of
from shared_code.events.redeliveries import QUEUE, due_of, is_wake_up, line_of
from shared_code.events.redelivery import rest

bp = df.Blueprint()


@bp.service_bus_queue_trigger(arg_name="message", queue_name=QUEUE, connection=CONNECTION, is_sessions_enabled=True)
@bp.durable_client_input(client_name="client")
async def bus_redeliveries(message: func.ServiceBusMessage, client: Any) -> None:
    """Handle an event for the one subscriber that it is addressed to, or go through a line that is due."""
    incoming = received(message)
    line = line_of(incoming)
    handle = HANDLERS[line.topic, line.subscriber](client)
    if is_wake_up(incoming):
        try:
            await app().delivery.retries.work(line, handle, waked_for=due_of(incoming))
        except Exception:  # the outermost boundary of a trigger: whatever it was, the bus has the message again
            await asyncio.sleep(rest(incoming.delivery_count))
            raise
        return
    await app().delivery.consumer.consume(
        incoming, topic=line.topic, subscriber=line.subscriber, handle=handle, delivery=delivery_of(incoming)
    )
