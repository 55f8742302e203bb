"""What became of every acknowledged operation, read from outside and from the tables: lost, doubled, out of order."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import msgspec
from azure.servicebus import NEXT_AVAILABLE_SESSION
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import OperationTimeoutError

from local.connections import connection_settings
from shared_code.domain.events.envelope import CloudEvent
from shared_code.storage.account import StorageAccount
from shared_code.storage.rows import Row
from shared_code.storage.tables import Tables
from tests.drills import archived
from tests.drills.caller import Answer, Caller, Refused
from tests.drills.ledger import Ledger, Sent
from tests.e2e.stack import Stack

SESSION_STARTED = "sayzhong.session.started.v1"
RECORDED = "sayzhong.learning.progress-recorded.v1"
ASSESSED = "sayzhong.assessment.completed.v1"
EFFECTS = ("sayzhong.effectiveness.analysed.v1", "sayzhong.planning.plan-adapted.v1")
EXPECTED = {
    "foreign": Counter([RECORDED, *EFFECTS]),
    "attempt": Counter([ASSESSED, "sayzhong.interaction.occurred.v1", RECORDED, *EFFECTS]),
}
AT_ONCE = 4  # operations looked at
PER_OPERATOR = 60  # operations that one looks at: two questions each, below the limit for ten seconds


@dataclass
class Findings:
    """The sum of a drill: what was looked at, and every promise that did not hold."""

    events: int = 0
    sagas: int = 0
    messages: int = 0
    archived: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)  # order, numbers, sagas, leftovers

    @property
    def clean(self) -> bool:
        """Whether everything held."""
        return not (self.lost or self.doubled or self.broken)

    def compare(self, about: str, expected: Counter[str], found: Counter[str]) -> None:
        """Note what is missing and what is there too often."""
        self.lost += [f"{about}: {what} × {times}" for what, times in (expected - found).items()]
        self.doubled += [f"{about}: {what} × {times} too many" for what, times in (found - expected).items()]


class Inspector:
    """Looks at a stack that has become quiet."""

    def __init__(self, stack: Stack, ledger: Ledger) -> None:
        self._stack = stack
        self._ledger = ledger
        self._settings = connection_settings(stack.ports)
        self.findings = Findings()

    async def inspect(self) -> Findings:
        """Compare everything that was acknowledged with everything that is there."""
        everything = self._ledger.everything()
        shifts = [everything[start : start + PER_OPERATOR] for start in range(0, len(everything), PER_OPERATOR)]
        for number, shift in enumerate(shifts):
            async with Caller(self._stack, self._ledger, f"inspector-{number}", "operator") as operator:
                await _each(shift, lambda sent, operator=operator: self._effects(operator, sent))
        for learner in self._ledger.sessions:
            async with Caller(self._stack, self._ledger, learner) as caller:
                await self._learner(caller, learner)
        tables = Tables(StorageAccount(self._settings["AzureWebJobsStorage"]))
        try:
            await self._streams(tables)
            notes = [row.key async for row in tables.table("pending").rows()]
            self.findings.broken += [f"still noted as pending: {note}" for note in notes]
        finally:
            await tables.close()
        await self._dead_letters()
        self.findings.broken += [f"refused: {answer}" for answer in self._ledger.refused]
        return self.findings

    async def _effects(self, operator: Caller, sent: Sent) -> None:
        """One operation: its facts once each, its saga completed."""
        answer = await operator.get("/api/v1/ops/events", correlation_id=sent.correlation_id)
        found = [msgspec.convert(each, CloudEvent) for each in answer["events"]]
        self.findings.events += len(found)
        about = f"{sent.kind} {sent.id} (correlation {sent.correlation_id})"
        self.findings.compare(about, EXPECTED[sent.kind], Counter(event.type for event in found))
        recorded = [event for event in found if event.type == RECORDED]
        if not any(sent.id in (event.id, event.data["attempt_id"]) for event in recorded):
            self.findings.lost.append(f"{about}: the fact itself")
        for event in recorded:
            saga = await state(operator, event.id)
            self.findings.sagas += 1
            if saga != "completed":
                self.findings.broken.append(f"{about}: its saga is {saga}")

    async def _learner(self, caller: Caller, learner: str) -> None:
        """One learner: counts, and the logs of all sessions."""
        sent = self._ledger.sent[learner]
        for what, number in zip(("attempts", "plans"), await caller.counts(), strict=True):
            self.findings.compare(learner, Counter({what: len(sent)}), Counter({what: number}))
        for session_id in self._ledger.sessions[learner]:
            mine = [each for each in sent if each.session_id == session_id]
            await self._channel(caller, session_id, mine)

    async def _channel(self, caller: Caller, session_id: str, sent: list[Sent]) -> None:
        """One session: numbered without gaps; one feedback an attempt, one adapted lesson an operation."""
        messages = await _log(caller, session_id)
        self.findings.messages += len(messages)
        if [message["seq"] for message in messages] != list(range(1, len(messages) + 1)):
            self.findings.broken.append(f"session {session_id}: numbers {[message['seq'] for message in messages]}")
        expected = Counter(["session_started", *(f"lesson_adapted {each.correlation_id}" for each in sent)])
        expected.update(f"learning_feedback {each.id}" for each in sent if each.kind == "attempt")
        self.findings.compare(f"session {session_id}", expected, Counter(filter(None, map(_what, messages))))

    async def _streams(self, tables: Tables) -> None:
        """Every stream: versions without gaps, no event twice, each learner's events in the order of sending."""
        streams: defaultdict[str, list[Row]] = defaultdict(list)
        async for row in tables.table("events").rows(start="e", end="e:"):
            streams[row.partition].append(row)
        seen: Counter[str] = Counter()
        ids: defaultdict[str, list[str]] = defaultdict(list)
        for stream, rows in streams.items():
            rows.sort(key=lambda row: row.key)
            if [int(row.key[1:]) for row in rows] != list(range(1, len(rows) + 1)):
                self.findings.broken.append(f"stream {stream}: versions {[row.key for row in rows]}")
            for event in (msgspec.json.decode(bytes(row.values["body"]), type=CloudEvent) for row in rows):  # type: ignore[arg-type]
                seen[event.id] += 1
                ids[event.subject] += [event.id, event.data["attempt_id"]] if event.type == RECORDED else []
                ids[event.type] += [event.data["session_id"]] if event.type == SESSION_STARTED else []
        self.findings.doubled += [f"event {event_id}: stored {n} times" for event_id, n in seen.items() if n > 1]
        for learner, sent in self._ledger.sent.items():
            wanted = [each.id for each in sent]
            stored = [each for each in ids[learner] if each in set(wanted)]
            for place, (one, other) in enumerate(zip(wanted, stored, strict=False)):
                if one != other:
                    self.findings.broken.append(f"{learner}: place {place} of the order is {other}, sent was {one}")
                    break
        opened = Counter(session for mine in self._ledger.sessions.values() for session in mine)
        found = Counter(each for each in ids[SESSION_STARTED] if each in opened)
        self.findings.compare("sessions", opened, found)
        storage = self._settings["AzureWebJobsStorage"]
        self.findings.archived, faults = await archived.compare(storage, tables, streams)
        self.findings.broken += faults

    async def _dead_letters(self) -> None:
        connection = self._settings["ServiceBusConnection"]
        # Without retries: that no session waits there is the answer that is hoped for.
        async with ServiceBusClient.from_connection_string(connection, retry_total=0) as client:
            receiver = client.get_queue_receiver("dead-letters", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=2)
            try:
                async with receiver:
                    letters = await receiver.peek_messages(100)
            except OperationTimeoutError:
                return
            for letter in letters:
                properties = letter.application_properties or {}
                self.findings.broken.append(f"dead letter {letter.message_id}: {properties}")


async def state(operator: Caller, event_id: str) -> str:
    """The state of an event's saga: running, completed, compensated, parked; or missing."""
    try:
        saga = await operator.get(f"/api/v1/ops/sagas/learning-progress-{event_id}")
    except Refused:
        return "missing"
    if saga["status"] != "Completed":
        return f"{saga['status']}, {saga['progress']}"
    return str(saga["progress"]["state"])


def _what(message: Answer) -> str:
    """What a message is about, for those that must be there once."""
    if message["type"] == "learning_feedback":
        return f"learning_feedback {message['data']['attempt_id']}"
    if message["type"] == "lesson_adapted":
        return f"lesson_adapted {message['correlation_id']}"
    return "" if message["type"] == "achievement" else str(message["type"])


async def _log(caller: Caller, session_id: str) -> list[Answer]:
    messages: list[Answer] = []
    while True:
        page = await caller.get(f"/api/v1/sessions/{session_id}/messages", after=str(len(messages)))
        messages += page["messages"]
        if page["complete"] or not page["messages"]:
            return messages


async def _each(items: list[Sent], look: Any) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(item: Sent) -> None:
        async with gate:
            await look(item)

    await asyncio.gather(*(one(item) for item in items))
