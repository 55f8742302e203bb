"""Names are judged by what they resolve to, at the moment of connecting."""

from __future__ import annotations

import socket
from collections.abc import Callable

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver


class CheckedResolver(AbstractResolver):
    """Resolves like the system does, and leaves out addresses that nothing may be sent to (DNS rebinding).

    `forbidden(host, address)` judges. aiohttp does not ask it about a host that is an address already: judge those
    before.
    """

    def __init__(self, forbidden: Callable[[str, str], bool]) -> None:
        self._forbidden = forbidden
        self._system = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a host. Raises OSError when none is left."""
        found = await self._system.resolve(host, port, family)
        allowed = [each for each in found if not self._forbidden(host, each["host"])]
        if not allowed:
            raise OSError(f"{host} has no address that may be used")
        return allowed

    async def close(self) -> None:
        """Nothing is held."""
        await self._system.close()
