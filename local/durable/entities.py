"""What the backend gets wrong about entities: locks that hold nothing back, deleted ones that live on.

Semantics: learn.microsoft.com/azure/azure-functions/durable/durable-functions-entities
"""

from __future__ import annotations

import sys
import threading
from datetime import datetime
from typing import Any, override

from durabletask.testing import InMemoryOrchestrationBackend

from local.durable.store import Tracked
from local.durable.wire import pb


class EntityRules(InMemoryOrchestrationBackend):  # type: ignore[misc]  # the package has no types that mypy may follow
    """The backend with entities as Azure has them.

    A locked entity runs only operations that the orchestration holding the lock calls; all others wait. An entity
    without state does not exist. Locks count as orphaned when their orchestration is gone or has ended.
    """

    def __init__(self) -> None:
        super().__init__(max_history_size=sys.maxsize)
        self._instances: Tracked[Any] = Tracked()
        self._entities: Tracked[Any] = Tracked()
        self._lock_owners: dict[str, str] = {}  # entity -> orchestration, while the entity is locked
        self._work = threading.Condition(self._lock)  # there may be something to hand out
        self._work_available = _Announcement(self._work)

    def _operations_to_run(self, entity: Any) -> list[Any]:
        """The waiting operations that may run now, in their order."""
        if entity.locked_by is None:
            return list(entity.pending_operations)
        owner = self._lock_owners.get(entity.instance_id)
        return [
            operation
            for operation in entity.pending_operations
            if operation.HasField("entityOperationCalled")
            and operation.entityOperationCalled.parentInstanceId.value == owner
        ]

    @override
    def _grant_lock(self, pending: Any) -> None:
        super()._grant_lock(pending)
        for entity_id in pending.lock_set:
            self._lock_owners[entity_id] = pending.parent_instance_id

    @override
    def _try_grant_pending_locks(self) -> None:
        super()._try_grant_pending_locks()
        for entity_id, entity in self._entities.items():
            if entity.pending_operations:
                self._enqueue_entity(entity_id)

    @override
    def CompleteEntityTask(self, request: Any, context: Any) -> Any:
        with self._lock:
            for entity_id, entity in self._entities.items():
                if str(entity.completion_token) == request.completionToken:
                    self._entities.touched.add(entity_id)  # the backend finds it by a search that nothing notes
            return super().CompleteEntityTask(request, context)

    @staticmethod
    def _is_nothing(entity: Any) -> bool:
        """Whether forgetting this entity would lose nothing."""
        waiting = entity.pending_operations or entity.dispatched_operations
        return entity.serialized_state is None and entity.locked_by is None and not waiting

    @override
    def GetEntity(self, request: Any, context: Any) -> Any:
        with self._lock:
            entity = self._entities.peek(request.instanceId)
            if entity is None or entity.serialized_state is None:
                return pb.GetEntityResponse(exists=False)
            return super().GetEntity(request, context)

    @override
    def QueryEntities(self, request: Any, context: Any) -> Any:
        with self._lock:
            transient = request.query.includeTransient
            request.query.includeTransient = True  # the backend would leave out whatever has operations waiting
            response = super().QueryEntities(request, context)
            if not transient:
                kept = [e for e in response.entities if self._entities.peek(e.instanceId).serialized_state is not None]
                del response.entities[:]
                response.entities.extend(kept)
            return response

    @override
    def CleanEntityStorage(self, request: Any, context: Any) -> Any:
        with self._lock:
            orphaned = [key for key, e in self._entities.items() if e.locked_by is not None and self._is_orphaned(key)]
            if not request.releaseOrphanedLocks:
                orphaned = []
            for entity_id in orphaned:
                self._entities[entity_id].locked_by = None
            self._try_grant_pending_locks()
            empty = [key for key, entity in self._entities.items() if self._is_nothing(entity)]
            if not request.removeEmptyEntities:
                empty = []
            for entity_id in empty:
                del self._entities[entity_id]
            return pb.CleanEntityStorageResponse(emptyEntitiesRemoved=len(empty), orphanedLocksReleased=len(orphaned))

    def _is_orphaned(self, entity_id: str) -> bool:
        owner = self._instances.peek(self._lock_owners.get(entity_id, ""))
        return owner is None or self._is_terminal_status(owner.status)

    @override
    def _schedule_delayed_entity_operation(self, entity_id: str, event: Any, fire_at: datetime) -> None:
        self._arm(entity_id, event, fire_at)

    def _arm(self, owner: str, event: Any, due: datetime) -> None:
        """Hand `event` to its owner at `due`."""
        raise NotImplementedError


class _Announcement:
    """Stands in for the backend's event: one event cannot wake several workers, a condition can."""

    def __init__(self, condition: threading.Condition) -> None:
        self._condition = condition

    def set(self) -> None:
        """Wake everyone who waits for work."""
        with self._condition:
            self._condition.notify_all()
