"""What operators change is on record before it is changed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared_code.domain.clock import utc_now
from shared_code.domain.errors import BadRequest, Conflict
from shared_code.domain.pseudonyms import pseudonym
from shared_code.gateway.gateway import Gateway
from shared_code.gateway.http import Request, Response
from shared_code.gateway.routes.learners import ERASE_LEARNER
from shared_code.gateway.routes.operators import DECIDE_SAGA, GET_SAGA
from shared_code.gateway.routes.services import DELETE_INSTANCE
from shared_code.gateway.routes.sessions import START_SESSION
from shared_code.gateway.routes.webhooks import DELETE_WEBHOOK
from shared_code.services.operator_actions import Action, OperatorActions
from shared_code.storage.account import StorageAccount
from shared_code.storage.tables import Tables
from tests.shared_code.gateway.conftest import SECRET, MakeGateway
from tests.shared_code.gateway.openid import OpenIdProvider
from tests.shared_code.gateway.requests import request, who


async def recorded(trail: OperatorActions, tenant: str = "school-1") -> list[Action]:
    now = utc_now()
    page = await trail.between(tenant, now - timedelta(hours=1), now + timedelta(hours=1), after="", limit=100)
    return list(page.actions)


@pytest.fixture
def operator(provider: OpenIdProvider) -> str:
    return provider.token(sub="olga", roles=["operator"])


async def test_an_operators_change_is_recorded_with_its_end(
    gateway: Gateway, trail: OperatorActions, operator: str
) -> None:
    answer = await gateway.handle(request(DELETE_INSTANCE, operator), who)
    [action] = await recorded(trail)
    assert (action.actor, action.action, action.status) == ("olga", "delete_instance", 200)
    assert action.correlation_id == answer.headers["X-Correlation-Id"]
    assert action.target["service"] == "progress"


async def test_a_change_that_fails_is_recorded_as_failed(
    gateway: Gateway, trail: OperatorActions, operator: str
) -> None:
    async def conflicts(_: Request) -> Response:
        raise Conflict("Not now.")

    async def breaks(_: Request) -> Response:
        raise ZeroDivisionError

    sent = {"headers": {"content-type": "application/json"}, "body": b"{}"}
    await gateway.handle(request(DECIDE_SAGA, operator, **sent), conflicts)
    await gateway.handle(request(DECIDE_SAGA, operator, **sent), breaks)
    assert [action.status for action in await recorded(trail)] == [409, 500]


async def test_it_is_on_record_before_it_is_done(gateway: Gateway, trail: OperatorActions, operator: str) -> None:
    seen: list[Action] = []

    async def looks(_: Request) -> Response:
        seen.extend(await recorded(trail))
        return Response(204)

    await gateway.handle(request(DELETE_INSTANCE, operator), looks)
    assert [action.status for action in seen] == [None]


async def test_looks_and_learners_are_not_recorded(
    gateway: Gateway, provider: OpenIdProvider, trail: OperatorActions, operator: str
) -> None:
    await gateway.handle(request(GET_SAGA, operator), who)
    await gateway.handle(request(DELETE_INSTANCE, provider.token(roles=["learner"])), who)
    await gateway.handle(request(START_SESSION, provider.token(roles=["learner"]), body=b""), who)
    assert await recorded(trail) == []


async def test_an_operators_change_of_what_services_change_too_is_recorded_and_theirs_is_not(
    gateway: Gateway, provider: OpenIdProvider, trail: OperatorActions, operator: str
) -> None:
    await gateway.handle(request(DELETE_WEBHOOK, provider.token(sub="gradebook", roles=["service"])), who)
    await gateway.handle(request(DELETE_WEBHOOK, operator), who)
    assert [(action.actor, action.action) for action in await recorded(trail)] == [("olga", "delete_webhook")]


async def test_a_learner_of_another_tenant_is_recorded_as_that_tenants(
    gateway: Gateway, trail: OperatorActions, operator: str
) -> None:
    params = {"learner_id": "mei"}
    await gateway.handle(request(ERASE_LEARNER, operator, params=params, query={"tenant": "school-2"}), who)
    await gateway.handle(request(ERASE_LEARNER, operator, params=params), who)
    assert [action.target for action in await recorded(trail)] == [
        {"learner_id": pseudonym(SECRET, "school-2", "mei"), "tenant": "school-2"},
        {"learner_id": pseudonym(SECRET, "school-1", "mei")},
    ]


async def test_what_cannot_be_put_on_record_is_not_done(make_gateway: MakeGateway, operator: str) -> None:
    """An account that nobody serves stands for storage that is down."""
    nowhere = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=aw==;TableEndpoint=http://127.0.0.1:9/a;"
    tables = Tables(StorageAccount(connection_string=nowhere))
    gateway = make_gateway(trail=OperatorActions(tables.table("actions"), lambda *_: "", utc_now))
    done = []

    async def endpoint(_: Request) -> Response:
        done.append(1)
        return Response(204)

    answer = await gateway.handle(request(DELETE_INSTANCE, operator), endpoint)
    assert (answer.status, done) == (503, [])
    await tables.close()


async def test_a_page_ends_where_the_next_one_begins(gateway: Gateway, trail: OperatorActions, operator: str) -> None:
    for _ in range(5):
        await gateway.handle(request(DELETE_INSTANCE, operator), who)
    start, after, found = utc_now() - timedelta(hours=1), "", []
    while True:
        page = await trail.between("school-1", start, start + timedelta(hours=2), after=after, limit=2)
        found.append(len(page.actions))
        if page.next is None:
            break
        after = page.next
    assert found == [2, 2, 1]
    assert await recorded(trail, "school-2") == []
    with pytest.raises(BadRequest):
        await trail.between("school-1", start, start, after="zzz", limit=2)
