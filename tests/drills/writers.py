"""The load: learners who speak, and another system that reports what its learners practised."""

from __future__ import annotations

import asyncio
import random
import uuid
from abc import ABC, abstractmethod
from typing import Any

from demo.voice import speak
from shared_code.domain.clock import rfc3339, utc_now
from shared_code.domain.identifiers import uuid7
from shared_code.events.http_binding import STRUCTURED
from tests.drills.caller import Caller, Refused
from tests.drills.ledger import Ledger, Sent
from tests.drills.publisher import Publisher
from tests.e2e.stack import Stack

TEXT, SPOKEN = "学习", "xue2 xi2"
PAUSES = (0.5, 2.0)  # seconds between two operations of one learner
AGAIN = 0.2  # how many events are sent a second time, under another message id
LATE = (1.0, 6.0)  # seconds after which a late copy is delivered
NEW_SESSION = 0.1  # how many attempts open a session first


class Writer(ABC):
    """One learner's operations, one after the other: the next begins when the last was acknowledged."""

    def __init__(self, stack: Stack, ledger: Ledger, name: str, seed: int) -> None:
        self.name = name
        self._stack = stack
        self._ledger = ledger
        self._chance = random.Random(f"{seed}:{name}")

    async def run(self, stop: asyncio.Event) -> None:
        """Write until `stop`, and finish what is under way."""
        async with Caller(self._stack, self._ledger, self.name) as caller:
            try:
                session_id = await self._open(caller)
                await self._write(caller, session_id, stop)
            except Refused as refused:
                self._ledger.refused.append(f"{self.name}: {refused}")

    async def _open(self, caller: Caller) -> str:
        key = self._uuid()
        answer = await caller.post("/api/v1/sessions", key, json={"mode": "practice"})
        session_id: str = answer["session_id"]
        self._ledger.sessions[self.name].append(session_id)
        return session_id

    @abstractmethod
    async def _write(self, caller: Caller, session_id: str, stop: asyncio.Event) -> None:
        """Do this kind of writer's work until `stop`."""

    async def _pause(self) -> None:
        await asyncio.sleep(self._chance.uniform(*PAUSES))

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._chance.getrandbits(128), version=4))


class Speaker(Writer):
    """Submits spoken attempts over HTTP."""

    async def _write(self, caller: Caller, session_id: str, stop: asyncio.Event) -> None:
        wav = await speak(SPOKEN)
        while not stop.is_set():
            if self._chance.random() < NEW_SESSION:
                session_id = await self._open(caller)
            key = self._uuid()
            answer = await caller.post(
                f"/api/v1/sessions/{session_id}/attempts",
                key,
                data=wav,
                params={"text": TEXT},
                headers={"Content-Type": "audio/wav"},
            )
            self._ledger.sent[self.name].append(Sent("attempt", answer["attempt_id"], session_id, key))
            await self._pause()


class Foreign(Writer):
    """Another system that reports what its learners practised."""

    def _event(self, session_id: str) -> dict[str, Any]:
        now = utc_now()
        heard = self._chance.randint(1, 4)
        return {
            "specversion": "1.0",
            "id": uuid7(now),
            "source": "/sayzhong/elsewhere",
            "type": "sayzhong.learning.progress-recorded.v1",
            "subject": self.name,
            "time": rfc3339(now),
            "datacontenttype": "application/json",
            "correlationid": self._uuid(),
            "tenantid": "sayzhong",
            "data": {
                "attempt_id": self._uuid(),
                "session_id": session_id,
                "items": [
                    {
                        "hanzi": "好",
                        "pinyin": "hǎo",
                        "expected": 3,
                        "heard": heard,
                        "tone_score": 90 if heard == 3 else 30,
                        "error": "none" if heard == 3 else "tone",
                    }
                ],
            },
        }


class Reporter(Foreign):
    """Publishes progress events straight to the topic, some of them twice, some of those late."""

    async def _write(self, caller: Caller, session_id: str, stop: asyncio.Event) -> None:
        publisher = Publisher(self._stack, self._ledger)
        try:
            while not stop.is_set():
                event = self._event(session_id)
                await publisher.publish(event, event["id"])
                self._ledger.sent[self.name].append(Sent("foreign", event["id"], session_id, event["correlationid"]))
                if self._chance.random() < AGAIN:
                    self._ledger.duplicates += 1
                    late = self._chance.choice((0.0, self._chance.uniform(*LATE)))
                    await publisher.publish(event, self._uuid(), delay=late)
                await self._pause()
        finally:
            await publisher.close()


class Partner(Foreign):
    """Sends progress events over HTTP."""

    async def _write(self, caller: Caller, session_id: str, stop: asyncio.Event) -> None:
        async with Caller(self._stack, self._ledger, "partner", "service") as partner:
            while not stop.is_set():
                event = self._event(session_id)
                await partner.post("/api/v1/events", self._uuid(), json=event, headers={"Content-Type": STRUCTURED})
                self._ledger.sent[self.name].append(Sent("foreign", event["id"], session_id, event["correlationid"]))
                await self._pause()
