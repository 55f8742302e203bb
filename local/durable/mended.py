"""What Microsoft's backend does otherwise than Azure, put right.

Semantics: learn.microsoft.com/azure/azure-functions/durable
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, override
from uuid import uuid4

from local.durable.kept import KeptBackend
from local.durable.wire import helpers, pb

FINISHED = (pb.ORCHESTRATION_STATUS_COMPLETED, pb.ORCHESTRATION_STATUS_FAILED, pb.ORCHESTRATION_STATUS_TERMINATED)


class MendedBackend(KeptBackend):
    """The backend with tasks as Azure has them, and without its threads."""

    @override
    def StartInstance(self, request: Any, context: Any) -> Any:
        if not request.HasField("orchestrationIdReusePolicy"):  # Azure's default: NonRunningStates
            request.orchestrationIdReusePolicy.replaceableStatus.extend(FINISHED)
        return super().StartInstance(request, context)

    @override
    def GetEntity(self, request: Any, context: Any) -> Any:
        entity = self._entities.peek(request.instanceId)
        exists = entity is not None and entity.serialized_state is not None
        return super().GetEntity(request, context) if exists else pb.GetEntityResponse(exists=False)

    @override
    def _process_schedule_task_action(self, instance: Any, action: Any) -> None:
        super()._process_schedule_task_action(instance, action)
        self._activity_queue.clear()  # its items have no room for all that a worker is told
        task, whose = action.scheduleTask, pb.OrchestrationInstance(instanceId=instance.instance_id)
        request = pb.ActivityRequest(name=task.name, taskId=action.id, tags=task.tags, orchestrationInstance=whose)
        for name in ("version", "input", "parentTraceContext"):
            if task.HasField(name):
                getattr(request, name).CopyFrom(getattr(task, name))
        self._activities[uuid4().hex] = request

    @override
    def CompleteActivityTask(self, request: Any, context: Any) -> Any:
        asked = self._activities.pop(request.completionToken)
        request.instanceId, request.taskId = asked.orchestrationInstance.instanceId, asked.taskId
        if request.HasField("failureDetails") and not request.failureDetails.errorMessage:
            request.failureDetails.errorMessage = "no message"  # without one the backend takes it for a result
        return super().CompleteActivityTask(request, context)

    @override
    def _process_create_timer_action(self, instance: Any, action: Any) -> None:
        due = action.createTimer.fireAt.ToDatetime(UTC)
        instance.history.append(helpers.new_timer_created_event(action.id, due))
        instance.pending_events.append(helpers.new_timer_fired_event(action.id, due))
        instance.pending_events[-1].timestamp.FromDatetime(due)

    @override
    def _schedule_delayed_entity_operation(self, entity_id: str, event: Any, fire_at: datetime) -> None:
        event.timestamp.FromDatetime(fire_at)
        self._queue_entity_operation(entity_id, event)

    @override
    def _watch_sub_orchestration(self, parent_instance_id: str, sub_instance_id: str, task_id: int) -> None:
        whose = pb.OrchestrationInstance(instanceId=parent_instance_id)
        self._children[sub_instance_id] = pb.ParentInstanceInfo(taskScheduledId=task_id, orchestrationInstance=whose)
