"""The data plane (learn.microsoft.com/azure/azure-signalr/swagger/signalr-data-plane-rest-v20220601)."""

from __future__ import annotations

import io
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from local.signalr.service import Service
from local.signalr.tokens import SECONDARY_KEY
from tests.local.signalr.dataplane import NEWS, bearer, call
from tests.local.signalr.raw import connected, websocket


async def test_a_message_is_accepted_whether_or_not_anybody_is_there(service: Service) -> None:
    """202 also for users, groups and connections that do not exist."""
    for path in ("/:send", "/users/nobody/:send", "/groups/none/:send", "/connections/gone/:send"):
        sent = await call(service, "POST", path, NEWS)
        assert (sent.status, sent.delivered) == (202, 0)


async def test_names_in_a_body_are_read_without_case_and_arguments_may_lack(service: Service) -> None:
    """The vendor's SDKs write `Target`; `arguments` is not required ("PayloadMessage")."""
    assert (await call(service, "POST", "/:send", {"Target": "news", "Arguments": []})).status == 202
    assert (await call(service, "POST", "/:send", {"target": "news"})).status == 202


@pytest.mark.parametrize("body", [{}, {"target": 1}, {"target": ""}, {"target": "a", "arguments": "b"}, [], "x", None])
async def test_a_body_that_is_no_message_is_a_400_with_its_code(service: Service, body: Any) -> None:
    """`ErrorDetail`: code and message; the code also in a header."""
    refused = await call(service, "POST", "/:send", body)
    assert refused.status == 400
    assert refused.json["code"] == refused.code == "Error.Message.Invalid"
    assert refused.json["message"]


async def test_more_than_a_megabyte_is_a_413(service: Service) -> None:
    """With a length in the header, and without one."""
    url = f"{service.endpoint}/api/hubs/learning/:send?api-version=2022-06-01"
    body = b'{"target": "news", "arguments": ["' + b"a" * 1024 * 1024 + b'"]}'

    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 65_536):
            yield body[at : at + 65_536]

    async with aiohttp.ClientSession() as http:
        for data in (io.BytesIO(body), chunks()):
            async with http.post(url, data=data, headers=bearer(url)) as response:
                assert (response.status, response.headers["x-ms-error-code"]) == (413, "Error.Message.TooLarge")


@pytest.mark.parametrize(
    "fault",
    [
        {"aud": "http://127.0.0.1/api/hubs/other/:send"},
        {"aud": "http://elsewhere/api/hubs/learning/:send"},
        {"aud": "https://signalr.azure.com"},
        {"aud": None},
        {"exp": None},
        {"exp": int(time.time()) - 60},
        {"key": "x" * 32},
        {"algorithm": "none"},
        {"algorithm": "HS384"},
    ],
)
async def test_a_token_that_does_not_hold_is_a_401(service: Service, fault: dict[str, Any]) -> None:
    """Audience, lifetime, signature and algorithm are checked, as Azure does and its emulator does not."""
    url = f"{service.endpoint}/api/hubs/learning/:send?api-version=2022-06-01"
    refused = await call(service, "POST", "/:send", NEWS, headers=bearer(url, **fault))
    assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert refused.code == "Error.Unauthorized"


async def test_a_token_of_entra_is_refused_by_name(service: Service) -> None:
    """RS256 for `https://signalr.azure.com`: the local stack has keys, and says so."""
    claims = {"aud": "https://signalr.azure.com", "exp": int(time.time()) + 60}
    key = generate_private_key(public_exponent=65537, key_size=2048)
    headers = {"Authorization": f"Bearer {jwt.encode(claims, key, algorithm='RS256')}"}
    refused = await call(service, "POST", "/:send", NEWS, headers=headers)
    assert refused.status == 401
    assert "Entra" in refused.json["message"]


async def test_a_call_without_token_is_a_401(service: Service) -> None:
    """Also where nothing is there."""
    for path in ("/:send", "/nothing"):
        assert (await call(service, "POST", path, NEWS, headers={"X-None": ""})).status == 401


async def test_the_audience_may_come_with_or_without_query_and_port(service: Service) -> None:
    """The documentation leaves the query out, the SDK puts it in; the port likewise. Either key signs."""
    port = service.endpoint.rpartition(":")[2]
    full = f"{service.endpoint}/api/hubs/learning/:send?api-version=2022-06-01"
    for audience in (full, full.partition("?")[0], full.replace(f":{port}", "")):
        assert (await call(service, "POST", "/:send", NEWS, headers=bearer(audience))).status == 202, audience
    assert (await call(service, "POST", "/:send", NEWS, headers=bearer(full, key=SECONDARY_KEY))).status == 202


