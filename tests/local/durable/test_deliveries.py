"""Work reaches workers, whatever becomes of them: Azure's hosts come and go, and so do ours."""

from __future__ import annotations

from collections import Counter
from typing import Any

import grpc
import pytest

from local.durable.engine import MOST_DELIVERIES
from local.durable.wire import helpers, pb
from tests.local.durable import workflows
from tests.local.durable.hub import Hub, new_worker, until
from tests.local.durable.processes import WorkerProcess


def held(hub: Hub, kind: str) -> list[int]:
    """How many items of a kind each worker holds that holds any."""
    workers = Counter(id(each.worker) for each in hub.engine._held.values() if each.kind == kind)
    return sorted(workers.values())


def test_what_a_killed_worker_held_is_handed_to_another(hub: Hub) -> None:
    """At-least-once execution of activities (durable-functions-activity-functions): a `kill -9` of the host alone."""
    instances = [hub.start(workflows.call, ["held", str(n)]) for n in range(3)]
    worker = WorkerProcess(hub.address)
    until(lambda: held(hub, "activity") == [3])
    worker.kill()
    until(lambda: not hub.engine._held)
    hub.work()
    until(lambda: sum(workflows.runs.values()) == 3)
    workflows.gate.set()
    assert [hub.result(instance) for instance in instances] == ["0", "1", "2"]


def test_orchestrator_in_a_dead_workers_hands_runs_elsewhere(hub: Hub) -> None:
    """A stream that ends gives back orchestrations and entities too; a late answer of that worker is ignored."""
    instance = hub.start(workflows.chain, 1)
    hub.signal("given back", "add", 1)
    stub = hub.client._stub
    stream = stub.GetWorkItems(pb.GetWorkItemsRequest())
    first, second = next(stream), next(stream)
    mine = first if first.HasField("orchestratorRequest") else second
    stream.cancel()
    until(lambda: not hub.engine._held)
    stub.CompleteOrchestratorTask(
        pb.OrchestratorResponse(instanceId=instance, completionToken=mine.completionToken, actions=[])
    )
    assert hub.events(instance) == []
    hub.work()
    assert hub.result(instance) == 4
    until(lambda: hub.entity("given back") == 1)


def answer(hub: Hub, item: Any, *actions: Any) -> None:
    """Complete an orchestrator's item as a worker would."""
    instance_id = item.orchestratorRequest.instanceId
    hub.client._stub.CompleteOrchestratorTask(
        pb.OrchestratorResponse(instanceId=instance_id, completionToken=item.completionToken, actions=actions)
    )


def kinds(item: Any) -> list[str]:
    """What is new to the orchestrator of this item."""
    return [event.WhichOneof("eventType") for event in item.orchestratorRequest.newEvents]


def test_resume_that_comes_while_the_suspension_is_with_a_worker_counts(hub: Hub) -> None:
    """Suspend and resume (durable-functions-instance-management), one on the heels of the other."""
    stream = hub.client._stub.GetWorkItems(pb.GetWorkItemsRequest())
    instance = hub.start(workflows.listening, 1)
    answer(hub, next(stream))
    hub.client.suspend_orchestration(instance)
    suspension = next(stream)
    hub.client.resume_orchestration(instance)
    answer(hub, suspension)
    resumption = next(stream)
    assert kinds(resumption) == ["orchestratorStarted", "executionResumed"]
    answer(hub, resumption)
    assert hub.status(instance) == "RUNNING"
    stream.cancel()


def test_answer_that_comes_while_a_round_ends_is_not_the_next_rounds(hub: Hub) -> None:
    """continue_as_new takes events along (durable-functions-eternal-orchestrations), not results of its tasks."""
    stream = hub.client._stub.GetWorkItems(pb.GetWorkItemsRequest())
    instance = hub.start(workflows.abandons_a_task, 1)
    ask = pb.OrchestratorAction(id=1, scheduleTask=pb.ScheduleTaskAction(name="held"))
    answer(hub, next(stream), ask)
    activity = next(stream)
    hub.client.raise_orchestration_event(instance, "word")
    last_of_round = next(stream)
    hub.client._stub.CompleteActivityTask(
        pb.ActivityResponse(instanceId=instance, taskId=1, completionToken=activity.completionToken)
    )
    hub.client.raise_orchestration_event(instance, "kept")
    again = helpers.new_complete_orchestration_action(2, pb.ORCHESTRATION_STATUS_CONTINUED_AS_NEW, "2")
    answer(hub, last_of_round, again)
    assert kinds(next(stream)) == ["orchestratorStarted", "executionStarted", "eventRaised"]
    stream.cancel()


def test_no_two_items_share_a_completion_token(hub: Hub) -> None:
    """A token is all that an answer names its item by."""
    for n in range(3):
        hub.start(workflows.call, ["held", str(n)])
        hub.signal(str(n), "add", 1)
    hub.work()
    until(lambda: sum(workflows.runs.values()) == 3)
    tokens = [str(each.completion_token) for each in hub.engine._instances.values()]
    tokens += [str(each.completion_token) for each in hub.engine._entities.values()]
    tokens += hub.engine._activities
    assert len(tokens) == len(set(tokens)) == 9


