"""Only what came through API Management gets in, where that is switched on."""

from __future__ import annotations

import hashlib
import time
from typing import Any

import pytest

from shared_code.domain.errors import AppError
from shared_code.gateway.edge_mode import EdgeMode
from shared_code.gateway.gateway import Gateway
from shared_code.gateway.http import Request, Response
from shared_code.gateway.identity import context
from shared_code.gateway.identity.tokens import TokenVerifier
from shared_code.gateway.routes.about import LIVE
from shared_code.gateway.routes.sessions import GET_SESSION, START_SESSION
from shared_code.gateway.stages.edge import NONCES, Edge
from shared_code.storage.shared_state import TableState
from tests.shared_code.gateway.conftest import MakeGateway
from tests.shared_code.gateway.openid import OpenIdProvider
from tests.shared_code.gateway.records import Records
from tests.shared_code.gateway.requests import request, who

OLD, NEW = b"the edge's old key of some length", b"the edge's new key of some length"
Make = Any


@pytest.fixture
def behind(make_gateway: MakeGateway, tokens: TokenVerifier, state: TableState) -> Make:
    def make(mode: EdgeMode, *keys: bytes) -> Gateway:
        edge = Edge(mode, tokens=tokens, principals=frozenset({"api-management"}), keys=keys, state=state)
        return make_gateway(edge=edge, state=state)

    return make


def edge_token(provider: OpenIdProvider, name: str = "api-management") -> str:
    return "Bearer " + provider.token(sub="app-id", oid=name, roles=[])


async def status(gateway: Gateway, token: str | None, **headers: str) -> int:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return (await gateway.handle(request(GET_SESSION, token, headers=names), who)).status


async def test_the_edges_own_token_opens_the_door(behind: Make, provider: OpenIdProvider) -> None:
    gateway = behind("header")
    assert await status(gateway, provider.token(), x_edge_authorization=edge_token(provider)) == 200
    assert await status(gateway, None, x_edge_authorization=edge_token(provider)) == 401
    for forged in ("", "garbage", edge_token(provider, "mei"), "Bearer " + provider.token()):
        assert await status(gateway, provider.token(), x_edge_authorization=forged) == 403


async def test_with_easyauth_the_learners_token_travels_apart(behind: Make, provider: OpenIdProvider) -> None:
    gateway = behind("easyauth")
    learner = "Bearer " + provider.token()
    opened = await status(
        gateway, "the-edges", x_ms_client_principal_id="api-management", x_learner_authorization=learner
    )
    assert opened == 200
    assert await status(gateway, provider.token(), x_ms_client_principal_id="api-management") == 401
    assert await status(gateway, provider.token(), x_learner_authorization=learner) == 403


async def test_health_is_told_to_whoever_asks(behind: Make) -> None:
    assert (await behind("header").handle(request(LIVE), who)).status == 200


def signed(key: bytes, now: float | None = None, **changes: Any) -> dict[str, str]:
    facts = {"method": "GET", "path": request(GET_SESSION).path, "product": "schools", "subscription": "s-1"}
    headers = context.sign(key, {**facts, **changes}, now or time.time())
    return {name.lower(): value for name, value in headers.items()}


async def test_a_signed_context_serves_once(behind: Make, provider: OpenIdProvider, records: Records) -> None:
    gateway = behind("header", OLD, NEW)
    edge = {"x-edge-authorization": edge_token(provider)}
    for key in (OLD, NEW):
        headers = {**edge, **signed(key)}
        assert await status(gateway, provider.token(), **headers) == 200
        assert await status(gateway, provider.token(), **headers) == 403
    assert await status(gateway, provider.token(), **edge) == 403
    access = records.of("integration/api_gateway/request_logs")[0]
    assert (access["product"], access["subscription"]) == ("schools", "s-1")


@pytest.mark.parametrize(
    "headers",
    [
        signed(b"another key of another party!!"),
        signed(OLD, time.time() - 700),
        signed(OLD, time.time() + 86_400),
        signed(OLD, method="POST"),
        signed(OLD, path="/api/v1/sessions"),
        {**signed(OLD), "x-context": "e30="},
        {**signed(OLD), "x-context-signature": ""},
        {**signed(OLD), "x-context-signature": "v1=é"},
        {},
    ],
)
def test_a_context_that_does_not_fit_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(AppError):
        context.verify([OLD], headers, method="GET", path=request(GET_SESSION).path, now=time.time())


async def test_a_body_that_the_edge_did_not_sign_is_refused(behind: Make, provider: OpenIdProvider) -> None:
    gateway, body = behind("header", OLD), b'{"mode":"practice"}'
    hashed = hashlib.sha256(body).hexdigest()
    cases: list[tuple[dict[str, Any], bytes, int]] = [
        ({"body": hashed}, body, 200),
        ({"body": hashed}, b'{"mode":"other"}', 403),
        ({}, body, 403),
        ({"body": 7}, body, 403),
    ]
    for facts, sent, expected in cases:
        headers = {
            "x-edge-authorization": edge_token(provider),
            "content-type": "application/json",
            **signed(OLD, method="POST", path=request(START_SESSION).path, **facts),
        }
        answer = await gateway.handle(request(START_SESSION, provider.token(), headers=headers, body=sent), who)
        assert answer.status == expected, facts


async def test_g10_headers_that_claim_an_identity_get_no_further(gateway: Gateway, provider: OpenIdProvider) -> None:
    seen: dict[str, str] = {}

    async def look(request: Request) -> Response:
        seen.update(request.headers)
        return Response(200, {"caller": request.caller.id})

    forged = {"x-user-id": "other", "x-ms-client-principal": "e30=", "x-context": "e30=", "accept-language": "zh"}
    response = await gateway.handle(request(GET_SESSION, provider.token(), headers=forged), look)
    assert response.body == b'{"caller":"mei"}'
    assert set(seen) == {"authorization", "accept-language"}


async def test_what_was_kept_long_enough_is_purged(behind: Make, state: TableState) -> None:
    gateway = behind("header", OLD)
    minute = int(time.time()) // 60
    for age in (0, 1, 5, 600):
        await state.create(f"{NONCES}{minute - age}", "nonce", b"")
    await state.create("breakers", "kept", b"{}")
    assert await gateway.purge() == 2
    assert [stored.key async for stored in state.all("breakers")] == ["kept"]
