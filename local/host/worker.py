"""Microsoft's Python worker (azure-functions-runtime), and the way of one execution through it: the function's inputs,
the call, its output bindings, the log lines.

The worker has a thread and an event loop of its own, so that a function that blocks stalls other functions, as in
Azure, but never the host. One app a process: its registry and the module name `function_app` are global.
"""

import asyncio
import logging
import os
import re
import secrets
import sys
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import azure_functions_runtime as runtime

from local.host import protos
from local.host.indexing import Binding, Function, Refused, functions
from local.host.protos import Message, ParameterBinding, StatusResult, TypedData

log = logging.getLogger("host")
SCRIPT = "function_app.py"
TRACE_PARENT = re.compile(r"[0-9a-f]{2}-(?P<trace>[0-9a-f]{32})-[0-9a-f]{16}-(?P<flags>[0-9a-f]{2})")
ONCE = Message(retry_count=0, max_retry_count=0)
Push = Callable[[Binding, TypedData], Awaitable[None]]


class InvocationFailed(Exception):
    """A function raised. `message` is `Type: text`, `stack_trace` Python's traceback."""

    def __init__(self, message: str, stack_trace: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.stack_trace = stack_trace


class Worker:
    """Loads one app and runs its functions."""

    def __init__(self, push: Push, *, timeout: float, durable_client: str) -> None:
        """`push` carries out a `signalR` output; `timeout` is in seconds, endless where infinite; `durable_client` is
        the value of `durableClient` bindings.
        """
        self._push = push
        self._timeout = timeout
        self._durable_client = durable_client
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="python-worker", daemon=True)

    def start(self, folder: Path) -> list[Function]:
        """Load the app in the folder; return its functions.

        Raises Refused, with Microsoft's own words and traceback for an app that does not load.
        """
        os.environ["AzureWebJobsScriptRoot"] = str(folder)  # noqa: SIM112 - the host's spelling
        sys.path.insert(0, str(folder))
        said = logging.getLogger("azure.functions")
        said.setLevel(logging.CRITICAL)  # a failure is reported once, by the exception below
        runtime.start_threadpool_executor()
        self._thread.start()
        init = Message(
            request=Message(worker_init_request=Message(capabilities={}, function_app_directory=str(folder))),
            properties={"host": "127.0.0.1", "protos": protos},
        )
        answer = self._submit(runtime.worker_init_request(init)).result()
        if answer.result.status != StatusResult.Success:
            raise Refused(f"{answer.result.exception.message}\n{answer.result.exception.stack_trace}".rstrip())
        said.setLevel(logging.WARNING)
        found: list[Message] | None
        found = self._submit(runtime.functions_metadata_request(None)).result().function_metadata_results
        if found is None:
            raise Refused(f"There is no {os.environ.get('PYTHON_SCRIPT_FILE_NAME', SCRIPT)} in {folder}")
        return functions(found, os.environ)

    def _submit(self, coroutine: Coroutine[Any, Any, Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    async def run(
        self,
        function: Function,
        data: TypedData,
        *,
        reason: str = "(null)",
        metadata: Mapping[str, TypedData] | None = None,
        trace: tuple[str, str] = ("", ""),
        retry: Message = ONCE,
        level: int = logging.INFO,
    ) -> TypedData | None:
        """Run a function to its end, outputs included; return what it returned. Raises InvocationFailed.

        `trace` is the W3C `traceparent` and `tracestate` that it came with; `level` that of its log but for failures.
        """
        invocation = str(uuid.uuid4())
        client = TypedData(string=self._durable_client)
        request = Message(
            invocation_id=invocation,
            function_id=function.id,
            input_data=[
                ParameterBinding(name=function.trigger["name"], data=data),
                *(ParameterBinding(name=name, data=client) for name in function.bound("durableClient")),
            ],
            trigger_metadata=metadata or {},
            trace_context=Message(trace_parent=child_of(trace[0]), trace_state=trace[1], attributes={}),
            retry_context=retry,
        )
        log.log(level, "Executing 'Functions.%s' (Reason='%s', Id=%s)", function.name, reason, invocation)
        await _hold("before", function.name)
        started, how, more = time.perf_counter(), "Cancelled", ""
        try:
            answer = await self._invoke(request)
            for output in answer.output_data:
                await self._push(function.bound("signalR")[output.name], output.data)
            how = "Succeeded"
        except InvocationFailed as failure:
            level, how = logging.ERROR, "Failed"
            more = f"\nResult: Failure\nException: {failure.message}\nStack: {failure.stack_trace}"
            raise
        finally:
            duration = (time.perf_counter() - started) * 1000
            text = "Executed 'Functions.%s' (%s, Id=%s, Duration=%dms)%s"
            log.log(level, text, function.name, how, invocation, duration, more)
        await _hold("after", function.name)
        returned: TypedData | None = answer.return_value
        return returned

    async def _invoke(self, request: Message) -> Message:
        """The worker's answer to an InvocationRequest. Cancelling this cancels the function."""
        call = self._submit(runtime.invocation_request(Message(request=Message(invocation_request=request))))
        try:
            answer: Message = await asyncio.wait_for(asyncio.wrap_future(call), self._timeout)
        except TimeoutError as error:
            raise InvocationFailed(f"TimeoutError: functionTimeout of {self._timeout:.0f} s exceeded") from error
        if answer.result.status != StatusResult.Success:
            raise InvocationFailed(answer.result.exception.message, answer.result.exception.stack_trace)
        return answer

    def stop(self) -> None:
        """End the worker. What the app registered with `atexit` runs after this, when the interpreter exits."""
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # an app has no hook to close its clients in
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout=5)
            runtime.stop_threadpool_executor()
        if not self._thread.is_alive():  # a function may block it for ever
            self._loop.close()


async def _hold(moment: str, function: str) -> None:
    """A switch for tests that kill the stack: `LOCAL_HOLD=before:NAME` holds a function for ever before it runs,
    `after:NAME` when it has run, outputs included, and nobody has been told yet.
    """
    if os.environ.get("LOCAL_HOLD") == f"{moment}:{function}":
        log.warning("Holding 'Functions.%s' %s it has run", function, moment)
        await asyncio.Event().wait()


def child_of(parent: str) -> str:
    """A W3C `traceparent` of the same trace with a span of its own; of a new trace where the parent is none."""
    found = TRACE_PARENT.fullmatch(parent)
    trace, flags = (found["trace"], found["flags"]) if found else (secrets.token_hex(16), "00")
    return f"00-{trace}-{secrets.token_hex(8)}-{flags}"