@pytest.mark.parametrize("version", ["", "latest", "2022"])
async def test_a_call_without_version_is_a_400(service: Service, version: str) -> None:
    """`api-version` is required, and a date."""
    assert (await call(service, "POST", "/:send", NEWS, version=version)).code == "Error.ApiVersion.Invalid"


@pytest.mark.parametrize("hub", ["1st", "a-b", "a" * 129])
async def test_a_hub_has_a_name_that_fits(service: Service, hub: str) -> None:
    """It starts with a letter, and has letters, digits and few other signs."""
    assert (await call(service, "POST", "/:send", NEWS, base=f"/api/hubs/{hub}")).code == "Error.Hub.Invalid"


async def test_hubs_have_no_case_and_applications_hubs_of_their_own(service: Service) -> None:
    """`application` stands before the hub's name."""
    async with connected(service):
        assert (await call(service, "POST", "/:send", NEWS, base="/api/hubs/LEARNING")).delivered == 1
        assert (await call(service, "POST", "/:send?application=other", NEWS)).delivered == 0


async def test_the_older_api_is_not_there(service: Service) -> None:
    """`/api/v1`, which has no version: nothing here calls it."""
    assert (await call(service, "POST", "", NEWS, base="/api/v1/hubs/learning")).status == 404


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/:execute"), ("POST", "/connections/a/:invoke"), ("PATCH", "/users/mei")]
)
async def test_what_is_not_served_is_a_404_that_says_so(service: Service, method: str, path: str) -> None:
    """The versions after 2022-06-01 have more; nothing of it is accepted and ignored."""
    refused = await call(service, method, path)
    assert (refused.status, refused.code) == (404, "Error.NotFound")
    assert "not part of this service" in refused.json["message"]


async def test_existence_of_users_groups_and_connections(service: Service) -> None:
    """200 while somebody is connected there, else 404 with a warning's code."""
    async with connected(service):
        [connection] = service.connections
        await call(service, "PUT", f"/groups/duo/connections/{connection}")
        for path in ("/users/mei", "/groups/duo", f"/connections/{connection}"):
            assert (await call(service, "HEAD", path)).status == 200
        await call(service, "DELETE", f"/connections/{connection}")
    for path, kind in (("/users/mei", "User"), ("/groups/duo", "Group"), (f"/connections/{connection}", "Connection")):
        gone = await call(service, "HEAD", path)
        assert (gone.status, gone.code) == (404, f"Warning.{kind}.NotExisted")


async def test_a_connection_can_be_closed(service: Service) -> None:
    """DELETE is 200, with a reason for the client."""
    async with connected(service) as socket:
        [connection] = service.connections
        assert (await call(service, "DELETE", f"/connections/{connection}?reason=over")).status == 200
        assert '"error":"over"' in await socket.receive_str(timeout=30)
        assert (await call(service, "DELETE", f"/connections/{connection}")).status == 200


async def test_a_token_for_a_client_lets_it_in(service: Service) -> None:
    """`:generateToken` gives what a client connects with, as the user that was named."""
    answer = await call(service, "POST", "/:generateToken?userId=an&minutesToExpire=10")
    query = f"&access_token={answer.json['token']}"
    async with aiohttp.ClientSession() as http:
        url = f"{service.endpoint}/client/negotiate?hub=learning{query}"
        async with http.post(url) as response:
            assert response.status == 200
    for minutes in ("0", "-1", "ten"):
        refused = await call(service, "POST", f"/:generateToken?minutesToExpire={minutes}")
        assert refused.code == "Error.MinutesToExpire.Invalid"


async def test_health_needs_no_token(service: Service) -> None:
    """`HEAD /api/health` is 200."""
    async with aiohttp.ClientSession() as http, http.head(f"{service.endpoint}/api/health") as response:
        assert response.status == 200


async def test_a_client_before_its_handshake_hears_nothing(service: Service) -> None:
    """A connection is one when its handshake is answered."""
    async with websocket(service):
        assert (await call(service, "POST", "/:send", NEWS)).delivered == 0
