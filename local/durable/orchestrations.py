"""The life of an orchestration: started, replaced, continued as new, rewound, terminated, purged, waited for.

Semantics: learn.microsoft.com/azure/azure-functions/durable, "Manage instances" and "Eternal orchestrations".
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import Any, override

import grpc

from local.durable.entities import Entities
from local.durable.kept import log
from local.durable.tasks import execution_started
from local.durable.wire import helpers, pb

FINISHED = (pb.ORCHESTRATION_STATUS_COMPLETED, pb.ORCHESTRATION_STATUS_FAILED, pb.ORCHESTRATION_STATUS_TERMINATED)
LONGEST_HISTORY = 10_000  # events; beyond it an orchestration should have used continue_as_new
# Answers to what an execution asked for; they mean nothing to the next one after continue_as_new.
ANSWERS = {
    "taskCompleted", "taskFailed", "timerFired", "subOrchestrationInstanceCompleted",
    "subOrchestrationInstanceFailed", "entityOperationCompleted", "entityOperationFailed", "entityLockGranted",
}  # fmt: skip


class Orchestrations(Entities):
    """The backend with orchestrations as Azure has them. A finished id may be started again; a start may be delayed."""

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
        if not request.HasField("orchestrationIdReusePolicy"):  # Azure's default: NonRunningStates
            request.orchestrationIdReusePolicy.replaceableStatus.extend(FINISHED)
        response = super().StartInstance(request, context)
        self._forget(response.instanceId)
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
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "purge by id or by filter; a batch of ids is not supported")
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
        instance = self._instances.get(request.instanceId)
        if instance is None or str(instance.completion_token) != request.completionToken:
            # Not the backend's own way: it would forget that another worker has the instance by now.
            log.warning("a late answer of a worker for orchestration %r is ignored", request.instanceId)
            return pb.CompleteTaskResponse()
        if len(instance.history) + len(instance.dispatched_events) > LONGEST_HISTORY:
            log.error("orchestration %r failed: its history is too long", request.instanceId)
            message = f"The history exceeds {LONGEST_HISTORY} events; use continue_as_new long before."
            request = failed_orchestration(instance, "HistoryTooLong", message)
        before = len(instance.history)
        response = super().CompleteOrchestratorTask(request, context)
        for event in instance.history[before:]:
            if not event.timestamp.seconds:
                event.timestamp.FromDatetime(self.clock.now())
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
        unanswered = {}
        for event in instance.history:
            kind = event.WhichOneof("eventType")
            if kind in ("taskScheduled", "timerCreated"):
                unanswered[event.eventId] = event
            elif kind in ("taskCompleted", "taskFailed"):
                unanswered.pop(getattr(event, kind).taskScheduledId, None)
            elif kind == "timerFired":
                unanswered.pop(event.timerFired.timerId, None)
        outstanding = self._activities_of(instance.instance_id).values()
        for event in unanswered.values():
            if event.HasField("timerCreated"):
                self._start_timer(instance, event)
            elif event.eventId not in outstanding:
                self._ask_for_activity(instance, event)

    @override
    def _wait_for_state(self, instance_id: str, predicate: Callable[[Any], bool], timeout: float | None) -> Any:
        """The instance once it is as wanted; None when time is up, and at once when there is no such instance."""

        def settled() -> bool:
            instance = self._instances.peek(instance_id)
            return instance is None or predicate(instance)

        with self._reached:
            return self._instances.peek(instance_id) if self._reached.wait_for(settled, timeout) else None


def failed_orchestration(instance: Any, error_type: str, message: str) -> Any:
    """What a worker would answer for an instance that fails."""
    details = pb.TaskFailureDetails(errorType=error_type, errorMessage=message, isNonRetriable=True)
    failed = helpers.new_complete_orchestration_action(-1, pb.ORCHESTRATION_STATUS_FAILED, None, details)
    token = str(instance.completion_token)
    return pb.OrchestratorResponse(instanceId=instance.instance_id, actions=[failed], completionToken=token)
