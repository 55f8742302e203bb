"""The engine as one server: every change is in SQLite before the caller hears of it, and comes back after a kill."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, override

import grpc

from local.durable.deliveries import Deliveries
from local.durable.wire import pb, service
from local.ports import HOST

# How the calls begin that change nothing, and those that are a transaction each. All others are refused.
READS = ("Hello", "Get", "Wait", "QueryInstances", "StreamInstanceHistory")
CHANGES = ("Start", "Raise", "Terminate", "Suspend", "Resume", "Restart", "Purge", "Signal", "Complete", "Abandon")
MOST_CALLS = 300  # at once, each on a thread: workers' streams, callers that wait for an instance, short calls


class DurableEngine(Deliveries):
    """A task hub in one SQLite file, served on loopback."""

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
        return f"{HOST}:{port}"

    @override
    def stop(self, grace: float | None = 1.0) -> None:
        """Hand out nothing more, let calls end within `grace` seconds, close the file."""
        self._shutdown_event.set()
        with self._work:
            self._work.notify_all()
        super().stop(grace)
        with self._lock:
            self._store.close()


class _Calls:
    """The engine's calls as the server sees them."""

    def __init__(self, engine: DurableEngine) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Callable[[Any, Any], Any]:
        engine = self._engine
        method: Callable[[Any, Any], Any] = getattr(engine, name)

        def refuse(_: Any, context: Any) -> None:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"the local engine does not do {name}")

        def change(request: Any, context: Any) -> Any:
            with engine.transaction():
                if name.startswith("Abandon"):
                    engine._give_back(request.completionToken, abandoned=True)
                elif name.startswith("Complete") and not engine._accepts(request.completionToken):
                    return pb.CompleteTaskResponse()
                return method(request, context)

        def read(request: Any, context: Any) -> Any:
            answer = method(request, context)
            with engine._lock:  # nobody hears of what is not in the file yet
                return answer

        return read if name.startswith(READS) else change if name.startswith(CHANGES) else refuse
