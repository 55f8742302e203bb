"""Partners come with client credentials of a provider that somebody else wrote: npm's oidc-provider."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from local.paths import PROJECT
from shared_code.domain.errors import Unauthenticated, Unavailable
from shared_code.gateway.gateway import Gateway
from shared_code.gateway.identity.discovery import DiscoveredKeys
from shared_code.gateway.identity.keys import COOL_DOWN, FRESH, HARD_LIMIT, IssuerKeys
from shared_code.gateway.identity.tokens import TokenVerifier
from shared_code.gateway.routes.events import ACCEPT_EVENTS, FIND_EVENTS
from shared_code.gateway.routes.sessions import START_SESSION
from tests.ports import accepts, free_ports
from tests.shared_code.gateway.conftest import SECRET, MakeGateway
from tests.shared_code.gateway.openid import AUDIENCE
from tests.shared_code.gateway.requests import request, who

CLIENT_SECRET = "between-the-partner-and-its-provider"
PROVIDER = PROJECT / "tests/shared_code/gateway/js/provider.mjs"


class OidcProvider:
    """The provider as a process, on one port for its life."""

    def __init__(self) -> None:
        (self.port,) = free_ports(1)
        self.issuer = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; each start makes new keys."""
        self._process = subprocess.Popen(["node", str(PROVIDER), str(self.port)], stderr=subprocess.DEVNULL)
        assert accepts(self.port), "oidc-provider did not come up"

    def stop(self) -> None:
        """End it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(15)

    async def token(self, scope: str, resource: str = "urn:sayzhong:rs256") -> str:
        """An access token for the partner's client credentials."""
        asked = {"grant_type": "client_credentials", "scope": scope, "resource": resource}
        basic = base64.b64encode(f"partner:{CLIENT_SECRET}".encode()).decode()
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Basic {basic}"}) as http,
            http.post(f"{self.issuer}/token", data=asked) as answer,
        ):
            said = await answer.json()
            assert answer.status == 200, said
            return str(said["access_token"])


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def oidc() -> Iterator[OidcProvider]:
    provider = OidcProvider()
    provider.start()
    yield provider
    provider.stop()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def verifier(oidc: OidcProvider, clock: Clock) -> AsyncIterator[TokenVerifier]:
    discovered = DiscoveredKeys(oidc.issuer)
    keys = IssuerKeys(oidc.issuer, discovered, clock)
    yield TokenVerifier({oidc.issuer: keys}, audience=(AUDIENCE,), tenants=frozenset(), pseudonym_key=SECRET, skew=5)
    await keys.close()
    await discovered.close()


async def test_its_tokens_hold_whichever_key_signed_them(oidc: OidcProvider, verifier: TokenVerifier) -> None:
    for resource in ("urn:sayzhong:rs256", "urn:sayzhong:es256"):
        partner = await verifier.verify(await oidc.token("events.write content.read", resource))
        assert (partner.id, partner.roles) == ("partner", frozenset())
        assert partner.scopes == {"events.write", "content.read"}
    with pytest.raises(Unauthenticated):
        await verifier.verify(await oidc.token("events.write", "urn:another:api"))


async def test_scopes_open_the_routes_that_name_them(
    oidc: OidcProvider, verifier: TokenVerifier, make_gateway: MakeGateway
) -> None:
    gateway: Gateway = make_gateway(tokens=verifier)
    for scope, route, status in (
        ("events.write", ACCEPT_EVENTS, 200),
        ("content.read", ACCEPT_EVENTS, 403),
        ("events.write", START_SESSION, 403),
        ("events.write", FIND_EVENTS, 403),
    ):
        assert (await gateway.handle(request(route, await oidc.token(scope)), who)).status == status, (scope, route)


async def test_its_keys_may_change(oidc: OidcProvider, verifier: TokenVerifier, clock: Clock) -> None:
    """A token holds while its key is cached, and one of a new key as soon as unknown keys may be asked for again."""
    first, second = await oidc.token("events.write"), await oidc.token("events.write")
    await verifier.verify(first)
    oidc.stop()
    clock.now += FRESH + 1
    await verifier.verify(second)  # while it is away its stale keys serve
    oidc.start()
    new = await oidc.token("events.write")
    clock.now += COOL_DOWN + 1
    assert (await verifier.verify(new)).id == "partner"


async def test_without_it_tokens_cannot_be_told_for_ever(
    oidc: OidcProvider, verifier: TokenVerifier, clock: Clock
) -> None:
    tokens = [await oidc.token("events.write") for _ in range(3)]
    await verifier.verify(tokens[0])
    oidc.stop()
    clock.now += HARD_LIMIT - 1
    await verifier.verify(tokens[1])
    clock.now += 2 + COOL_DOWN
    with pytest.raises(Unavailable):
        await verifier.verify(tokens[2])
    oidc.start()  # for the fixture to end
