"""Service Bus functions that write down what reached them, one JSON object a line, in the file RECORD."""

from __future__ import annotations

import asyncio
import json
import os
import typing

import azure.functions as func

app = func.FunctionApp()


def _record(**facts: object) -> None:
    with open(os.environ["RECORD"], "a", encoding="utf-8") as record:
        record.write(json.dumps(facts, default=str) + "\n")


@app.service_bus_queue_trigger(arg_name="message", queue_name="plain", connection="ServiceBusConnection")
async def plain(message: func.ServiceBusMessage) -> None:
    """Fail as often as the body says: `fail`, `fail-once`; be slow for `slow SECONDS`."""
    body = message.get_body()
    _record(
        function="plain",
        body=body.hex(),
        delivery_count=message.delivery_count,
        message_id=message.message_id,
        subject=message.subject,
        content_type=message.content_type,
        correlation_id=message.correlation_id,
        properties=message.application_properties,
        enqueued=message.enqueued_time_utc,
        locked_until=message.locked_until,
        time_to_live=message.time_to_live,
        sequence_number=message.sequence_number,
        lock_token=message.lock_token,
    )
    if body == b"fail" or (body == b"fail-once" and message.delivery_count == 1):
        raise RuntimeError("as asked")
    if body.startswith(b"slow"):
        await asyncio.sleep(float(body.split()[1]))
        _record(function="plain", body=b"slow ended".hex())


@app.service_bus_queue_trigger(
    arg_name="message", queue_name="plain/$deadletterqueue", connection="ServiceBusConnection"
)
async def dead(message: func.ServiceBusMessage) -> None:
    _record(
        function="dead",
        body=message.get_body().hex(),
        reason=message.dead_letter_reason,
        description=message.dead_letter_error_description,
    )


@app.service_bus_topic_trigger(
    arg_name="message",
    topic_name="%TOPIC%",
    subscription_name="ordered",
    connection="ServiceBusConnection",
    is_sessions_enabled=True,
)
async def ordered(message: func.ServiceBusMessage, context: func.Context) -> None:
    """Take as long as the body says, in seconds, and note start and end."""
    body = message.get_body().decode()
    _record(
        function="ordered",
        at="start",
        session=message.session_id,
        body=body,
        trace=context.trace_context.trace_parent,
        worker=os.getpid(),
    )
    await asyncio.sleep(float(body.split()[-1]))
    _record(function="ordered", at="end", session=message.session_id, body=body)


@app.service_bus_topic_trigger(
    arg_name="messages",
    topic_name="%TOPIC%",
    subscription_name="batched",
    connection="ServiceBusConnection",
    cardinality=func.Cardinality.MANY,
)
async def batched(messages: typing.List[func.ServiceBusMessage]) -> None:  # noqa: UP006 - all that the worker takes
    _record(
        function="batched",
        bodies=[message.get_body().decode() for message in messages],
        ids=[message.message_id for message in messages],
        properties=[message.application_properties for message in messages],
    )
