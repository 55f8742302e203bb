"""What the backend gets wrong about entities: locks that hold nothing back, deleted ones that live on.

Semantics: learn.microsoft.com/azure/azure-functions/durable/durable-functions-entities
"""

from __future__ import annotations

from typing import Any, override

from local.durable.tasks import Tasks
from local.durable.wire import pb


class Entities(Tasks):
    """The backend with entities as Azure has them.

    A locked entity runs only operations that the orchestration holding the lock calls; all others wait. An entity
    without state does not exist. Locks count as orphaned when their orchestration is gone or has ended.
    """

    def _operations_to_run(self, entity: Any) -> list[Any]:
        """The waiting operations that may run now, in their order."""
        if entity.locked_by is None:
            return list(entity.pending_operations)
        owner = self._lock_owners.peek(entity.instance_id)
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
    def GetEntity(self, request: Any, context: Any) -> Any:
        entity = self._entities.peek(request.instanceId)
        if entity is None or entity.serialized_state is None:
            return pb.GetEntityResponse(exists=False)
        return super().GetEntity(request, context)

    @override
    def QueryEntities(self, request: Any, context: Any) -> Any:
        transient = request.query.includeTransient
        request.query.includeTransient = True  # the backend would leave out whatever has operations waiting
        with self._lock:
            response = super().QueryEntities(request, context)
            found = [
                entity
                for entity in response.entities
                if transient or self._entities.peek(entity.instanceId).serialized_state is not None
            ]
        return pb.QueryEntitiesResponse(entities=found, continuationToken=response.continuationToken)

    @override
    def CleanEntityStorage(self, request: Any, context: Any) -> Any:
        def orphaned(entity_id: str, entity: Any) -> bool:
            owner = self._instances.peek(self._lock_owners.peek(entity_id))
            return entity.locked_by is not None and (owner is None or self._is_terminal_status(owner.status))

        def empty(_: str, entity: Any) -> bool:
            waiting = entity.pending_operations or entity.dispatched_operations
            return entity.serialized_state is None and entity.locked_by is None and not waiting

        released = [key for key, each in self._entities.items() if request.releaseOrphanedLocks and orphaned(key, each)]
        for entity_id in released:
            self._entities[entity_id].locked_by = None
        self._try_grant_pending_locks()
        removed = [key for key, each in self._entities.items() if request.removeEmptyEntities and empty(key, each)]
        for entity_id in removed:
            del self._entities[entity_id]
        return pb.CleanEntityStorageResponse(emptyEntitiesRemoved=len(removed), orphanedLocksReleased=len(released))
