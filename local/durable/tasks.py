"""What an orchestration asks for and waits for: activities, timers, children. One scheduler instead of many threads.

Semantics: learn.microsoft.com/azure/azure-functions/durable, "Activity functions", "Timers", "Sub-orchestrations".
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any, override

from local.durable.kept import KeptBackend, Timer, log
from local.durable.wire import helpers, pb


class Tasks(KeptBackend):
    """The backend with tasks as Azure has them.

    A second answer to an activity, or one for an execution that has ended, is ignored; a failure without a message is
    one; a parent hears of its child however long that takes, and the child knows its parent.
    """

    def _deliver(self, instance_id: str, event: Any) -> None:
        """Give an orchestration an event, unless it has ended."""
        instance = self._instances.get(instance_id)
        if instance is not None and not self._is_terminal_status(instance.status):
            instance.last_updated_at = self.clock.now()
            event.timestamp.FromDatetime(instance.last_updated_at)
            instance.pending_events.append(event)
            self._enqueue_orchestration(instance_id)

    def _forget(self, instance_id: str) -> None:
        """A new execution begins under this id, or none will: nothing that the last one asked for reaches it."""
        for token in self._activities_of(instance_id):
            self._activities[token].activityRequest.orchestrationInstance.Clear()  # it runs, and nobody is told
        if (item := f"orchestration {instance_id}") in self._failures:
            del self._failures[item]
        self._let_go(instance_id)

    def _let_go(self, instance_id: str) -> None:
        """Drop what an execution that has ended was waiting for."""
        for timer_id in [key for key, timer in self._timers.items() if timer.owner == instance_id]:
            del self._timers[timer_id]
        for child_id in self._children_of(instance_id):
            del self._parents[child_id]
        waiting = self._pending_lock_requests
        waiting[:] = [each for each in waiting if each.parent_instance_id != instance_id]

    # Activities

    @override
    def _process_schedule_task_action(self, instance: Any, action: Any) -> None:
        scheduled = pb.TaskScheduledEvent(**_what(action.scheduleTask))
        instance.history.append(pb.HistoryEvent(eventId=action.id, taskScheduled=scheduled))
        self._ask_for_activity(instance, instance.history[-1])

    def _ask_for_activity(self, instance: Any, event: Any) -> None:
        token = str(self._new_token())
        whose = pb.OrchestrationInstance(instanceId=instance.instance_id)
        request = pb.ActivityRequest(taskId=event.eventId, orchestrationInstance=whose, **_what(event.taskScheduled))
        self._activities[token] = pb.WorkItem(completionToken=token, activityRequest=request)
        self._enqueue("activity", token)

    def _activities_of(self, instance_id: str) -> dict[str, int]:
        """The activities that this orchestration waits for: token and task id."""
        requests = {token: item.activityRequest for token, item in self._activities.items()}
        return {token: each.taskId for token, each in requests.items() if _owner(each) == instance_id}

    @override
    def CompleteActivityTask(self, request: Any, context: Any) -> Any:
        item = self._activities.pop(request.completionToken)
        if item is None:
            log.warning("a second answer for an activity of %r is ignored", request.instanceId)
            return pb.CompleteTaskResponse()
        event = pb.HistoryEvent(eventId=-1)
        answer = event.taskFailed if request.HasField("failureDetails") else event.taskCompleted
        answer.taskScheduledId = item.activityRequest.taskId
        if request.HasField("failureDetails"):
            answer.failureDetails.CopyFrom(request.failureDetails)
        elif request.HasField("result"):
            answer.result.CopyFrom(request.result)
        self._deliver(_owner(item.activityRequest), event)
        return pb.CompleteTaskResponse()

    # Timers

    @override
    def _process_create_timer_action(self, instance: Any, action: Any) -> None:
        created = pb.TimerCreatedEvent(fireAt=action.createTimer.fireAt)
        instance.history.append(pb.HistoryEvent(eventId=action.id, timerCreated=created))
        self._start_timer(instance, instance.history[-1])

    def _start_timer(self, instance: Any, event: Any) -> None:
        due = event.timerCreated.fireAt.ToDatetime(UTC)
        self._arm(instance.instance_id, helpers.new_timer_fired_event(event.eventId, due), due)

    def _arm(self, owner: str, event: Any, due: datetime) -> None:
        timer_id = str(self._new_token())
        self._timers[timer_id] = Timer(owner, due, event)
        self._scheduler.at(due, partial(self._fire, timer_id))

    def _fire(self, timer_id: str) -> None:
        with self.transaction():
            timer = self._timers.pop(timer_id)
            if timer is None:
                return  # its orchestration ended or began anew
            if timer.event.HasField("entityOperationSignaled"):
                self._queue_entity_operation(timer.owner, timer.event)
            elif timer.event.HasField("executionStarted"):
                self._enqueue_orchestration(timer.owner)
            else:
                self._deliver(timer.owner, timer.event)

    @override
    def _schedule_delayed_entity_operation(self, entity_id: str, event: Any, fire_at: datetime) -> None:
        self._arm(entity_id, event, fire_at)

    # Children

    def _children_of(self, instance_id: str) -> list[str]:
        """The children that this orchestration waits for."""
        return [child_id for child_id, parent in self._parents.items() if _owner(parent) == instance_id]

    @override
    def _watch_sub_orchestration(self, parent_instance_id: str, sub_instance_id: str, task_id: int) -> None:
        parent = pb.ParentInstanceInfo(
            taskScheduledId=task_id,
            name=helpers.get_string_value(self._instances[parent_instance_id].name),
            orchestrationInstance=pb.OrchestrationInstance(instanceId=parent_instance_id),
        )
        self._parents[sub_instance_id] = parent
        started = execution_started(self._instances[sub_instance_id].pending_events)
        if started is not None:
            started.parentInstance.CopyFrom(parent)
        self._notify_waiters(sub_instance_id)

    @override
    def _notify_waiters(self, instance_id: str) -> None:
        """The backend calls this whenever an instance may have reached another status."""
        self._reached.notify_all()
        instance = self._instances[instance_id]
        if not self._is_terminal_status(instance.status):
            return
        self._let_go(instance_id)
        parent = self._parents.pop(instance_id)
        if parent is None:
            return
        if instance.status == pb.ORCHESTRATION_STATUS_COMPLETED:
            event = helpers.new_sub_orchestration_completed_event(parent.taskScheduledId, instance.output)
        else:
            ended = pb.TaskFailureDetails(errorType="Terminated", errorMessage=f"{instance_id!r} was terminated")
            failed = pb.SubOrchestrationInstanceFailedEvent(
                taskScheduledId=parent.taskScheduledId, failureDetails=instance.failure_details or ended
            )
            event = pb.HistoryEvent(eventId=-1, subOrchestrationInstanceFailed=failed)
        self._deliver(_owner(parent), event)


def _owner(message: Any) -> str:
    """The orchestration that asked for something."""
    return str(message.orchestrationInstance.instanceId)


def _what(task: Any) -> dict[str, Any]:
    """What is to be done, as its schedule action, its history event and its request to a worker all say it."""
    optional = [name for name in ("version", "input", "parentTraceContext") if task.HasField(name)]
    return {"name": task.name, "tags": dict(task.tags)} | {name: getattr(task, name) for name in optional}


def execution_started(events: list[Any]) -> Any:
    """The start of this execution, if it is among these events."""
    return next((event.executionStarted for event in events if event.HasField("executionStarted")), None)
