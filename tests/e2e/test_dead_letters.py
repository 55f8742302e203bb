"""An operator's way with what died and with what is to be replayed, through the API of the running stack."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from demo.api import Api
from tests.e2e.people import api_of, publish
from tests.e2e.stack import Stack, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")
LETTERS, REDRIVES, REPLAYS = "/api/v1/ops/dead-letters", "/api/v1/ops/redrives", "/api/v1/ops/replays"


def practice(learner: str, tenant: str, tone: int) -> dict[str, Any]:
    """A progress event; a tone above 5 does not fit."""
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": "/partner/app",
        "type": "sayzhong.learning.progress-recorded.v1",
        "subject": learner,
        "tenantid": tenant,
        "data": {"attempt_id": str(uuid.uuid4()), "items": [{"hanzi": "好", "pinyin": "hǎo", "expected": tone}]},
    }


async def found(operator: Api, count: int, subscriber: str = "progress") -> list[dict[str, Any]]:
    """The letters of the operator's tenant, once there are so many."""

    async def there() -> list[dict[str, Any]]:
        status, page, _ = await operator.call("GET", LETTERS, subscriber=subscriber)
        assert status == 200, page
        letters: list[dict[str, Any]] = page["letters"]
        counted = sum(group["count"] for group in page["groups"])  # read after the letters: one may die in between
        return letters if len(letters) == counted == count else []

    letters: list[dict[str, Any]] = await eventually(there, 60, "the dead letters")
    return letters


async def ended(operator: Api, path: str, *states: str) -> dict[str, Any]:
    async def there() -> dict[str, Any]:
        _, job, _ = await operator.call("GET", path)
        return job if job["state"] in states else {}

    job: dict[str, Any] = await eventually(there, 90, f"{path} {states}")
    return job


@pytest.mark.timeout(300)
async def test_a_dead_letter_is_mended_and_redriven_and_progress_rebuilt(stack: Stack) -> None:
    tenant, name = "school-1", f"dead-{uuid.uuid4().hex[:8]}"
    mei, jun = f"{name}-mei", f"{name}-jun"
    wrong, right = practice(mei, tenant, 9), practice(mei, tenant, 3)
    await publish(stack, "learning-progress", wrong, right, practice(jun, tenant, 8))
    async with (
        api_of(stack, name, "operator", tenant=tenant) as operator,
        api_of(stack, f"{name}-other", "operator", tenant="school-2") as stranger,
        api_of(stack, mei, tenant=tenant) as learner,
    ):
        letters = await found(operator, 2)
        assert {letter["reason"] for letter in letters} == {"schema"}
        (letter,) = [each for each in letters if each["event_id"] == wrong["id"]]
        path = f"{LETTERS}/{letter['id']}"
        assert (await stranger.call("GET", path))[0] == 404
        assert (await stranger.call("GET", path, tenant=tenant))[0] == 404
        assert (await learner.call("GET", path))[0] == 403

        status, seen, _ = await operator.call("GET", path)
        assert (status, seen["body"]) == (200, wrong)
        status, problem, _ = await operator.call("POST", f"{path}/redrives", json={})
        assert (status, problem["errors"][0]["pointer"]) == (422, "/data/items/0/expected")
        mended = {**wrong, "data": practice(mei, tenant, 3)["data"]}
        status, seen, _ = await operator.call("PUT", f"{path}/body", json={"event": mended, "seen": seen["digest"]})
        assert (status, seen["body"], len(seen["edits"])) == (200, mended, 1)
        status, answer, _ = await operator.call("POST", f"{path}/redrives", json={})
        assert status == 200, answer

        async def practised() -> bool:
            _, progress, _ = await learner.call("GET", "/api/v1/progress/me")
            planned = (await learner.call("GET", "/api/v1/planning/me"))[0] == 200
            return bool(progress.get("attempts") == 2 and planned)

        await eventually(practised, 60, "both attempts, and a plan")
        (left,) = await found(operator, 1)
        chosen = {"reason": "schema", "subscriber": "progress"}
        status, job, _ = await operator.call("POST", REDRIVES, json=chosen)
        assert status == 202, job
        job = await ended(operator, f"{REDRIVES}/{job['id']}", "done")
        assert (job["total"], job["done"], job["skipped"]) == (1, 0, 1)  # it fits as little as before
        async with api_of(stack, f"{name}-colleague", "operator", tenant=tenant) as colleague:
            for person, mine in ((operator, True), (colleague, False)):
                [listed] = (await person.call("GET", REDRIVES, limit="1"))[1]["jobs"]
                assert (listed["id"], listed["mine"]) == (job["id"], mine)
        status, _, _ = await operator.call("POST", f"{LETTERS}/{left['id']}/discards", json={"reason": "test-data"})
        assert status == 204
        assert (await operator.call("GET", f"{LETTERS}/{left['id']}"))[0] == 404

        for projection, source in (("progress", "store"), ("plan", "archive")):
            order = {"projection": projection, "learner": mei, "source": source}
            status, job, _ = await operator.call("POST", REPLAYS, json=order)
            assert (status, job["order"]["source"]) == (202, source), job
            replay = f"{REPLAYS}/{job['id']}"
            assert (await ended(operator, replay, "built"))["done"] == 1
            assert (await stranger.call("GET", replay))[0] == 404
            status, compared, _ = await operator.call("GET", f"{replay}/differences")
            assert (status, compared) == (200, {"compared": 1, "differences": [], "not_comparable": [], "next": None})
            status, _, _ = await operator.call("POST", f"{replay}/actions", json={"action": "swap"})
            assert status == 200
            await ended(operator, replay, "done")
        assert await practised()
        status, problem, _ = await operator.call("POST", REPLAYS, json={"topic": "content", "subscriber": "nobody"})
        assert (status, problem["errors"][0]["pointer"]) == (422, "/subscriber")


