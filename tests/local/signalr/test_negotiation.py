"""Negotiation and clients' tokens (github.com/dotnet/aspnetcore: TransportProtocols.md; Azure SignalR's tokens)."""

from __future__ import annotations

import time
from typing import Any

import aiohttp
import jwt
import pytest

from local.connections import SIGNALR_ACCESS_KEY
from local.signalr.service import Service
from local.signalr.tokens import SECONDARY_KEY, client_token
from tests.local.signalr.javascript import JsClients
from tests.local.signalr.raw import authorization

HANDSHAKE = '{"protocol":"json","version":1}\x1e'


def token(service: Service, *, key: str = SIGNALR_ACCESS_KEY, algorithm: str = "HS256", **claims: Any) -> str:
    """A client's token; claims replace the right ones, None leaves one out."""
    right = {"aud": f"{service.endpoint}/client/?hub=learning", "exp": int(time.time()) + 60, "nameid": "mei"}
    given = {name: value for name, value in {**right, **claims}.items() if value is not None}
    return jwt.encode(given, key if algorithm != "none" else "", algorithm=algorithm)


async def negotiate(service: Service, bearer: str, query: str = "hub=learning&negotiateVersion=1") -> tuple[int, Any]:
    url = f"{service.endpoint}/client/negotiate?{query}"
    headers = {"Authorization": f"Bearer {bearer}"}
    async with aiohttp.ClientSession() as http, http.post(url, headers=headers) as response:
        return response.status, await (response.json() if response.status == 200 else response.text())


async def test_a_negotiated_connection_opens_once(service: Service) -> None:
    """Version 1: the connection token is not the connection's id, and for one use."""
    status, answer = await negotiate(service, token(service))
    assert (status, answer["negotiateVersion"]) == (200, 1)
    assert answer["connectionId"] != answer["connectionToken"]
    assert answer["availableTransports"] == [{"transport": "WebSockets", "transferFormats": ["Text", "Binary"]}]
    where = f"{service.endpoint}/client/?hub=learning&id={answer['connectionToken']}"
    async with aiohttp.ClientSession(headers=authorization(service)) as http:
        async with http.ws_connect(where) as socket:
            await socket.send_str(HANDSHAKE)
            assert await socket.receive_str() == "{}\x1e"
            assert list(service.connections) == [answer["connectionId"]]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(where)
    assert refused.value.status == 404


async def test_the_older_negotiation_has_no_token(service: Service) -> None:
    """Version 0: the connection's id opens it."""
    _, answer = await negotiate(service, token(service), "hub=learning")
    assert answer.keys() == {"connectionId", "availableTransports"}
    where = f"{service.endpoint}/client/?hub=learning&id={answer['connectionId']}"
    async with aiohttp.ClientSession(headers=authorization(service)) as http, http.ws_connect(where) as socket:
        await socket.send_str(HANDSHAKE)
        assert await socket.receive_str() == "{}\x1e"


async def test_a_browser_puts_its_token_into_the_query(service: Service) -> None:
    """Browsers cannot set headers on WebSockets: `access_token`; and negotiation may be skipped."""
    where = f"{service.endpoint}/client/?hub=learning&access_token={token(service)}"
    async with aiohttp.ClientSession() as http, http.ws_connect(where) as socket:
        await socket.send_str(HANDSHAKE)
        assert await socket.receive_str() == "{}\x1e"


@pytest.mark.parametrize("claim", ["asrs.s.uid", "nameid", "sub"])
async def test_the_user_is_who_the_token_names(service: Service, claim: str) -> None:
    """The vendor's claim first, then those that .NET takes for a name."""
    claims: dict[str, Any] = {"nameid": None, claim: "an"}
    where = f"{service.endpoint}/client/?hub=learning&access_token={token(service, **claims)}"
    async with aiohttp.ClientSession() as http, http.ws_connect(where) as socket:
        await socket.send_str(HANDSHAKE)
        await socket.receive_str()
        assert [each.user for each in service.connections.values()] == ["an"]


async def test_audiences_may_leave_the_port_out_and_keys_be_exchanged(service: Service) -> None:
    """The vendor's SDK leaves the port out, hand-written clients do not; either key signs; names have no case."""
    port = service.endpoint.rpartition(":")[2]
    for audience in ("http://127.0.0.1", f"http://127.0.0.1:{port}", "http://localhost", f"http://localhost:{port}"):
        assert (await negotiate(service, token(service, aud=f"{audience}/client/?hub=learning")))[0] == 200
    assert (await negotiate(service, token(service, key=SECONDARY_KEY)))[0] == 200
    upper = token(service, aud=f"{service.endpoint}/client/?hub=Learning")
    assert (await negotiate(service, upper, "hub=Learning&negotiateVersion=1"))[0] == 200


@pytest.mark.parametrize(
    "fault",
    [
        {"aud": "http://127.0.0.1/client/?hub=other"},
        {"aud": "http://elsewhere/client/?hub=learning"},
        {"aud": None},
        {"exp": None},
        {"exp": int(time.time()) - 60},
        {"nbf": int(time.time()) + 86_400},
        {"key": "x" * 32},
        {"algorithm": "none"},
        {"algorithm": "HS384"},
        {"more": "x" * 4096},
    ],
)
async def test_a_token_that_does_not_hold_is_a_401(service: Service, fault: dict[str, Any]) -> None:
    """Signature, algorithm, audience, lifetime and length are checked, where the vendor's emulator looks away."""
    status, text = await negotiate(service, token(service, **fault))
    assert status == 401
    assert text


async def test_the_official_client_says_why_it_was_refused(service: Service, js: JsClients) -> None:
    """A 401 at its negotiation."""
    client = await js.start("mei", token=client_token(service.endpoint, "other", "mei", 5))
    refused = await client.next()
    assert refused["event"] == "failed"
    assert "401" in refused["error"]


async def test_a_request_without_hub_is_a_400(service: Service) -> None:
    """The hub is in the query of every client's URL."""
    assert (await negotiate(service, token(service), "negotiateVersion=1"))[0] == 400


async def test_pages_of_any_origin_may_connect(service: Service) -> None:
    """Credentials are sent, so the origin is echoed, never `*`, also on errors; any header may be asked for."""
    origin = {"Origin": "https://learn.example"}
    ask = {**origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-signalr-user-agent"}
    url = f"{service.endpoint}/client/negotiate?hub=learning"
    async with aiohttp.ClientSession() as http:
        async with http.options(url, headers=ask) as response:
            assert response.status == 200
            assert response.headers["Access-Control-Allow-Headers"] == "x-signalr-user-agent"
        for headers in (origin, {**origin, **authorization(service)}):
            async with http.post(url, headers=headers) as response:
                assert response.headers["Access-Control-Allow-Origin"] == origin["Origin"]
                assert response.headers["Access-Control-Allow-Credentials"] == "true"
        async with http.post(f"{service.endpoint}/local/drop", headers=origin) as response:
            assert "Access-Control-Allow-Origin" not in response.headers
