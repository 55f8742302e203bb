"""The engine stands on private names of the pinned backend: an upgrade that drops one must fail here, not at night."""

from __future__ import annotations

import ast
import inspect
import socket
from pathlib import Path

import pytest
from durabletask.testing import InMemoryOrchestrationBackend

import local.durable
from local.durable.engine import CHANGES, READS, DurableEngine
from local.durable.wire import service
from local.ports import HOST
from tests.local.durable.hub import Hub

SOURCES = sorted(Path(str(local.durable.__file__)).parent.glob("*.py"))


def own_names() -> set[str]:
    """Names that the engine's classes define: methods, and attributes that they assign on self."""
    names = set()
    for tree in (ast.parse(source.read_text()) for source in SOURCES):
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                if not any(isinstance(each, ast.Name) and each.id == "override" for each in node.decorator_list):
                    names.add(node.name)
            elif isinstance(node, ast.AnnAssign | ast.Assign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names.update(each.attr for each in targets if isinstance(each, ast.Attribute))
    return names


def used_names() -> set[str]:
    """Private names that are read or called on the engine."""
    names = set()
    for tree in (ast.parse(source.read_text()) for source in SOURCES):
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
                names.add(node.attr)
    return names - {"_exit"}  # of the module os


def test_every_override_replaces_something() -> None:
    """A method marked as override that the backend no longer has would never be called."""
    overrides = {
        name
        for layer in DurableEngine.__mro__
        if layer.__module__.startswith("local.durable")
        for name, member in vars(layer).items()
        if getattr(member, "__override__", False)
    }
    assert overrides, "no overrides were found"
    assert {name for name in overrides if not hasattr(InMemoryOrchestrationBackend, name)} == set()


def test_every_private_name_that_is_used_exists() -> None:
    """Attributes and helpers of the backend that the engine's layers rely on or put something else in place of."""
    backend = InMemoryOrchestrationBackend()
    replaced = {"_instances", "_entities", "_pending_lock_requests", "_enqueue_orchestration", "_enqueue_entity"}
    foreign = used_names() - own_names() | replaced
    assert len(foreign) > 10
    assert {name for name in foreign if not hasattr(backend, name)} == set()


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("_process_schedule_task_action", ["instance", "action"]),
        ("_process_create_timer_action", ["instance", "action"]),
        ("_watch_sub_orchestration", ["parent_instance_id", "sub_instance_id", "task_id"]),
        ("_schedule_delayed_entity_operation", ["entity_id", "event", "fire_at"]),
        ("_enqueue_orchestration", ["instance_id"]),
        ("_enqueue_entity", ["entity_id"]),
        ("_wait_for_state", ["instance_id", "predicate", "timeout"]),
    ],
)
def test_replaced_helpers_are_called_as_they_were(method: str, parameters: list[str]) -> None:
    """The backend calls these by position or name."""
    assert list(inspect.signature(getattr(InMemoryOrchestrationBackend, method)).parameters)[1:] == parameters


def test_every_call_changes_something_or_does_not() -> None:
    """The beginnings of calls tell them apart, and each names calls that there are."""
    calls = {name for name in vars(service.TaskHubSidecarServiceServicer) if not name.startswith("_")}
    assert not [name for name in calls if name.startswith(READS) and name.startswith(CHANGES)]
    assert all(any(name.startswith(beginning) for name in calls) for beginning in (*READS, *CHANGES))


def test_engine_listens_on_loopback_only(hub: Hub) -> None:
    """The backend itself listens on every interface."""
    port = int(hub.address.rpartition(":")[2])
    assert hub.address.startswith(f"{HOST}:")
    with socket.socket() as probe:
        probe.bind(("127.0.0.2", port))  # taken if the engine held all addresses
    with socket.socket(socket.AF_INET6) as probe:
        assert probe.connect_ex(("::1", port)) != 0
