"""What the engine comes back with after a kill: everything that a caller was told, and nothing twice that matters.

Each test stops the engine between two transactions by starting another from a copy of its file at that moment, which
is what a `kill -9` leaves. `test_kill.py` kills real processes. The promise: durable-functions-orchestrations,
"Reliability" (learn.microsoft.com/azure/azure-functions/durable).
"""

from __future__ import annotations

from datetime import timedelta

from durabletask.client import OrchestrationQuery

from tests.local.durable import workflows
from tests.local.durable.hub import Hub, until


def test_orchestrations_not_yet_started_run(hub: Hub) -> None:
    """StartInstance was answered, no worker has seen it."""
    ids = [hub.start(workflows.chain, n) for n in range(5)]
    hub.crash()
    hub.work()
    assert [hub.result(instance) for instance in ids] == [3, 4, 5, 6, 7]


def test_work_in_a_workers_hands_is_handed_out_again(hub: Hub) -> None:
    """An activity and an entity operation were running, and an orchestrator's other answers had come."""
    hub.work()
    instance = hub.start(workflows.call, ["held", "x"])
    hub.signal("held", "add", 1)
    until(lambda: hub.entity("held") == 1)
    hub.signal("held", "hold")
    hub.signal("held", "add", 1)
    until(lambda: workflows.runs["x"] and len(hub.engine._held) == 2)
    left = hub.snapshot()
    workflows.gate.set()
    hub.crash(left)
    hub.work()
    assert hub.result(instance) == "x"
    until(lambda: hub.entity("held") == 2)


def test_retried_activity_is_not_taken_for_done(hub: Hub) -> None:
    """A retry is scheduled under the id of the first attempt, so ids alone do not say what is outstanding."""
    workflows.runs["again"] = 1
    hub.work()
    instance = hub.start(workflows.retrying_soon, "again")
    until(lambda: workflows.runs["again"] == 2)
    hub.until_event(instance, "TimerFiredEvent")
    hub.crash()
    hub.work()
    assert hub.result(instance)[1] == 2


def test_timers_fire_at_their_time_or_at_once_when_it_has_passed(hub: Hub) -> None:
    """Timers outlive the engine; so do delayed signals and scheduled starts."""
    hub.work()
    soon, late = hub.start(workflows.sleeping, 1), hub.start(workflows.sleeping, 48)
    start = hub.start(workflows.chain, 1, start_at=hub.now() + timedelta(hours=1))
    hub.signal("delayed", "add", 1, signal_time=hub.now() + timedelta(hours=1))
    for instance in (soon, late):
        hub.until_event(instance, "TimerCreatedEvent")
    hub.advance(hours=2)
    hub.crash()
    hub.work()
    assert hub.result(soon) is True
    assert hub.result(start) == 4
    until(lambda: hub.entity("delayed") == 1)
    assert hub.status(late) == "RUNNING"
    hub.advance(hours=48)
    assert hub.result(late) is True


def test_parent_hears_of_a_child_that_ends_after_the_kill(hub: Hub) -> None:
    """Sub-orchestrations, and one whose end was already on its way."""
    hub.work()
    waiting = hub.start(workflows.parent, ["listening", 1, "child"])
    until(lambda: hub.status("child") == "RUNNING")
    hub.crash()
    hub.client.raise_orchestration_event("child", "word", data="after")
    hub.work()
    assert hub.result(waiting) == ["after"]


def test_events_raised_before_the_kill_are_heard_in_order(hub: Hub) -> None:
    """RaiseEvent was answered; the orchestration was running, and had heard one of them."""
    hub.work()
    instance = hub.start(workflows.listening, 3)
    hub.client.raise_orchestration_event(instance, "word", data="a")
    hub.until_event(instance, "EventRaisedEvent")
    hub.rest()
    for word in ("b", "c"):
        hub.client.raise_orchestration_event(instance, "word", data=word)
    hub.crash()
    hub.work()
    assert hub.result(instance) == ["a", "b", "c"]


