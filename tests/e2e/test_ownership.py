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

from demo.api import Api
from demo.items import RIGHT, VOICE
from demo.voice import speak
from tests.e2e.described import Described, described
from tests.e2e.people import api_of, publish
from tests.e2e.stack import Stack, eventually
from tests.e2e.test_dead_letters import REDRIVES, REPLAYS, ended, found, practice

pytestmark = pytest.mark.asyncio(loop_scope="session")

TENANT = "own-school"
SHARED = {"service", "id", "path", "item_id", "experiment_id"}  # what all tenants have together
FOUND = {200, 201, 202, 204, 409, 422}  # it is there, though it may be in no state for this, or the request no good
TELLING = {
    f"GET /v1/{name}"
    for name in ("ops/events", "ops/actions", "ops/dead-letters", "ops/redrives", "ops/replays", "webhooks")
} | {"GET /v1/assessment/me/results", "GET /v1/interaction/me/sessions"}  # lists that hold something of hers
NAMED = {"learner_id", "event_id"}  # of the tenant and subject that the query names


@dataclass
class Mei:
    """A learner and what is hers, by the name that paths have for it; `jobs` by the collection that they are in."""

    name: str
    things: dict[str, str]
    jobs: dict[str, str]
    query: dict[str, str]  # what of hers may be asked for

    @property
    def tells(self) -> list[str]:
        """What no answer to a stranger may hold."""
        return [self.name, *self.things.values(), *self.jobs.values()]

    def named_by(self, operation: Described) -> dict[str, str]:
        """What the names in an operation's path stand for."""
        if "job_id" in operation.parameters:
            return {"job_id": self.jobs[operation.path.split("/")[3]]}
        return self.things

    def asked_of(self, operation: Described) -> list[dict[str, str]]:
        """Queries for what is hers, by one thing at a time; where it can be named, also of her tenant."""
        queries = [{}, *({name: value} for name, value in self.query.items() if name in operation.asks)]
        tenants = [{}, {"tenant": TENANT}] if "tenant" in operation.asks else [{}]
        return [query | tenant for query in queries for tenant in tenants]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mei(wide_open_stack: Stack) -> AsyncIterator[Mei]:
    """Mei of a school: she has spoken in a session, and her school is told of it by a webhook that does not answer.

    Another attempt of hers, from elsewhere, did not fit: her school has redriven it in vain, and rebuilt her progress.
    """
    stack, name = wide_open_stack, f"own-mei-{uuid.uuid4().hex[:8]}"
    practised = "sayzhong.learning.progress-recorded.v1"
    async with (
        api_of(stack, "own-operator", "operator", tenant=TENANT) as operator,
        api_of(stack, name, tenant=TENANT) as learner,
    ):
        wish = {"url": "http://127.0.0.1:9/", "types": [practised]}
        status, made, _ = await operator.call("POST", "/api/v1/webhooks", json=wish)
        assert status == 201, made
        webhook: str = made["webhook"]["id"]
        granted = {"voice": {"webhooks": True}}
        assert (await learner.call("PUT", "/api/v1/learners/me/consents", json=granted))[0] == 200
        _, started, _ = await learner.call("POST", "/api/v1/sessions", json={"mode": "practice"})
        session: str = started["session_id"]
        spoken = await speak(RIGHT[0].spoken, variant=VOICE)
        status, result, correlation_id = await learner.attempt(session, RIGHT[0].text, spoken)
        assert status == 200, result

        async def delivery() -> str:
            _, page, _ = await operator.call("GET", f"/api/v1/webhooks/{webhook}/deliveries")
            return str(page["deliveries"][0]["id"]) if page["deliveries"] else ""

        async def saga() -> str:
            _, page, _ = await operator.call("GET", "/api/v1/ops/events", correlation_id=correlation_id)
            [event_id] = [each["id"] for each in page["events"] if each["type"] == practised]
            status, _, _ = await operator.call("GET", f"/api/v1/ops/sagas/learning-progress-{event_id}")
            return f"learning-progress-{event_id}" if status == 200 else ""

        things = {
            "session_id": session,
            "assessment_id": str(result["attempt_id"]),
            "saga_id": await eventually(saga, what="the saga"),
            "webhook_id": webhook,
            "delivery_id": await eventually(delivery, what="the delivery"),
        }
        await publish(stack, "learning-progress", practice(name, TENANT, 9))
        [letter] = await found(operator, 1)
        things["letter_id"] = letter["id"]
        jobs = {
            "redrives": await job(operator, REDRIVES, {"subscriber": letter["subscriber"]}, "done"),
            "replays": await job(operator, REPLAYS, {"projection": "progress", "learner": name}, "built"),
        }
    yield Mei(name, things, jobs, {"correlation_id": correlation_id, "learner": name, "type": practised})


async def job(operator: Api, path: str, order: dict[str, str], state: str) -> str:
    """The id of a job that was started with this order and has come to this state."""
    status, started, _ = await operator.call("POST", path, json=order)
    assert status == 202, started
    await ended(operator, f"{path}/{started['id']}", state)
    return str(started["id"])


def strangers(stack: Stack, mei: Mei, operation: Described, tenant: str = "other-school") -> dict[str, str]:
    """Tokens with every role that the operation takes, of people whose the things are not."""
    roles = sorted(operation.roles) or ["learner"]
    elsewhere = {
        "her namesake of another tenant": stack.token(mei.name, *roles, tenant=tenant),
        "one of another tenant": stack.token("own-jun", *roles, tenant=tenant),
    }
    if "operator" in roles:
        return elsewhere  # the tenant's own operators look after its learners
    return {"another learner": stack.token("own-jun", *roles, tenant=TENANT), **elsewhere}