@pytest.mark.timeout(300)
async def test_a_subscriber_is_fed_without_a_word_to_the_learner(stack: Stack) -> None:
    name = f"fed-{uuid.uuid4().hex[:8]}"
    event = practice(name, "school-1", 3)
    await publish(stack, "learning-progress", event)
    async with (
        api_of(stack, f"{name}-operator", "operator", tenant="school-1") as operator,
        api_of(stack, name, tenant="school-1") as learner,
    ):

        async def planned() -> bool:
            return bool((await learner.call("GET", "/api/v1/planning/me"))[0] == 200)

        await eventually(planned, 60, "the plan")
        feed = {"topic": "learning-progress", "subscriber": "progress", "learner": name}
        status, job, _ = await operator.call("POST", REPLAYS, json=feed)
        assert status == 202, job
        job = await ended(operator, f"{REPLAYS}/{job['id']}", "done")
        await asyncio.sleep(2)
        _, plan, _ = await learner.call("GET", "/api/v1/planning/me")
        assert plan["version"] == 1  # it was carried to a plan before


@pytest.mark.timeout(300)
async def test_a_dead_letter_of_another_system_is_on_the_list_and_redriven(stack: Stack) -> None:
    tenant, name = f"school-{uuid.uuid4().hex[:8]}", f"put-{uuid.uuid4().hex[:8]}"
    event = practice(name, tenant, 3)
    letter = ServiceBusMessage(
        json.dumps(event).encode(),
        message_id=f"{event['id']}:progress",
        session_id=name,
        application_properties={
            "DeadLetterReason": "rejected",
            "topic": "learning-progress",
            "subscription": "progress",
        },
    )
    connection = stack.environment["ServiceBusConnection"]
    async with (
        ServiceBusClient.from_connection_string(connection) as client,
        client.get_queue_sender("dead-letters") as sender,
    ):
        await sender.send_messages(letter)
    async with (
        api_of(stack, f"{name}-operator", "operator", tenant=tenant) as operator,
        api_of(stack, name, tenant=tenant) as learner,
    ):
        [listed] = await found(operator, 1)
        assert (listed["reason"], listed["event_id"]) == ("rejected", event["id"])
        status, answer, _ = await operator.call("POST", f"{LETTERS}/{listed['id']}/redrives", json={})
        assert status == 200, answer

        async def practised() -> bool:
            return bool((await learner.call("GET", "/api/v1/progress/me"))[1].get("attempts") == 1)

        await eventually(practised, 60, "the attempt")
        assert (await operator.call("GET", LETTERS))[1]["letters"] == []


@pytest.mark.timeout(300)
async def test_a_message_that_names_no_line_is_a_dead_letter(stack: Stack) -> None:
    """Else it would go round in the queue of what is redelivered, again and again, for good."""
    tenant, name = "school-1", f"stray-{uuid.uuid4().hex[:8]}"
    stray = ServiceBusMessage(
        b"not ours", message_id=name, session_id=name, application_properties={"tenantid": tenant}
    )
    connection = stack.environment["ServiceBusConnection"]
    async with (
        ServiceBusClient.from_connection_string(connection) as client,
        client.get_queue_sender("redeliveries") as sender,
    ):
        await sender.send_messages(stray)
    async with api_of(stack, f"{name}-operator", "operator", tenant=tenant) as operator:

        async def there() -> list[dict[str, Any]]:
            letters: list[dict[str, Any]] = (await operator.call("GET", LETTERS))[1]["letters"]
            return [letter for letter in letters if letter["event_id"] == name]

        found_letters: list[dict[str, Any]] = await eventually(there, 120, "the dead letter")
        [letter] = found_letters
        assert (letter["reason"], letter["topic"]) == ("max-delivery-count", "redeliveries")
        discarded = await operator.call("POST", f"{LETTERS}/{letter['id']}/discards", json={"reason": "test-data"})
        assert discarded[0] == 204