def test_suspended_stays_suspended_and_a_pending_resume_counts(hub: Hub) -> None:
    """Suspend and resume over a kill; what a suspended one is told meanwhile, the worker keeps until it goes on."""
    hub.work()
    ids = [hub.start(workflows.listening, 1) for _ in range(2)]
    for instance in ids:
        hub.until_status(instance, "RUNNING")
        hub.client.suspend_orchestration(instance)
        hub.until_status(instance, "SUSPENDED")
    hub.rest()
    for instance in ids:
        hub.client.raise_orchestration_event(instance, "word", data="meanwhile")
    hub.client.resume_orchestration(ids[0])
    hub.crash()
    hub.work()
    assert hub.result(ids[0]) == ["meanwhile"]
    hub.until_event(ids[1], "EventRaisedEvent")
    assert hub.status(ids[1]) == "SUSPENDED"
    hub.client.resume_orchestration(ids[1])
    assert hub.result(ids[1]) == ["meanwhile"]


def test_purged_stays_purged(hub: Hub) -> None:
    """A purge by filter names no instance, and yet none of them comes back."""
    hub.work()
    for n in range(3):
        hub.result(hub.start(workflows.chain, n))
    kept = hub.start(workflows.listening, 1)
    assert hub.client.purge_orchestrations_by().deleted_instance_count == 3
    hub.crash()
    left = hub.client.get_all_orchestration_states(OrchestrationQuery())
    assert [state.instance_id for state in left] == [kept]


def test_finished_instances_keep_what_they_said(hub: Hub) -> None:
    """Output, failure, custom status, times, history: as they were."""
    hub.work()
    done, failed = hub.start(workflows.chain, 1, tags={"who": "mei"}), hub.start(workflows.call, ["failing", "no"])
    before = [hub.wait(instance) for instance in (done, failed)]
    histories = [hub.events(instance) for instance in (done, failed)]
    hub.crash()
    after = [hub.client.get_orchestration_state(instance) for instance in (done, failed)]
    for was, now in zip(before, after, strict=True):
        assert now is not None
        assert (now.runtime_status, now.serialized_output) == (was.runtime_status, was.serialized_output)
        assert (now.created_at, now.last_updated_at) == (was.created_at, was.last_updated_at)
        assert (now.failure_details is None) == (was.failure_details is None)
    assert [hub.events(instance) for instance in (done, failed)] == histories


def test_locks_and_those_who_wait_for_them_survive(hub: Hub) -> None:
    """Entity locks, the queue of lock requests, and operations that the lock keeps waiting."""
    hub.work()
    hub.signal("locked", "set", 100)
    until(lambda: hub.entity("locked") == 100)
    holder = hub.start(workflows.transfer, ["locked", "other", True])
    hub.until_event(holder, "EntityOperationCompletedEvent")
    second = hub.start(workflows.transfer, ["other", "locked", False])
    hub.until_event(second, "EntityLockRequestedEvent")
    hub.signal("locked", "add", 1000)
    hub.crash()
    hub.work()
    third = hub.start(workflows.transfer, ["locked", "other", False])
    hub.until_event(third, "EntityLockRequestedEvent")
    hub.crash()
    hub.work()
    assert hub.entity("locked") == 100
    hub.client.raise_orchestration_event(holder, "word")
    assert hub.result(holder) == 99
    for instance in (second, third):
        hub.result(instance)
    until(lambda: hub.entity("locked") == 1099)


def test_continued_and_replaced_instances_keep_only_their_last_history(hub: Hub) -> None:
    """continue_as_new and starting a finished id again both begin a new history."""
    hub.work()
    round_robin = hub.start(workflows.counting_down, 5)
    hub.until_event(round_robin, "TaskCompletedEvent")
    until(lambda: hub.client.get_orchestration_state(round_robin).serialized_input == "0")
    for n in (1, 2):
        hub.result(hub.start(workflows.chain, n, instance_id="twice"))
    hub.crash()
    hub.work()
    hub.client.raise_orchestration_event(round_robin, "word", data="end")
    assert hub.result(round_robin) == "end"
    assert hub.result("twice") == 5
    assert hub.events("twice").count("TaskCompletedEvent") == 3
