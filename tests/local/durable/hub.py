"""An engine with a worker and a client of the real SDK, for tests that crash it and move its clock."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from durabletask.client import OrchestrationState, TaskHubGrpcClient
from durabletask.entities import EntityInstanceId
from durabletask.grpc_options import GrpcChannelOptions, GrpcWorkerResiliencyOptions
from durabletask.worker import ConcurrencyOptions, TaskHubGrpcWorker

from local.durable.engine import DurableEngine
from tests.local.durable import workflows

IMPATIENT = GrpcChannelOptions(
    raw_options=[("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 300)]
)
PATIENCE = 30.0  # seconds, on a slow and busy machine

ending: list[threading.Thread] = []  # workers on their way out
silent = logging.getLogger("tests.durable.sdk")
silent.addHandler(logging.NullHandler())
silent.propagate = False


def until[T](look: Callable[[], T]) -> T:
    """Look until there is something to see."""
    deadline = time.monotonic() + PATIENCE
    while not (seen := look()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
    return seen


def new_worker(address: str, **limits: int) -> Any:
    """A worker that knows all of `workflows`, not yet started."""
    worker = TaskHubGrpcWorker(
        host_address=address,
        logger=silent,
        emit_trace_spans=False,
        concurrency_options=ConcurrencyOptions(**limits),
        # An engine that was killed is back in a moment; the SDK would wait for up to 30 seconds.
        resiliency_options=GrpcWorkerResiliencyOptions(
            reconnect_backoff_base_seconds=0.1, reconnect_backoff_cap_seconds=0.3
        ),
        channel_options=IMPATIENT,
    )
    for orchestrator in workflows.ORCHESTRATORS:
        worker.add_orchestrator(orchestrator)
    for activity in workflows.ACTIVITIES:
        worker.add_activity(activity)
    for entity in workflows.ENTITIES:
        worker.add_entity(entity)
    return worker


class Hub:
    """The engine in this process. `crash` is what a `kill -9` leaves: the file as it is at that moment."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._crashes = 0
        self._open(folder / "durable-0.sqlite3", timedelta())

    def _open(self, path: Path, ahead: timedelta) -> None:
        self.path = path
        self.engine = DurableEngine(path, 0, ahead)
        self.address = self.engine.start()
        self.client: Any = TaskHubGrpcClient(host_address=self.address, logger=silent)
        self.worker: Any = None

    def work(self, **limits: int) -> None:
        """Start the worker."""
        self.worker = new_worker(self.address, **limits)
        self.worker.start()

    def rest(self) -> None:
        """Stop the worker. It takes nothing more from here on; that it needs a second to end need not concern us."""
        if self.worker is not None:
            ending.append(threading.Thread(target=self.worker.stop))
            ending[-1].start()
            until(lambda: self.worker._shutdown.is_set() and not self.engine._held)
            self.worker = None

    def snapshot(self) -> Path:
        """The file as a kill would leave it now, in a place of its own."""
        self._crashes += 1
        copy = self._folder / f"durable-{self._crashes}.sqlite3"
        with self.engine._lock:  # between two transactions; a kill inside one leaves the state before it
            for suffix in ("", "-wal"):
                shutil.copy(f"{self.path}{suffix}", f"{copy}{suffix}")
        return copy

    def crash(self, left: Path | None = None) -> None:
        """End everything; start the engine from the file as it is now or was at a snapshot, without a worker."""
        left = left or self.snapshot()
        self.close()
        self._open(left, self.engine.ahead)

    def close(self) -> None:
        """End the worker, the client and the engine."""
        self.rest()
        self.client.close()
        self.engine.stop()

    def start(self, orchestrator: Any, input: Any = None, **options: Any) -> str:  # noqa: A002 - as the SDK has it
        """Start an orchestration; its id."""
        return str(self.client.schedule_new_orchestration(orchestrator, input=input, **options))

    def result(self, instance_id: str) -> Any:
        """The output of an orchestration that completes."""
        state = self.wait(instance_id)
        assert state.runtime_status.name == "COMPLETED", state.failure_details
        return state.get_output()

    def wait(self, instance_id: str) -> OrchestrationState:
        """The state of an orchestration once it has ended."""
        return self.client.wait_for_orchestration_completion(instance_id, timeout=PATIENCE)

    def status(self, instance_id: str) -> str | None:
        """The name of its status; None when it does not exist."""
        state = self.client.get_orchestration_state(instance_id)
        return None if state is None else str(state.runtime_status.name)

    def until_status(self, instance_id: str, status: str) -> None:
        """Wait for a status."""
        until(lambda: self.status(instance_id) == status)

    def events(self, instance_id: str) -> list[str]:
        """The kinds of events in its history."""
        return [type(event).__name__ for event in self.client.get_orchestration_history(instance_id)]

    def until_event(self, instance_id: str, kind: str, count: int = 1) -> None:
        """Wait for so many events of a kind in its history."""
        until(lambda: self.events(instance_id).count(kind) >= count)

    def now(self) -> datetime:
        """The engine's time."""
        return datetime.fromtimestamp(self.engine.now(), UTC)

    def advance(self, **by: float) -> None:
        """Move the engine's clock."""
        self.engine.advance(timedelta(**by))

    def entity(self, key: str) -> Any:
        """The state of the counter with this key; None when it does not exist."""
        found = self.client.get_entity(EntityInstanceId("counter", key))
        return None if found is None else found.get_state(int)

    def signal(self, key: str, operation: str, input: Any = None, **options: Any) -> None:  # noqa: A002
        """Signal the counter with this key."""
        self.client.signal_entity(EntityInstanceId("counter", key), operation, input=input, **options)
