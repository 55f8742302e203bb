"""The engine as one server: every change is in SQLite before the caller hears of it, and comes back after a kill."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, override

import grpc

from local.durable.deliveries import Deliveries
from local.durable.ledger import Ledger
from local.durable.orchestrations import MOST_WAITERS
from local.durable.scheduler import Clock
from local.durable.store import Store
from local.durable.tasks import log
from local.durable.wire import service
from local.ports import HOST

# Calls that change nothing; every other is a transaction.
READS = {
    "Hello", "GetInstance", "WaitForInstanceStart", "WaitForInstanceCompletion", "QueryInstances", "ListInstanceIds",
    "GetEntity", "QueryEntities", "CreateTaskHub", "DeleteTaskHub",
}  # fmt: skip
OTHER_THREADS = 100  # for workers' streams and short calls, beside those that wait


class DurableEngine(Deliveries):
    """A task hub in one SQLite file, served on loopback."""

    def __init__(self, path: Path, port: int, clock: Clock | None = None) -> None:
        """Load the file, made when missing. `port` 0 takes a free one. Raises StoreError."""
        super().__init__(clock or Clock())
        self._port = port
        self._depth = 0
        self._closed = False
        self._ledger = Ledger(self, Store(path))
        self._ledger.load()

    @override
    def start(self) -> str:
        """Serve; the address. Raises RuntimeError when the port is taken."""
        self._server = grpc.server(
            ThreadPoolExecutor(MOST_WAITERS + OTHER_THREADS, thread_name_prefix="call"),
            interceptors=[_Transactions(self)],
            options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", -1)],
        )
        service.add_TaskHubSidecarServiceServicer_to_server(self, self._server)
        port = self._server.add_insecure_port(f"{HOST}:{self._port}")
        self._server.start()
        self._scheduler.start()
        return f"{HOST}:{port}"

    @override
    def stop(self, grace: float | None = 1.0) -> None:
        """Hand out nothing more, let calls end within `grace` seconds, close the file."""
        super().stop(grace)
        self._scheduler.stop()
        with self._lock:
            self._closed = True  # the last workers may be lost only now; that changes nothing worth keeping
            self._ledger.store.close()

    @override
    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._lock:
            if self._depth == 0:
                self._ledger.begin()
            self._depth += 1
            try:
                yield
            finally:  # after a refusal as well: what is in memory is what callers will see
                self._depth -= 1
                if self._depth == 0 and not self._closed:
                    self._save()

    def _save(self) -> None:
        try:
            self._ledger.save()
        except sqlite3.Error:
            # Memory is ahead of the file now, so going on would promise what a restart cannot keep.
            log.critical("the engine's file cannot be written; ending", exc_info=True)
            os._exit(1)


class _Transactions(grpc.ServerInterceptor):
    """Makes every call that may change something one transaction."""

    def __init__(self, engine: DurableEngine) -> None:
        self._engine = engine

    def intercept_service(self, continuation: Callable[[Any], Any], details: Any) -> Any:
        handler = continuation(details)
        name = details.method.rpartition("/")[2]
        if handler is None or handler.response_streaming or name in READS:
            return handler

        def call(request: Any, context: Any) -> Any:
            with self._engine.transaction():
                if name.startswith(("Complete", "Abandon")):
                    self._engine._answered(name, request.completionToken)
                return handler.unary_unary(request, context)

        return grpc.unary_unary_rpc_method_handler(call, handler.request_deserializer, handler.response_serializer)
