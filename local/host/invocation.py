"""Running a function: its inputs gathered, the worker called, its output bindings carried out, and the log lines."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
import uuid
from collections.abc import Mapping

from local.host.holding import hold
from local.host.indexing import Binding, Function
from local.host.protos import Message, ParameterBinding, TypedData
from local.host.signalr import Connection, Pushes, PushFailed
from local.host.worker import InvocationFailed, Worker

log = logging.getLogger("host")
TRACE_PARENT = re.compile(r"[0-9a-f]{2}-(?P<trace>[0-9a-f]{32})-[0-9a-f]{16}-(?P<flags>[0-9a-f]{2})")
ONCE = Message(retry_count=0, max_retry_count=0)


class Invoker:
    """Runs functions of one app."""

    def __init__(
        self, worker: Worker, settings: Mapping[str, str], *, timeout: float, durable_client: str = ""
    ) -> None:
        self._worker = worker
        self._settings = settings
        self._timeout = timeout
        self._durable_client = durable_client
        self._pushes = Pushes()

    async def run(
        self,
        function: Function,
        data: TypedData,
        *,
        reason: str,
        details: str = "",
        metadata: Mapping[str, TypedData] | None = None,
        trace_parent: str = "",
        trace_state: str = "",
        retry: Message = ONCE,
    ) -> TypedData | None:
        """Run a function to its end, outputs included; return what it returned. Raises InvocationFailed."""
        invocation = str(uuid.uuid4())
        log.info("Executing 'Functions.%s' (Reason='%s', Id=%s)", function.name, reason, invocation)
        if details:
            log.info("Trigger Details: %s", details)
        await hold("before", function.name)
        started = time.perf_counter()
        try:
            inputs = [ParameterBinding(name=function.trigger["name"], data=data)]
            inputs += [self._input(function, binding, data.http) for binding in function.inputs]
            trace = Message(trace_parent=child_of(trace_parent), trace_state=trace_state, attributes={})
            call = self._worker.invoke(function.id, invocation, inputs, metadata or {}, trace, retry)
            try:
                answer = await asyncio.wait_for(call, None if self._timeout == float("inf") else self._timeout)
                for output in answer.output_data:
                    await self._output(function, function.outputs[output.name], output.data)
            except TimeoutError as error:
                raise InvocationFailed(f"TimeoutError: functionTimeout of {self._timeout:.0f} s exceeded") from error
            except PushFailed as error:
                raise InvocationFailed(str(error)) from error
        except InvocationFailed as failure:
            log.error(
                "Executed 'Functions.%s' (Failed, Id=%s, Duration=%dms)\nResult: Failure\nException: %s\nStack: %s",
                function.name,
                invocation,
                (time.perf_counter() - started) * 1000,
                failure.message,
                failure.stack_trace,
            )
            raise
        log.info(
            "Executed 'Functions.%s' (Succeeded, Id=%s, Duration=%dms)",
            function.name,
            invocation,
            (time.perf_counter() - started) * 1000,
        )
        await hold("after", function.name)
        returned: TypedData | None = answer.return_value
        return returned

    def _input(self, function: Function, binding: Binding, http: Message | None) -> ParameterBinding:
        value = self._durable_client
        if binding["type"] == "signalRConnectionInfo":
            user = _expression(str(binding.get("userId") or ""), http)
            value = Connection.of(function.name, binding, self._settings).client(binding["hubName"], user)
        return ParameterBinding(name=binding["name"], data=TypedData(string=value))

    async def _output(self, function: Function, binding: Binding, data: TypedData) -> None:
        text = data.string or data.json or (data.bytes or b"").decode()
        if text:
            connection = Connection.of(function.name, binding, self._settings)
            await self._pushes.send(connection, binding["hubName"], text)

    async def close(self) -> None:
        """Let go of what the output bindings hold."""
        await self._pushes.close()


def child_of(parent: str) -> str:
    """A W3C `traceparent` of the same trace with a span of its own; of a new trace where the parent is none."""
    found = TRACE_PARENT.fullmatch(parent)
    trace, flags = (found["trace"], found["flags"]) if found else (secrets.token_hex(16), "00")
    return f"00-{trace}-{secrets.token_hex(8)}-{flags}"


def _expression(text: str, http: Message | None) -> str:
    """Fill `{headers.name}`, `{query.name}` and route parameters in, empty where the request has none."""

    def value(match: re.Match[str]) -> str:
        source, _, name = match[1].rpartition(".")
        values = getattr(http, {"": "params"}.get(source, source)) or {}
        return str(values.get(name.lower() if source == "headers" else name, ""))

    return re.sub(r"\{([^{}]+)\}", value, text)
