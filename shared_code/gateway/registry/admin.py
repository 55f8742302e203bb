"""What operators do with the registry: the endpoints of `/api/v1/ops/services`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from shared_code.domain.errors import FieldError, Invalid, NotFound
from shared_code.gateway.body import decode_json
from shared_code.gateway.forwarding.target import check_base, check_path
from shared_code.gateway.http import Request, Response
from shared_code.gateway.registry.instance import IN_PROCESS, Instance, Service
from shared_code.gateway.registry.registry import Registry, Snapshot
from shared_code.resilience.breaker.breakers import Breakers

Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,39}\Z")]
Version = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}\Z")]
Role = Annotated[str, Meta(pattern=r"^(learner|teacher|operator|service)\Z")]
Percentage = Annotated[int, Meta(ge=0, le=100)]


class NamedInstance(Struct, frozen=True, forbid_unknown_fields=True):
    """Checks the two names in a path."""

    service: Name
    id: Name


class Registration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An instance as an operator describes it. Without a URL it is the one in the app's own process."""

    url: Annotated[str, Meta(max_length=500)] = ""
    version: Version = "1"
    weight: Annotated[int, Meta(ge=0, le=1000)] = 100
    region: Annotated[str, Meta(max_length=40)] = ""
    health_path: Annotated[str, Meta(max_length=200, pattern=r"^/")] = "/health"
    draining: bool = False


class Configuration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may call a service, and the percentage of callers that each version gets."""

    roles: Annotated[tuple[Role, ...], Meta(min_length=1, max_length=4)] = ("learner",)
    split: Annotated[dict[Version, Percentage], Meta(max_length=10)] = {}


class InstanceView(Struct, frozen=True, kw_only=True):
    """An instance, and what its breaker thinks of it."""

    id: str
    kind: str
    url: str
    version: str
    weight: int
    region: str
    draining: bool
    healthy: bool
    checked_at: str | None
    breaker: str


class ServiceView(Struct, frozen=True, kw_only=True):
    """A service and its instances."""

    name: str
    roles: tuple[str, ...]
    split: dict[str, int]
    instances: tuple[InstanceView, ...]


class ServiceList(Struct, frozen=True, kw_only=True):
    """Every service."""

    services: tuple[ServiceView, ...]


class RegistryAdmin:
    """Endpoints; the caller is an operator already."""

    def __init__(self, registry: Registry, breakers: Breakers, allowed_hosts: Sequence[str]) -> None:
        self._registry = registry
        self._breakers = breakers
        self._allowed_hosts = tuple(allowed_hosts)

    async def list_services(self, _: Request) -> Response:
        """Every service with its instances."""
        view = await self._registry.current()
        return Response(200, ServiceList(services=tuple(self._service(view, name) for name in sorted(view.services))))

    async def put_instance(self, request: Request) -> Response:
        """Register an instance, or change it: also its weight, and draining."""
        name, instance_id = self._names(request)
        body = decode_json(request, Registration)
        view = await self._registry.current()
        if not body.url and (instance_id != IN_PROCESS or name not in self._registry.local):
            raise Invalid("An instance needs a URL.", errors=[FieldError("/url", "This member is missing.")])
        if body.url:
            check_base(body.url, self._allowed_hosts)
            check_path(body.health_path)
        known = any(each.id == instance_id for each in view.instances.get(name, ()))
        instance = await self._registry.register(
            Instance(
                service=name,
                id=instance_id,
                url=body.url,
                version=body.version,
                weight=body.weight,
                region=body.region,
                health_path=body.health_path,
                draining=body.draining,
            )
        )
        return Response(200 if known else 201, self._instance(instance))

    async def delete_instance(self, request: Request) -> Response:
        """Forget an instance; the one in the app's own process returns to how it was."""
        await self._registry.remove(request.params["service"], request.params["id"])
        return Response(204)

    async def put_service(self, request: Request) -> Response:
        """Say who may call a service and how its callers are split by version."""
        name = request.params["service"]
        body = decode_json(request, Configuration)
        if sum(body.split.values()) > 100:
            raise Invalid("The split is over 100 %.", errors=[FieldError("/split", "The sum is over 100.")])
        if name not in (await self._registry.current()).services:
            raise NotFound("There is no such service.", code="service-unknown")
        await self._registry.configure(Service(name=name, roles=body.roles, split=body.split))
        return Response(200, self._service(await self._registry.current(), name))

    def _names(self, request: Request) -> tuple[str, str]:
        try:
            names = msgspec.convert({key: request.params[key] for key in ("service", "id")}, NamedInstance)
        except msgspec.ValidationError:
            raise Invalid("Names have 1-40 of a-z, 0-9 and -, and begin with a letter.", code="name-invalid") from None
        return names.service, names.id

    def _service(self, view: Snapshot, name: str) -> ServiceView:
        service = view.services[name]
        instances = tuple(self._instance(each) for each in view.instances.get(name, ()))
        return ServiceView(name=name, roles=service.roles, split=service.split, instances=instances)

    def _instance(self, instance: Instance) -> InstanceView:
        return InstanceView(
            id=instance.id,
            kind=IN_PROCESS if instance.in_process else "url",
            url=instance.url,
            version=instance.version,
            weight=instance.weight,
            region=instance.region,
            draining=instance.draining,
            healthy=instance.healthy,
            checked_at=instance.checked_at,
            breaker="closed" if instance.in_process else self._breakers.of(instance.name).view.state,
        )
