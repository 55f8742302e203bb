"""Names are judged by what they resolve to, at the moment of connecting."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from shared_code.gateway.forwarding.target import is_forbidden


class CheckedResolver(AbstractResolver):
    """Resolves like the system does, and leaves out addresses that nothing may be sent to (DNS rebinding)."""

    def __init__(self, allowed_hosts: Sequence[str]) -> None:
        self._allowed_hosts = tuple(allowed_hosts)
        self._system = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a host. Raises OSError when none is left."""
        found = await self._system.resolve(host, port, family)
        allowed = [each for each in found if not is_forbidden(each["host"], self._allowed_hosts)]
        if not allowed:
            raise OSError(f"{host} has no address that may be used")
        return allowed

    async def close(self) -> None:
        """Nothing is held."""
        await self._system.close()
