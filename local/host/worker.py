"""Microsoft's Python worker (azure-functions-runtime), driven in this process on a thread and event loop of its own.

Its own loop, so that a function that blocks stalls other functions, as in Azure, but never the host. One app a process:
the worker's registry and the module name `function_app` are global.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import azure_functions_runtime as runtime

from local.host import protos
from local.host.indexing import Refused
from local.host.protos import Message, StatusResult

SCRIPT = "function_app.py"


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
        init = Message(worker_init_request=Message(capabilities={}, function_app_directory=str(folder)))
        properties = {"host": "127.0.0.1", "protos": protos}
        answer = self._submit(runtime.worker_init_request(Message(request=init, properties=properties))).result()
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

    async def invoke(self, request: Message) -> Message:
        """Run a function once (FunctionRpc.proto, InvocationRequest); its `return_value` and `output_data`.

        Raises InvocationFailed. Cancelling this cancels the function.
        """
        call = runtime.invocation_request(Message(request=Message(invocation_request=request)))
        answer: Message = await asyncio.wrap_future(self._submit(call))
        if answer.result.status != StatusResult.Success:
            raise InvocationFailed(answer.result.exception.message, answer.result.exception.stack_trace)
        return answer

    def stop(self) -> None:
        """End the worker. What the app registered with `atexit` runs after this, when the interpreter exits."""
        if self._thread.is_alive():
            self._submit(_cancel_the_rest()).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout=5)
            runtime.stop_threadpool_executor()
            logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # an app has no hook to close its clients in
        self._loop.close()


async def _cancel_the_rest() -> None:
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.wait(rest, timeout=2) if rest else None
