"""`kill -9` of the engine and of its workers at random moments under load, then a full count."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import grpc
from durabletask.client import TaskHubGrpcClient

from local.durable.wire import pb
from tests.local.durable import workflows
from tests.local.durable.hub import IMPATIENT, silent
from tests.local.durable.processes import EngineProcess, WorkerProcess

SAGAS_A_ROUND = 8
LIMIT = 90.0  # seconds for everything to end after the last kill
# What a history says was asked for, and what answers it; the answer's name for the asking event's id.
ASKED = {
    "taskScheduled": "activities", "timerCreated": "timers", "subOrchestrationInstanceCreated": "children",
}  # fmt: skip
ANSWERS = {
    "taskCompleted": ("activities", "taskScheduledId"), "taskFailed": ("activities", "taskScheduledId"),
    "timerFired": ("timers", "timerId"), "subOrchestrationInstanceCompleted": ("children", "taskScheduledId"),
}  # fmt: skip


@dataclass
class Count:
    """What was accepted, and what did not come to what it should have."""

    orchestrations: int = 0
    things: Counter[str] = field(default_factory=Counter)  # timers, activities, children, events, scheduled starts
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether everything held."""
        return not (self.lost or self.doubled or self.wrong)

    def __str__(self) -> str:
        things = ", ".join(f"{number} {what}" for what, number in sorted(self.things.items()))
        return f"{self.orchestrations} orchestrations accepted, and in them {things}"

    def check(self, instance_id: str, history: list[Any]) -> None:
        """Every activity, timer and child of a history was answered once."""
        open_: Counter[tuple[str, int]] = Counter()
        for event in history:
            kind = event.WhichOneof("eventType")
            if kind in ASKED:
                self.things[ASKED[kind]] += 1
                open_[ASKED[kind], event.eventId] += 1
            elif kind in ANSWERS:
                what, name = ANSWERS[kind]
                open_[what, getattr(getattr(event, kind), name)] -= 1
        self.lost += [f"{instance_id}: {what} {number}" for (what, number), left in open_.items() if left > 0]
        self.doubled += [f"{instance_id}: {what} {number}" for (what, number), left in open_.items() if left < 0]


def insist[T](call: Callable[[], T]) -> T:
    """Repeat a call until the engine is there to answer it."""
    deadline = time.monotonic() + LIMIT
    while True:
        try:
            return call()
        except grpc.RpcError as error:
            if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
                raise
            assert time.monotonic() < deadline, "the engine does not come back"
            time.sleep(0.05)


def crash_rounds(engine: EngineProcess, rounds: int, seed: int) -> Count:
    """Start sagas, tell each a word, and kill: the engine in one round, a worker in the next."""
    moments, count = random.Random(seed), Count()
    client: Any = TaskHubGrpcClient(host_address=engine.address, logger=silent, channel_options=IMPATIENT)
    workers = [WorkerProcess(engine.address) for _ in range(2)]
    started: dict[int, str] = {}
    try:
        for kill in range(rounds):
            for number in range(kill * SAGAS_A_ROUND + 1, (kill + 1) * SAGAS_A_ROUND + 1):
                started[number] = _start(client, number, count)
            time.sleep(moments.uniform(0.05, 1.0))
            (engine if kill % 2 == 0 else workers[kill % 4 // 2]).restart()
        count.orchestrations = len(started)
        for number, state in _ended(client, dict(started)):
            if state is None:
                count.lost.append(started[number])
                continue
            if state.runtime_status.name != "COMPLETED" or state.get_output() != workflows.saga_result(number):
                count.wrong.append(f"{started[number]}: {state.runtime_status.name} {state.serialized_output}")
            count.check(started[number], _history(client, started[number]))
    finally:
        for worker in workers:
            worker.kill()
        client.close()
    return count


def _start(client: Any, number: int, count: Count) -> str:
    instance_id = f"saga-{number}"
    later = datetime.now(UTC) + timedelta(seconds=1) if number % 4 == 0 else None
    try:
        insist(
            partial(
                client.schedule_new_orchestration,
                workflows.saga,
                input=number,
                instance_id=instance_id,
                start_at=later,
            )
        )
    except grpc.RpcError as error:  # the call before the kill was heard, its answer was lost
        assert error.code() == grpc.StatusCode.ALREADY_EXISTS
    insist(partial(client.raise_orchestration_event, instance_id, "word", data=number))
    count.things["events"] += 1
    count.things["scheduled starts"] += later is not None
    return instance_id


def _ended(client: Any, left: dict[int, str]) -> Iterator[tuple[int, Any]]:
    """Each orchestration's state once it has ended; None for one that does not end."""
    deadline = time.monotonic() + LIMIT
    while left and time.monotonic() < deadline:
        for number in tuple(left):
            state = insist(partial(client.get_orchestration_state, left[number]))
            if state is not None and state.runtime_status.name not in ("PENDING", "RUNNING"):
                del left[number]
                yield number, state
        time.sleep(0.1)
    yield from ((number, None) for number in left)


def _history(client: Any, instance_id: str) -> list[Any]:
    def read() -> list[Any]:
        stream = client._stub.StreamInstanceHistory(pb.StreamInstanceHistoryRequest(instanceId=instance_id))
        return [event for chunk in stream for event in chunk.events]

    return insist(read)
