"""Handing work to workers: several at once, and what a worker that dies held is handed out again."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, override

from local.durable.orchestrations import OrchestrationRules, failed_orchestration
from local.durable.scheduler import Clock
from local.durable.tasks import log
from local.durable.wire import helpers, pb

MOST_DELIVERIES = 10  # of one work item that no worker completes; then it is set aside
PING_EVERY = 30.0  # seconds without work
LONGEST_PAUSE = 30.0  # seconds before an item that a worker gave back is handed out again

Key = tuple[str, str]  # kind of work ("orchestration", "activity", "entity") and its id


@dataclass
class Worker:
    """One open GetWorkItems call: what it takes, and by completion token what it holds."""

    takes: dict[str, Any]  # by kind, names and versions; None = all
    limits: dict[str, int]  # by kind, how many at once; 0 = any number
    held: dict[str, Key] = field(default_factory=dict)
    gone: bool = False

    def has_room_for(self, kind: str) -> bool:
        """Whether one more of this kind may be handed out."""
        held = sum(1 for each, _ in self.held.values() if each == kind)
        return self.limits[kind] <= 0 or held < self.limits[kind]


class Deliveries(OrchestrationRules):
    """The backend with several workers, each of which may die at any moment."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._holders: dict[str, Worker] = {}  # by completion token
        self._failed_deliveries: Counter[Key | None] = Counter()

    @override
    def GetWorkItems(self, request: Any, context: Any) -> Iterator[Any]:
        takes = dict(zip(("orchestration", "activity", "entity"), self._parse_work_item_filters(request), strict=True))
        limits = {
            "orchestration": request.maxConcurrentOrchestrationWorkItems,
            "activity": request.maxConcurrentActivityWorkItems,
            "entity": request.maxConcurrentEntityWorkItems,
        }
        worker = Worker(takes, limits)
        if context.add_callback(partial(self._lose, worker)):
            while (item := self._next_for(worker)) is not None:
                yield item

    def _next_for(self, worker: Worker) -> Any:
        """Wait for something that this worker takes; None once it is gone or the engine stops."""
        with self._work:
            while not worker.gone and not self._shutdown_event.is_set():
                found = self._orchestration_for(worker) or self._activity_for(worker) or self._entity_for(worker)
                if found is not None:
                    key, item = found
                    worker.held[item.completionToken] = key
                    self._holders[item.completionToken] = worker
                    return item
                if not self._work.wait(PING_EVERY):
                    return pb.WorkItem(healthPing=pb.HealthPing())  # a worker that hears nothing for long hangs up
        return None

    def _orchestration_for(self, worker: Worker) -> tuple[Key, Any] | None:
        def fits(instance_id: str) -> bool:
            instance = self._instances.peek(instance_id)
            return bool(self._matches_filter(instance.name, instance.version, worker.takes["orchestration"]))

        def ready(instance_id: str) -> bool:
            instance = self._instances.peek(instance_id)
            return instance is not None and instance_id not in self._orchestration_in_flight and self._may_run(instance)

        waiting = self._orchestration_queue
        instance_id = _take(waiting, ready, fits) if worker.has_room_for("orchestration") else None
        self._orchestration_queue_set = set(waiting)
        if instance_id is None:
            return None
        instance = self._instances[instance_id]
        events = [*instance.dispatched_events, *instance.pending_events]
        if not events[0].HasField("orchestratorStarted"):
            events.insert(0, helpers.new_orchestrator_started_event())
        events[0].timestamp.FromDatetime(self.clock.now())  # what the orchestrator takes for the present
        instance.dispatched_events, instance.pending_events = events, []
        self._orchestration_in_flight.add(instance_id)
        request = pb.OrchestratorRequest(instanceId=instance_id, pastEvents=instance.history, newEvents=events)
        return ("orchestration", instance_id), pb.WorkItem(
            completionToken=str(instance.completion_token), orchestratorRequest=request
        )

    def _activity_for(self, worker: Worker) -> tuple[Key, Any] | None:
        def fits(token: str) -> bool:
            request = self._activities[token].item.activityRequest
            return bool(self._matches_filter(request.name, request.version.value, worker.takes["activity"]))

        waiting = self._ready_activities
        token = _take(waiting, self._activities.__contains__, fits) if worker.has_room_for("activity") else None
        return None if token is None else (("activity", token), self._activities[token].item)

    def _entity_for(self, worker: Worker) -> tuple[Key, Any] | None:
        def fits(entity_id: str) -> bool:
            name = entity_id.split("@")[1]  # ids are "@name@key"
            return bool(self._matches_filter(name, None, worker.takes["entity"]))

        def ready(entity_id: str) -> bool:
            entity = self._entities.peek(entity_id)
            return (
                entity is not None and entity_id not in self._entity_in_flight and bool(self._operations_to_run(entity))
            )

        waiting = self._entity_queue
        entity_id = _take(waiting, ready, fits) if worker.has_room_for("entity") else None
        self._entity_queue_set = set(waiting)
        if entity_id is None:
            return None
        entity = self._entities[entity_id]
        entity.dispatched_operations = self._operations_to_run(entity)
        running = {id(operation) for operation in entity.dispatched_operations}
        entity.pending_operations = [each for each in entity.pending_operations if id(each) not in running]
        self._entity_in_flight.add(entity_id)
        state = helpers.get_string_value(entity.serialized_state)
        request = pb.EntityRequest(
            instanceId=entity_id, entityState=state, operationRequests=entity.dispatched_operations
        )
        return ("entity", entity_id), pb.WorkItem(completionToken=str(entity.completion_token), entityRequestV2=request)

    # What comes back

    def _answered(self, call: str, token: str) -> None:
        """A worker answers an item, or gives it back, by this call."""
        if call.startswith("Abandon"):
            self._give_back(token)
        else:
            self._failed_deliveries.pop(self._returned(token), None)

    def _returned(self, token: str) -> Key | None:
        """Take note that a worker no longer holds this item; None when none did."""
        worker = self._holders.pop(token, None)
        if worker is None:
            return None
        self._work.notify_all()  # this worker may have room again
        return worker.held.pop(token)

    def _lose(self, worker: Worker) -> None:
        """The call of this worker ended: hand out to others what it held."""
        with self.transaction():
            worker.gone = True
            for token in list(worker.held):
                self._give_back(token, abandoned=False)
            self._work.notify_all()

    def _give_back(self, token: str, abandoned: bool = True) -> None:
        key = self._returned(token)
        if key is None or not self._is_current(*key, token):
            return
        self._failed_deliveries[key] += 1
        times = self._failed_deliveries[key]
        if times >= MOST_DELIVERIES:
            del self._failed_deliveries[key]
            self._set_aside(*key)
            return
        self._put_back(*key)
        pause = min(0.1 * 2**times, LONGEST_PAUSE) if abandoned else 0.0
        self._scheduler.at(self.clock.now() + timedelta(seconds=pause), partial(self._enqueue, *key))

    def _is_current(self, kind: str, key: str, token: str) -> bool:
        """Whether this item is still what its token was given for: its instance may have been replaced meanwhile."""
        if kind == "activity":
            return key in self._activities
        owner = (self._instances if kind == "orchestration" else self._entities).peek(key)
        return owner is not None and str(owner.completion_token) == token

    def _put_back(self, kind: str, key: str) -> None:
        """In front of what came meanwhile, and under a new token: the worker may be alive and answer after all."""
        if kind == "orchestration":
            instance = self._instances[key]
            instance.pending_events = [*instance.dispatched_events, *instance.pending_events]
            instance.dispatched_events = []
            instance.completion_token = self._new_token()
            self._orchestration_in_flight.discard(key)
        elif kind == "entity":
            entity = self._entities[key]
            entity.pending_operations = [*entity.dispatched_operations, *entity.pending_operations]
            entity.dispatched_operations = []
            entity.completion_token = self._new_token()
            self._entity_in_flight.discard(key)

    def _enqueue(self, kind: str, key: str) -> None:
        with self._work:
            if kind == "orchestration":
                self._enqueue_orchestration(key)
            elif kind == "entity":
                self._enqueue_entity(key)
            else:
                self._ready_activities.append(key)
                self._work.notify_all()

    def _set_aside(self, kind: str, key: str) -> None:
        """Answer a poison item with a failure in the workers' stead, so that whoever waits for it goes on."""
        log.error("poison %s %r set aside: %d workers took it and none completed it", kind, key, MOST_DELIVERIES)
        message = f"Set aside after {MOST_DELIVERIES} deliveries that no worker completed."
        details = pb.TaskFailureDetails(errorType="PoisonWorkItem", errorMessage=message, isNonRetriable=True)
        if kind == "orchestration":
            failed = failed_orchestration(self._instances[key], details.errorType, message)
            self.CompleteOrchestratorTask(failed, None)
        elif kind == "activity":
            self.CompleteActivityTask(pb.ActivityResponse(completionToken=key, failureDetails=details), None)
        else:
            entity = self._entities[key]
            _, infos = helpers.convert_to_entity_batch_request(
                pb.EntityRequest(operationRequests=entity.dispatched_operations)
            )
            failure = pb.OperationResult(failure=pb.OperationResultFailure(failureDetails=details))
            state = helpers.get_string_value(entity.serialized_state)
            failed = pb.EntityBatchResult(
                completionToken=str(entity.completion_token),
                entityState=state,
                operationInfos=infos,
                results=[failure] * len(infos),
            )
            self.CompleteEntityTask(failed, None)


def _take(queue: deque[str], ready: Callable[[str], bool], fits: Callable[[str], bool]) -> str | None:
    """Remove and return the first that is ready and fits. Those that are not ready are queued again when they are."""
    for _ in range(len(queue)):
        key = queue.popleft()
        if not ready(key):
            continue
        if fits(key):
            return key
        queue.append(key)
    return None