def test_second_answer_for_an_activity_is_ignored(hub: Hub) -> None:
    """CompleteActivityTask checks its token: two workers may have run the same activity."""
    instance = hub.start(workflows.call, ["held", "x"])
    hub.work()
    until(lambda: workflows.runs["x"])
    (token,) = hub.engine._activities
    for answer in ('"first"', '"second"'):
        hub.client._stub.CompleteActivityTask(
            pb.ActivityResponse(
                instanceId=instance, taskId=1, completionToken=token, result=helpers.get_string_value(answer)
            )
        )
    assert hub.result(instance) == "first"
    workflows.gate.set()


def test_item_of_a_replaced_orchestration_is_not_handed_out_again(hub: Hub) -> None:
    """OrchestrationIdReusePolicy: a running instance replaced while a worker has it, and that worker then dies."""
    stub, one = hub.client._stub, pb.GetWorkItemsRequest(maxConcurrentOrchestrationWorkItems=1)
    instance = hub.start(workflows.chain, 1)
    first = stub.GetWorkItems(one)
    next(first)
    replace = pb.OrchestrationIdReusePolicy(replaceableStatus=list(pb.OrchestrationStatus.values()))
    hub.start(workflows.chain, 2, instance_id=instance, reuse_id_policy=replace)
    second = stub.GetWorkItems(one)
    item = next(second)
    first.cancel()
    until(lambda: len(hub.engine._held) == 1)
    answer(hub, item, helpers.new_complete_orchestration_action(1, pb.ORCHESTRATION_STATUS_COMPLETED, '"second"'))
    assert hub.result(instance) == "second"
    second.cancel()


def test_several_workers_share_the_work_within_their_limits(hub: Hub) -> None:
    """Concurrency throttles (durable-functions-perf-and-scale): a worker never holds more than it asked for."""
    hub.work(maximum_concurrent_activity_work_items=2)
    other = new_worker(hub.address, maximum_concurrent_activity_work_items=3)
    other.start()
    instances = [hub.start(workflows.call, ["held", str(n)]) for n in range(8)]
    until(lambda: sum(workflows.runs.values()) == 5)
    assert held(hub, "activity") == [2, 3]
    workflows.gate.set()
    assert [hub.result(instance) for instance in instances] == [str(n) for n in range(8)]
    other.stop()


def test_worker_that_wants_only_some_work_is_refused(hub: Hub) -> None:
    """GetWorkItemsRequest.workItemFilters of the Durable Task protocol: said so, rather than ignored."""
    filters = pb.WorkItemFilters(activities=[pb.ActivityFilter(name="held")])
    with pytest.raises(grpc.RpcError) as refused:
        next(hub.client._stub.GetWorkItems(pb.GetWorkItemsRequest(workItemFilters=filters)))
    assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_poison_activity_is_set_aside_and_said_so(
    hub: Hub, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An activity that kills every worker fails in the end, so that the orchestration can compensate."""
    monkeypatch.setattr("local.durable.engine.MOST_DELIVERIES", 3)
    instance = hub.start(workflows.call, ["deadly", None])
    for _ in range(3):
        WorkerProcess(hub.address).wait()
    hub.work()
    details = hub.wait(instance).failure_details
    assert details is not None
    assert "Set aside" in details.message
    assert any("poison activity" in record.message for record in caplog.records)


def test_failed_deliveries_are_counted_over_a_restart(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """What kills its worker is set aside also when the engine dies in between (dequeue counts of Azure Storage)."""
    monkeypatch.setattr("local.durable.engine.MOST_DELIVERIES", 3)
    instance = hub.start(workflows.chain, 1)
    for _ in range(3):
        stream = hub.client._stub.GetWorkItems(pb.GetWorkItemsRequest())
        assert next(stream).orchestratorRequest.instanceId == instance
        stream.cancel()
        until(lambda: not hub.engine._held)
        hub.crash()
    details = hub.wait(instance).failure_details
    assert details is not None
    assert details.error_type == "PoisonWorkItem"


def test_completed_item_counts_from_zero_again(hub: Hub) -> None:
    """A failed delivery now and then, over a long life, is not repeated failure."""
    instance = hub.start(workflows.listening, 1)
    stream = hub.client._stub.GetWorkItems(pb.GetWorkItemsRequest())
    next(stream)
    stream.cancel()
    until(lambda: list(hub.engine._failures.values()) == [1])
    hub.work()
    hub.until_status(instance, "RUNNING")
    assert not hub.engine._failures


@pytest.mark.parametrize("kind", ["orchestration", "entity"])
def test_abandoned_items_come_back_and_are_set_aside_in_the_end(
    hub: Hub, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """AbandonTask…WorkItem of the Durable Task protocol: handed out again after a growing pause."""
    instance = hub.start(workflows.chain, 1) if kind == "orchestration" else None
    if kind == "entity":
        hub.signal("poison", "add", 1)
    stub = hub.client._stub
    stream = stub.GetWorkItems(pb.GetWorkItemsRequest())
    for _ in range(MOST_DELIVERIES):
        token = next(stream).completionToken
        if kind == "orchestration":
            stub.AbandonTaskOrchestratorWorkItem(pb.AbandonOrchestrationTaskRequest(completionToken=token))
        else:
            stub.AbandonTaskEntityWorkItem(pb.AbandonEntityTaskRequest(completionToken=token))
        hub.advance(seconds=60)
    stream.cancel()
    assert any(f"poison {kind}" in record.message for record in caplog.records)
    if instance is not None:
        details = hub.wait(instance).failure_details
        assert details is not None
        assert details.error_type == "PoisonWorkItem"
    else:
        hub.work()
        hub.signal("poison", "add", 5)
        until(lambda: hub.entity("poison") == 5)
