"""What an app may declare, and what is refused at start because this host does not do it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from local.host.indexing import Function, HostOptions, Refused, Seconds, ServiceBus, functions, seconds
from local.host.protos import Message
from local.host.routing import Routes
from local.host.servicebus import ServiceBusTrigger
from local.host.signalr import Pushes, upstream
from local.host.timers import TimerTrigger
from local.host.worker import Worker


def declared(settings: dict[str, str] | None = None, **trigger: Any) -> Function:
    """The function `f` as the worker would report it."""
    binding = {"direction": "IN", "name": "x", **trigger}
    [function] = functions([Message(name="f", function_id="1", raw_bindings=[json.dumps(binding)])], settings or {})
    return function


def route(template: str, **options: Any) -> Routes:
    return Routes([declared(type="httpTrigger", route=template, **options)], "api")


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    pushes = Pushes({})
    worker = Worker(pushes.send, timeout=1, durable_client="")
    yield worker
    worker.stop()
    await pushes.close()


@pytest.mark.parametrize("binding", ["queueTrigger", "blob", "warmupTrigger", "signalRConnectionInfo"])
def test_unknown_binding_types(binding: str) -> None:
    """The line names function, type and parameter."""
    with pytest.raises(Refused, match=rf"Function 'f': .* type '{binding}' \(parameter 'x'\)"):
        declared(type=binding)


def test_app_settings_are_filled_in_and_a_missing_one_is_refused() -> None:
    """`%NAME%` in any text of a binding (functions-bindings-expressions-patterns)."""
    assert declared({"T": "topic"}, type="serviceBusTrigger", topicName="a-%T%").trigger["topicName"] == "a-topic"
    with pytest.raises(Refused, match="Function 'f': '%T%' does not resolve to an app setting"):
        declared(type="serviceBusTrigger", topicName="%T%")


@pytest.mark.parametrize(
    ("constraint", "fits", "not_fits"),
    [
        ("int", "-12", "1.5"),
        ("long", "9000000000", "x"),
        ("decimal", "1.5", "1,5"),
        ("double", "1e3", "e"),
        ("bool", "True", "1"),
        ("alpha", "abC", "a1"),
        ("guid", "0f8fad5b-d9cb-469f-a165-70867728950e", "0f8f"),
        ("length(3)", "abc", "ab"),
        ("length(2,3)", "ab", "a"),
        ("minlength(2)", "ab", "a"),
        ("maxlength(2)", "ab", "abc"),
    ],
)
def test_route_constraints(constraint: str, fits: str, not_fits: str) -> None:
    """learn.microsoft.com/aspnet/core/fundamentals/routing#route-constraints."""
    routes = route(f"a/{{value:{constraint}}}")
    found = routes.find("GET", f"/api/a/{fits}")
    assert found is not None
    assert found[1] == {"value": fits}
    assert routes.find("GET", f"/api/a/{not_fits}") is None


@pytest.mark.parametrize("template", ["a/{b:odd}", "a/{b", "a/{b:}", "a/{b=c}", "a/{b:length}", "a/{b:int:min(3)}"])
def test_routes_that_cannot_be_read(template: str) -> None:
    """Unknown constraints, several of one parameter, stray braces, and default values, which no function needs."""
    with pytest.raises(Refused, match="Function 'f': "):
        route(template)


def test_mixed_segments_and_a_catch_all_with_a_slash() -> None:
    """`{name}.{extension}`, `{**path}`."""
    assert route("files/{name}.{extension}").find("GET", "/api/files/a.b.wav") is not None
    found = route("x/{**path}").find("GET", "/api/x/a/b/")
    assert found is not None
    assert found[1] == {"path": "a/b"}


@pytest.mark.parametrize("schedule", ["every day", "0 0 0 30 2 *"])
def test_schedules_that_are_none(schedule: str, worker: Worker, tmp_path: Path) -> None:
    """Or are never due."""
    with pytest.raises(Refused, match="Function 'f': cannot read the schedule"):
        TimerTrigger(declared(type="timerTrigger", schedule=schedule), worker, tmp_path)


def test_a_bus_without_a_connection(worker: Worker) -> None:
    """The line names the app setting."""
    function = declared(type="serviceBusTrigger", queueName="q", connection="Bus")
    with pytest.raises(Refused, match="Function 'f': the app setting 'Bus' must be a connection string"):
        ServiceBusTrigger(function, worker, ServiceBus())


@pytest.mark.parametrize(
    ("span", "expected"), [("00:05:00", 300), ("1.00:00:01", 86401), ("00:00:00.5", 0.5), ("-1", float("inf"))]
)
def test_time_spans_of_host_json(span: str, expected: float) -> None:
    """.NET's `[d.]hh:mm:ss[.fff]`; functionTimeout -1 is endless."""
    assert seconds(Seconds, span) == expected


def test_what_a_python_function_cannot_do(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker has no way to settle a message, and Azure retries no trigger of these but timers
    (functions-bindings-error-pages#retry-policies).
    """
    monkeypatch.setenv("Bus", "Endpoint=sb://localhost")
    function = declared(type="serviceBusTrigger", queueName="q", connection="Bus", autoCompleteMessages=False)
    with pytest.raises(Refused, match="Function 'f': a Python function cannot settle its message"):
        ServiceBusTrigger(function, worker, ServiceBus())
    raw = json.dumps({"direction": "IN", "name": "x", "type": "httpTrigger"})
    with pytest.raises(Refused, match="Function 'f' has a retry policy"):
        functions([Message(name="f", function_id="1", raw_bindings=[raw], retry_options=Message())], {})


def test_signalr_events_other_than_of_connections(worker: Worker) -> None:
    """No client of this app calls hub methods."""
    trigger: dict[str, Any] = {"hubName": "h", "category": "messages", "event": "e"}
    with pytest.raises(Refused, match=r"Function 'f': .* events of 'messages'"):
        upstream([declared(type="signalRTrigger", **trigger)], worker, {})


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"functionTimeout": "soon"}',
        '{"extensions": {"http": {"hsts": {"isEnabled": true}}}}',
        '{"extensions": {"serviceBus": {"prefetchCount": 10}}}',
        '{"extensions": {"serviceBus": {"autoCompleteMessages": false}}}',
    ],
)
def test_a_host_json_that_cannot_be_read_or_heeded(text: str, tmp_path: Path) -> None:
    """The line names the file and what is in the way."""
    (tmp_path / "host.json").write_text(text)
    with pytest.raises(Refused, match=r"host\.json"):
        HostOptions.load(tmp_path)
