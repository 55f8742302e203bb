"""A learner's consents over the public API."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from yarl import URL

from tests.e2e.people import api_of
from tests.e2e.stack import Stack

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_change_counts_only_while_nobody_was_faster(stack: Stack) -> None:
    """The ETag is the version; who has an older one is told the current one, and may read and try again."""
    name = f"consents-{uuid.uuid4().hex[:8]}"
    address = f"http://127.0.0.1:{stack.ports.host}/api/v1/learners/me/consents"
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {stack.token(name)}"}) as learner:

        async def put(body: dict[str, Any], tag: str) -> tuple[int, dict[str, Any], str]:
            async with learner.put(address, json=body, headers={"If-Match": tag}) as answer:
                return answer.status, await answer.json(content_type=None), answer.headers.get("ETag", "")

        async with learner.get(address) as answer:
            assert (answer.status, answer.headers["ETag"]) == (200, '"0"')
            assert (await answer.json())["voice"] == {"interaction": True, "progress": True, "webhooks": False}
        status, changed, tag = await put({"voice": {"webhooks": True}}, '"0"')
        assert (status, tag, changed["voice"]["webhooks"]) == (200, '"1"', True)
        status, problem, _ = await put({"voice": {"webhooks": False}}, '"0"')
        assert (status, problem["code"], problem["current_version"]) == (409, "conflict", 1)
        status, changed, tag = await put({"voice": {"webhooks": False}}, f'"{problem["current_version"]}"')
        assert (status, tag, changed["voice"]["webhooks"]) == (200, '"2"', False)

        assert (await put({}, "2"))[:2][0] == 400
        misfits: tuple[dict[str, Any], ...] = ({"voice": {"audit": True}}, {"voice": {"webhooks": "yes"}}, {"mail": {}})
        for body in misfits:
            assert (await put(body, "*"))[0] == 422, body


async def test_consents_are_the_learner_s_own(stack: Stack) -> None:
    async with api_of(stack, "ops-consents", "operator") as operator:
        assert (await operator.call("GET", "/api/v1/learners/me/consents"))[0] == 403
        status, problem, _ = await operator.call("DELETE", "/api/v1/ops/learners/mei/data", tenant="elsewhere")
        assert (status, problem["code"]) == (404, "not-found")
    async with api_of(stack, "mei-consents") as learner:
        assert (await learner.call("DELETE", "/api/v1/ops/learners/mei/data"))[0] == 403


async def test_learners_may_have_themselves_erased(stack: Stack) -> None:
    async with api_of(stack, f"me-{uuid.uuid4().hex[:8]}") as learner:
        assert (await learner.call("PUT", "/api/v1/learners/me/consents", json={"experiment": {"audit": True}}))[
            0
        ] == 200
        status, erasure, _ = await learner.call("DELETE", "/api/v1/learners/me/data")
        assert (status, erasure["state"]) == (202, "erasing")
        status, stands, _ = await learner.call("GET", "/api/v1/learners/me/erasure")
        assert (status, stands["learner"]) == (200, erasure["learner"])


async def test_an_erasure_is_found_where_its_answer_says_whatever_the_learner_is_called(stack: Stack) -> None:
    name = quote(f"美\r\nX-Injected: {uuid.uuid4().hex}?#%", safe="")
    url = URL(f"{stack.api}/v1/ops/learners/{name}/data", encoded=True)
    headers = {"Authorization": f"Bearer {stack.token('ops-consents', 'operator')}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        async with http.delete(url) as answer:
            assert answer.status == 202, await answer.text()
            assert "X-Injected" not in answer.headers
            begun = await answer.json()
        async with http.get(url.join(URL(answer.headers["Location"], encoded=True))) as answer:
            assert (answer.status, (await answer.json())["learner"]) == (200, begun["learner"])
