"""Microsoft's in-memory backend, whose state is also in a file: what a call changed is written before it returns.

All that an orchestration or entity is to hear lies in its inbox until a worker has dealt with it, and each event has
the time from when on it may be heard: a timer, a delayed signal, a scheduled start are kept like any other event.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from durabletask.testing import InMemoryOrchestrationBackend
from durabletask.testing.in_memory_backend import EntityState, OrchestrationInstance, PendingLockRequest

from local.durable.store import Store
from local.durable.wire import helpers, pb

log = logging.getLogger("durable")
INBOX = {"orchestration": "events", "entity": "operations"}  # by kind of work, how the backend names what is pending
RUNNING = (pb.ORCHESTRATION_STATUS_RUNNING, pb.ORCHESTRATION_STATUS_SUSPENDED)
ANSWERS = ("task", "timer", "subOrchestration", "entity")  # how kinds of events begin that an execution asked for
LONG_AGO = datetime.min.replace(tzinfo=UTC)
OrchestrationInstance.__annotations__["status"] = int  # the backend names an enumeration there that is not a type


def when(event: Any) -> Any:
    """From when on an event may be heard."""
    return event.timestamp.ToDatetime(UTC)


class KeptBackend(InMemoryOrchestrationBackend):  # type: ignore[misc]  # the package has no types that mypy may follow
    """The backend, its state, its file and its clock."""

    def __init__(self, path: Path, ahead: timedelta) -> None:
        """Bring back what is in the file, made when missing. Raises as `Store`."""
        super().__init__(max_history_size=sys.maxsize)
        self._ahead = ahead
        self._store = store = Store(path)
        self._instances = store.table("instance", OrchestrationInstance)
        self._activities = store.table("activity", pb.ActivityRequest)  # by completion token
        self._children = store.table("child", pb.ParentInstanceInfo)  # by child, what its end is an answer to
        self._entities = store.table("entity", EntityState)
        self._locks = store.table("lock requests", list[PendingLockRequest])  # one row
        self._pending_lock_requests = self._locks.get("all", [])
        self._failures = store.table("failures", int)  # by kind and id, how often no worker completed an item
        self._items = {"orchestration": self._instances, "activity": self._activities, "entity": self._entities}
        self._waiting: dict[str, dict[str, datetime]] = {kind: {} for kind in self._items}  # from when on, by id
        self._work = threading.Condition(self._lock)  # there may be something to hand out
        self._enqueue_orchestration = self._enqueue_entity = lambda _: None  # `_settle` does it
        self._settle()

    def now(self) -> datetime:
        """The engine's time, ahead of the computer's by as much as `advance` was told."""
        return datetime.now(UTC) + self._ahead

    def advance(self, by: timedelta) -> None:
        """Move the clock forward; what falls due happens soon after."""
        with self._work:
            self._ahead += by
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
        over = {key for key, each in touched.items() if each is None or each.status not in RUNNING}
        for instance in filter(None, map(touched.get, over)):
            if instance.status == pb.ORCHESTRATION_STATUS_PENDING:
                self._begin(instance.pending_events)
            else:
                instance.pending_events.clear()  # dropped, as in Azure
                if instance.instance_id in self._children:
                    self._tell(self._children.pop(instance.instance_id), instance)
        for table in (self._activities, self._children):
            for key in [key for key, each in table.items() if each.orchestrationInstance.instanceId in over]:
                table[key].orchestrationInstance.Clear()  # it goes on, and nobody is told
        locks = [each for each in self._pending_lock_requests if each.parent_instance_id not in over]
        if locks != self._locks.peek("all"):
            self._locks["all"] = list(locks)
        self._pending_lock_requests = locks
        for kind, table in self._items.items():
            for key in table.touched:
                self._queue(kind, key, table.peek(key))

    def _begin(self, events: list[Any]) -> None:
        """A new execution, perhaps by continue_as_new, hears no answers to another and nothing before its start."""
        events[:] = [each for each in events if not each.WhichOneof("eventType").startswith(ANSWERS)]
        for event in events[1:]:
            event.timestamp.FromDatetime(max(when(events[0]), self.now()))

    def _tell(self, parent: Any, child: Any) -> None:
        if child.status == pb.ORCHESTRATION_STATUS_COMPLETED:
            event = helpers.new_sub_orchestration_completed_event(parent.taskScheduledId, child.output)
        else:
            ended = RuntimeError(f"{child.instance_id!r} was terminated")
            event = helpers.new_sub_orchestration_failed_event(parent.taskScheduledId, ended)
            if child.failure_details is not None:
                event.subOrchestrationInstanceFailed.failureDetails.CopyFrom(child.failure_details)
        if (waiting := self._instances.get(parent.orchestrationInstance.instanceId)) is not None:
            waiting.pending_events.append(event)

    def _queue(self, kind: str, key: str, thing: Any) -> None:
        """Have it handed out as soon as it may hear something."""
        inbox = getattr(thing, f"pending_{INBOX.get(kind)}", ())
        for event in (*getattr(thing, "history", ()), *inbox):
            if not event.timestamp.seconds:
                event.timestamp.FromDatetime(self.now())
        self._waiting[kind].pop(key, None)
        if inbox or (kind == "activity" and thing is not None):
            self._waiting[kind][key] = min(map(when, inbox), default=LONG_AGO)

    def _due(self, kind: str, thing: Any) -> list[Any]:
        """What a worker may be given of an inbox now, in order of time."""
        now = self.now()
        due = sorted((each for each in getattr(thing, f"pending_{INBOX[kind]}") if when(each) <= now), key=when)
        if kind == "entity":
            return [each for each in due if thing.locked_by is None or self._holds_lock(each, thing.locked_by)]
        if thing.status == pb.ORCHESTRATION_STATUS_SUSPENDED:
            return (
                due
                if any(each.HasField("executionResumed") or each.HasField("executionTerminated") for each in due)
                else []
            )
        return due

    def _holds_lock(self, operation: Any, section: str) -> bool:
        """Whether an entity's operation is called from within this critical section."""
        caller = self._instances.peek(operation.entityOperationCalled.parentInstanceId.value)
        history = caller.history if caller else ()
        return any(each.entityLockRequested.criticalSectionId == section for each in history)
