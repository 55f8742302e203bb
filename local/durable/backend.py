"""Microsoft's in-memory backend, whose state is also in a file: what a call changed is written before it returns.

All that an orchestration or entity is to hear lies in its inbox until a worker has dealt with it, and each event has
the time from when on it may be heard: a timer, a delayed signal, a scheduled start are kept like any other event.
"""

import logging
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any, override
from uuid import uuid4

from durabletask.testing import InMemoryOrchestrationBackend
from durabletask.testing.in_memory_backend import EntityState, OrchestrationInstance, PendingLockRequest

from local.durable.store import Store
from local.durable.wire import helpers, pb

log = logging.getLogger("durable")
RUNNING = (pb.ORCHESTRATION_STATUS_RUNNING, pb.ORCHESTRATION_STATUS_SUSPENDED)
FINISHED = (pb.ORCHESTRATION_STATUS_COMPLETED, pb.ORCHESTRATION_STATUS_FAILED, pb.ORCHESTRATION_STATUS_TERMINATED)
ANSWERS = ("task", "timer", "subOrchestration", "entity")  # how kinds of events begin that an execution asked for
OrchestrationInstance.__annotations__["status"] = int  # the backend names an enumeration there that is not a type


class Backend(InMemoryOrchestrationBackend):  # type: ignore[misc]  # the package has no types that mypy may follow
    """The backend, its state, its file and its clock."""

    def __init__(self, path: Path, port: int, ahead: timedelta = timedelta()) -> None:
        """Bring back what is in the file, made when missing. Raises as `Store`. `port` 0: a free one."""
        super().__init__(max_history_size=sys.maxsize, port=port)
        self.ahead = ahead
        self._store = store = Store(path)
        self._instances = store.table("instance", OrchestrationInstance)
        self._activities = store.table("activity", pb.ActivityRequest)  # by completion token
        self._children = store.table("child", pb.ParentInstanceInfo)  # by child, what its end is an answer to
        self._entities = store.table("entity", EntityState)
        self._locks = store.table("lock requests", list[PendingLockRequest])  # one row
        self._pending_lock_requests = list(self._locks.get("all", ()))
        self._failures = store.table("failures", int)  # by id, how often no worker completed an item
        self._items = {"orchestration": self._instances, "activity": self._activities, "entity": self._entities}
        self._waiting: dict[str, dict[str, float]] = {kind: {} for kind in self._items}  # from when on, by id
        self._held: dict[str, Any] = {}  # by completion token, what is in a worker's hands
        self._work = threading.Condition(self._lock)  # there may be something to hand out
        self._enqueue_orchestration = self._enqueue_entity = lambda _: None  # `_settle` does it
        self._settle()

    def now(self) -> float:
        """The time in seconds since 1970."""
        return time.time() + self.ahead.total_seconds()

    def advance(self, by: timedelta) -> None:
        """Move the clock forward; what falls due happens soon after."""
        with self._work:
            self.ahead += by
            self._work.notify_all()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the engine still; what changes inside is in the file, all or nothing, before anyone hears of it."""
        with self._work:
            self._store.begin()
            try:
                yield
            finally:  # after a refusal as well: what is in memory is what callers will see
                self._settle()
                try:
                    self._store.save()
                except sqlite3.Error:
                    # Memory is ahead of the file now, so going on would promise what a restart cannot keep.
                    log.critical("the engine's file cannot be written; ending", exc_info=True)
                    os._exit(1)
                self._work.notify_all()

    def _settle(self) -> None:
        """What follows from any change: only a running execution hears answers, and what has work is queued."""
        touched = {key: self._instances.peek(key) for key in self._instances.touched}
        over = {key: each for key, each in touched.items() if each is None or each.status not in RUNNING}
        if over:
            for instance in filter(None, over.values()):
                self._conclude(instance)
            for table in (self._activities, self._children):
                for key in [key for key, each in table.items() if each.orchestrationInstance.instanceId in over]:
                    table[key].orchestrationInstance.Clear()  # it goes on, and nobody is told
            locks = [each for each in self._pending_lock_requests if each.parent_instance_id not in over]
            self._pending_lock_requests = locks
        if self._pending_lock_requests != self._locks.peek("all"):
            self._locks["all"] = list(self._pending_lock_requests)
        for kind, table in self._items.items():
            for key in table.touched:
                self._queue(kind, key, table.peek(key))

    def _conclude(self, instance: Any) -> None:
        """An execution has ended, or another begins, perhaps by continue_as_new."""
        events = instance.pending_events
        if instance.status == pb.ORCHESTRATION_STATUS_PENDING:
            # It hears no answers to what another asked for, and nothing before its start, unless it is to end.
            if any(each.HasField("executionTerminated") for each in events):
                events[0].timestamp.Clear()
            events[:] = [each for each in events if not each.WhichOneof("eventType").startswith(ANSWERS)]
            for event in events[1:]:
                event.timestamp.CopyFrom(events[0].timestamp)
            return
        events.clear()  # dropped, as in Azure
        if instance.instance_id not in self._children:
            return
        parent = self._children.pop(instance.instance_id)
        if instance.status == pb.ORCHESTRATION_STATUS_COMPLETED:
            event = helpers.new_sub_orchestration_completed_event(parent.taskScheduledId, instance.output)
        else:
            event = helpers.new_sub_orchestration_failed_event(parent.taskScheduledId, RuntimeError("terminated"))
            if instance.failure_details is not None:
                event.subOrchestrationInstanceFailed.failureDetails.CopyFrom(instance.failure_details)
        if (waiting := self._instances.get(parent.orchestrationInstance.instanceId)) is not None:
            waiting.pending_events.append(event)

    def _queue(self, kind: str, key: str, thing: Any) -> None:
        """Have it handed out as soon as there is something to hear; what has just happened is given its time."""
        events, history = inbox(thing), thing.history if isinstance(thing, OrchestrationInstance) else ()
        new = [event for event in events if not when(event)]
        for event in (*new, *takewhile(lambda each: not when(each), reversed(history))):
            event.timestamp.FromNanoseconds(int(self.now() * 1e9))
        self._waiting[kind].pop(key, None)
        if events or (kind == "activity" and thing is not None):
            self._waiting[kind][key] = 0.0 if new else min(map(when, events), default=0.0)

    # What the backend does otherwise than Azure: learn.microsoft.com/azure/azure-functions/durable

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


def inbox(thing: Any) -> Any:
    """What an orchestration or entity is yet to hear; some of it may be in a worker's hands."""
    if isinstance(thing, OrchestrationInstance):
        return thing.pending_events
    return thing.pending_operations if isinstance(thing, EntityState) else []


def when(event: Any) -> Any:
    """From when on an event may be heard, in seconds since 1970; 0 for one that has just happened."""
    stamp = event.timestamp
    return stamp.seconds + stamp.nanos / 1e9
