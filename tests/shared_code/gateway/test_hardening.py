"""What no client may send, and what every answer carries."""

from __future__ import annotations

import pytest

from shared_code.gateway.gateway import Gateway
from shared_code.gateway.http import Request, Response
from shared_code.gateway.protection import SECURITY
from shared_code.gateway.routes.about import LIVE
from shared_code.gateway.routes.services import SERVICES
from shared_code.gateway.routes.sessions import GET_SESSION
from shared_code.gateway.routes.unknown import UNKNOWN
from tests.shared_code.gateway.openid import OpenIdProvider
from tests.shared_code.gateway.requests import body_of, request, who

UNKNOWN_BY_METHOD = {route.method: route for route in UNKNOWN}


async def test_urls_and_headers_have_limits(gateway: Gateway) -> None:
    long = await gateway.handle(request(LIVE, query={"text": "x" * 5000}), who)
    assert (long.status, body_of(long)["code"]) == (414, "url-too-long")
    large = await gateway.handle(request(LIVE, headers={"x-filler": "x" * 20_000}), who)
    assert (large.status, body_of(large)["code"]) == (431, "headers-too-large")


async def test_every_answer_carries_the_security_headers(gateway: Gateway, provider: OpenIdProvider) -> None:
    async def cached(_: Request) -> Response:
        return Response(200, {}, {"Cache-Control": "max-age=60"})

    answers = [
        await gateway.handle(request(LIVE), who),
        await gateway.handle(request(GET_SESSION, "garbage"), who),
        await gateway.handle(request(GET_SESSION, provider.token()), cached),
    ]
    for answer in answers:
        assert set(SECURITY) <= set(answer.headers)
    assert answers[2].headers["Cache-Control"] == "max-age=60"


async def test_only_pages_of_listed_origins_may_read_answers(gateway: Gateway) -> None:
    ours = await gateway.handle(request(LIVE, headers={"origin": "https://app.example"}), who)
    assert ours.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "X-Correlation-Id" in ours.headers["Access-Control-Expose-Headers"]
    for origin in ("https://evil.example", "https://app.example.evil", "null", ""):
        other = await gateway.handle(request(LIVE, headers={"origin": origin}), who)
        assert not [name for name in other.headers if name.startswith("Access-Control")]
        assert other.headers["Vary"] == "Origin"


async def unknown(gateway: Gateway, method: str, path: str, **headers: str) -> Response:
    sent = request(UNKNOWN_BY_METHOD[method], headers={name.replace("_", "-"): text for name, text in headers.items()})
    sent.path = path
    return await gateway.handle(sent, gateway.unknown)


async def test_a_preflight_of_a_listed_origin_is_answered(gateway: Gateway) -> None:
    asked = {"origin": "https://app.example", "access_control_request_method": "POST"}
    answer = await unknown(gateway, "OPTIONS", "/api/v1/sessions", **asked)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, "https://app.example")
    assert "Idempotency-Key" in answer.headers["Access-Control-Allow-Headers"]
    refused = await unknown(gateway, "OPTIONS", "/api/v1/sessions", **{**asked, "origin": "https://evil.example"})
    assert refused.status == 405
    assert "Access-Control-Allow-Methods" not in refused.headers


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("POST", "/api/health/live", 405, "GET"),
        ("OPTIONS", "/api/v1/sessions/7/attempts", 405, "POST"),
        ("GET", "/api/nothing", 404, None),
        ("GET", "/api/", 404, None),
    ],
)
async def test_what_no_route_takes_is_a_problem_too(
    gateway: Gateway, method: str, path: str, status: int, allow: str | None
) -> None:
    answer = await unknown(gateway, method, path)
    assert (answer.status, answer.headers.get("Allow")) == (status, allow)
    assert answer.content_type == "application/problem+json"


async def test_a_wrong_method_where_services_are_looked_for_is_a_405(
    gateway: Gateway, provider: OpenIdProvider
) -> None:
    route = next(each for each in SERVICES if each.method == "PATCH")
    sent = request(route, provider.token(), params={"service": "sessions", "path": "7"})
    sent.path = "/api/v1/sessions/7"
    answer = await gateway.handle(sent, gateway.to_service)
    assert (answer.status, answer.headers["Allow"]) == (405, "DELETE, GET")
