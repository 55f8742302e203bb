"""Asks registered instances whether they are well, round by round, from a timer."""

from __future__ import annotations

import asyncio
import time

import msgspec

from shared_code.domain.clock import Clock, rfc3339
from shared_code.domain.errors import NotFound
from shared_code.gateway.forwarding.forwarder import Forwarder
from shared_code.gateway.http import Record
from shared_code.gateway.registry.instance import Instance
from shared_code.gateway.registry.registry import Registry

TIMEOUT = 2.0  # seconds
FAILURES = 2  # in a row before an instance counts as unhealthy; one good answer makes it healthy again
AT_ONCE = 16


class Prober:
    """Keeps the health of instances in the registry; writes only what changed."""

    def __init__(self, registry: Registry, forwarder: Forwarder, record: Record, clock: Clock) -> None:
        self._registry = registry
        self._forwarder = forwarder
        self._record = record
        self._clock = clock
        self._places = asyncio.Semaphore(AT_ONCE)

    async def round(self) -> None:
        """Probe every instance that has a URL."""
        view = await self._registry.current()
        remote = [each for instances in view.instances.values() for each in instances if not each.in_process]
        await asyncio.gather(*(self._check(instance) for instance in remote))

    async def _check(self, instance: Instance) -> None:
        async with self._places:
            started = time.perf_counter()
            well = await self._forwarder.probe(instance, TIMEOUT)
            milliseconds = round((time.perf_counter() - started) * 1000, 3)
        now = rfc3339(self._clock())
        failures = 0 if well else min(instance.failures + 1, FAILURES)
        healthy = failures < FAILURES and (well or instance.healthy)
        if (healthy, failures) != (instance.healthy, instance.failures):
            await self._keep(instance, healthy, failures, now)
        self._record(
            "monitoring",
            "api_performance/service_health_data",
            {
                "time": now,
                "service": instance.service,
                "instance": instance.id,
                "version": instance.version,
                "region": instance.region,
                "answered": well,
                "healthy": healthy,
                "ms": milliseconds,
            },
        )

    async def _keep(self, instance: Instance, healthy: bool, failures: int, now: str) -> None:
        def change(current: Instance) -> Instance:
            return msgspec.structs.replace(current, healthy=healthy, failures=failures, checked_at=now)

        try:
            await self._registry.checked(instance, change)
        except NotFound:
            return  # removed while we asked
