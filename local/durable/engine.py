"""The engine as one server: every change is in SQLite before the caller hears of it, and comes back after a kill."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, override

import grpc

from local.durable.deliveries import Deliveries
from local.durable.scheduler import Clock
from local.durable.wire import service
from local.ports import HOST

# Calls that change nothing; every other is a transaction.
READS = {
    "Hello", "GetInstance", "WaitForInstanceStart", "WaitForInstanceCompletion", "QueryInstances", "ListInstanceIds",
    "GetEntity", "QueryEntities", "CreateTaskHub", "DeleteTaskHub", "GetWorkItems", "StreamInstanceHistory",
}  # fmt: skip
MOST_CALLS = 300  # at once, each on a thread: workers' streams, callers that wait for an instance, short calls


class DurableEngine(Deliveries):
    """A task hub in one SQLite file, served on loopback."""

    def __init__(self, path: Path, port: int, clock: Clock | None = None) -> None:
        """Load the file, made when missing. `port` 0 takes a free one. Raises StoreError."""
        super().__init__(path, clock or Clock())
        self._port = port

    @override
    def start(self) -> str:
        """Serve; the address. Raises RuntimeError when the port is taken."""
        self._server = grpc.server(
            ThreadPoolExecutor(MOST_CALLS, thread_name_prefix="call"),
            options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", -1)],
        )
        service.add_TaskHubSidecarServiceServicer_to_server(_Calls(self), self._server)
        port = self._server.add_insecure_port(f"{HOST}:{self._port}")
        self._server.start()
        self._scheduler.start()
        return f"{HOST}:{port}"

    @override
    def stop(self, grace: float | None = 1.0) -> None:
        """Hand out nothing more, let calls end within `grace` seconds, close the file."""
        self._shutdown_event.set()
        with self._work:
            self._work.notify_all()
        super().stop(grace)
        self._scheduler.stop()
        self.close()


class _Calls:
    """The engine's calls as the server sees them: each that may change something is one transaction."""

    def __init__(self, engine: DurableEngine) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Callable[[Any, Any], Any]:
        method: Callable[[Any, Any], Any] = getattr(self._engine, name)
        if name in READS:
            return method

        def call(request: Any, context: Any) -> Any:
            with self._engine.transaction():
                if name.startswith(("Complete", "Abandon")):
                    self._engine._answered(name, request.completionToken)
                return method(request, context)

        return call
