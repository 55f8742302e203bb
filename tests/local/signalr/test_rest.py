"""The data plane, 2022-06-01 (learn.microsoft.com/azure/azure-signalr/signalr-reference-data-plane-rest-api)."""

from __future__ import annotations

import io
import json
import time
from typing import Any

import aiohttp
import pytest

from local.signalr.service import Service
from tests.local.signalr.client import JsClient, bearer, call

MESSAGE = {"target": "news", "arguments": []}


async def test_a_message_is_accepted_whether_or_not_anybody_is_there(service: Service) -> None:
    """202 for users, groups and connections that do not exist."""
    for path in ("/:send", "/users/nobody/:send", "/groups/none/:send", "/connections/gone/:send"):
        status, headers, _ = await call(service, "POST", path, MESSAGE)
        assert (status, headers["X-Local-Delivered"]) == (202, "0")


async def test_names_in_a_body_are_read_without_case(service: Service) -> None:
    """The vendor's SDKs write `Target` and `Arguments`."""
    status, _, _ = await call(service, "POST", "/:send", {"Target": "news", "Arguments": []})
    assert status == 202


@pytest.mark.parametrize("body", [{}, {"target": 1}, {"target": "a", "arguments": "b"}, [], "x"])
async def test_a_body_that_is_no_message_is_a_400_with_its_code(service: Service, body: Any) -> None:
    """Errors are `{code, message}`, the code also in a header."""
    status, headers, text = await call(service, "POST", "/:send", body)
    assert status == 400
    assert json.loads(text)["code"] == headers["x-ms-error-code"] == "Error.Message.Invalid"


async def test_more_than_a_megabyte_is_a_413(service: Service) -> None:
    """The limit of a message."""
    url = f"{service.endpoint}/api/hubs/learning/:send?api-version=2022-06-01"
    body = io.BytesIO(json.dumps({"target": "news", "arguments": ["a" * 1024 * 1024]}).encode())
    async with aiohttp.ClientSession() as http, http.post(url, data=body, headers=bearer(url)) as response:
        assert response.status == 413


@pytest.mark.parametrize(
    "fault",
    [
        {"aud": "http://127.0.0.1/api/hubs/other/:send"},
        {"aud": None},
        {"exp": None},
        {"exp": int(time.time()) - 60},
        {"key": "x" * 32},
        {"algorithm": "none"},
    ],
)
async def test_a_token_that_does_not_hold_is_a_401(service: Service, fault: dict[str, Any]) -> None:
    """Audience, lifetime, signature and algorithm are checked, as Azure does."""
    url = f"{service.endpoint}/api/hubs/learning/:send?api-version=2022-06-01"
    status, headers, _ = await call(service, "POST", "/:send", MESSAGE, headers=bearer(url, **fault))
    assert (status, headers["WWW-Authenticate"]) == (401, "Bearer")


async def test_the_audience_may_come_with_or_without_query_and_port(service: Service) -> None:
    """The documentation leaves the query out, the SDK puts it in; the port likewise."""
    port = service.endpoint.rpartition(":")[2]
    full = f"{service.endpoint}/api/hubs/learning/:send?api-version=2022-06-01"
    for audience in (full, full.partition("?")[0], full.replace(f":{port}", "")):
        status, _, _ = await call(service, "POST", "/:send", MESSAGE, headers=bearer(audience))
        assert status == 202, audience


async def test_a_call_without_version_is_a_400(service: Service) -> None:
    """`api-version` is required."""
    url = f"{service.endpoint}/api/hubs/learning/:send"
    async with aiohttp.ClientSession() as http, http.post(url, json=MESSAGE, headers=bearer(url)) as response:
        assert response.status == 400


async def test_existence_of_users_groups_and_connections(service: Service) -> None:
    """200 while somebody is connected there, else 404."""
    client = await JsClient.connect(service, "mei")
    await call(service, "PUT", f"/groups/duo/connections/{client.id}")
    for path in ("/users/mei", "/groups/duo", f"/connections/{client.id}"):
        assert (await call(service, "HEAD", path))[0] == 200
    _, _, members = await call(service, "GET", "/groups/duo/connections")
    assert json.loads(members) == {"value": [{"connectionId": client.id, "userId": "mei"}]}
    await client.stop()
    for path in ("/users/mei", "/groups/duo", f"/connections/{client.id}"):
        assert (await call(service, "HEAD", path))[0] == 404


async def test_a_connection_that_is_gone_cannot_join_a_group(service: Service) -> None:
    """404 with `Error.Connection.NotExisted`."""
    status, headers, _ = await call(service, "PUT", "/groups/duo/connections/gone")
    assert (status, headers["x-ms-error-code"]) == (404, "Error.Connection.NotExisted")


async def test_a_users_membership_ends_with_its_lifetime_and_by_request(service: Service) -> None:
    """`ttl` in seconds; 0 is for present connections alone; DELETE takes the user out."""
    await call(service, "PUT", "/users/mei/groups/a?ttl=60")
    assert (await call(service, "GET", "/users/mei/groups/a"))[0] == 200
    await call(service, "DELETE", "/users/mei/groups/a")
    assert (await call(service, "GET", "/users/mei/groups/a"))[0] == 404
    await call(service, "PUT", "/users/mei/groups/b?ttl=0")
    assert (await call(service, "GET", "/users/mei/groups/b"))[0] == 404
    await call(service, "PUT", "/users/mei/groups/c")
    await call(service, "DELETE", "/users/mei/groups")
    assert (await call(service, "GET", "/users/mei/groups/c"))[0] == 404


async def test_a_token_for_a_client_lets_it_in(service: Service) -> None:
    """`:generateToken` gives what a client connects with."""
    _, _, text = await call(service, "POST", "/:generateToken?userId=mei&minutesToExpire=10")
    client = await JsClient.start(service, "", token=json.loads(text)["token"])
    assert (await client.next())["event"] == "connected"
    assert (await call(service, "HEAD", "/users/mei"))[0] == 200
    await client.stop()


async def test_health_needs_no_token(service: Service) -> None:
    """`HEAD /api/health` is 200."""
    async with aiohttp.ClientSession() as http, http.head(f"{service.endpoint}/api/health") as response:
        assert response.status == 200


async def test_switches_make_the_service_unkind(service: Service) -> None:
    """Throttling answers 429 and lost pushes are accepted all the same: for tests of what the app does then."""
    client = await JsClient.connect(service, "mei")
    service.switches.loss = 1.0
    assert (await call(service, "POST", "/users/mei/:send", MESSAGE))[0] == 202
    service.switches.loss = 0.0
    await call(service, "POST", "/users/mei/:send", {"target": "news", "arguments": ["second"]})
    assert await client.next() == {"event": "news", "args": ["second"]}
    service.switches.calls_per_second = 1
    assert {(await call(service, "POST", "/:send", MESSAGE))[0] for _ in range(3)} >= {429}
    await client.stop()
