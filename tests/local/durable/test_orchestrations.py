"""Orchestrations run as documented: learn.microsoft.com/azure/azure-functions/durable (pages named in each test)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import grpc
import pytest

from local.durable.wire import pb
from tests.local.durable import workflows
from tests.local.durable.hub import Hub, until


def test_chain_of_activities(working: Hub) -> None:
    """Function chaining (durable-functions-overview)."""
    assert working.result(working.start(workflows.chain, 1)) == 4


def test_fan_out_and_in(working: Hub) -> None:
    """Fan-out/fan-in (durable-functions-cloud-backup): more at once than the worker takes."""
    assert working.result(working.start(workflows.fan_out, 300)) == sum(range(1, 301))


def test_retry_waits_by_the_engines_clock(working: Hub) -> None:
    """Automatic retry (durable-functions-error-handling); a clock that tests move makes hours pass at once."""
    instance = working.start(workflows.retrying, "patient")
    for attempt in (1, 2):
        working.until_event(instance, "TimerCreatedEvent", attempt)
        assert workflows.runs["patient"] == attempt
        working.advance(hours=1, seconds=5)
    assert working.result(instance) == "after 3"


def test_failure_without_a_message_is_a_failure(working: Hub) -> None:
    """Errors in activity functions (durable-functions-error-handling): raised again in the orchestrator."""
    state = working.wait(working.start(workflows.call, ["failing", None]))
    assert state.runtime_status.name == "FAILED"
    assert working.result(working.start(workflows.compensating, "it")) == "it undone"


def test_timer_moves_the_orchestrators_time(working: Hub) -> None:
    """Durable timers (durable-functions-timers)."""
    instance = working.start(workflows.sleeping, 24)
    working.until_event(instance, "TimerCreatedEvent")
    assert working.status(instance) == "RUNNING"
    working.advance(hours=24, seconds=5)
    assert working.result(instance) is True


def test_deadline_passes_or_is_beaten(working: Hub) -> None:
    """Timers for timeouts (durable-functions-timers); the losing timer does not keep the instance alive."""
    late, early = working.start(workflows.deadline, 1), working.start(workflows.deadline, 1)
    for instance in (late, early):
        working.until_event(instance, "TimerCreatedEvent")
    working.client.raise_orchestration_event(early, "answer", data={"yes": True})
    assert working.result(early) == {"yes": True}
    assert set(working.engine._waiting["orchestration"]) == {late}
    working.advance(hours=2)
    assert working.result(late) is None


def test_what_falls_due_together_is_heard_in_order_of_its_time(working: Hub) -> None:
    """Timers (durable-functions-timers), when the clock jumps over several, as it does while the engine is down."""
    instance = working.start(workflows.racing, 1)
    working.until_event(instance, "TimerCreatedEvent", 2)
    working.advance(hours=3)
    assert working.result(instance) == "early"


def test_events_of_one_name_are_heard_in_order_even_when_early(hub: Hub) -> None:
    """External events (durable-functions-external-events)."""
    instance = hub.start(workflows.listening, 3)
    for word in ("a", "b", "c"):
        hub.client.raise_orchestration_event(instance, "word", data=word)
    hub.work()
    assert hub.result(instance) == ["a", "b", "c"]


def test_one_orchestration_tells_another(working: Hub) -> None:
    """Send events between orchestrations (durable-functions-external-events)."""
    listener = working.start(workflows.listening, 1)
    working.until_status(listener, "RUNNING")
    working.result(working.start(workflows.telling, listener))
    assert working.result(listener) == ["from another"]


def test_child_returns_its_result_and_knows_its_parent(working: Hub) -> None:
    """Sub-orchestrations (durable-functions-sub-orchestrations)."""
    assert working.result(working.start(workflows.parent, ["chain", 1, None])) == 4
    instance = working.start(workflows.parent, ["who_is_parent", None, "child"])
    assert working.result(instance) == instance


def test_failure_of_a_child_keeps_its_type_and_message(working: Hub) -> None:
    """Sub-orchestrations: an unhandled exception of the child is thrown in the parent."""
    details = working.wait(working.start(workflows.parent, ["call", ["failing", "no"], None])).failure_details
    assert details is not None
    assert "TaskFailedError" in details.message + details.error_type
    assert "no" in details.message


def test_parent_waits_for_its_child_longer_than_any_timeout(working: Hub) -> None:
    """Sub-orchestrations: there is no limit on how long one takes (the backend's own is 30 seconds)."""
    instance = working.start(workflows.parent, ["sleeping", 48, "sleeper"])
    until(lambda: working.status("sleeper") == "RUNNING")
    working.until_event("sleeper", "TimerCreatedEvent")
    working.advance(hours=48, seconds=5)
    assert working.result(instance) is True


def test_continue_as_new_starts_over_and_keeps_early_events(working: Hub) -> None:
    """Eternal orchestrations (durable-functions-eternal-orchestrations)."""
    instance = working.start(workflows.counting_down, 20)
    working.client.raise_orchestration_event(instance, "word", data="early")
    assert working.result(instance) == "early"
    assert working.events(instance).count("TaskScheduledEvent") == 1


def test_answers_to_an_earlier_round_do_not_reach_the_next(working: Hub) -> None:
    """Eternal orchestrations: each round has a history of its own."""
    instance = working.start(workflows.abandons_a_task, 1)
    until(lambda: workflows.runs["first round"])
    working.client.raise_orchestration_event(instance, "word")
    until(lambda: workflows.runs["second round"])
    workflows.opened.add("first round")
    until(lambda: len(working.engine._activities) == 1)
    workflows.opened.add("second round")
    assert working.result(instance) == "second round"


def test_suspended_orchestration_goes_on_when_resumed(working: Hub) -> None:
    """Suspend and resume (durable-functions-instance-management): events wait meanwhile."""
    instance = working.start(workflows.listening, 1)
    working.until_status(instance, "RUNNING")
    working.client.suspend_orchestration(instance)
    working.until_status(instance, "SUSPENDED")
    working.client.raise_orchestration_event(instance, "word", data="meanwhile")
    working.client.resume_orchestration(instance)
    assert working.result(instance) == ["meanwhile"]


def test_suspended_orchestration_can_be_terminated(working: Hub) -> None:
    """Terminate (durable-functions-instance-management)."""
    instance = working.start(workflows.listening, 1)
    working.until_status(instance, "RUNNING")
    working.client.suspend_orchestration(instance)
    working.until_status(instance, "SUSPENDED")
    working.client.terminate_orchestration(instance, output="enough")
    state = working.wait(instance)
    assert (state.runtime_status.name, state.get_output()) == ("TERMINATED", "enough")


def test_termination_does_not_reach_the_children(working: Hub) -> None:
    """Terminate (durable-functions-instance-management): sub-orchestrations run to completion."""
    instance = working.start(workflows.parent, ["listening", 1, "left alone"])
    working.until_status("left alone", "RUNNING")
    working.client.terminate_orchestration(instance)
    assert working.wait(instance).runtime_status.name == "TERMINATED"
    working.client.raise_orchestration_event("left alone", "word", data="heard")
    assert working.result("left alone") == ["heard"]
    assert "SubOrchestrationInstanceCompletedEvent" not in working.events(instance)


def test_events_for_an_ended_orchestration_are_dropped(working: Hub) -> None:
    """External events: those for an instance that has ended are discarded."""
    instance = working.start(workflows.chain, 1)
    working.result(instance)
    before = working.events(instance)
    working.client.raise_orchestration_event(instance, "word", data="late")
    working.result(working.start(workflows.chain, 1))
    assert working.events(instance) == before


def test_finished_id_runs_again_and_a_running_one_is_refused(working: Hub) -> None:
    """overridableExistingInstanceStates = NonRunningStates, the default (durable-functions-bindings, host.json)."""
    assert working.result(working.start(workflows.chain, 1, instance_id="once")) == 4
    assert working.result(working.start(workflows.chain, 2, instance_id="once")) == 5
    working.start(workflows.listening, 1, instance_id="running")
    with pytest.raises(grpc.RpcError) as refused:
        working.start(workflows.listening, 1, instance_id="running")
    assert refused.value.code() == grpc.StatusCode.ALREADY_EXISTS


def test_start_can_be_scheduled(working: Hub) -> None:
    """CreateInstanceRequest.scheduledStartTimestamp of the Durable Task protocol."""
    at = working.now() + timedelta(hours=3)
    instance = working.start(workflows.chain, 1, start_at=at)
    working.result(working.start(workflows.chain, 1))
    assert working.status(instance) == "PENDING"
    working.advance(hours=3, seconds=5)
    assert working.result(instance) == 4


def test_scheduled_start_keeps_early_events_and_can_be_called_off(working: Hub) -> None:
    """External events and terminate (durable-functions-instance-management), for an instance that is yet to start."""
    at = working.now() + timedelta(hours=3)
    kept, dropped = (working.start(workflows.listening, 1, start_at=at) for _ in range(2))
    working.client.raise_orchestration_event(kept, "word", data="early")
    working.client.terminate_orchestration(dropped)
    assert working.wait(dropped).runtime_status.name == "TERMINATED"
    assert working.status(kept) == "PENDING"
    working.advance(hours=3, seconds=5)
    assert working.result(kept) == ["early"]


def test_restart_runs_the_same_input_again(working: Hub) -> None:
    """Restart (durable-functions-instance-management), under the same id and a new one."""
    instance = working.start(workflows.chain, 1)
    working.result(instance)
    assert working.client.restart_orchestration(instance) == instance
    assert working.result(instance) == 4
    other = working.client.restart_orchestration(instance, restart_with_new_instance_id=True)
    assert other != instance
    assert working.result(other) == 4


def test_purge_forgets_orchestrations_that_have_ended(working: Hub) -> None:
    """Purge (durable-functions-instance-management): by id, without its children, by filter, never a running one."""
    working.client.purge_orchestrations_by()  # those of other tests
    ended, running = (working.start(workflows.parent, [*each, None]) for each in (("chain", 1), ("listening", 1)))
    working.result(ended)
    assert working.client.purge_orchestration(ended).deleted_instance_count == 1
    assert working.status(ended) is None
    assert working.client.purge_orchestration(running).deleted_instance_count == 0
    working.result(working.start(workflows.chain, 1))
    purged = working.client.purge_orchestrations_by(created_time_to=datetime.now(UTC) + timedelta(days=1))
    assert (purged.deleted_instance_count, working.status(running)) == (2, "RUNNING")  # the child of the first as well


@pytest.mark.parametrize("call", ["RewindInstance", "QueryEntities", "CleanEntityStorage", "ListInstanceIds"])
def test_what_is_not_supported_is_refused(working: Hub, call: str) -> None:
    """Calls of the Durable Task protocol that neither the app nor the host makes say so."""
    with pytest.raises(grpc.RpcError) as refused:
        getattr(working.client._stub, call)(getattr(pb, f"{call}Request")())
    assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert call in str(refused.value.details())


def test_query_pages_through_all_instances(working: Hub) -> None:
    """Query all instances (durable-functions-instance-management)."""
    from durabletask.client import OrchestrationQuery, OrchestrationStatus

    ids = {working.start(workflows.chain, n, instance_id=f"page-{n:02}") for n in range(25)}
    for instance in ids:
        working.result(instance)
    working.start(workflows.listening, 1, instance_id="page-running")
    ended = OrchestrationQuery(
        runtime_status=[OrchestrationStatus.COMPLETED], instance_id_prefix="page-", max_instance_count=7
    )
    found = [state.instance_id for state in working.client.get_all_orchestration_states(ended)]
    assert len(found) == 25
    assert set(found) == ids


def test_more_callers_may_wait_than_the_backend_has_threads(hub: Hub) -> None:
    """Waiting for completion stops nobody else (the backend's own limit is nine)."""
    from concurrent.futures import ThreadPoolExecutor

    ids = [hub.start(workflows.chain, n) for n in range(40)]
    with ThreadPoolExecutor(40) as callers:
        waiting = [callers.submit(hub.result, instance) for instance in ids]
        until(lambda: len(hub.engine._state_waiters) == 40)
        hub.work()
        assert [each.result() for each in waiting] == [n + 3 for n in range(40)]


def test_history_can_be_read_while_it_is_made(working: Hub) -> None:
    """StreamInstanceHistory, for showHistory (durable-functions-http-api): every event has its time."""
    before = datetime.now(UTC) - timedelta(minutes=1)
    instance = working.start(workflows.parent, ["listening", 1, "history-child"])
    working.until_status("history-child", "RUNNING")
    working.client.raise_orchestration_event("history-child", "word", data="heard")
    assert working.result(instance) == ["heard"]
    assert working.events(instance) == [
        *("OrchestratorStartedEvent", "ExecutionStartedEvent", "SubOrchestrationInstanceCreatedEvent"),
        "OrchestratorCompletedEvent",
        *("OrchestratorStartedEvent", "SubOrchestrationInstanceCompletedEvent"),
        *("OrchestratorCompletedEvent", "ExecutionCompletedEvent"),
    ]
    for each in (instance, "history-child"):
        times = [event.timestamp.replace(tzinfo=UTC) for event in working.client.get_orchestration_history(each)]
        assert all(before < time for time in times)
