"""Whose messages are whose, seen from outside."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from demo.api import Api
from demo.items import RIGHT, VOICE
from demo.screen import Screen
from demo.voice import speak
from tests.e2e.people import Learner, api_of, publish
from tests.e2e.stack import Stack, eventually
from tests.e2e.test_path import progress_event

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def missed(api: Api, session_id: str) -> dict[str, Any]:
    """All that one may read back of a session."""
    status, found, _ = await api.call("GET", f"/api/v1/sessions/{session_id}/messages", after="0")
    assert status == 200, found
    return found


async def test_feedback_in_a_session_of_several_is_its_learners_alone(stack: Stack) -> None:
    """Both hear that the session began; scores reach whoever spoke. Neither sees a gap in the numbers."""
    names = [f"together-{name}-{uuid.uuid4().hex[:8]}" for name in ("mei", "an")]
    async with api_of(stack, names[0]) as mei, api_of(stack, names[1]) as an:
        body = {"mode": "collaborative", "participants": [names[1]]}
        status, session, _ = await mei.call("POST", "/api/v1/sessions", json=body)
        assert status == 201, session
        session_id = session["session_id"]
        screens = []
        for api in (mei, an):
            _, access, _ = await api.call("POST", "/api/v1/realtime/negotiate")
            screens.append(await Screen.connect(access["url"], access["accessToken"]))
        item = RIGHT[0]
        for name, api, screen in zip(names, (mei, an), screens, strict=True):
            speaker = Learner(name, api, session, screen)
            status, result, correlation_id = await speaker.attempt(item.text, await speak(item.spoken, variant=VOICE))
            assert status == 200, result
            assert (await speaker.next_message("learning_feedback", correlation_id))["data"] == result
            await speaker.next_message("lesson_adapted", correlation_id)
        for api, screen in zip((mei, an), screens, strict=True):
            found = await missed(api, session_id)
            types = [message["type"] for message in found["messages"]]
            assert types.count("session_started") == types.count("learning_feedback") == 1
            assert [message["seq"] for message in found["messages"]] == list(range(1, found["latest_seq"] + 1))
            assert found["complete"]
            shown = [
                message["envelope"]["data"] for message in screen.messages if message["type"] == "learning_feedback"
            ]
            assert shown == [message["data"] for message in found["messages"] if message["type"] == "learning_feedback"]
            await screen.close()


async def test_what_belongs_to_no_session_is_read_back_by_its_learner(stack: Stack) -> None:
    """An event of another system names no session: what it led to is on the learner's own channel."""
    name = f"personal-{uuid.uuid4().hex[:8]}"
    await publish(stack, "learning-progress", progress_event(name))
    async with api_of(stack, name) as api, api_of(stack, f"{name}-other") as other:

        async def adapted() -> list[dict[str, Any]]:
            _, found, _ = await api.call("GET", "/api/v1/realtime/messages", after="0")
            return list(found.get("messages", []))

        found: list[dict[str, Any]] = await eventually(adapted, what="the adapted lesson")
        first = found[0]
        assert (first["seq"], first["type"]) == (1, "lesson_adapted")
        _, nothing, _ = await api.call("GET", "/api/v1/realtime/messages", after=str(first["seq"] + 9))
        assert nothing["messages"] == []
        _, theirs, _ = await other.call("GET", "/api/v1/realtime/messages")
        assert theirs == {"complete": True, "latest_seq": 0, "messages": []}
        status, problem, _ = await api.call("GET", "/api/v1/realtime/messages", after="soon")
        assert (status, problem["code"]) == (400, "after-invalid")
