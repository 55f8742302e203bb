"""Handing work to workers: several at once, and what a worker that dies held is handed out again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, override

import grpc

from local.durable.kept import log
from local.durable.orchestrations import Orchestrations, failed_orchestration
from local.durable.scheduler import Clock
from local.durable.wire import helpers, pb

MOST_DELIVERIES = 10  # of one work item that no worker completes; then it is set aside
PING_EVERY = 30.0  # seconds without work
LONGEST_PAUSE = 30.0  # seconds before an item that a worker gave back is handed out again
INBOXES = {"orchestration": "events", "activity": None, "entity": "operations"}  # by kind of work, as fields are named

Key = tuple[str, str]  # kind of work and its id: the instance's, the entity's, an activity's completion token


@dataclass
class Worker:
    """One open GetWorkItems call, and by completion token what it holds."""

    limits: dict[str, int]  # by kind, how many at once; 0 = any number
    held: dict[str, Key] = field(default_factory=dict)
    gone: bool = False

    def has_room_for(self, kind: str) -> bool:
        """Whether one more of this kind may be handed out."""
        return self.limits[kind] <= 0 or sum(each == kind for each, _ in self.held.values()) < self.limits[kind]


class Deliveries(Orchestrations):
    """The backend with several workers, each of which may die at any moment."""

    def __init__(self, path: Path, clock: Clock) -> None:
        super().__init__(path, clock)
        self._things = {"orchestration": self._instances, "activity": self._activities, "entity": self._entities}
        self._waiting: dict[str, dict[str, None]] = {kind: {} for kind in INBOXES}  # ids in their order
        self._holders: dict[str, Worker] = {}  # by completion token
        for kind, things in self._things.items():
            for key in things:
                self._put_back(kind, key)
                self._enqueue(kind, key)
        for timer_id, timer in self._timers.items():
            self._scheduler.at(timer.due, partial(self._fire, timer_id))

    def _enqueue(self, kind: str, key: str) -> None:
        with self._work:
            self._waiting[kind][key] = None
            self._work.notify_all()

    @override
    def _enqueue_orchestration(self, instance_id: str) -> None:
        self._enqueue("orchestration", instance_id)

    @override
    def _enqueue_entity(self, entity_id: str) -> None:
        self._enqueue("entity", entity_id)

    @override
    def GetWorkItems(self, request: Any, context: Any) -> Iterator[Any]:
        if request.HasField("workItemFilters"):
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "every worker gets every kind of work here; do not filter")
        worker = Worker({kind: getattr(request, f"maxConcurrent{kind.capitalize()}WorkItems") for kind in INBOXES})
        if context.add_callback(partial(self._lose, worker)):
            while (item := self._next_for(worker)) is not None:
                yield item

    def _next_for(self, worker: Worker) -> Any:
        """Wait for something that this worker has room for; None once it is gone or the engine stops."""
        with self._work:
            while not worker.gone and not self._shutdown_event.is_set():
                for kind in INBOXES:
                    key = self._first_ready(kind) if worker.has_room_for(kind) else None
                    if key is not None:
                        item = self._handed_out(kind, key)
                        worker.held[item.completionToken] = kind, key
                        self._holders[item.completionToken] = worker
                        return item
                if not self._work.wait(PING_EVERY):
                    return pb.WorkItem(healthPing=pb.HealthPing())  # a worker that hears nothing for long hangs up
        return None

    def _first_ready(self, kind: str) -> str | None:
        """Take the first that is ready. Those that are not are queued again when they are."""
        waiting = self._waiting[kind]
        while waiting:
            key = next(iter(waiting))
            del waiting[key]
            if self._is_ready(kind, key):
                return key
        return None

    def _is_ready(self, kind: str, key: str) -> bool:
        thing = self._things[kind].peek(key)
        if thing is None or self._token(kind, key) in self._holders:
            return False
        return kind == "activity" or bool(
            self._may_run(thing) if kind == "orchestration" else self._operations_to_run(thing)
        )

    def _token(self, kind: str, key: str) -> str:
        """What the next answer is to name this item by."""
        return key if kind == "activity" else str(self._things[kind].peek(key).completion_token)

    def _handed_out(self, kind: str, key: str) -> Any:
        """The item as the worker gets it; nobody else gets it until it comes back."""
        if kind == "activity":
            return self._activities.peek(key)
        if kind == "orchestration":
            instance = self._instances.peek(key)
            events = [*instance.dispatched_events, *instance.pending_events]
            if not events[0].HasField("orchestratorStarted"):
                events.insert(0, helpers.new_orchestrator_started_event())
            events[0].timestamp.FromDatetime(self.clock.now())  # what the orchestrator takes for the present
            instance.dispatched_events, instance.pending_events = events, []
            request = pb.OrchestratorRequest(instanceId=key, pastEvents=instance.history, newEvents=events)
            return pb.WorkItem(completionToken=str(instance.completion_token), orchestratorRequest=request)
        entity = self._entities.peek(key)
        operations = self._operations_to_run(entity)
        running = {id(operation) for operation in operations}
        entity.dispatched_operations = operations
        entity.pending_operations = [each for each in entity.pending_operations if id(each) not in running]
        state = helpers.get_string_value(entity.serialized_state)
        request = pb.EntityRequest(instanceId=key, entityState=state, operationRequests=operations)
        return pb.WorkItem(completionToken=str(entity.completion_token), entityRequestV2=request)

    # What comes back

    def _answered(self, call: str, token: str) -> None:
        """A worker answers an item, or gives it back, by this call."""
        if call.startswith("Abandon"):
            self._give_back(token)
        elif (key := self._returned(token)) is not None and " ".join(key) in self._failures:
            del self._failures[" ".join(key)]

    def _returned(self, token: str) -> Key | None:
        """Take note that a worker no longer holds this item; None when none did."""
        worker = self._holders.pop(token, None)
        if worker is None:
            return None
        self._work.notify_all()  # this worker may have room again
        kind, key = worker.held.pop(token)
        if kind == "entity":
            self._entities.get(key)  # noted as touched: the backend finds it by a search that nothing notes
        return kind, key

    def _lose(self, worker: Worker) -> None:
        """The call of this worker ended: hand out to others what it held."""
        with self.transaction():
            worker.gone = True
            for token in list(worker.held):
                self._give_back(token, abandoned=False)
            self._work.notify_all()

    def _give_back(self, token: str, abandoned: bool = True) -> None:
        item = self._returned(token)
        if item is None or self._things[item[0]].peek(item[1]) is None or self._token(*item) != token:
            return  # its instance was replaced or purged meanwhile
        name = " ".join(item)
        self._failures[name] = times = self._failures.get(name, 0) + 1
        if times >= MOST_DELIVERIES:
            del self._failures[name]
            self._set_aside(*item)
            return
        self._put_back(*item)
        pause = min(0.1 * 2**times, LONGEST_PAUSE) if abandoned else 0.0
        self._scheduler.at(self.clock.now() + timedelta(seconds=pause), partial(self._enqueue, *item))

    def _put_back(self, kind: str, key: str) -> None:
        """In front of what came meanwhile, and under a new token: the worker may be alive and answer after all."""
        if inbox := INBOXES[kind]:
            thing: Any = self._things[kind][key]
            setattr(
                thing, f"pending_{inbox}", getattr(thing, f"dispatched_{inbox}") + getattr(thing, f"pending_{inbox}")
            )
            setattr(thing, f"dispatched_{inbox}", [])
            thing.completion_token = self._new_token()

    def _set_aside(self, kind: str, key: str) -> None:
        """Answer a poison item with a failure in the workers' stead, so that whoever waits for it goes on."""
        log.error("poison %s %r set aside: %d workers took it and none completed it", kind, key, MOST_DELIVERIES)
        message = f"Set aside after {MOST_DELIVERIES} deliveries that no worker completed."
        details = pb.TaskFailureDetails(errorType="PoisonWorkItem", errorMessage=message, isNonRetriable=True)
        if kind == "activity":
            self.CompleteActivityTask(pb.ActivityResponse(completionToken=key, failureDetails=details), None)
        elif kind == "orchestration":
            failed = failed_orchestration(self._instances[key], details.errorType, message)
            self.CompleteOrchestratorTask(failed, None)
        else:
            entity = self._entities[key]
            operations = pb.EntityRequest(operationRequests=entity.dispatched_operations)
            _, infos = helpers.convert_to_entity_batch_request(operations)
            failed = pb.EntityBatchResult(
                completionToken=str(entity.completion_token),
                entityState=helpers.get_string_value(entity.serialized_state),
                operationInfos=infos,
                results=[pb.OperationResult(failure=pb.OperationResultFailure(failureDetails=details))] * len(infos),
            )
            self.CompleteEntityTask(failed, None)
