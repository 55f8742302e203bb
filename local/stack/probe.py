"""Whether ports are free or answered, asked of the system itself."""

from __future__ import annotations

import asyncio
import socket

from local.ports import HOST


def is_free(port: int) -> bool:
    """Whether this loopback port could be listened on now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


async def answers(*ports: int) -> bool:
    """Whether something accepts a connection on each of these loopback ports within a second."""
    for port in ports:
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection(HOST, port), timeout=1)
        except (OSError, TimeoutError):
            return False
        writer.close()
    return True
