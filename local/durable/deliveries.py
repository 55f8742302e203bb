"""Handing work to workers: several at once, and what a worker that dies held is handed out again."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, override

import grpc

from local.durable.kept import INBOX, log
from local.durable.mended import MendedBackend
from local.durable.wire import helpers, pb

MOST_DELIVERIES = 10  # of one work item that no worker completes; then it is set aside
LONGEST_WAIT = 30.0  # seconds; a worker that hears nothing for much longer hangs up
LONGEST_PAUSE = 30.0  # seconds before an item that a worker gave back is handed out again


class Delivery(NamedTuple):
    """An item in a worker's hands."""

    worker: Any  # its GetWorkItems call
    kind: str
    key: str
    thing: Any  # the instance, activity or entity


class Deliveries(MendedBackend):
    """The backend with several workers, each of which may die at any moment."""

    def __init__(self, path: Path, ahead: timedelta) -> None:
        super().__init__(path, ahead)
        self._held: dict[str, Delivery] = {}  # by completion token

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
                ahead = [(at - self.now()).total_seconds() for each in self._waiting.values() for at in each.values()]
                if not self._work.wait(min([LONGEST_WAIT, *(each for each in ahead if each > 0)])):
                    return pb.WorkItem(healthPing=pb.HealthPing())
        return None

    def _hand_out(self, kind: str, worker: Any) -> Any:
        """The first item of this kind that is ready, if any."""
        waiting, now = self._waiting[kind], self.now()
        for key in [key for key, at in waiting.items() if at <= now]:
            del waiting[key]  # what is not ready is queued again by what makes it so
            thing = self._items[kind].peek(key)
            in_hands = any(each.thing is thing for each in self._held.values())
            if not in_hands and (item := self._item(kind, key, thing)) is not None:
                self._held[item.completionToken] = Delivery(worker, kind, key, thing)
                return item
        return None

    def _item(self, kind: str, key: str, thing: Any) -> Any:
        """The item as a worker gets it; None when there is nothing to do."""
        if kind == "activity":
            return pb.WorkItem(completionToken=key, activityRequest=thing)
        if not (due := self._due(kind, thing)):
            return None
        thing.completion_token = secrets.randbits(63)  # never again: a worker may answer for an earlier delivery
        token = str(thing.completion_token)
        if kind == "entity":
            thing.dispatched_operations = due
            state = helpers.get_string_value(thing.serialized_state)
            batch = pb.EntityRequest(instanceId=key, entityState=state, operationRequests=due)
            return pb.WorkItem(completionToken=token, entityRequestV2=batch)
        if not due[0].HasField("orchestratorStarted"):
            due.insert(0, helpers.new_orchestrator_started_event())
        due[0].timestamp.FromDatetime(self.now())  # what the orchestrator takes for the present
        for event in due:
            if event.HasField("executionStarted") and (parent := self._children.peek(key)):
                event.executionStarted.parentInstance.CopyFrom(parent)
        thing.dispatched_events = due
        request = pb.OrchestratorRequest(instanceId=key, pastEvents=thing.history, newEvents=due)
        return pb.WorkItem(completionToken=token, orchestratorRequest=request)

    # What comes back

    def _accepts(self, token: str) -> bool:
        """Whether this answer is waited for. If so, what was delivered leaves its inbox."""
        if (delivery := self._held.pop(token, None)) is None:
            log.warning("a late or second answer of a worker is ignored")
            return False
        name = f"{delivery.kind} {delivery.key}"
        if name in self._failures:
            del self._failures[name]
        self._heard(delivery)
        return True

    def _heard(self, delivery: Delivery) -> None:
        self._items[delivery.kind].touched[delivery.key] = None
        if name := INBOX.get(delivery.kind):
            heard = {id(each) for each in getattr(delivery.thing, f"dispatched_{name}")}
            left = [each for each in getattr(delivery.thing, f"pending_{name}") if id(each) not in heard]
            setattr(delivery.thing, f"pending_{name}", left)

    def _lose(self, worker: Any) -> None:
        """The call of this worker ended: hand out to others what it held."""
        if not self._shutdown_event.is_set():
            with self.transaction():
                for token in [token for token, each in self._held.items() if each.worker is worker]:
                    self._give_back(token)

    def _give_back(self, token: str, abandoned: bool = False) -> None:
        """Hand it out again, after a while if the worker gave it up, unless that has been done too often."""
        if (delivery := self._held.pop(token, None)) is None:
            return
        name = f"{delivery.kind} {delivery.key}"
        self._failures[name] = times = self._failures.get(name, 0) + 1
        pause = min(0.1 * 2**times, LONGEST_PAUSE) if abandoned else 0.0
        self._waiting[delivery.kind][delivery.key] = self.now() + timedelta(seconds=pause)
        if times >= MOST_DELIVERIES:
            log.error("poison %s set aside: %d workers took it and none completed it", name, times)
            del self._failures[name]
            self._heard(delivery)
            self._set_aside(delivery)

    def _set_aside(self, delivery: Delivery) -> None:
        """Answer a poison item with a failure in the workers' stead, so that whoever waits for it goes on."""
        message = f"Set aside after {MOST_DELIVERIES} deliveries that no worker completed."
        details = pb.TaskFailureDetails(errorType="PoisonWorkItem", errorMessage=message, isNonRetriable=True)
        thing = delivery.thing
        if delivery.kind == "activity":
            self.CompleteActivityTask(pb.ActivityResponse(completionToken=delivery.key, failureDetails=details), None)
        elif delivery.kind == "orchestration":
            action = helpers.new_complete_orchestration_action(-1, pb.ORCHESTRATION_STATUS_FAILED, None, details)
            token = str(thing.completion_token)
            failed = pb.OrchestratorResponse(instanceId=delivery.key, actions=[action], completionToken=token)
            self.CompleteOrchestratorTask(failed, None)
        else:
            request = pb.EntityRequest(operationRequests=thing.dispatched_operations)
            _, infos = helpers.convert_to_entity_batch_request(request)
            result = pb.OperationResult(failure=pb.OperationResultFailure(failureDetails=details))
            batch = pb.EntityBatchResult(results=[result] * len(infos), operationInfos=infos)
            batch.completionToken = str(thing.completion_token)
            batch.entityState.value = thing.serialized_state or ""
            self.CompleteEntityTask(batch, None)
