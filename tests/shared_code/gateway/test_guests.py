"""Guests come in without an account, and belong to one account once they are linked."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from shared_code.domain.clock import utc_now
from shared_code.domain.principal import Principal
from shared_code.gateway.gateway import Gateway
from shared_code.gateway.guests import Guests
from shared_code.gateway.http import Response
from shared_code.gateway.identity.guests import ISSUER, TENANT, GuestTokens
from shared_code.gateway.identity.keys import IssuerKeys
from shared_code.gateway.identity.tokens import TokenVerifier
from shared_code.gateway.limiting.limiter import RateLimiter
from shared_code.gateway.limiting.policies import with_changes
from shared_code.gateway.routes.events import FIND_EVENTS
from shared_code.gateway.routes.learners import CREATE_GUEST, LINK_GUEST
from shared_code.gateway.routes.sessions import START_SESSION
from shared_code.gateway.stages.limit import Refusals
from shared_code.storage.shared_state import TableState
from tests.shared_code.gateway.conftest import SECRET, MakeGateway
from tests.shared_code.gateway.openid import AUDIENCE, OpenIdProvider
from tests.shared_code.gateway.records import Records
from tests.shared_code.gateway.requests import body_of, request, who


def pkcs8(key: Any) -> bytes:
    return bytes(
        key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


class Adopted:
    """What an account was given."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    async def __call__(self, guest: Principal, account: Principal, correlation_id: str) -> None:
        self.calls.append((guest.id, account.id))


@pytest.fixture
def adopted() -> Adopted:
    return Adopted()


@pytest.fixture
def gateway(
    make_gateway: MakeGateway,
    provider: OpenIdProvider,
    keys: IssuerKeys,
    state: TableState,
    records: Records,
    adopted: Adopted,
) -> Gateway:
    issuer = GuestTokens(pkcs8(ec.generate_private_key(ec.SECP256R1())), AUDIENCE, utc_now)
    tokens = TokenVerifier(
        {provider.issuer: keys, ISSUER: issuer},
        audience=(AUDIENCE,),
        tenants=frozenset({"school-1"}),
        pseudonym_key=SECRET,
        skew=0,
        reserved={ISSUER: TENANT},
    )
    limiter = RateLimiter(with_changes(["guests-burst=5/60", "guests-device=2/3600"]))
    guests = Guests(issuer, tokens, limiter, Refusals(records), state, adopted, utc_now)
    return make_gateway(tokens=tokens, guests=guests)


async def create(gateway: Gateway, **body: str) -> Response:
    sent = request(CREATE_GUEST, body=json.dumps(body).encode() if body else b"", client_address="203.0.113.9")
    sent.headers["content-type"] = "application/json"
    return await gateway.handle(sent, gateway.guests.create)


async def link(gateway: Gateway, account: str, guest: str) -> Response:
    sent = request(LINK_GUEST, account, body=json.dumps({"token": guest}).encode())
    sent.headers["content-type"] = "application/json"
    return await gateway.handle(sent, gateway.guests.link)


async def test_a_guest_is_a_learner_and_nothing_more(gateway: Gateway) -> None:
    created = await create(gateway)
    guest = body_of(created)
    assert (created.status, guest["expires_in"]) == (201, 30 * 86400)
    answer = await gateway.handle(request(START_SESSION, guest["token"]), who)
    assert (answer.status, body_of(answer)["caller"]) == (200, guest["learner_id"])
    assert (await gateway.handle(request(FIND_EVENTS, guest["token"]), who)).status == 403


async def test_an_address_and_a_device_make_only_so_many(gateway: Gateway) -> None:
    device = [(await create(gateway, device_id="device-0001")).status for _ in range(3)]
    assert device == [201, 201, 429]
    others = [(await create(gateway)).status for _ in range(3)]
    assert others == [201, 201, 429]


async def test_nobody_gets_a_strangers_token_by_guessing_its_idempotency_key(gateway: Gateway) -> None:
    """The same key from the same address is a repetition; from another address it is somebody else."""
    answers = [
        await gateway.handle(
            request(CREATE_GUEST, headers={"idempotency-key": "1"}, client_address=address), gateway.guests.create
        )
        for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2")
    ]
    first, again, stranger = (body_of(answer)["token"] for answer in answers)
    assert again == first
    assert stranger != first


async def test_a_guest_becomes_the_learner_of_one_account(
    gateway: Gateway, provider: OpenIdProvider, adopted: Adopted
) -> None:
    guest = body_of(await create(gateway))
    linked = await link(gateway, provider.token(sub="mei"), guest["token"])
    assert (linked.status, body_of(linked)["guest_id"]) == (200, guest["learner_id"])
    again = await link(gateway, provider.token(sub="mei"), guest["token"])
    assert body_of(again) == body_of(linked)
    other = await link(gateway, provider.token(sub="jun"), guest["token"])
    assert (other.status, body_of(other)["code"]) == (409, "guest-linked")
    assert adopted.calls == [(guest["learner_id"], "mei")] * 2


async def test_only_an_account_links_and_only_a_guest_is_linked(gateway: Gateway, provider: OpenIdProvider) -> None:
    guests = [body_of(await create(gateway))["token"] for _ in range(2)]
    assert (await link(gateway, guests[0], guests[1])).status == 403
    for token in (provider.token(sub="jun"), "garbage"):
        refused = await link(gateway, provider.token(sub="mei"), token)
        assert (refused.status, body_of(refused)["errors"][0]["pointer"]) == (422, "/token")


async def test_no_other_issuer_speaks_for_guests(gateway: Gateway, provider: OpenIdProvider) -> None:
    forged = provider.token(sub="guest-1", tid=TENANT)
    assert (await gateway.handle(request(START_SESSION, forged), who)).status == 401


async def test_without_a_signing_key_there_are_no_guests(make_gateway: MakeGateway) -> None:
    gateway = make_gateway()
    assert (await create(gateway)).status == 404


@pytest.mark.parametrize(
    "key", [b"nonsense", pkcs8(ed25519.Ed25519PrivateKey.generate()), pkcs8(ec.generate_private_key(ec.SECP384R1()))]
)
def test_a_signing_key_is_a_p256_key(key: bytes) -> None:
    with pytest.raises(ValueError):
        GuestTokens(key, AUDIENCE, utc_now)
