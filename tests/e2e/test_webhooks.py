"""A partner's webhook, from its registration to a signed delivery, over the public API alone."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.e2e.people import api_of, publish
from tests.e2e.stack import Stack, eventually
from tests.e2e.test_path import progress_event
from tests.shared_code.services.webhooks.subscriber import listening

pytestmark = pytest.mark.asyncio(loop_scope="session")

PRACTISED = "sayzhong.learning.progress-recorded.v1"


async def test_a_partner_is_told_what_it_asked_for(stack: Stack) -> None:
    async with api_of(stack, "gradebook", "service") as partner, listening() as subscriber:
        wish = {"url": subscriber.url, "types": [PRACTISED], "description": "gradebook"}
        status, made, _ = await partner.call("POST", "/api/v1/webhooks", json=wish)
        assert status == 201, made
        webhook, subscriber.secret = made["webhook"], made["secret"]

        subscriber.answers = [500]
        event = progress_event(f"hook-{uuid.uuid4().hex[:8]}")
        async with api_of(stack, str(event["subject"])) as learner:
            granted = {"voice": {"webhooks": True}}
            assert (await learner.call("PUT", "/api/v1/learners/me/consents", json=granted))[0] == 200
        await publish(stack, "learning-progress", event)
        await subscriber.wait(2, 90)
        assert {heard["id"] for _, heard in subscriber.heard} == {event["id"]}
        assert subscriber.heard[0][1]["data"] == event["data"]

        address = f"/api/v1/webhooks/{webhook['id']}"

        async def delivered() -> Any:
            _, page, _ = await partner.call("GET", f"{address}/deliveries", state="delivered")
            return page["deliveries"][0] if page["deliveries"] else None

        delivery: Any = await eventually(delivered, 60, "the delivery's record")
        assert (delivery["event_id"], delivery["attempts"]) == (event["id"], 2)
        status, _, _ = await partner.call("POST", f"{address}/deliveries/{delivery['id']}/attempts")
        assert status == 202
        await subscriber.wait(3, 60)
        for strange in ("é", "_w", "A" * 401):
            status, _, _ = await partner.call("POST", f"{address}/deliveries/{strange}/attempts")
            assert status == 404, strange
            status, problem, _ = await partner.call("GET", f"{address}/deliveries", after=strange)
            assert (status, problem["code"] in ("after-invalid", "query-invalid")) == (400, True), strange

        async with api_of(stack, "another", "service", tenant="elsewhere") as stranger:
            assert (await stranger.call("GET", address))[0] == 404
            assert (await stranger.call("DELETE", address))[0] == 404
        assert (await partner.call("DELETE", address))[0] == 204
        assert (await partner.call("GET", address))[0] == 404


async def test_a_webhook_that_cannot_be_is_refused(stack: Stack) -> None:
    async with api_of(stack, "gradebook", "service") as partner:
        for wish in (
            {"url": "https://169.254.169.254/", "types": [PRACTISED]},
            {"url": "http://hooks.school.example/", "types": [PRACTISED]},
            {"url": "https://hooks.school.example/", "types": ["sayzhong.unknown.v1"]},
            {"url": "https://hooks.school.example/", "types": []},
            {"url": "https://hooks.school.example/", "types": [PRACTISED], "surplus": 1},
        ):
            status, problem, _ = await partner.call("POST", "/api/v1/webhooks", json=wish)
            assert (status, problem["code"]) == (422, "invalid"), wish
    async with api_of(stack, "mei") as learner:
        assert (await learner.call("GET", "/api/v1/webhooks"))[0] == 403
