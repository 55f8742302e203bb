"""What an orchestration asks for and waits for: activities, timers, children. One scheduler instead of many threads.

Semantics: learn.microsoft.com/azure/azure-functions/durable, "Activity functions", "Timers", "Sub-orchestrations".
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, override

from local.durable.entities import EntityRules
from local.durable.scheduler import Clock, Scheduler
from local.durable.store import Tracked
from local.durable.wire import helpers, pb

log = logging.getLogger("durable")


@dataclass
class Activity:
    """An activity that was asked for and has not ended. `wanted` is false when nobody waits for its result any more."""

    item: Any
    wanted: bool = True


@dataclass(frozen=True)
class Timer:
    """An event that its owner, an orchestration or an entity, gets when it is due."""

    owner: str
    due: datetime
    event: Any


class TaskRules(EntityRules):
    """The backend with tasks as Azure has them.

    A second answer to an activity, or one for an execution that has ended, is ignored; a failure without a message is
    one; a parent hears of its child however long that takes, and the child knows its parent.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self._scheduler = Scheduler(clock)
        # Completion tokens must never repeat, not even after a restart: a worker may still hold one of before.
        self._next_completion_token = int(clock.now().timestamp() * 1_000_000)
        self._activities: Tracked[Activity] = Tracked()  # by completion token
        self._ready_activities: deque[str] = deque()
        self._timers: Tracked[Timer] = Tracked()
        self._parents: Tracked[Any] = Tracked()  # by child, whom to tell of its end
        self._reached = threading.Condition(self._lock)  # some instance changed its status

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the engine still; what changes inside becomes true as one."""
        with self._lock:
            yield

    def _new_token(self) -> int:
        token = self._next_completion_token  # taken and counted as the backend itself does
        self._next_completion_token += 1
        return token

    def _deliver(self, instance_id: str, event: Any) -> None:
        """Give an orchestration an event, unless it has ended."""
        instance = self._instances.get(instance_id)
        if instance is not None and not self._is_terminal_status(instance.status):
            instance.pending_events.append(event)
            instance.last_updated_at = self.clock.now()
            self._enqueue_orchestration(instance_id)

    def _forget(self, instance_id: str) -> None:
        """A new execution begins under this id, or none will: nothing that the last one asked for reaches it."""
        for token, activity in self._activities.items():
            if activity.item.activityRequest.orchestrationInstance.instanceId == instance_id:
                self._activities[token].wanted = False
        self._orchestration_in_flight.discard(instance_id)
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
        self._activities[token] = Activity(pb.WorkItem(completionToken=token, activityRequest=request))
        self._ready_activities.append(token)
        self._work.notify_all()

    def _is_outstanding(self, instance: Any, task_id: int) -> bool:
        requests = (each.item.activityRequest for each in self._activities.values() if each.wanted)
        return any(
            each.taskId == task_id and each.orchestrationInstance.instanceId == instance.instance_id
            for each in requests
        )

    @override
    def CompleteActivityTask(self, request: Any, context: Any) -> Any:
        with self._lock:
            activity = self._activities.pop(request.completionToken)
            if activity is None:
                log.warning("a second answer for an activity of %r is ignored", request.instanceId)
            elif activity.wanted:
                asked = activity.item.activityRequest
                if request.HasField("failureDetails"):
                    failed = pb.TaskFailedEvent(taskScheduledId=asked.taskId, failureDetails=request.failureDetails)
                    event = pb.HistoryEvent(eventId=-1, taskFailed=failed)
                else:
                    result = request.result if request.HasField("result") else None
                    done = pb.TaskCompletedEvent(taskScheduledId=asked.taskId, result=result)
                    event = pb.HistoryEvent(eventId=-1, taskCompleted=done)
                self._deliver(asked.orchestrationInstance.instanceId, event)
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

    @override
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

    # Children

    def _children_of(self, instance_id: str) -> list[str]:
        """The children that this orchestration waits for."""
        parents = self._parents.items()
        return [child_id for child_id, each in parents if each.orchestrationInstance.instanceId == instance_id]

    @override
    def _watch_sub_orchestration(self, parent_instance_id: str, sub_instance_id: str, task_id: int) -> None:
        whose = pb.OrchestrationInstance(instanceId=parent_instance_id)
        name = helpers.get_string_value(self._instances[parent_instance_id].name)
        parent = pb.ParentInstanceInfo(taskScheduledId=task_id, name=name, orchestrationInstance=whose)
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
        self._deliver(parent.orchestrationInstance.instanceId, event)


def _what(task: Any) -> dict[str, Any]:
    """What is to be done, as its schedule action, its history event and its request to a worker all say it."""
    optional = [name for name in ("version", "input", "parentTraceContext") if task.HasField(name)]
    return {"name": task.name, "tags": dict(task.tags)} | {name: getattr(task, name) for name in optional}


def execution_started(events: list[Any]) -> Any:
    """The start of this execution, if it is among these events."""
    return next((event.executionStarted for event in events if event.HasField("executionStarted")), None)
