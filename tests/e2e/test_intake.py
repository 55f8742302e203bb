"""Other systems' events over HTTP, from the request to the effect."""

from __future__ import annotations

import json
import uuid
from typing import Any

import aiohttp
import pytest

from tests.e2e.people import api_of
from tests.e2e.stack import Stack, eventually
from tests.e2e.test_path import progress_event

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def post(stack: Stack, token: str, body: Any, **headers: str) -> tuple[int, dict[str, Any]]:
    async with aiohttp.ClientSession() as client:
        answer = await client.post(
            f"http://127.0.0.1:{stack.ports.host}/api/v1/events",
            data=json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}", **headers},
        )
        return answer.status, await answer.json(content_type=None)


async def progress_of(stack: Stack, name: str, attempts: int) -> None:
    async with api_of(stack, name) as api:

        async def practised() -> bool:
            _, progress, _ = await api.call("GET", "/api/v1/progress/me")
            return bool(progress["attempts"] == attempts)

        await eventually(practised, 60, f"progress of {attempts} attempts")


async def test_every_content_mode_leads_to_the_learners_progress(stack: Stack) -> None:
    token = stack.token("gradebook", "service")
    name = f"intake-{uuid.uuid4().hex[:8]}"
    structured = {"Content-Type": "application/cloudevents+json"}
    first = progress_event(name)
    assert await post(stack, token, first, **structured) == (202, {"results": [{"id": first["id"], "status": 202}]})
    assert (await post(stack, token, first, **structured))[0] == 202  # again, and it happens once

    second = progress_event(name)
    attributes = {f"ce-{key}": str(value) for key, value in second.items() if key not in ("data", "datacontenttype")}
    status, _ = await post(stack, token, second["data"], **attributes, **{"Content-Type": "application/json"})
    assert status == 202

    third, wrong = progress_event(name), progress_event(name) | {"type": "sayzhong.unknown.v1"}
    batch = {"Content-Type": "application/cloudevents-batch+json"}
    status, body = await post(stack, token, [wrong, third], **batch)
    assert (status, [result["status"] for result in body["results"]]) == (207, [422, 202])
    assert body["results"][0]["errors"][0]["pointer"] == "/type"

    await progress_of(stack, name, attempts=3)


async def test_who_may_not_publish_is_refused(stack: Stack) -> None:
    event = progress_event("somebody")
    structured = {"Content-Type": "application/cloudevents+json"}
    assert (await post(stack, stack.token("mei"), event, **structured))[0] == 403
    assert (await post(stack, stack.token("gradebook", "service", tenant="elsewhere"), event, **structured))[0] == 422
    assert (await post(stack, stack.token("gradebook", "service"), event, **{"Content-Type": "text/plain"}))[0] == 415


async def test_an_operator_who_asks_for_a_type_that_there_is_not_is_told_so(stack: Stack) -> None:
    """An empty page would say that nothing of the kind happened."""
    async with api_of(stack, "anna", "operator") as api:
        status, answer, _ = await api.call("GET", "/api/v1/ops/events", type="sayzhong.planning.plan")
        assert (status, answer["code"]) == (400, "type-unknown")
        status, answer, _ = await api.call("GET", "/api/v1/ops/events", type="sayzhong.planning.plan", learner="mei")
        assert (status, answer["code"]) == (400, "type-unknown")
