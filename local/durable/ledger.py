"""What of the engine is kept in the store, and how it is brought back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from durabletask.testing.in_memory_backend import EntityState, OrchestrationInstance, PendingLockRequest

from local.durable.store import Store, Tracked
from local.durable.tasks import Activity, Timer
from local.durable.wire import helpers, pb

if TYPE_CHECKING:
    from local.durable.engine import DurableEngine

# Fields of an instance in memory and of the message that keeps it.
TEXTS = {"version": "version", "input": "input", "output": "output", "custom_status": "customStatus"}
TIMES = {
    "created_at": "createdTimestamp", "last_updated_at": "lastUpdatedTimestamp", "completed_at": "completedTimestamp",
}  # fmt: skip


class Ledger:
    """Writes what changed in the engine, and reads it all when the engine starts.

    Handing an item to a worker is not written: after a restart it is as if it had not been handed out. That keeps
    events in their order, because what was handed out always stands before what came later.
    """

    def __init__(self, engine: DurableEngine, store: Store) -> None:
        self._engine = engine
        self.store = store
        self._lock_requests: list[Any] = []
        self._parts: list[tuple[Tracked[Any], str, Callable[[str, Any], tuple[object, ...]]]] = [
            (engine._instances, "instances", self._instance_columns),
            (engine._entities, "entities", self._entity_columns),
            (engine._activities, "activities", lambda _, each: (each.item.SerializeToString(), int(each.wanted))),
            (engine._timers, "timers", _timer_columns),
            (engine._parents, "children", lambda _, each: (each.SerializeToString(),)),
        ]

    def begin(self) -> None:
        """From here on changes count."""
        for tracked, _, _ in self._parts:
            tracked.touched.clear()

    def save(self) -> None:
        """Write what changed since `begin`, as one transaction."""
        requests = self._engine._pending_lock_requests
        if requests == self._lock_requests and not any(tracked.touched for tracked, _, _ in self._parts):
            return
        self.store.begin()
        for tracked, table, columns in self._parts:
            for key in tracked.touched:
                value = tracked.peek(key)
                if value is None:
                    self._forget(table, key)
                else:
                    self.store.put(table, key, *columns(key, value))
        if requests != self._lock_requests:
            self._save_lock_requests(requests)
        self.store.commit()

    def _forget(self, table: str, key: str) -> None:
        self.store.delete(table, key)
        for part in {"instances": ("history", "inbox"), "entities": ("operations",)}.get(table, ()):
            self._keep(key, part, ())

    def _keep(self, owner: str, part: str, events: Iterable[Any]) -> None:
        self.store.keep(owner, part, events, self._engine.clock.now())

    def _save_lock_requests(self, requests: list[Any]) -> None:
        for request in self._lock_requests:
            self.store.delete("lock_requests", request.critical_section_id)
        for request in requests:
            message = pb.EntityLockRequestedEvent(
                criticalSectionId=request.critical_section_id,
                lockSet=request.lock_set,
                parentInstanceId=helpers.get_string_value(request.parent_instance_id),
            )
            self.store.put("lock_requests", request.critical_section_id, message.SerializeToString())
        self._lock_requests = list(requests)

    def _instance_columns(self, key: str, instance: Any) -> tuple[object, ...]:
        if self._engine._is_terminal_status(instance.status):
            instance.pending_events.clear()  # events for one that has ended are dropped, as in Azure
        self._keep(key, "history", instance.history)
        self._keep(key, "inbox", [*instance.dispatched_events, *instance.pending_events])
        times = {theirs: getattr(instance, ours) for ours, theirs in TIMES.items()}
        state = pb.OrchestrationState(
            instanceId=key,
            name=instance.name,
            orchestrationStatus=instance.status,
            failureDetails=instance.failure_details,
            tags=instance.tags,
            **{theirs: helpers.get_string_value(getattr(instance, ours)) for ours, theirs in TEXTS.items()},
            **{name: helpers.new_timestamp(time) for name, time in times.items() if time is not None},
        )
        return (state.SerializeToString(),)

    def _entity_columns(self, key: str, entity: Any) -> tuple[object, ...]:
        self._keep(key, "operations", [*entity.dispatched_operations, *entity.pending_operations])
        metadata = pb.EntityMetadata(
            instanceId=key,
            lastModifiedTime=helpers.new_timestamp(entity.last_modified_at),
            lockedBy=helpers.get_string_value(entity.locked_by),
            serializedState=helpers.get_string_value(entity.serialized_state),
        )
        return metadata.SerializeToString(), self._engine._lock_owners.get(key)

    def load(self) -> None:
        """Bring back everything, and queue what was waiting or in a worker's hands."""
        engine, events = self._engine, self.store.load_events()
        for key, data in self.store.rows("instances"):
            state = pb.OrchestrationState.FromString(data)
            engine._instances[key] = OrchestrationInstance(
                instance_id=key,
                name=state.name,
                status=state.orchestrationStatus,
                failure_details=state.failureDetails if state.HasField("failureDetails") else None,
                history=events.get((key, "history"), []),
                pending_events=events.get((key, "inbox"), []),
                completion_token=engine._new_token(),
                tags=dict(state.tags) or None,
                **{ours: _text(state, theirs) for ours, theirs in TEXTS.items()},
                **{ours: _time(state, theirs) for ours, theirs in TIMES.items()},
            )
            engine._enqueue_orchestration(key)
        for key, data, lock_owner in self.store.rows("entities"):
            metadata = pb.EntityMetadata.FromString(data)
            engine._entities[key] = EntityState(
                instance_id=key,
                serialized_state=_text(metadata, "serializedState"),
                last_modified_at=metadata.lastModifiedTime.ToDatetime(UTC),
                locked_by=_text(metadata, "lockedBy"),
                pending_operations=events.get((key, "operations"), []),
                completion_token=engine._new_token(),
            )
            if lock_owner is not None:
                engine._lock_owners[key] = lock_owner
            engine._enqueue_entity(key)
        for key, data, wanted in self.store.rows("activities"):
            engine._activities[key] = Activity(pb.WorkItem.FromString(data), bool(wanted))
            engine._ready_activities.append(key)
        for key, owner, due, data in self.store.rows("timers"):
            timer = Timer(owner, datetime.fromisoformat(due), pb.HistoryEvent.FromString(data))
            engine._timers[key] = timer
            engine._scheduler.at(timer.due, partial(engine._fire, key))
        for key, data in self.store.rows("children"):
            engine._parents[key] = pb.ParentInstanceInfo.FromString(data)
        for _, data in self.store.rows("lock_requests"):
            request = pb.EntityLockRequestedEvent.FromString(data)
            engine._pending_lock_requests.append(
                PendingLockRequest(request.criticalSectionId, request.parentInstanceId.value, list(request.lockSet))
            )
        self._lock_requests = list(engine._pending_lock_requests)


def _timer_columns(_: str, timer: Timer) -> tuple[object, ...]:
    return timer.owner, timer.due.isoformat(), timer.event.SerializeToString()


def _text(message: Any, name: str) -> str | None:
    return getattr(message, name).value if message.HasField(name) else None


def _time(message: Any, name: str) -> datetime | None:
    return getattr(message, name).ToDatetime(UTC) if message.HasField(name) else None
