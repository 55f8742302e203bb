"""A client that repeats a request gets the first answer: across instances, restarts and crashes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared_code.domain.clock import utc_now
from shared_code.domain.errors import Conflict, Invalid, Unavailable
from shared_code.gateway.gateway import Gateway
from shared_code.gateway.http import Request, Response
from shared_code.gateway.idempotency import claims as claims_module
from shared_code.gateway.idempotency.claims import KEPT, Claims
from shared_code.gateway.routes.sessions import GET_SESSION, START_SESSION
from shared_code.storage.account import StorageAccount
from shared_code.storage.shared_state import TableState
from shared_code.storage.tables import Tables
from tests.ports import free_ports
from tests.shared_code.gateway.conftest import SECRET, MakeGateway
from tests.shared_code.gateway.openid import OpenIdProvider
from tests.shared_code.gateway.requests import body_of, request


class Effect:
    """An endpoint with an effect that can be counted; `during` is what happens while it is at work."""

    def __init__(self) -> None:
        self.count = 0
        self.seconds = 0.0
        self.raises: Exception | None = None

    async def __call__(self, request: Request) -> Response:
        self.count += 1
        number = self.count
        await asyncio.sleep(self.seconds)
        if self.raises is not None:
            raise self.raises
        return Response(201, {"number": number, "text": "你好"}, {"Location": f"/things/{number}"})


@pytest.fixture
def effect() -> Effect:
    return Effect()


def post(token: str, key: str | None = "key-1", body: bytes = b"{}", **changes: Any) -> Request:
    headers = {"content-type": "application/json"} | ({} if key is None else {"idempotency-key": key})
    return request(START_SESSION, token, headers=headers, body=body, **changes)


async def test_g11_ten_copies_at_once_have_one_effect_and_one_answer(
    make_gateway: MakeGateway, provider: OpenIdProvider, effect: Effect
) -> None:
    instances = [make_gateway(), make_gateway()]
    effect.seconds = 0.2
    token = provider.token()
    answers = await asyncio.gather(*(instances[n % 2].handle(post(token), effect) for n in range(10)))
    assert effect.count == 1
    assert {answer.status for answer in answers} == {201}
    assert {answer.payload() for answer in answers} == {answers[0].payload()}
    assert {answer.headers["Location"] for answer in answers} == {"/things/1"}
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 9


async def test_a_replay_is_of_the_first_answer_but_under_its_own_correlation_id(
    gateway: Gateway, provider: OpenIdProvider, effect: Effect
) -> None:
    first = await gateway.handle(post(provider.token()), effect)
    again = await gateway.handle(post(provider.token()), effect)
    assert (again.status, again.payload(), again.content_type) == (201, first.payload(), first.content_type)
    assert again.headers["X-Correlation-Id"] != first.headers["X-Correlation-Id"]


async def test_the_same_key_with_another_request_is_a_422(
    gateway: Gateway, provider: OpenIdProvider, effect: Effect
) -> None:
    await gateway.handle(post(provider.token()), effect)
    other = await gateway.handle(post(provider.token(), body=b'{"mode":1}'), effect)
    assert (other.status, body_of(other)["code"]) == (422, "idempotency-key-reused")
    query = await gateway.handle(post(provider.token(), query={"text": "x"}), effect)
    assert query.status == 422
    assert effect.count == 1


async def test_keys_belong_to_their_caller_and_route(
    gateway: Gateway, provider: OpenIdProvider, effect: Effect
) -> None:
    await gateway.handle(post(provider.token()), effect)
    await gateway.handle(post(provider.token(sub="jun")), effect)
    await gateway.handle(post(provider.token(tid="school-2")), effect)
    elsewhere = post(provider.token())
    elsewhere.route = replace(START_SESSION, name="elsewhere")
    await gateway.handle(elsewhere, effect)
    assert effect.count == 4


async def test_without_a_key_or_on_a_read_nothing_is_kept(
    gateway: Gateway, provider: OpenIdProvider, effect: Effect
) -> None:
    for _ in range(2):
        await gateway.handle(post(provider.token(), key=None), effect)
        await gateway.handle(request(GET_SESSION, provider.token(), headers={"idempotency-key": "k"}), effect)
    assert effect.count == 4


@pytest.mark.parametrize("key", ["", " ", "ключ", "a b", "x" * 256])
async def test_a_key_that_is_none_is_a_400(
    gateway: Gateway, provider: OpenIdProvider, effect: Effect, key: str
) -> None:
    assert (await gateway.handle(post(provider.token(), key=key), effect)).status == 400
    assert effect.count == 0


async def test_a_failure_that_may_pass_is_tried_again_and_a_lasting_one_replayed(
    gateway: Gateway, provider: OpenIdProvider, effect: Effect
) -> None:
    for passing in (Unavailable("Down."), RuntimeError("bug")):
        effect.raises = passing
        assert (await gateway.handle(post(provider.token()), effect)).status in (500, 503)
    effect.raises = Invalid("No.")
    refused = await gateway.handle(post(provider.token()), effect)
    assert effect.count == 3
    effect.raises = None
    replayed = await gateway.handle(post(provider.token()), effect)
    assert (replayed.status, body_of(replayed)) == (422, body_of(refused))
    assert effect.count == 3


async def test_a_copy_that_waited_long_enough_gets_a_409(
    gateway: Gateway, provider: OpenIdProvider, effect: Effect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims_module, "PATIENCE", 0.1)
    effect.seconds = 60
    first = asyncio.create_task(gateway.handle(post(provider.token()), effect))
    while not effect.count:
        await asyncio.sleep(0.01)
    second = await gateway.handle(post(provider.token()), effect)
    assert (second.status, body_of(second)["code"]) == (409, "idempotency-in-progress")
    assert second.headers["Retry-After"] == "1"
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)


class Clock:
    """The time, moved by tests."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.offset


