"""The engine as one server: it hands work to workers, and what one that dies held to another."""

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple, override

import grpc

from local.durable.backend import Backend, inbox, log, when
from local.durable.wire import helpers, pb, service
from local.ports import HOST

# How the calls begin that change nothing, and those that are a transaction each. All others are refused.
READS = ("Hello", "Get", "Wait", "QueryInstances", "StreamInstanceHistory")
CHANGES = ("Start", "Raise", "Terminate", "Suspend", "Resume", "Restart", "Purge", "Signal", "Complete", "Abandon")
MOST_CALLS = 300  # at once, each on a thread: workers' streams, callers that wait for an instance, short calls
MOST_DELIVERIES = 10  # of one work item that no worker completes; then it is set aside
LONGEST_WAIT = 30.0  # seconds without a word to a worker, or before an item that one gave back is handed out again


class Delivery(NamedTuple):
    """An item in a worker's hands."""

    worker: Any  # its GetWorkItems call
    kind: str
    key: str
    thing: Any  # the instance, activity or entity
    heard: list[Any]  # what it was given of its inbox


class DurableEngine(Backend):
    """A task hub in one SQLite file, served on loopback to several workers, each of which may die at any moment."""

    @override
    def start(self) -> str:
        """Serve; the address. Raises RuntimeError when the port is taken."""
        options = [("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", -1)]
        self._server = grpc.server(ThreadPoolExecutor(MOST_CALLS, thread_name_prefix="call"), options=options)
        calls = {name: self._served(name) for name in vars(service.TaskHubSidecarServiceServicer) if name[0] != "_"}
        service.add_TaskHubSidecarServiceServicer_to_server(SimpleNamespace(**calls), self._server)
        port = self._server.add_insecure_port(f"{HOST}:{self._port}")
        self._server.start()
        return f"{HOST}:{port}"

    def _served(self, name: str) -> Callable[[Any, Any], Any]:
        method: Callable[[Any, Any], Any] = getattr(self, name)

        def served(request: Any, context: Any) -> Any:
            if not name.startswith(READS + CHANGES):
                context.abort(grpc.StatusCode.UNIMPLEMENTED, f"the local engine does not do {name}")
            if name.startswith(READS):
                answer = method(request, context)
                with self._lock:  # nobody hears of what is not in the file yet
                    return answer
            with self.transaction():
                if name.startswith("Abandon"):
                    self._give_back(request.completionToken, abandoned=True)
                elif name.startswith("Complete") and not self._accepts(request.completionToken):
                    return pb.CompleteTaskResponse()
                return method(request, context)

        return served

    @override
    def stop(self, grace: float | None = 1.0) -> None:
        """Hand out nothing more, let calls end within `grace` seconds, close the file."""
        self._shutdown_event.set()
        with self._work:
            self._work.notify_all()
        super().stop(grace)
        with self._lock:
            self._store.close()

    @override
    def GetWorkItems(self, request: Any, context: Any) -> Iterator[Any]:
        if request.HasField("workItemFilters"):
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "every worker gets every kind of work here; do not filter")
        limits = {kind: getattr(request, f"maxConcurrent{kind.capitalize()}WorkItems") for kind in self._items}
        context.add_callback(partial(self._lose, context))
        while (item := self._next_for(context, limits)) is not None:
            yield item

    def _next_for(self, worker: Any, limits: dict[str, int]) -> Any:
        """Wait for something that this worker has room for; None once it is gone or the engine stops."""
        with self._work:
            while worker.is_active() and not self._shutdown_event.is_set():
                for kind, limit in limits.items():
                    has = sum(each.worker is worker and each.kind == kind for each in self._held.values())
                    if (not limit or has < limit) and (item := self._hand_out(kind, worker)) is not None:
                        return item
                now = self.now()
                later = (at - now for waiting in self._waiting.values() for at in waiting.values() if at > now)
                if not self._work.wait(min((LONGEST_WAIT, *later))):
                    return pb.WorkItem(healthPing=pb.HealthPing())
        return None

    def _hand_out(self, kind: str, worker: Any) -> Any:
        """The first item of this kind that is ready, if any."""
        now = self.now()
        for key in (key for key, at in self._waiting[kind].items() if at <= now):
            thing = self._items[kind].peek(key)
            in_hands = any(each.thing is thing for each in self._held.values())
            if not in_hands and ((due := self._due(thing)) or kind == "activity"):
                del self._waiting[kind][key]
                # Never the same again: a worker may answer for an earlier delivery.
                token = key if kind == "activity" else str(secrets.randbits(63))
                self._held[token] = Delivery(worker, kind, key, thing, due)
                return self._item(token, kind, key, thing, due)
        return None

    def _due(self, thing: Any) -> list[Any]:
        """What a worker may be given of an inbox now, in order of time."""
        now = self.now()
        due = sorted((each for each in inbox(thing) if when(each) <= now), key=when)
        section = getattr(thing, "locked_by", None)
        return [each for each in due if section is None or self._is_within(section, each.entityOperationCalled)]

    def _is_within(self, section: str, call: Any) -> bool:
        """Whether an entity is called by the orchestration that locked it with this critical section."""
        caller = self._instances.peek(call.parentInstanceId.value)
        return any(each.entityLockRequested.criticalSectionId == section for each in getattr(caller, "history", ()))

    def _item(self, token: str, kind: str, key: str, thing: Any, due: list[Any]) -> Any:
        """The item as a worker gets it."""
        if kind == "activity":
            return pb.WorkItem(completionToken=token, activityRequest=thing)
        thing.completion_token = int(token)
        if kind == "entity":
            state = helpers.get_string_value(thing.serialized_state)
            batch = pb.EntityRequest(instanceId=key, entityState=state, operationRequests=due)
            return pb.WorkItem(completionToken=token, entityRequestV2=batch)
        if not due[0].HasField("orchestratorStarted"):
            due.insert(0, helpers.new_orchestrator_started_event())
        due[0].timestamp.FromNanoseconds(int(self.now() * 1e9))  # what the orchestrator takes for the present
        if not thing.history and key in self._children:
            due[1].executionStarted.parentInstance.CopyFrom(self._children.peek(key))
        request = pb.OrchestratorRequest(instanceId=key, pastEvents=thing.history, newEvents=due)
        return pb.WorkItem(completionToken=token, orchestratorRequest=request)

    # What comes back

    def _accepts(self, token: str) -> bool:
        """Whether this answer is waited for. If so, what was delivered leaves its inbox."""
        if (delivery := self._held.pop(token, None)) is None:
            log.warning("a late or second answer of a worker is ignored")
            return False
        if delivery.key in self._failures:
            del self._failures[delivery.key]
        self._items[delivery.kind].touched[delivery.key] = None
        if delivery.kind == "orchestration":
            delivery.thing.dispatched_events = delivery.heard  # from where the backend takes it into the history
        heard, events = set(map(id, delivery.heard)), inbox(delivery.thing)
        events[:] = [each for each in events if id(each) not in heard]
        return True

    def _lose(self, worker: Any) -> None:
        """The call of this worker ended: hand out to others what it held."""
        if not self._shutdown_event.is_set():
            with self.transaction():
                for token in [token for token, each in self._held.items() if each.worker is worker]:
                    self._give_back(token)

    def _give_back(self, token: str, abandoned: bool = False) -> None:
        """Hand it out again, after a while if the worker gave it up, unless that has been done too often."""
        if (delivery := self._held.get(token)) is None:
            return
        self._failures[delivery.key] = times = self._failures.get(delivery.key, 0) + 1
        if times >= MOST_DELIVERIES:
            log.error("poison %s %s set aside: none of %d workers completed it", delivery.kind, delivery.key, times)
            self._accepts(token)
            self._set_aside(token, delivery)
        else:
            del self._held[token]
            pause = min(0.1 * 2**times, LONGEST_WAIT) if abandoned else 0.0
            self._waiting[delivery.kind][delivery.key] = self.now() + pause

    def _set_aside(self, token: str, delivery: Delivery) -> None:
        """Answer a poison item with a failure in the workers' stead, so that whoever waits for it goes on."""
        message = f"Set aside after {MOST_DELIVERIES} deliveries that no worker completed."
        details = pb.TaskFailureDetails(errorType="PoisonWorkItem", errorMessage=message, isNonRetriable=True)
        if delivery.kind == "activity":
            self.CompleteActivityTask(pb.ActivityResponse(completionToken=token, failureDetails=details), None)
        elif delivery.kind == "orchestration":
            action = helpers.new_complete_orchestration_action(-1, pb.ORCHESTRATION_STATUS_FAILED, None, details)
            failed = pb.OrchestratorResponse(instanceId=delivery.key, actions=[action], completionToken=token)
            self.CompleteOrchestratorTask(failed, None)
        else:
            _, infos = helpers.convert_to_entity_batch_request(pb.EntityRequest(operationRequests=delivery.heard))
            result = pb.OperationResult(failure=pb.OperationResultFailure(failureDetails=details))
            batch = pb.EntityBatchResult(results=[result] * len(infos), operationInfos=infos, completionToken=token)
            batch.entityState.value = delivery.thing.serialized_state or ""
            self.CompleteEntityTask(batch, None)
