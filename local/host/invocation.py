"""Running a function: its inputs gathered, the worker called, its output bindings carried out, and the log lines."""

import asyncio
import logging
import os
import re
import secrets
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from local.host.indexing import Binding, Function
from local.host.worker import InvocationFailed, Message, ParameterBinding, TypedData, Worker

log = logging.getLogger("host")
Push = Callable[[Binding, TypedData], Awaitable[None]]
TRACE_PARENT = re.compile(r"[0-9a-f]{2}-(?P<trace>[0-9a-f]{32})-[0-9a-f]{16}-(?P<flags>[0-9a-f]{2})")
ONCE = Message(retry_count=0, max_retry_count=0)


@dataclass(frozen=True)
class Invoker:
    """Runs functions of one app."""

    worker: Worker
    push: Push  # carries out a `signalR` output
    timeout: float  # in seconds, endless where infinite
    durable_client: str  # the value of `durableClient` bindings

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
        client = TypedData(string=self.durable_client)
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
            answer = await self.worker.invoke(request, self.timeout)
            for output in answer.output_data:
                await self.push(function.bound("signalR")[output.name], output.data)
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
