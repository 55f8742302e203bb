"""The eight learning services, seen from outside: what they say of a learner, and how one moves out and back."""

from __future__ import annotations

import uuid

import pytest

from demo.items import RIGHT, VOICE
from demo.voice import speak
from tests.e2e.people import api_of, learner
from tests.e2e.stack import Stack, eventually
from tests.shared_code.gateway.upstream import Upstream

pytestmark = pytest.mark.asyncio(loop_scope="session")

EIGHT = {"learning", "content", "assessment", "progress", "planning", "interaction", "effectiveness", "experiments"}


async def test_all_eight_are_listed_with_where_they_run(stack: Stack) -> None:
    async with api_of(stack, "services-anna", "operator") as api:
        status, answer, _ = await api.call("GET", "/api/v1/ops/services")
    assert status == 200
    services = {service["name"]: service["instances"] for service in answer["services"]}
    assert services.keys() >= EIGHT
    for name in EIGHT:
        [instance] = [each for each in services[name] if each["id"] == "in-process"]
        assert instance["healthy"]
        assert {"version", "weight", "region"} <= instance.keys()


async def test_a_learner_finds_what_an_attempt_led_to_and_nobody_else_does(stack: Stack) -> None:
    async with learner(stack, "services-mei") as mei:
        item = RIGHT[0]
        status, result, correlation_id = await mei.attempt(item.text, await speak(item.spoken, variant=VOICE))
        assert status == 200, result
        await mei.next_message("lesson_adapted", correlation_id)

        _, results, _ = await mei.api.call("GET", "/api/v1/assessment/me/results")
        assert [each["assessment_id"] for each in results["results"]] == [result["attempt_id"]]
        one = f"/api/v1/assessment/me/results/{result['attempt_id']}"
        assert (await mei.api.call("GET", one))[1] == result
        _, sessions, _ = await mei.api.call("GET", "/api/v1/interaction/me/sessions")
        assert [each["session_id"] for each in sessions["sessions"]] == [mei.session_id]
        _, schedule, _ = await mei.api.call("GET", "/api/v1/learning/me/schedule", days="90")
        assert sum(day["items"] for day in schedule["days"]) == len(item.heard)
        _, practice, _ = await mei.api.call("GET", "/api/v1/learning/me/next")
        assert (practice["plan_version"], practice["next_due"] is not None) == (1, True)

        async with api_of(stack, "services-other") as other:
            assert (await other.call("GET", one))[0] == 404
            assert (await other.call("GET", "/api/v1/assessment/me/results"))[1] == {"results": [], "before": None}


async def test_what_an_author_publishes_is_found_and_told(stack: Stack) -> None:
    path = f"/api/v1/content/items/market-{uuid.uuid4().hex[:8]}"
    body = {"kind": "dialogue", "hanzi": "苹果多少钱？", "meaning": "How much are the apples?", "hsk_level": 1}
    async with api_of(stack, "services-anna", "operator") as anna, api_of(stack, "services-mei") as mei:
        assert (await mei.call("PUT", path, json=body))[0] == 403
        status, item, correlation_id = await anna.call("PUT", path, json=body)
        assert (status, item["version"]) == (201, 1)
        _, found, _ = await mei.call("GET", "/api/v1/content/items", q="duoshaoqian")
        assert item["item_id"] in [each["item_id"] for each in found["items"]]
        _, told, _ = await anna.call("GET", "/api/v1/ops/events", correlation_id=correlation_id)
        assert [event["type"] for event in told["events"]] == ["sayzhong.content.updated.v1"]


async def test_a_service_moves_out_to_a_url_and_back(stack: Stack) -> None:
    """By registering alone, and without a request that fails on the way."""
    outside = Upstream("outside", body=b'{"items": [], "after": "outside"}')
    await outside.start()
    instances = "/api/v1/ops/services/content/instances"
    statuses: set[int] = set()
    async with api_of(stack, "services-anna", "operator") as anna, api_of(stack, "services-mei") as mei:

        async def is_outside() -> bool:
            status, answer, _ = await mei.call("GET", "/api/v1/content/items", limit="1")
            statuses.add(status)
            return bool(answer["after"] == "outside")

        async def is_back() -> bool:
            return not await is_outside()

        try:
            assert not await is_outside()
            registered = await anna.call(
                "PUT", f"{instances}/outside", json={"url": outside.url, "region": "elsewhere"}
            )
            assert registered[0] == 201, registered
            await anna.call("PUT", f"{instances}/in-process", json={"weight": 0})
            await eventually(is_outside, what="the move out")
            assert [await is_outside() for _ in range(10)] == [True] * 10
            assert outside.seen[-1].headers["x-context"]
            await anna.call("PUT", f"{instances}/in-process", json={"weight": 100})
            await anna.call("PUT", f"{instances}/outside", json={"url": outside.url, "draining": True})
            await eventually(is_back, what="the move back")
            assert [await is_back() for _ in range(10)] == [True] * 10
        finally:
            await anna.call("PUT", f"{instances}/in-process", json={"weight": 100})
            await anna.call("PUT", f"{instances}/outside", json={"url": outside.url, "draining": True})
            await outside.stop()
    assert statuses == {200}
