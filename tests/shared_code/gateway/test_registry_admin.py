"""Operators register, weigh, drain and remove instances."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from shared_code.gateway.gateway import Gateway
from shared_code.gateway.http import Request, Response
from shared_code.gateway.inprocess import InProcessService, ServiceRoute
from shared_code.gateway.routes.services import DELETE_INSTANCE, LIST_SERVICES, PUT_INSTANCE, PUT_SERVICE
from tests.shared_code.gateway.conftest import MakeGateway
from tests.shared_code.gateway.openid import OpenIdProvider
from tests.shared_code.gateway.requests import body_of, request


async def here(_: Request) -> Response:
    return Response(204)


@pytest.fixture
def gateway(make_gateway: MakeGateway) -> Gateway:
    return make_gateway(services=[InProcessService("progress", [ServiceRoute("GET", "me", here)])])


class Operator:
    def __init__(self, gateway: Gateway, provider: OpenIdProvider) -> None:
        self.gateway = gateway
        self.token = provider.token(roles=["operator"])

    async def list(self) -> dict[str, Any]:
        response = await self.gateway.handle(request(LIST_SERVICES, self.token), self.gateway.admin.list_services)
        assert response.status == 200
        return {service["name"]: service for service in body_of(response)["services"]}

    async def put(self, service: str, instance: str, **body: Any) -> Response:
        sent = self._sent(PUT_INSTANCE, {"service": service, "id": instance}, body)
        return await self.gateway.handle(sent, self.gateway.admin.put_instance)

    async def configure(self, service: str, **body: Any) -> Response:
        return await self.gateway.handle(
            self._sent(PUT_SERVICE, {"service": service}, body), self.gateway.admin.put_service
        )

    async def delete(self, service: str, instance: str) -> Response:
        sent = request(DELETE_INSTANCE, self.token, params={"service": service, "id": instance})
        return await self.gateway.handle(sent, self.gateway.admin.delete_instance)

    def _sent(self, route: Any, params: dict[str, str], body: Any) -> Request:
        headers = {"content-type": "application/json"}
        return request(route, self.token, params=params, headers=headers, body=msgspec.json.encode(body))


@pytest.fixture
def operator(gateway: Gateway, provider: OpenIdProvider) -> Operator:
    return Operator(gateway, provider)


async def test_services_of_this_process_are_there_from_the_start(operator: Operator) -> None:
    (instance,) = (await operator.list())["progress"]["instances"]
    assert (instance["id"], instance["kind"], instance["healthy"]) == ("in-process", "in-process", True)


async def test_an_instance_is_registered_changed_drained_and_forgotten(operator: Operator) -> None:
    created = await operator.put("content", "one", url="http://127.0.0.1:9", version="2", weight=5)
    assert (created.status, body_of(created)["breaker"]) == (201, "closed")
    changed = await operator.put("content", "one", url="http://127.0.0.1:9", version="2", draining=True)
    assert changed.status == 200
    (instance,) = (await operator.list())["content"]["instances"]
    assert (instance["version"], instance["weight"], instance["draining"]) == ("2", 100, True)
    assert (await operator.delete("content", "one")).status == 204
    assert (await operator.delete("content", "one")).status == 404
    assert "content" not in await operator.list()


async def test_what_this_process_serves_can_be_weighed_but_not_lost(operator: Operator) -> None:
    assert (await operator.put("progress", "in-process", weight=0)).status == 200
    assert (await operator.list())["progress"]["instances"][0]["weight"] == 0
    await operator.delete("progress", "in-process")
    assert (await operator.list())["progress"]["instances"][0]["weight"] == 100


@pytest.mark.parametrize(
    ("service", "instance", "body"),
    [
        ("content", "one", {}),
        ("content", "in-process", {}),
        ("content", "one", {"url": "https://169.254.169.254"}),
        ("content", "one", {"url": "http://127.0.0.1:9", "weight": -1}),
        ("content", "one", {"url": "http://127.0.0.1:9", "healthy": True}),
        ("content", "one", {"url": "http://127.0.0.1:9", "health_path": "/../admin"}),
        ("Content", "one", {"url": "http://127.0.0.1:9"}),
        ("content|x", "one", {"url": "http://127.0.0.1:9"}),
        ("content", "one\n", {"url": "http://127.0.0.1:9"}),
    ],
)
async def test_what_does_not_fit_is_refused(
    operator: Operator, service: str, instance: str, body: dict[str, Any]
) -> None:
    assert (await operator.put(service, instance, **body)).status in (404, 422)
    assert set(await operator.list()) == {"progress"}


async def test_callers_are_split_by_percentages(operator: Operator) -> None:
    configured = await operator.configure("progress", roles=["learner", "teacher"], split={"2": 10})
    assert (configured.status, body_of(configured)["split"]) == (200, {"2": 10})
    assert (await operator.configure("progress", split={"2": 60, "3": 60})).status == 422
    assert (await operator.configure("progress", roles=[])).status == 422
    assert (await operator.configure("astrology")).status == 404
