"""An orchestrator on the real engine and worker; its activities answer by a script, one item after the other."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
from durabletask.client import TaskHubGrpcClient

from local.durable.engine import DurableEngine
from local.durable.wire import helpers, pb, service
from tests.orchestrations.orchestrators import answered

PATIENCE = 30.0  # seconds for one run, whose waits cost nothing: the clock is moved over them


class Stage:
    """One engine of its own, and who works for it."""

    def __init__(self, folder: Path, orchestrators: dict[str, Callable[..., Any]], results: dict[str, Any]) -> None:
        """`results` says what activities return, None where it says nothing."""
        self._orchestrators = orchestrators
        self._results = results
        self._engine = DurableEngine(folder / "durable.sqlite3", 0)
        address = self._engine.start()
        self._stub = service.TaskHubSidecarServiceStub(grpc.insecure_channel(address))
        self.client: Any = TaskHubGrpcClient(host_address=address)
        self.failing: set[str] = set()  # activities that fail
        self.asked: list[str] = []  # activities that ran, a retried one once
        self._worker = threading.Thread(target=self._work, name="stage")
        self._worker.start()

    def _work(self) -> None:
        with contextlib.suppress(grpc.RpcError):  # the engine ends
            for item in self._stub.GetWorkItems(pb.GetWorkItemsRequest()):
                if item.HasField("orchestratorRequest"):
                    asked = item.orchestratorRequest
                    started = [e.executionStarted for e in (*asked.pastEvents, *asked.newEvents)]
                    name = next(each.name for each in started if each.name)
                    answer = answered(self._orchestrators[name], asked.instanceId, asked.pastEvents, asked.newEvents)
                    answer.completionToken = item.completionToken
                    self._stub.CompleteOrchestratorTask(answer)
                elif item.HasField("activityRequest"):
                    self._stub.CompleteActivityTask(self._acted(item))

    def _acted(self, item: Any) -> Any:
        asked = item.activityRequest
        if asked.name not in self.asked:
            self.asked.append(asked.name)
        answer = pb.ActivityResponse(
            instanceId=asked.orchestrationInstance.instanceId,
            taskId=asked.taskId,
            completionToken=item.completionToken,
        )
        if asked.name in self.failing:
            message = f"{asked.name} fails"
            answer.failureDetails.CopyFrom(pb.TaskFailureDetails(errorType="RuntimeError", errorMessage=message))
        else:
            answer.result.CopyFrom(helpers.get_string_value(json.dumps(self._results.get(asked.name))))
        return answer

    def run(self, name: str, given: Any, *failing: str) -> str:
        """Start an orchestration while these activities fail, and go on until it rests; its id."""
        self.failing, self.asked = set(failing), []
        instance_id: str = self.client.schedule_new_orchestration(name, input=given)
        self.until(instance_id, parked=True)
        return instance_id

    def until(self, instance_id: str, *, parked: bool = False) -> None:
        """Move the clock over every wait until it has ended, or is parked when that will do."""
        deadline = time.monotonic() + PATIENCE
        while True:
            state = self.client.get_orchestration_state(instance_id)
            status = json.loads(state.serialized_custom_status or "null") or {}
            if state.runtime_status.name not in ("PENDING", "RUNNING") or (parked and status.get("state") == "parked"):
                return
            assert time.monotonic() < deadline, f"{instance_id} does not come to rest"
            for due in tuple(self._engine._waiting["orchestration"].values()):
                self._engine.advance(timedelta(seconds=max(due - self._engine.now(), 0)))
            time.sleep(0.01)

    def history(self, instance_id: str) -> list[Any]:
        """The events of an instance, oldest first."""
        request = pb.StreamInstanceHistoryRequest(instanceId=instance_id)
        return [event for chunk in self._stub.StreamInstanceHistory(request) for event in chunk.events]

    def close(self) -> None:
        """End it."""
        self.client.close()
        self._engine.stop()
        self._worker.join()


@contextlib.contextmanager
def stage(folder: Path, orchestrators: dict[str, Callable[..., Any]], results: dict[str, Any]) -> Iterator[Stage]:
    """A stage, closed when left."""
    opened = Stage(folder, orchestrators, results)
    try:
        yield opened
    finally:
        opened.close()
