"""Microsoft's in-memory backend, whose state is also in a file: what a transaction changed is written when it ends."""

from __future__ import annotations

import logging
import os
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from durabletask.testing import InMemoryOrchestrationBackend
from durabletask.testing.in_memory_backend import EntityState, OrchestrationInstance, PendingLockRequest

from local.durable.scheduler import Clock, Scheduler
from local.durable.store import Store
from local.durable.wire import pb

log = logging.getLogger("durable")


@dataclass(frozen=True)
class Timer:
    """An event that its owner, an orchestration or an entity, gets when it is due."""

    owner: str
    due: datetime
    event: Any


class KeptBackend(InMemoryOrchestrationBackend):  # type: ignore[misc]  # the package has no types that mypy may follow
    """The backend, its state, its file and its clock."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Bring back what is in the file, made when missing. Raises StoreError."""
        super().__init__(max_history_size=sys.maxsize)
        self.clock = clock
        self._scheduler = Scheduler(clock)
        self._work = threading.Condition(self._lock)  # there may be something to hand out
        self._reached = threading.Condition(self._lock)  # some instance changed its status
        self._closed = False
        # Completion tokens must never repeat, not even after a restart: a worker may still hold one of before.
        self._next_completion_token = int(clock.now().timestamp() * 1_000_000)
        self._store = store = Store(path)
        self._instances = store.dict_of("instance", OrchestrationInstance)
        self._entities = store.dict_of("entity", EntityState)
        self._lock_owners = store.dict_of("lock owner", str)  # by entity: the orchestration that locked it
        self._lock_requests = store.dict_of("lock request", PendingLockRequest)  # by critical section
        self._activities = store.dict_of("activity", pb.WorkItem)  # by completion token
        self._timers = store.dict_of("timer", Timer)
        self._parents = store.dict_of("parent", pb.ParentInstanceInfo)  # by child that is waited for
        self._failures = store.dict_of("failures", int)  # by kind and id of a work item that no worker completed
        self._pending_lock_requests = list(self._lock_requests.values())

    def _new_token(self) -> int:
        token = self._next_completion_token  # taken and counted as the backend itself does
        self._next_completion_token += 1
        return token

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the engine still; what changes inside is in the file, as one, before anyone hears of it."""
        with self._lock:
            self._store.begin()
            try:
                yield
            finally:  # after a refusal as well: what is in memory is what callers will see
                if not self._closed:
                    self._save()

    def _save(self) -> None:
        for instance in filter(None, map(self._instances.peek, self._instances.touched)):
            if self._is_terminal_status(instance.status):
                instance.pending_events.clear()  # events for one that has ended are dropped, as in Azure
        waiting = {each.critical_section_id: each for each in self._pending_lock_requests}
        for key in waiting.keys() - self._lock_requests.keys():
            self._lock_requests[key] = waiting[key]
        for key in self._lock_requests.keys() - waiting.keys():
            del self._lock_requests[key]
        try:
            self._store.save()
        except sqlite3.Error:
            # Memory is ahead of the file now, so going on would promise what a restart cannot keep.
            log.critical("the engine's file cannot be written; ending", exc_info=True)
            os._exit(1)

    def close(self) -> None:
        """Let go of the file. The last workers may be lost only later; that changes nothing worth keeping."""
        with self._lock:
            self._closed = True
            self._store.close()
