"""Erasing a learner: afterwards nothing of theirs can be read from anything that the stack holds."""

from __future__ import annotations

import asyncio
import base64
import json
import uuid
from typing import Any

import pytest

from demo.items import RIGHT, VOICE
from demo.voice import speak
from local.paths import PROJECT
from local.settings_file import load
from shared_code.domain.pseudonyms import pseudonym
from tests.e2e.people import api_of, learner, publish
from tests.e2e.stack import Stack, eventually
from tests.e2e.test_path import progress_event
from tests.e2e.traces import Everything, found_in, traces_of

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    "hidden",
    [
        "小梅爱吃苹果".encode(),
        "小梅爱吃苹果".encode("utf-16-le"),
        json.dumps({"text": "小梅爱吃苹果"}).encode(),
        json.dumps(json.dumps("小梅爱吃苹果")).encode(),
        base64.b64encode("1小梅爱吃苹果".encode()),
        base64.urlsafe_b64encode(json.dumps("12小梅爱吃苹果").encode()),
        b"text=%e5%b0%8f%e6%a2%85%e7%88%b1%e5%90%83%e8%8b%b9%e6%9e%9c",
    ],
)
async def test_what_looks_for_traces_finds_them(hidden: bytes) -> None:
    assert found_in({"here": b"before" + hidden + b"after", "there": b"nothing"}, {"text": "小梅爱吃苹果"}) == [
        ("text", "here")
    ]
    assert all(len(trace) >= 6 for trace in traces_of("小梅爱吃苹果"))


@pytest.mark.timeout(300)
async def test_nothing_of_an_erased_learner_can_be_read_anywhere(stack: Stack) -> None:
    name = f"xiaomei-{uuid.uuid4().hex[:10]}"
    remark, mishap = f"苹果{uuid.uuid4().hex[:8]}很好吃", f"出错{uuid.uuid4().hex[:8]}怎么办"
    item = RIGHT[-1]
    wav = await speak(item.spoken, variant=VOICE)
    needles: dict[str, str | bytes] = {
        "name": name,
        "text": item.text,
        "remark": remark,
        "mishap": mishap,
        "audio": wav[len(wav) // 2 : len(wav) // 2 + 64],
    }
    everything, stream = Everything(stack.ports, stack.state), pseudonym_of(name)
    async with learner(stack, name) as mei:
        status, result, correlation_id = await mei.attempt(item.text, wav)
        assert status == 200, result
        await mei.next_message("lesson_adapted", correlation_id)
        status, stranger, _ = await mei.api.call("GET", "/api/v1/learners/me/erasure")
        assert status == 404, stranger

        good: dict[str, Any] = progress_event(name)
        good["data"]["remark"] = remark
        await publish(stack, "learning-progress", good)
        await publish(stack, "learning-progress", {**progress_event(name), "data": {"mishap": mishap}})
        async with api_of(stack, "operator", "operator") as operator:

            async def known() -> set[str]:
                _, page, _ = await operator.call("GET", "/api/v1/ops/events", learner=name)
                held = {"events": json.dumps(page["events"], ensure_ascii=False).encode()}
                return {needle for needle, _ in found_in(held, needles)}

            async def stored() -> bool:
                return await known() >= {"name", "remark"}

            await eventually(stored, 60, "the stored event")

            async def died() -> list[tuple[str, str]]:
                return found_in(await everything.on_the_bus(name, stream), {"mishap": mishap})

            await eventually(died, 60, "the dead letter")

            async def archived() -> bool:
                _, page, _ = await operator.call("GET", "/api/v1/ops/events", learner=name)
                return len(page["events"]) == await asyncio.to_thread(everything.archived, stream)

            await eventually(archived, 150, "the archive of all events")
            before = found_in(everything.at_rest(), needles)
            assert before == [], "what is a learner's is sealed"

            status, erasure, _ = await operator.call("DELETE", f"/api/v1/ops/learners/{name}/data")
            assert (status, erasure["learner"], erasure["state"]) == (202, stream, "erasing")

            async def through() -> Any:
                _, stands, _ = await operator.call("GET", f"/api/v1/ops/learners/{name}/erasure")
                return stands if stands["state"] != "erasing" else None

            stands: Any = await eventually(through, 150, "the erasure's first round")
            assert stands["state"] in ("settling", "erased")

            order = {"topic": "learning-progress", "subscriber": "progress", "learner": name, "source": "archive"}
            status, replay, _ = await operator.call("POST", "/api/v1/ops/replays", json=order)
            assert status == 202, replay

            async def replayed() -> bool:
                _, job, _ = await operator.call("GET", f"/api/v1/ops/replays/{replay['id']}")
                return bool(job["state"] == "done")

            await eventually(replayed, 60, "a replay from the archive")
            assert everything.archived(stream) > 0, "what the lake has is still there, and says nothing"

            assert await known() == set()
            assert found_in(await everything.on_the_bus(name, stream), needles) == []
            assert found_in(everything.at_rest(), needles) == []
            _, page, _ = await operator.call("GET", "/api/v1/ops/events", learner=name)
            assert {event["subject"] for event in page["events"]} == {"erased"}
            letters: Any = (await operator.call("GET", "/api/v1/ops/dead-letters"))[1]
            assert found_in({"letters": json.dumps(letters, ensure_ascii=False).encode()}, needles) == []
        _, missed, _ = await mei.api.call("GET", f"/api/v1/sessions/{mei.session_id}/messages", after="0")
        assert {message["type"] for message in missed["messages"] if message["data"] != {"erased": True}} == set()
        _, progress, _ = await mei.api.call("GET", "/api/v1/progress/me")
        assert progress["attempts"] == 0


def pseudonym_of(name: str) -> str:
    """What the stack calls a learner wherever nobody needs to know who it is."""
    settings: dict[str, str] = {}
    load(PROJECT, settings)
    return pseudonym(base64.b64decode(settings["PSEUDONYM_KEY"]), "sayzhong", name)
