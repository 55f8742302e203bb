"""The registry: shared by all instances of the app, read from a local view that follows it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from shared_code.domain.errors import Conflict, NotFound, Unavailable
from shared_code.gateway.registry.instance import IN_PROCESS, Instance, Service
from shared_code.resilience.shared_state import SharedState, Stored
from shared_code.resilience.single_flight import SingleFlight

log = logging.getLogger(__name__)

INSTANCES, SERVICES = "service-instances", "services"
STALENESS = 1.0  # seconds after which a view is read again, while the old one serves
RACES = 10  # lost races before a change is given up


@dataclass(frozen=True)
class Snapshot:
    """All services and instances at one moment."""

    services: dict[str, Service] = field(default_factory=dict)
    instances: dict[str, tuple[Instance, ...]] = field(default_factory=dict)


class Registry:
    """Knows services of this process (`local`) and registered ones. Without the store it keeps to what it last read."""

    def __init__(self, state: SharedState, local: Sequence[str], now: Callable[[], float] = time.monotonic) -> None:
        self._state = state
        self.local = tuple(local)
        self._now = now
        self._view = _snapshot(self.local, [], [])
        self._read_at = -float("inf")
        self._reading = SingleFlight(self._read)
        self._seen = False

    async def view(self) -> Snapshot:
        """What is registered: at most `STALENESS` and one read old while there is traffic."""
        if not self._seen:
            await self._reading.run()
        elif self._now() - self._read_at > STALENESS:
            self._reading.start()
        return self._view

    async def current(self) -> Snapshot:
        """What is registered now. Raises Unavailable when the store does not answer."""
        await self._load()
        return self._view

    async def register(self, instance: Instance) -> Instance:
        """Add an instance, or change one; what the prober knows of it is kept while its URL stays."""

        def change(before: Instance | None) -> Instance:
            if before is None or before.url != instance.url:
                return instance
            return msgspec.structs.replace(
                instance, healthy=before.healthy, failures=before.failures, checked_at=before.checked_at
            )

        changed = await self._change(INSTANCES, instance.name, Instance, change)
        await self._load()
        return changed

    async def remove(self, service: str, instance_id: str) -> None:
        """Forget an instance. One of this process returns to how it was. Raises NotFound."""
        key = f"{service}|{instance_id}"
        if await self._state.get(INSTANCES, key) is None:
            raise NotFound("There is no such instance.")
        await self._state.delete(INSTANCES, key)
        await self._load()

    async def configure(self, service: Service) -> Service:
        """Say who may call a service and how callers are split."""
        changed = await self._change(SERVICES, service.name, Service, lambda _: service)
        await self._load()
        return changed

    async def checked(self, instance: Instance, change: Callable[[Instance], Instance]) -> None:
        """Keep what a probe found, unless the instance was removed meanwhile."""

        def apply(before: Instance | None) -> Instance:
            if before is None:
                raise NotFound("There is no such instance.")
            return change(before)

        await self._change(INSTANCES, instance.name, Instance, apply)

    async def close(self) -> None:
        """Wait for a read that is under way."""
        await self._reading.settle()

    async def _change[T: (Instance, Service)](
        self, partition: str, key: str, model: type[T], change: Callable[[T | None], T]
    ) -> T:
        for _ in range(RACES):
            stored = await self._state.get(partition, key)
            after = change(msgspec.json.decode(stored.value, type=model) if stored else None)
            try:
                await self._keep(partition, key, stored, msgspec.json.encode(after))
            except Conflict:
                continue
            return after
        raise Unavailable("Too many changes at once; try again.", retry_after=1)

    async def _keep(self, partition: str, key: str, stored: Stored | None, value: bytes) -> None:
        if stored is None:
            await self._state.create(partition, key, value)
        elif stored.value != value:
            await self._state.replace(partition, stored, value)

    async def _read(self) -> None:
        try:
            await self._load()
        except Unavailable:
            self._read_at = self._now()
            log.warning("registry.store_unavailable")

    async def _load(self) -> None:
        services = [msgspec.json.decode(each.value, type=Service) async for each in self._state.all(SERVICES)]
        instances = [msgspec.json.decode(each.value, type=Instance) async for each in self._state.all(INSTANCES)]
        self._view = _snapshot(self.local, services, instances)
        self._read_at, self._seen = self._now(), True


def _snapshot(local: Sequence[str], services: Sequence[Service], instances: Sequence[Instance]) -> Snapshot:
    """A service of this process is there without being registered; a row of its own can change weight and draining."""
    found = {(name, IN_PROCESS): Instance(service=name, id=IN_PROCESS) for name in local}
    for instance in instances:
        if instance.url or instance.service in local:
            found[instance.service, instance.id] = instance
    known = {service.name: service for service in services}
    by_service: dict[str, tuple[Instance, ...]] = {}
    for (name, _), instance in sorted(found.items()):
        by_service[name] = (*by_service.get(name, ()), instance)
    return Snapshot({name: known.get(name, Service(name=name)) for name in by_service}, by_service)
