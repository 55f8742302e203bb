"""The turn of the server: nothing is confirmed that is not stored."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from local.servicebus.config import load_config
from local.servicebus.server import serve
from tests.local.servicebus.configuration import namespace, queue
from tests.local.servicebus.messages import body_of, message_bytes
from tests.local.servicebus.wire import wire

CONFIGURATION = namespace(queues=[queue("wire")])


def send(port: int, body: str) -> None:
    with wire(port) as client:
        client.attach_sender(1, "wire")
        client.transfer(1, 1, message_bytes(body))
        client.expect("disposition")


def receive(port: int) -> str:
    with wire(port) as client:
        client.attach_receiver(1, "wire", snd_settle_mode=1)
        while True:
            frame, payload = client.read()
            if frame.kind == "transfer":
                return body_of(payload)


async def test_a_store_that_cannot_be_written_stops_the_broker_before_it_confirms(tmp_path: Path) -> None:
    async with serve(load_config(CONFIGURATION), tmp_path / "bus.sqlite3", 0) as (server, port):
        sending = asyncio.create_task(asyncio.to_thread(send, port, "a"))
        await asyncio.sleep(0)
        server._store.close()
        with pytest.raises(sqlite3.Error):
            await asyncio.wait_for(server.over, 20)
    with pytest.raises(ConnectionError):
        await sending


async def test_a_broker_in_the_event_loop_keeps_messages_between_its_lives(tmp_path: Path) -> None:
    async with serve(load_config(CONFIGURATION), tmp_path / "bus.sqlite3", 0) as (_, port):
        await asyncio.to_thread(send, port, "kept")
    async with serve(load_config(CONFIGURATION), tmp_path / "bus.sqlite3", 0) as (_, port):
        assert await asyncio.to_thread(receive, port) == "kept"
