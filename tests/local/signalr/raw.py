"""A client written by hand: frames as they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from local.signalr.protocol import SEPARATOR
from local.signalr.tokens import client_token
from tests.local.signalr.dataplane import Addressed


def authorization(service: Addressed, user: str = "mei") -> dict[str, str]:
    """The header of a client."""
    return {"Authorization": f"Bearer {client_token(service.endpoint, 'learning', user, 5)}"}


@asynccontextmanager
async def websocket(
    service: Addressed, user: str = "mei", query: str = ""
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A WebSocket before its handshake, without negotiation."""
    url = f"{service.endpoint}/client/?hub=learning{query}"
    async with (
        aiohttp.ClientSession(headers=authorization(service, user)) as http,
        http.ws_connect(url, max_msg_size=0) as socket,
    ):
        yield socket


@asynccontextmanager
async def connected(
    service: Addressed, user: str = "mei", query: str = ""
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A WebSocket that speaks JSON, its handshake done."""
    async with websocket(service, user, query) as socket:
        await socket.send_bytes(b'{"protocol":"json","version":1}' + SEPARATOR)
        assert await socket.receive_str(timeout=30) == "{}\x1e"
        yield socket
