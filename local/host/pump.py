"""The Durable pump: takes work from the Durable engine, runs it as functions, reports what became of it.

The wire format is that of azure-functions-durable 2.x: an orchestrator or entity takes and returns base64 of a Durable
Task message, an activity takes and returns JSON.
"""

import asyncio
import base64
import logging
from collections.abc import Iterable
from typing import Any

import grpc

from local.durable.wire import helpers, pb, service
from local.host.indexing import DURABLE, DurableTask, Function
from local.host.protos import TypedData
from local.host.worker import InvocationFailed, Worker

log = logging.getLogger("host")
AGAIN = 0.5  # seconds before an engine that is away is tried again
ENDLESS_MESSAGES = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
KINDS = {  # of work items: what the engine's calls name them, and the message that gives one back
    "orchestratorRequest": ("Orchestrator", pb.AbandonOrchestrationTaskRequest),
    "activityRequest": ("Activity", pb.AbandonActivityTaskRequest),
    "entityRequestV2": ("Entity", pb.AbandonEntityTaskRequest),
}


class DurablePump:
    """Connects an app's orchestrators, activities and entities to the engine at an address (`host:port`)."""

    def __init__(self, functions: Iterable[Function], worker: Worker, options: DurableTask, address: str) -> None:
        self._functions = {
            (function.kind, (function.trigger.get(DURABLE[function.kind]) or function.name).lower()): function
            for function in functions
        }
        self.orchestrators = {name for kind, name in self._functions if kind == "orchestrationTrigger"}
        self._worker = worker
        self._address = address
        self._limits = pb.GetWorkItemsRequest(
            maxConcurrentOrchestrationWorkItems=options.max_concurrent_orchestrator_functions,
            maxConcurrentActivityWorkItems=options.max_concurrent_activity_functions,
            maxConcurrentEntityWorkItems=options.max_concurrent_entity_functions,
        )
        self._running: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`, then finish what runs; outlive an engine that restarts."""
        away = False
        stopping = asyncio.create_task(stop.wait())
        async with grpc.aio.insecure_channel(self._address, options=ENDLESS_MESSAGES) as channel:
            self._engine = service.TaskHubSidecarServiceStub(channel)
            while not stop.is_set():
                items = self._engine.GetWorkItems(self._limits)
                taking = asyncio.create_task(self._take(items, stop))
                await asyncio.wait({taking, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if stop.is_set() and self._running:
                    await asyncio.wait(self._running)  # while the call is open, the engine leaves them to us
                items.cancel()
                try:
                    await taking
                    away = False
                except grpc.aio.AioRpcError as error:
                    if not away:
                        log.warning("Durable engine at %s is away: %s", self._address, error.details())
                    away = True
                except asyncio.CancelledError:
                    return  # the cancelled call's way to end
                await asyncio.sleep(AGAIN)

    async def _take(self, items: Any, stop: asyncio.Event) -> None:
        async for item in items:
            task = asyncio.create_task(self._work(item, stop))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _work(self, item: Any, stop: asyncio.Event) -> None:
        """Run one item. Each ends in exactly one Complete or Abandon call; what is abandoned is handed out again."""
        kind = item.WhichOneof("request")
        if kind not in KINDS:
            return  # a ping
        name, give_back = KINDS[kind]
        try:
            if stop.is_set():
                raise InvocationFailed("stopping")
            call, done = f"Complete{name}Task", await getattr(self, f"_{name.lower()}")(getattr(item, kind))
        except InvocationFailed as failure:
            log.warning("Giving %s back to the Durable engine: %s", kind, failure)
            call, done = f"AbandonTask{name}WorkItem", give_back()
        done.completionToken = item.completionToken
        try:
            await getattr(self._engine, call)(done)
        except grpc.aio.AioRpcError as error:
            log.warning("Durable engine did not take what became of %s: %s", kind, error.details())

    async def _orchestrator(self, request: Any) -> Any:
        started = [e for e in (*request.pastEvents, *request.newEvents) if e.HasField("executionStarted")]
        name = started[-1].executionStarted.name
        response = await self._replay("orchestrationTrigger", name, request, pb.OrchestratorResponse)
        response.instanceId = request.instanceId
        return response

    async def _entity(self, request: Any) -> Any:
        batch, callers = helpers.convert_to_entity_batch_request(request)
        name = request.instanceId.split("@")[1]
        result = await self._replay("entityTrigger", name, batch, pb.EntityBatchResult)
        result.operationInfos.extend(callers)  # the worker does not know them
        return result

    async def _activity(self, request: Any) -> Any:
        response = pb.ActivityResponse(instanceId=request.orchestrationInstance.instanceId, taskId=request.taskId)
        parent = request.parentTraceContext
        trace = parent.traceParent, parent.traceState.value
        try:
            returned = await self._run("activityTrigger", request.name, request.input.value or "null", trace)
            response.result.value = returned.json or returned.string or ""
        except InvocationFailed as failure:
            kind, _, text = failure.message.partition(": ")
            stack = helpers.get_string_value(failure.stack_trace)
            response.failureDetails.CopyFrom(pb.TaskFailureDetails(errorType=kind, errorMessage=text, stackTrace=stack))
        return response

    async def _replay(self, kind: str, name: str, request: Any, response: Any) -> Any:
        """Give a function a message and read the one that it returns, of the type `response`."""
        returned = await self._run(kind, name, base64.b64encode(request.SerializeToString()).decode())
        if not returned.string:
            raise InvocationFailed(f"'{name}' returned nothing")
        return response.FromString(base64.b64decode(returned.string))

    async def _run(self, kind: str, name: str, value: str, trace: tuple[str, str] = ("", "")) -> TypedData:
        function = self._functions.get((kind, name.lower()))
        if function is None:
            what = kind.removesuffix("Trigger")
            raise InvocationFailed(f"FunctionNotFound: The app has no {what} function named '{name}'.")
        return await self._worker.run(function, TypedData(string=value), trace=trace) or TypedData()
