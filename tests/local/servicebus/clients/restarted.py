"""A client that lives through a restart of its broker: `python -m … CONNECTION_STRING`.

A process of its own, since the SDK leaves the sockets of broken connections to the garbage collector. It sends two
messages, completes one, prints `ready`, waits for a line, sends one more and prints what it received in all.
"""

from __future__ import annotations

import asyncio
import sys

from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from tests.local.servicebus.clients.links import receive, receive_one


async def main() -> None:
    client = ServiceBusClient.from_connection_string(sys.argv[1])
    async with client, client.get_queue_sender("work") as sender, client.get_queue_receiver("work") as receiver:
        await sender.send_messages([ServiceBusMessage("before"), ServiceBusMessage("left")])
        first = await receive_one(receiver)
        await receiver.complete_message(first)
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)

        await sender.send_messages(ServiceBusMessage("after"))
        messages = await receive(receiver, 2, wait=30)
        for message in messages:
            await receiver.complete_message(message)
        print(*map(str, [first, *messages]), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