async def test_a_claim_that_a_crash_left_is_taken_over_after_its_lease(state: TableState) -> None:
    clock = Clock()
    claims = Claims(state, SECRET, clock)
    lease = timedelta(seconds=15)
    crashed = await claims.claim("mei", "key", b"same", lease)
    clock.offset += lease + timedelta(seconds=1)
    taken = await claims.claim("mei", "key", b"same", lease)
    assert isinstance(taken, claims_module.Held)
    answer = claims_module.Answer(status=200, headers={}, content_type="text/plain", body=b"x")
    await taken.finish(answer)
    assert isinstance(crashed, claims_module.Held)
    with pytest.raises(Conflict):
        await crashed.finish(answer)  # it was only slow: its late answer does not count
    with pytest.raises(Conflict):
        await crashed.give_up()  # nor does its giving up
    assert await claims.claim("mei", "key", b"same", lease) == answer


async def test_an_answer_is_kept_for_a_day(state: TableState) -> None:
    clock = Clock()
    claims = Claims(state, SECRET, clock)
    answer = claims_module.Answer(status=200, headers={}, content_type="text/plain", body=b"x" * 200_000)
    held = await claims.claim("mei", "key", b"same", timedelta(seconds=1))
    assert isinstance(held, claims_module.Held)
    await held.finish(answer)
    clock.offset = KEPT - timedelta(minutes=1)
    assert await claims.claim("mei", "key", b"same", timedelta(seconds=1)) == answer
    clock.offset = KEPT + timedelta(minutes=1)
    assert isinstance(await claims.claim("mei", "key", b"other", timedelta(seconds=1)), claims_module.Held)


async def test_what_is_kept_can_be_read_with_the_key_alone(
    gateway: Gateway, state: TableState, provider: OpenIdProvider, effect: Effect, tokens: Any
) -> None:
    await gateway.handle(post(provider.token()), effect)
    caller = (await tokens.verify(provider.token())).pseudonym
    kept = [stored async for stored in state.all(f"claim:{caller}")]
    assert len(kept) == 1
    for secret in ("你好".encode(), b"key-1", b"/things/1", b"mei"):
        assert secret not in kept[0].value + kept[0].key.encode()


async def test_without_its_store_a_key_is_refused_and_no_key_passes(
    make_gateway: MakeGateway, provider: OpenIdProvider, effect: Effect
) -> None:
    """Fails closed: the caller asked for a guarantee."""
    (port,) = free_ports(1)
    nowhere = f"DefaultEndpointsProtocol=http;AccountName=x;AccountKey=eA==;TableEndpoint=http://127.0.0.1:{port}/x;"
    tables = Tables(StorageAccount(connection_string=nowhere))
    gateway = make_gateway(claims=Claims(TableState(tables.table("gateway")), SECRET, utc_now))
    assert (await gateway.handle(post(provider.token()), effect)).status == 503
    assert effect.count == 0
    assert (await gateway.handle(post(provider.token(), key=None), effect)).status == 201
    await tables.close()


async def test_what_was_carried_out_is_answered_though_the_answer_cannot_be_kept(
    gateway: Gateway, state: TableState, provider: OpenIdProvider, tokens: Any
) -> None:
    """Told of a failure, the client would send it again, and it would happen twice."""
    caller = (await tokens.verify(provider.token())).pseudonym

    async def loses_its_claim(_request: Request) -> Response:
        async for claim in state.all(f"claim:{caller}"):
            await state.delete(f"claim:{caller}", claim.key)
        return Response(201)

    assert (await gateway.handle(post(provider.token()), loses_its_claim)).status == 201


async def test_answers_are_purged_after_their_day(state: TableState, gateway: Gateway) -> None:
    clock = Clock()
    claims = Claims(state, SECRET, clock)
    clock.offset = -KEPT - timedelta(minutes=1)
    await claims.claim("mei", "old", b"same", timedelta(seconds=1))
    clock.offset = timedelta()
    await claims.claim("mei", "new", b"same", timedelta(seconds=1))
    assert await gateway.purge() == 1
    assert len([stored async for stored in state.all("claim:mei")]) == 1