def owner(stack: Stack, mei: Mei, operation: Described) -> str:
    """The token of who may."""
    return stack.token(mei.name, *(sorted(operation.roles) or ["learner"]), tenant=TENANT)


async def test_what_is_anothers_is_a_404(wide_open_stack: Stack, mei: Mei) -> None:
    stack = wide_open_stack
    owned = [each for each in await described(stack.api) if each.parameters - SHARED - NAMED]
    names = {name for each in owned for name in each.parameters - SHARED}
    assert names <= {"job_id", *mei.things}, "what do these name?"
    failures = []
    async with aiohttp.ClientSession() as http:
        for operation in owned:
            things = mei.named_by(operation)
            of_platform = stack.token("own-jun", *(sorted(operation.roles) or ["learner"]))
            tokens = strangers(stack, mei, operation) | {"one whose tenant runs the platform": of_platform}
            for who, token in tokens.items():
                for query in mei.asked_of(operation):
                    status, text = await operation.send(http, stack.api, token, things, **query)
                    if status != 404:
                        failures.append(f"{operation.name} {query} by {who}: {status} {text[:200]}")
        # The owner finds them still there, reading before changing: so the 404s were about whose they are.
        for operation in sorted(owned, key=lambda each: each.method != "GET"):
            if operation.method == "DELETE" or operation.path.endswith("/discards"):
                continue  # the other tests need them
            token, things = owner(stack, mei, operation), mei.named_by(operation)
            status, text = await operation.send(http, stack.api, token, things)
            if status not in FOUND or (operation.method == "GET" and status != 200):
                failures.append(f"{operation.name} by its owner: {status} {text[:200]}")
    assert not failures, "\n".join(failures)


async def test_what_a_query_names_of_another_tenant_is_a_404(wide_open_stack: Stack, mei: Mei) -> None:
    """A learner's erasure, and an event fetched by reference: found by those of her tenant, and nobody else's.

    And nobody starts anything for another tenant.
    """
    stack = wide_open_stack
    event_id = mei.things["saga_id"].removeprefix("learning-progress-")
    event = f"/v1/events/{event_id}?tenant={TENANT}&subject={mei.name}"
    erasure = f"/v1/ops/learners/{mei.name}/data?tenant={TENANT}"
    async with aiohttp.ClientSession() as http:
        for tenant, status in (("other-school", 404), (TENANT, 200)):
            headers = {"Authorization": f"Bearer {stack.token('own-service', 'service', tenant=tenant)}"}
            async with http.get(stack.api + event, headers=headers) as answer:
                assert answer.status == status, tenant
        headers = {"Authorization": f"Bearer {stack.token('own-jun', 'operator', tenant='other-school')}"}
        async with http.delete(stack.api + erasure, headers=headers) as answer:
            assert answer.status == 404
        async with http.get(stack.api + erasure.replace("data", "erasure"), headers=headers) as answer:
            assert answer.status == 404
        orders = [
            each
            for each in await described(stack.api)
            if each.method == "POST" and not each.parameters and "tenant" in each.asks
        ]
        assert {each.path for each in orders} >= {"/v1/ops/redrives", "/v1/ops/replays"}
        for each in orders:
            for who, token in strangers(stack, mei, each).items():
                status, text = await each.send(http, stack.api, token, {}, tenant=TENANT)
                assert status == 404, f"{each.name} by {who}: {text}"


async def test_no_list_tells_of_what_is_anothers(wide_open_stack: Stack, mei: Mei) -> None:
    """Every read without an id, asked for her things by people who never asked before: that would be on record."""
    stack = wide_open_stack
    lists = [
        each for each in await described(stack.api) if each.method == "GET" and not each.public and not each.parameters
    ]
    failures: list[str] = []
    told: set[str] = set()
    async with aiohttp.ClientSession() as http:
        for operation in lists:
            for query in mei.asked_of(operation):
                for who, token in strangers(stack, mei, operation, f"school-{uuid.uuid4().hex[:8]}").items():
                    status, text = await operation.send(http, stack.api, token, {}, **query)
                    if status >= 500 or any(tell in text for tell in mei.tells):
                        failures.append(f"{operation.name} {query} by {who}: {status} {text[:300]}")
                _, text = await operation.send(http, stack.api, owner(stack, mei, operation), {}, **query)
                told |= {operation.name for tell in mei.tells if tell in text}
    assert not failures, "\n".join(failures)
    assert told >= TELLING, "these tell their owner nothing either: this looked at nothing"


async def test_who_looks_after_the_platform_sees_every_tenant(wide_open_stack: Stack, mei: Mei) -> None:
    """With the role `platform`, and only in a tenant that runs the platform."""
    stack = wide_open_stack
    async with aiohttp.ClientSession() as http:
        for tenant, status in (("sayzhong", 200), ("other-school", 404)):
            headers = {"Authorization": f"Bearer {stack.token('own-root', 'operator', 'platform', tenant=tenant)}"}
            async with http.get(f"{stack.api}/v1/ops/sagas/{mei.things['saga_id']}", headers=headers) as answer:
                assert answer.status == status
