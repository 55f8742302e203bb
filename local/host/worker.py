"""Microsoft's Python worker (azure-functions-runtime), driven in this process on a thread and event loop of its own.

So a function that blocks stalls other functions, as in Azure, but never the host. One app a process: the worker's
registry and the name `function_app` are global. This module is its `protos`, FunctionRpc.proto in plain classes.
"""

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from enum import IntEnum
from pathlib import Path
from typing import Any

import azure_functions_runtime as runtime

SCRIPT = "function_app.py"


class Message:
    """Named fields. An unset one reads as None, but not `TypedData` and dunder names, which the worker probes for."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "TypedData":
            raise AttributeError(name)
        return None

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802 - protobuf's name
        """Which value is set, None for none; a name is no value."""
        return next((kind for kind, value in vars(self).items() if value is not None and kind != "name"), None)


class TypedData(Message):
    """One value: at most one of string, json, bytes, http, int, double and the collections is set."""


class BindingInfo(Message):
    """The directions of a binding, and the absent data type."""

    undefined, out, inout = 0, 1, 2


class StatusResult(Message):
    """How a request to the worker ended."""

    Failure, Success, Cancelled = 0, 1, 2


class RpcHttpCookie(Message):
    """A cookie of an HTTP answer; optional fields are wrapped in `Nullable…`."""

    SameSite = IntEnum("SameSite", {"None": 0, "Lax": 1, "Strict": 2, "ExplicitNone": 3})


FunctionEnvironmentReloadResponse = FunctionLoadResponse = FunctionMetadataResponse = InvocationResponse = Message
NullableBool = NullableDouble = NullableString = NullableTimestamp = ParameterBinding = Timestamp = Message
RpcException = RpcFunctionMetadata = RpcHttp = RpcRetryOptions = WorkerInitResponse = WorkerMetadata = Message


class Refused(Exception):
    """The app asks for something that this host does not do. The text is one line."""


class InvocationFailed(Exception):
    """A function raised. `message` is `Type: text`, `stack_trace` Python's traceback."""

    def __init__(self, message: str, stack_trace: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.stack_trace = stack_trace


class Worker:
    """Loads one app and runs its functions."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="python-worker", daemon=True)

    def start(self, folder: Path) -> list[Message]:
        """Load the app in the folder; return what the worker tells of its functions.

        Raises Refused with the worker's own words and traceback for an app that it cannot load.
        """
        os.environ["AzureWebJobsScriptRoot"] = str(folder)  # noqa: SIM112 - the host's spelling
        sys.path.insert(0, str(folder))
        said = logging.getLogger("azure.functions")
        said.setLevel(logging.CRITICAL)  # a failure is reported once, by the exception below
        runtime.start_threadpool_executor()
        self._thread.start()
        init = Message(
            request=Message(worker_init_request=Message(capabilities={}, function_app_directory=str(folder))),
            properties={"host": "127.0.0.1", "protos": sys.modules[__name__]},
        )
        answer = self._submit(runtime.worker_init_request(init)).result()
        if answer.result.status != StatusResult.Success:
            raise Refused(f"{answer.result.exception.message}\n{answer.result.exception.stack_trace}".rstrip())
        said.setLevel(logging.WARNING)
        found: list[Message] | None
        found = self._submit(runtime.functions_metadata_request(None)).result().function_metadata_results
        if found is None:
            raise Refused(f"There is no {os.environ.get('PYTHON_SCRIPT_FILE_NAME', SCRIPT)} in {folder}")
        return found

    def _submit(self, coroutine: Coroutine[Any, Any, Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    async def invoke(self, request: Message, timeout: float) -> Message:  # noqa: ASYNC109 - it is the function's
        """Run a function once (FunctionRpc.proto, InvocationRequest); its `return_value` and `output_data`.

        Raises InvocationFailed, also after so many seconds. Cancelling this cancels the function.
        """
        call = self._submit(runtime.invocation_request(Message(request=Message(invocation_request=request))))
        try:
            answer: Message = await asyncio.wait_for(asyncio.wrap_future(call), timeout)
        except TimeoutError as error:
            raise InvocationFailed(f"TimeoutError: functionTimeout of {timeout:.0f} s exceeded") from error
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
