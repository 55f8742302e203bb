"""The life of an orchestration: started, replaced, continued as new, rewound, terminated, purged, waited for.

Semantics: learn.microsoft.com/azure/azure-functions/durable, "Manage instances" and "Eternal orchestrations".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC
from typing import Any, override

import grpc

from local.durable.scheduler import Clock
from local.durable.tasks import TaskRules, execution_started, log
from local.durable.wire import helpers, pb

FINISHED = (pb.ORCHESTRATION_STATUS_COMPLETED, pb.ORCHESTRATION_STATUS_FAILED, pb.ORCHESTRATION_STATUS_TERMINATED)
LONGEST_HISTORY = 10_000  # events; beyond it an orchestration should have used continue_as_new
MOST_WAITERS = 200  # callers that wait for an instance, each on a thread
# Answers to what an execution asked for; they mean nothing to the next one after continue_as_new.
ANSWERS = {
    "taskCompleted", "taskFailed", "timerFired", "subOrchestrationInstanceCompleted",
    "subOrchestrationInstanceFailed", "entityOperationCompleted", "entityOperationFailed", "entityLockGranted",
}  # fmt: skip


class OrchestrationRules(TaskRules):
    """The backend with orchestrations as Azure has them. A finished id may be started again; a start may be delayed."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._waiters = 0

    def _may_run(self, instance: Any) -> bool:
        """Whether a worker should be given this instance now."""
        if not instance.pending_events or self._is_terminal_status(instance.status):
            return False
        kinds = {event.WhichOneof("eventType") for event in instance.pending_events}
        if "executionTerminated" in kinds:
            return True
        if instance.status == pb.ORCHESTRATION_STATUS_SUSPENDED:
            return "executionResumed" in kinds
        started = execution_started(instance.pending_events)
        return started is None or started.scheduledStartTimestamp.ToDatetime(UTC) <= self.clock.now()

    @override
    def StartInstance(self, request: Any, context: Any) -> Any:
        with self._lock:
            if not request.HasField("orchestrationIdReusePolicy"):  # Azure's default: NonRunningStates
                request.orchestrationIdReusePolicy.replaceableStatus.extend(FINISHED)
            replaces = request.instanceId in self._instances
            response = super().StartInstance(request, context)
            if replaces:
                self._forget(request.instanceId)
            started = execution_started(self._instances[response.instanceId].pending_events)
            if request.HasField("parentTraceContext"):
                started.parentTraceContext.CopyFrom(request.parentTraceContext)
            if request.HasField("scheduledStartTimestamp"):
                started.scheduledStartTimestamp.CopyFrom(request.scheduledStartTimestamp)
                due = request.scheduledStartTimestamp.ToDatetime(UTC)
                self._arm(response.instanceId, pb.HistoryEvent(executionStarted=started), due)
            return response

    @override
    def _create_instance_internal(self, instance_id: str, *args: Any, **kwargs: Any) -> None:
        super()._create_instance_internal(instance_id, *args, **kwargs)  # raises when the id is running
        self._forget(instance_id)

    @override
    def _terminate_instance_internal(self, instance_id: str, output: str | None, recursive: bool = False) -> None:
        super()._terminate_instance_internal(instance_id, output)
        for child_id in self._children_of(instance_id) if recursive else ():
            self._terminate_instance_internal(child_id, output, recursive)

    @override
    def PurgeInstances(self, request: Any, context: Any) -> Any:
        if request.HasField("instanceBatch"):
            context.abort(
                grpc.StatusCode.UNIMPLEMENTED, "purge by id or by filter; a batch of ids is not supported here"
            )
        with self._lock:
            before = dict(self._instances)
            response = super().PurgeInstances(request, context)
            for instance_id in before.keys() - self._instances.keys():
                self._forget(instance_id)
                for event in before[instance_id].history if request.recursive else ():
                    child_id = event.subOrchestrationInstanceCreated.instanceId
                    if child_id:
                        below = pb.PurgeInstancesRequest(instanceId=child_id, recursive=True)
                        response.deletedInstanceCount += self.PurgeInstances(below, context).deletedInstanceCount
            self._reached.notify_all()
            return response

    @override
    def CompleteOrchestratorTask(self, request: Any, context: Any) -> Any:
        with self._lock:
            instance = self._instances.get(request.instanceId)
            if instance is None or str(instance.completion_token) != request.completionToken:
                # Not the backend's own way: it would forget that another worker has the instance by now.
                log.warning("a late answer of a worker for orchestration %r is ignored", request.instanceId)
                return pb.CompleteTaskResponse()
            if len(instance.history) + len(instance.dispatched_events) > LONGEST_HISTORY:
                log.error("orchestration %r failed: its history is too long", request.instanceId)
                message = f"The history exceeds {LONGEST_HISTORY} events; use continue_as_new long before."
                request = failed_orchestration(instance, "HistoryTooLong", message)
            response = super().CompleteOrchestratorTask(request, context)
            if instance.pending_events:
                self._enqueue_orchestration(request.instanceId)  # the backend forgets a resume that came meanwhile
            return response

    @override
    def _process_complete_orchestration_action(self, instance: Any, complete_action: Any) -> None:
        before = execution_started(instance.history)
        super()._process_complete_orchestration_action(instance, complete_action)
        if complete_action.orchestrationStatus == pb.ORCHESTRATION_STATUS_CONTINUED_AS_NEW:
            self._forget(instance.instance_id)
            still_true = [each for each in instance.pending_events if each.WhichOneof("eventType") not in ANSWERS]
            instance.pending_events[:] = still_true
            started = execution_started(still_true)
            started.tags.update(before.tags)
            if before.HasField("parentInstance"):
                started.parentInstance.CopyFrom(before.parentInstance)

    @override
    def _process_rewind_orchestration_action(self, instance: Any, rewind_action: Any) -> None:
        super()._process_rewind_orchestration_action(instance, rewind_action)
        # What was still running when the orchestration failed has ended unheard, or was dropped: ask for it again.
        asked: Counter[tuple[str, int]] = Counter()
        for event in instance.history:
            asked[event.WhichOneof("eventType"), event.eventId] += 1
            for answer in ("taskCompleted", "taskFailed"):
                if event.HasField(answer):
                    asked["taskScheduled", getattr(event, answer).taskScheduledId] -= 1
            if event.HasField("timerFired"):
                asked["timerCreated", event.timerFired.timerId] -= 1
        for event in instance.history:
            if asked[event.WhichOneof("eventType"), event.eventId] <= 0:
                continue
            if event.HasField("timerCreated"):
                self._start_timer(instance, event)
            elif event.HasField("taskScheduled") and not self._is_outstanding(instance, event.eventId):
                self._ask_for_activity(instance, event)

    @override
    def WaitForInstanceStart(self, request: Any, context: Any) -> Any:
        return self._wait(request, context, lambda each: each.status != pb.ORCHESTRATION_STATUS_PENDING)

    @override
    def WaitForInstanceCompletion(self, request: Any, context: Any) -> Any:
        return self._wait(request, context, lambda each: self._is_terminal_status(each.status))

    def _wait(self, request: Any, context: Any, reached: Callable[[Any], bool]) -> Any:
        """Answer once the instance is as wanted; at once when there is no such instance."""
        with self._reached:
            if self._waiters >= MOST_WAITERS:
                context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, f"{MOST_WAITERS} callers wait already; poll instead")
            self._waiters += 1
            try:
                context.add_callback(self._wake_waiters)  # a caller that hung up must not hold a thread
                instance = self._instances.peek(request.instanceId)
                while instance is not None and not reached(instance) and context.is_active():
                    self._reached.wait(context.time_remaining())
                    instance = self._instances.peek(request.instanceId)
            finally:
                self._waiters -= 1
            if instance is None:
                return pb.GetInstanceResponse(exists=False)
            return self._build_instance_response(instance, request.getInputsAndOutputs)

    def _wake_waiters(self) -> None:
        with self._reached:
            self._reached.notify_all()


def failed_orchestration(instance: Any, error_type: str, message: str) -> Any:
    """What a worker would answer for an instance that fails."""
    details = pb.TaskFailureDetails(errorType=error_type, errorMessage=message, isNonRetriable=True)
    failed = helpers.new_complete_orchestration_action(-1, pb.ORCHESTRATION_STATUS_FAILED, None, details)
    token = str(instance.completion_token)
    return pb.OrchestratorResponse(instanceId=instance.instance_id, actions=[failed], completionToken=token)
