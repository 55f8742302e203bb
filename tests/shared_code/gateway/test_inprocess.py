"""Services in this process are reached through the catch-all."""

from __future__ import annotations

import pytest

from shared_code.gateway.access import OPERATOR, PARTICIPANT
from shared_code.gateway.gateway import Gateway
from shared_code.gateway.http import Request, Response
from shared_code.gateway.inprocess import InProcessService, ServiceRoute
from shared_code.gateway.routes.route import Route
from shared_code.gateway.routes.services import SERVICES
from shared_code.gateway.routes.unknown import UNKNOWN
from tests.shared_code.gateway.conftest import MakeGateway
from tests.shared_code.gateway.openid import OpenIdProvider
from tests.shared_code.gateway.records import Records
from tests.shared_code.gateway.requests import body_of, request

BY_METHOD = {route.method: route for route in SERVICES}


async def item(request: Request) -> Response:
    return Response(200, {"served_by": "item", **request.params})


async def me(request: Request) -> Response:
    return Response(200, {"served_by": "me", "caller": request.caller.id})


@pytest.fixture
def gateway(make_gateway: MakeGateway) -> Gateway:
    progress = InProcessService(
        "progress",
        [
            ServiceRoute("GET", "items/{item_id}", item),
            ServiceRoute("PUT", "items/{item_id}", item, max_body=10),
            ServiceRoute("GET", "items/due", me),
            ServiceRoute("GET", "me", me, PARTICIPANT),
            ServiceRoute("DELETE", "all", me, OPERATOR),
            ServiceRoute("GET", "", me),
        ],
    )
    return make_gateway(services=[progress])


async def ask(gateway: Gateway, token: str, method: str, path: str, service: str = "progress") -> Response:
    route: Route = BY_METHOD[method]
    sent = request(route, token, params={"service": service, "path": path})
    return await gateway.handle(sent, gateway.to_service)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("items/ni3", {"served_by": "item", "item_id": "ni3"}),
        ("items/ni3/", {"served_by": "item", "item_id": "ni3"}),
        ("items/due", {"served_by": "me", "caller": "mei"}),
        ("me", {"served_by": "me", "caller": "mei"}),
        ("", {"served_by": "me", "caller": "mei"}),
    ],
)
async def test_literals_win_over_parameters(
    gateway: Gateway, provider: OpenIdProvider, path: str, expected: dict[str, str]
) -> None:
    response = await ask(gateway, provider.token(), "GET", path)
    assert (response.status, body_of(response)) == (200, expected)


async def test_g3_what_nobody_serves_is_a_404(gateway: Gateway, provider: OpenIdProvider) -> None:
    unknown_service = await ask(gateway, provider.token(), "GET", "me", service="astrology")
    assert (unknown_service.status, body_of(unknown_service)["code"]) == (404, "service-unknown")
    for path in ("nothing", "items", "items/a/b", "me/x"):
        assert (await ask(gateway, provider.token(), "GET", path)).status == 404


async def test_another_method_is_a_405_that_names_the_right_ones(gateway: Gateway, provider: OpenIdProvider) -> None:
    response = await ask(gateway, provider.token(), "POST", "items/ni3")
    assert (response.status, response.headers["Allow"]) == (405, "GET, PUT")
    (trace,) = [route for route in UNKNOWN if route.method == "TRACE"]
    sent = request(trace)
    sent.path = "/api/v1/progress/items/ni3"  # a method that no service has, so that the catch-all does not get it
    response = await gateway.handle(sent, gateway.unknown)
    assert (response.status, response.headers["Allow"]) == (405, "GET, PUT")


async def test_each_line_has_its_own_access(gateway: Gateway, provider: OpenIdProvider) -> None:
    assert (await ask(gateway, provider.token(), "DELETE", "all")).status == 403
    assert (await ask(gateway, provider.token(roles=["operator"]), "DELETE", "all")).status == 200
    assert (await ask(gateway, provider.token(roles=["teacher"]), "GET", "me")).status == 200
    assert (await ask(gateway, provider.token(roles=["teacher"]), "GET", "items/due")).status == 403


async def test_the_record_names_the_line_that_served(
    gateway: Gateway, provider: OpenIdProvider, records: Records
) -> None:
    await ask(gateway, provider.token(), "GET", "items/ni3")
    (record,) = records.of("integration/api_gateway/request_logs")
    assert record["route"] == "GET /api/v1/progress/items/{item_id}"
