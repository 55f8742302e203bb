"""One learner's practice: token, session, screen, five attempts, and what became of them."""

from __future__ import annotations

import asyncio
import secrets
import time
from pathlib import Path
from typing import Any

from demo.api import Api
from demo.attempts import Attempt, recorded, spoken_now
from demo.screen import Screen
from demo.stack import running_stack
from demo.timeline import Timeline
from demo.trace import show_trace
from local.identity.tokens import issue
from local.ports import Ports

SAGA_LIMIT = 15.0  # seconds from an answer to the adapted lesson


def demonstrate(audio: Path | None, text: str | None) -> int:
    """Play the demonstration; the exit code is 0 only if every check held."""
    if (audio is None) != (text is None):
        print("Give both AUDIO=file.wav and TEXT=你好, or neither.")
        return 2
    return asyncio.run(_demonstrate(audio, text))


async def _demonstrate(audio: Path | None, text: str | None) -> int:
    timeline = Timeline()
    timeline.chapter("The stack")
    async with running_stack(timeline) as ports:
        attempts = [recorded(audio, text)] if audio and text else await spoken_now(timeline)
        learner = f"demo-{secrets.token_hex(4)}"
        async with (
            Api(ports, issue(learner, ["learner"], "sayzhong", 3600)) as api,
            Api(ports, issue("demo-operator", ["operator"], "sayzhong", 3600)) as operator,
        ):
            await _practise(ports, api, operator, attempts, learner, timeline)
    if timeline.failures:
        print(f"\n{timeline.failures} check(s) failed.")
    else:
        print("\nEvery check held.")
    return 1 if timeline.failures else 0


async def _practise(
    ports: Ports, api: Api, operator: Api, attempts: list[Attempt], learner: str, timeline: Timeline
) -> None:
    timeline.chapter(f"The learner {learner}")
    status, session, _ = await api.call("POST", "/api/v1/sessions", json={"mode": "practice"})
    timeline.check(status == 201, f"session {session.get('session_id')} opened ({status})")
    if status != 201:
        return
    screen = await Screen.connect(session["realtime"]["url"], session["realtime"]["accessToken"])
    timeline.step("screen", "connected to SignalR with the official JavaScript client")

    traced = ""
    try:
        for attempt in attempts:
            timeline.chapter(f"Attempt: {attempt.text} ({attempt.intent})")
            correlation_id = await _attempt(api, screen, session["session_id"], attempt, timeline)
            traced = correlation_id or traced
        await _catch_up(api, screen, session["session_id"], timeline)
    finally:
        await screen.close()
    await _standing(api, timeline)
    if traced:
        await show_trace(ports, operator, traced, timeline)


async def _attempt(api: Api, screen: Screen, session_id: str, attempt: Attempt, timeline: Timeline) -> str | None:
    """Submit one attempt and follow it to the adapted lesson; the correlation id if it was assessed."""
    posted = time.monotonic()
    status, result, correlation_id = await api.attempt(session_id, attempt.text, attempt.wav)
    timeline.step("http", f"answered {status} after {(time.monotonic() - posted) * 1000:.0f} ms")
    if attempt.refusal is not None:
        refused = status == 422 and result["code"] == attempt.refusal
        timeline.check(refused, f"refused with '{result.get('code')}': {result.get('detail')}")
        return None
    if status != 200:
        timeline.check(False, f"refused: {result.get('detail')}")
        return None
    _show_result(result, timeline)
    for place, tone in attempt.heard.items():
        heard = result["syllables"][place]["tone"]["heard"]
        timeline.check(heard == tone, f"{attempt.text[place]} was spoken in tone {tone}, and heard in tone {heard}")

    def is_feedback(message: dict[str, Any]) -> bool:
        return bool(message["type"] == "learning_feedback" and message["envelope"]["data"] == result)

    feedback = await screen.wait_for(is_feedback, 5)
    timeline.check(feedback is not None, "the screen shows the same result (learning_feedback)")
    if feedback is not None:
        timeline.step("screen", f"feedback {(feedback['arrived'] - posted) * 1000:.0f} ms after the recording was sent")

    def is_lesson(message: dict[str, Any]) -> bool:
        envelope = message.get("envelope", {})
        return bool(message["type"] == "lesson_adapted" and envelope["correlation_id"] == correlation_id)

    lesson = await screen.wait_for(is_lesson, SAGA_LIMIT)
    timeline.check(lesson is not None, "the saga has adapted the lesson (lesson_adapted)")
    if lesson is not None:
        timeline.step("screen", f"new lesson {(lesson['arrived'] - posted) * 1000:.0f} ms after the recording was sent")
    return correlation_id


def _show_result(result: dict[str, Any], timeline: Timeline) -> None:
    scores = " ".join(f"{name} {score}" for name, score in result["scores"].items() if score is not None)
    timeline.step("assessment", f"{result['provider']}{' (degraded)' if result['degraded'] else ''}: {scores}")
    for syllable in result["syllables"]:
        tone = syllable["tone"]
        heard = tone["heard"] if tone["heard"] is not None else "unknown"
        timeline.step(
            "",
            f"  {syllable['hanzi']} {syllable['pinyin']:<7} expected {tone['expected']}, heard {heard}, "
            f"accuracy {syllable['accuracy']}, {syllable['error']}",
        )
    timeline.step("advice", result["advice"])


async def _catch_up(api: Api, screen: Screen, session_id: str, timeline: Timeline) -> None:
    timeline.chapter("Reading the session back")
    status, missed, _ = await api.call("GET", f"/api/v1/sessions/{session_id}/messages", after="0")
    numbers = [message["seq"] for message in missed.get("messages", [])]
    timeline.check(status == 200 and missed["complete"], f"{len(numbers)} messages, complete")
    timeline.check(numbers == list(range(1, len(numbers) + 1)), "numbered without a gap")
    shown = {message["envelope"]["seq"] for message in screen.messages if "envelope" in message}
    timeline.check(shown <= set(numbers), "everything that the screen showed is there")


async def _standing(api: Api, timeline: Timeline) -> None:
    timeline.chapter("What the learner has learnt")
    status, progress, _ = await api.call("GET", "/api/v1/progress/me")
    timeline.check(status == 200, f"{progress.get('attempts')} attempts, {len(progress.get('items', []))} syllables")
    for tone in progress.get("tones", []):
        share = tone["right_share"]
        timeline.step(
            "progress",
            f"tone {tone['tone']}: practised {tone['practised']}, heard right "
            f"{'unknown' if share is None else f'{share:.0%}'}",
        )
    status, plan, _ = await api.call("GET", "/api/v1/planning/me")
    timeline.check(
        status == 200, f"lesson plan version {plan.get('version')}, focus on tones {plan.get('focus_tones')}"
    )
    for item in plan.get("items", []):
        timeline.step("plan", f"{item['hanzi']} {item['pinyin']} ({item['reason']})")
