"""Entities: learn.microsoft.com/azure/azure-functions/durable/durable-functions-entities."""

from __future__ import annotations

from datetime import timedelta

from tests.local.durable import workflows
from tests.local.durable.hub import Hub, until


def test_operations_run_one_after_the_other(working: Hub) -> None:
    """Signals and calls, from clients and orchestrators: an entity runs one operation at a time."""
    for _ in range(20):
        working.signal("serial", "add", 1)
    totals = [working.start(workflows.counts, "serial") for _ in range(5)]
    for instance in totals:
        working.result(instance)
    until(lambda: working.entity("serial") == 75)


def test_failed_operation_changes_nothing_and_tells_its_caller(working: Hub) -> None:
    """Entity operations that throw: the state is as before."""
    working.signal("failing", "add", 5)
    working.signal("failing", "fail")
    working.signal("failing", "add", 1)
    until(lambda: working.entity("failing") == 6)


def test_deleted_entity_does_not_exist(working: Hub) -> None:
    """An entity whose state was deleted is gone and begins anew when signalled."""
    working.signal("deleted", "add", 1)
    until(lambda: working.entity("deleted") == 1)
    working.signal("deleted", "delete")
    until(lambda: working.entity("deleted") is None)
    working.signal("deleted", "add", 2)
    until(lambda: working.entity("deleted") == 2)


def test_delayed_signal_arrives_when_it_is_due(working: Hub) -> None:
    """Scheduled signals."""
    at = working.now() + timedelta(hours=5)
    working.signal("delayed", "add", 1, signal_time=at)
    working.signal("delayed", "add", 10)
    until(lambda: working.entity("delayed") == 10)
    working.advance(hours=5, seconds=5)
    until(lambda: working.entity("delayed") == 11)


def test_critical_section_keeps_others_out(working: Hub) -> None:
    """Entity locks: between two operations of the holder nobody else's operation runs."""
    working.signal("locked", "set", 100)
    until(lambda: working.entity("locked") == 100)
    holder = working.start(workflows.transfer, ["locked", "other", True])
    working.until_event(holder, "EntityOperationCompletedEvent")
    working.signal("locked", "add", 1000)
    caller = working.start(workflows.counts, "locked")
    working.until_status(caller, "RUNNING")
    assert working.entity("locked") == 100
    working.client.raise_orchestration_event(holder, "word")
    assert working.result(holder) == 99
    working.result(caller)
    until(lambda: working.entity("locked") == 1110)


def test_many_critical_sections_lose_no_update(working: Hub) -> None:
    """Entity locks over two entities, taken in either order, neither lose an update nor wait for each other forever."""
    for key in ("one", "two"):
        working.signal(key, "set", 50)
    until(lambda: [working.entity(key) for key in ("one", "two")] == [50, 50])
    sections = [working.start(workflows.transfer, [*pair, False]) for pair in (("one", "two"), ("two", "one")) * 6]
    for instance in sections:
        working.result(instance)
    assert (working.entity("one"), working.entity("two")) == (50, 50)
