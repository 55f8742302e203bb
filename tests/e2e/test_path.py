"""The way of one spoken attempt, seen from outside."""

from __future__ import annotations

import uuid

import pytest

from demo.attempts import silence
from demo.items import RIGHT, VOICE, WRONG
from demo.voice import speak
from tests.e2e.people import api_of, dead_letter, learner, publish
from tests.e2e.stack import Stack, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")


def progress_event(subject: str, *, event_id: str | None = None) -> dict[str, object]:
    """A progress event as another system would write it."""
    return {
        "specversion": "1.0",
        "id": event_id or str(uuid.uuid4()),
        "source": "/sayzhong/elsewhere",
        "type": "sayzhong.learning.progress-recorded.v1",
        "subject": subject,
        "time": "2026-11-25T12:00:00Z",
        "datacontenttype": "application/json",
        "correlationid": str(uuid.uuid4()),
        "tenantid": "sayzhong",
        "data": {
            "attempt_id": str(uuid.uuid4()),
            "items": [{"hanzi": "好", "pinyin": "hǎo", "expected": 3, "heard": 2, "tone_score": 30, "error": "tone"}],
        },
    }


async def test_an_attempt_is_assessed_pushed_and_adapts_the_lesson(stack: Stack) -> None:
    """HTTP in, feedback on the screen, saga, adapted lesson, everything read back."""
    async with learner(stack, "path-mei") as mei:
        item = RIGHT[0]
        status, result, correlation_id = await mei.attempt(item.text, await speak(item.spoken, variant=VOICE))
        assert status == 200, result
        assert [syllable["tone"]["heard"] for syllable in result["syllables"]] == list(item.heard)

        feedback = await mei.next_message("learning_feedback", correlation_id)
        assert feedback["data"] == result
        lesson = await mei.next_message("lesson_adapted", correlation_id)
        assert lesson["seq"] > feedback["seq"]

        _, missed, _ = await mei.api.call("GET", f"/api/v1/sessions/{mei.session_id}/messages", after="0")
        assert missed["complete"]
        assert [message["seq"] for message in missed["messages"]] == list(range(1, missed["latest_seq"] + 1))
        _, progress, _ = await mei.api.call("GET", "/api/v1/progress/me")
        assert progress["attempts"] == 1


async def test_a_wrong_tone_is_heard(stack: Stack) -> None:
    """A learner who misses a tone hears about it at once."""
    async with learner(stack, "path-wrong") as mei:
        item = WRONG[0]
        _, result, _ = await mei.attempt(item.text, await speak(item.spoken, variant=VOICE))
        wrong = result["syllables"][item.place]
        assert wrong["error"] == "tone"
        assert wrong["tone"]["heard"] == item.heard[item.place]


@pytest.mark.parametrize(
    ("text", "wav", "status", "code"),
    [
        ("你好", silence(1.0), 422, "audio-silent"),
        ("hello", silence(1.0), 422, "text-without-hanzi"),
        ("你好", b"RIFF....", 422, "audio-corrupt"),
    ],
)
async def test_a_bad_recording_is_refused_with_its_reason(
    stack: Stack, text: str, wav: bytes, status: int, code: str
) -> None:
    """Each gate says which it is, as a problem document."""
    async with learner(stack, "path-bad") as mei:
        answered, problem, correlation_id = await mei.attempt(text, wav)
        assert (answered, problem["code"]) == (status, code)
        assert problem["correlation_id"] == correlation_id


async def test_another_learners_session_is_not_there(stack: Stack) -> None:
    """Ownership answers 404, not 403."""
    async with learner(stack, "path-owner") as owner, api_of(stack, "path-thief") as thief:
        for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/messages")):
            status, problem, _ = await thief.call(method, f"/api/v1/sessions/{owner.session_id}{path}")
            assert (status, problem["code"]) == (404, "not-found")
        status, _, _ = await thief.attempt(owner.session_id, "你好", silence(1.0))
        assert status == 404


async def test_a_foreign_event_runs_one_saga_however_often_it_is_sent(stack: Stack) -> None:
    """Three sends of one event, under different message ids too, have one effect."""
    event = progress_event("path-foreign")
    await publish(stack, "learning-progress", event, event, event)
    async with api_of(stack, "path-foreign") as api, api_of(stack, "path-operator", "operator") as operator:

        async def adapted() -> bool:
            status, plan, _ = await api.call("GET", "/api/v1/planning/me")
            return status == 200 and plan["version"] == 1

        await eventually(adapted, what="the adapted plan")
        again = progress_event("path-foreign")
        await publish(stack, "learning-progress", event, again)

        async def second() -> bool:
            _, progress, _ = await api.call("GET", "/api/v1/progress/me")
            return bool(progress["attempts"] == 2)

        await eventually(second, what="the second event's effect")
        _, found, _ = await operator.call("GET", "/api/v1/ops/events", correlation_id=str(event["correlationid"]))
        types = [each["type"] for each in found["events"]]
        assert types.count("sayzhong.planning.plan-adapted.v1") == 1


async def test_what_does_not_fit_is_a_dead_letter_and_the_next_event_is_handled(stack: Stack) -> None:
    """A bad event names its reason and stalls nothing behind it."""
    bad = progress_event("path-poison")
    bad["data"] = {"attempt_id": "a", "items": [{"hanzi": "好", "pinyin": "hǎo", "expected": 9}]}
    await publish(stack, "learning-progress", bad, progress_event("path-poison"))
    letters = [await dead_letter(stack, "path-poison") for _ in range(2)]  # one a subscription, whichever is first
    letter = next(each for each in letters if each["properties"]["subscription"] == "progress")
    assert letter["properties"]["DeadLetterReason"] == "schema"
    assert letter["properties"]["topic"] == "learning-progress"
    assert letter["message_id"] == f"{bad['id']}:progress"
    async with api_of(stack, "path-poison") as api:

        async def handled() -> bool:
            _, progress, _ = await api.call("GET", "/api/v1/progress/me")
            return bool(progress.get("attempts") == 1)

        await eventually(handled, what="the next event's effect")


async def test_operators_find_sagas_and_decide_only_about_parked_ones(stack: Stack) -> None:
    """A saga that has completed is not listed, and takes no decision."""
    event = progress_event("path-saga")
    await publish(stack, "learning-progress", event)
    saga = f"/api/v1/ops/sagas/learning-progress-{event['id']}"
    async with api_of(stack, "path-operator", "operator") as operator, api_of(stack, "path-saga") as learner_api:

        async def completed() -> bool:
            status, found, _ = await operator.call("GET", saga)
            return status == 200 and found["status"] == "Completed" and found["started_at"].endswith("Z")

        await eventually(completed, what="the saga")
        status, listed, _ = await operator.call("GET", "/api/v1/ops/sagas")
        assert status == 200
        assert str(event["id"]) not in str(listed)
        status, problem, _ = await operator.call("POST", f"{saga}/decisions", json={"action": "skip"})
        assert (status, problem["code"]) == (409, "saga-not-parked")
        assert (await operator.call("GET", "/api/v1/ops/sagas/none"))[0] == 404
        assert (await learner_api.call("GET", saga))[0] == 403
