"""Nobody gets at another learner's or another tenant's things: on every operation that names one, and in every list.

Generated from the running API's own description. A new operation is covered at once; a new name in a path fails here
until `Mei` says what it names.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
import pytest_asyncio

from tests.e2e.described import Described, described
from tests.e2e.people import publish
from tests.e2e.stack import Stack, eventually
from tests.e2e.test_path import progress_event

pytestmark = pytest.mark.asyncio(loop_scope="session")

TENANT = "own-school"
SHARED = {
    "service",
    "id",
    "path",
}  # the registry's names: it is all tenants'; a service's own things are its own to keep


@dataclass
class Mei:
    """A learner and what is hers, by the name that paths have for it."""

    name: str
    things: dict[str, str]
    tells: list[str]  # what no answer to a stranger may hold
    query: dict[str, str]  # what a stranger may ask for


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mei(wide_open_stack: Stack) -> AsyncIterator[Mei]:
    """Mei of a school, with a session and a saga."""
    stack, name = wide_open_stack, f"own-mei-{uuid.uuid4().hex[:8]}"
    event = progress_event(name) | {"tenantid": TENANT}
    await publish(stack, "learning-progress", event)
    saga = f"learning-progress-{event['id']}"
    operator = {"Authorization": f"Bearer {stack.token('own-operator', 'operator', tenant=TENANT)}"}
    learner = {"Authorization": f"Bearer {stack.token(name, tenant=TENANT)}"}
    async with aiohttp.ClientSession() as http:

        async def there() -> bool:
            async with http.get(f"{stack.api}/v1/ops/sagas/{saga}", headers=operator) as answer:
                return answer.status == 200

        await eventually(there, what="the saga")
        async with http.post(f"{stack.api}/v1/sessions", json={"mode": "practice"}, headers=learner) as answer:
            assert answer.status == 201
            session = (await answer.json())["session_id"]
    correlation_id = str(event["correlationid"])
    yield Mei(
        name,
        {"session_id": session, "saga_id": saga},
        [session, saga, str(event["id"]), name],
        {"correlation_id": correlation_id, "learner": name, "subject": name, "tenant": TENANT},
    )


def strangers(stack: Stack, mei: Mei, operation: Described) -> dict[str, str]:
    """Tokens with every role that the operation takes, of people whose the things are not."""
    roles = sorted(operation.roles) or ["learner"]
    elsewhere = {
        "her namesake of another tenant": stack.token(mei.name, *roles, tenant="other-school"),
        "one of another tenant": stack.token("own-jun", *roles, tenant="other-school"),
        "one whose tenant runs the platform": stack.token("own-jun", *roles),
    }
    if "operator" in roles:
        return elsewhere  # the tenant's own operators look after its learners
    return {"another learner": stack.token("own-jun", *roles, tenant=TENANT), **elsewhere}


def owner(stack: Stack, mei: Mei, operation: Described) -> str:
    """The token of who may."""
    return stack.token(mei.name, *(sorted(operation.roles) or ["learner"]), tenant=TENANT)


async def test_what_is_anothers_is_a_404(wide_open_stack: Stack, mei: Mei) -> None:
    stack = wide_open_stack
    owned = [each for each in await described(stack.api) if each.parameters - SHARED]
    assert {name for each in owned for name in each.parameters - SHARED} <= mei.things.keys(), "what do these name?"
    failures = []
    async with aiohttp.ClientSession() as http:
        for operation in owned:
            for who, token in strangers(stack, mei, operation).items():
                status, text = await operation.send(http, stack.api, token, mei.things)
                if status != 404:
                    failures.append(f"{operation.name} by {who}: {status} {text[:200]}")
        # Reads before what ends things: the owner finds them still there, so the 404s were about whose they are.
        for operation in sorted(owned, key=lambda each: each.method == "DELETE"):
            status, text = await operation.send(http, stack.api, owner(stack, mei, operation), mei.things)
            if status == 404 or (operation.method == "GET" and status != 200):
                failures.append(f"{operation.name} by its owner: {status} {text[:200]}")
    assert not failures, "\n".join(failures)


async def test_no_list_tells_of_what_is_anothers(wide_open_stack: Stack, mei: Mei) -> None:
    """Every read without an id, asked for her things by name."""
    stack = wide_open_stack
    lists = [
        each for each in await described(stack.api) if each.method == "GET" and not each.public and not each.parameters
    ]
    failures, told = [], 0
    async with aiohttp.ClientSession() as http:
        for operation in lists:
            for who, token in strangers(stack, mei, operation).items():
                status, text = await operation.send(http, stack.api, token, {}, **mei.query)
                if status >= 500 or any(tell in text for tell in mei.tells):
                    failures.append(f"{operation.name} by {who}: {status} {text[:300]}")
            _, text = await operation.send(http, stack.api, owner(stack, mei, operation), {}, **mei.query)
            told += any(tell in text for tell in mei.tells)
    assert not failures, "\n".join(failures)
    assert told, "her own operator sees nothing either: this looked at nothing"


async def test_who_looks_after_the_platform_sees_every_tenant(wide_open_stack: Stack, mei: Mei) -> None:
    """With the role `platform`, and only in a tenant that runs the platform."""
    stack = wide_open_stack
    async with aiohttp.ClientSession() as http:
        for tenant, status in (("sayzhong", 200), ("other-school", 404)):
            headers = {"Authorization": f"Bearer {stack.token('own-root', 'operator', 'platform', tenant=tenant)}"}
            async with http.get(f"{stack.api}/v1/ops/sagas/{mei.things['saga_id']}", headers=headers) as answer:
                assert answer.status == status
