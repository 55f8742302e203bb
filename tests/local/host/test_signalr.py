"""The SignalR bindings and triggers, with the local SignalR Service and the official JavaScript client.

Shapes: learn.microsoft.com/azure/azure-functions/functions-bindings-signalr-service-input, -output and -trigger.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jwt
import pytest

from local.connections import SIGNALR_ACCESS_KEY, connection_settings
from local.paths import PROJECT
from local.ports import Ports
from tests.local.host.running import PATIENCE, Answer, RunningHost, running_host, until
from tests.ports import accepts, free_stack_ports

UPSTREAM = "/runtime/webhooks/signalr"


class Client:
    """One `@microsoft/signalr` connection in node; it listens to `news`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.first = self.next()

    def next(self) -> dict[str, Any]:
        """The next thing that happened to it."""
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], PATIENCE)
        assert ready, "the client heard nothing"
        found: dict[str, Any] = json.loads(self._process.stdout.readline() or b'{"event": "ended"}')
        return found


@contextmanager
def client(host: RunningHost, user: str, protocol: str = "json") -> Iterator[Client]:
    """A client with a token of its own."""
    url = f"http://127.0.0.1:{host.ports.signalr}/client/?hub=learning"
    claims = {"aud": url, "exp": int(time.time()) + 3600, "nameid": user}
    token = jwt.encode(claims, SIGNALR_ACCESS_KEY, "HS256")
    command = ["node", str(PROJECT / "tests/local/signalr/js/listen.js"), url, token, protocol]
    process = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    try:
        yield Client(process)
    finally:
        try:
            process.communicate(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


@pytest.fixture(scope="module")
def ports() -> Ports:
    return free_stack_ports()


@pytest.fixture(scope="module")
def host(ports: Ports, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    folder = tmp_path_factory.mktemp("host")
    service = subprocess.Popen(
        [sys.executable, "-m", "local.signalr"],
        cwd=PROJECT,
        env={**os.environ, **ports.environment(), "LOCAL_STATE_DIR": str(folder)},
        stderr=subprocess.DEVNULL,
    )
    try:
        assert accepts(ports.signalr, within=PATIENCE)
        with running_host("signalr", folder, ports=ports, environment=connection_settings(ports)) as host:
            yield host
    finally:
        service.terminate()
        service.wait(timeout=15)


def push(host: RunningHost, *entries: dict[str, Any]) -> Answer:
    return host.request("POST", "/api/push", json.dumps(entries).encode())


def message(*arguments: Any, **where: str) -> dict[str, Any]:
    return {"target": "news", "arguments": list(arguments), **where}


def test_a_message_reaches_its_connection_its_user_its_group_or_everyone(host: RunningHost) -> None:
    """The narrowest of connectionId, userId and groupName wins; one entry or an array, in order."""
    with client(host, "a") as a, client(host, "b") as b:
        assert push(host, {"action": "add", "groupName": "g h", "userId": "b"}).status == 200
        pushed = push(
            host,
            message("connection", connectionId=a.first["id"], userId="b", groupName="g h"),
            message("user", {"x": "你好"}, userId="a", groupName="g h"),
            message("group", groupName="g h"),
            message("everyone"),
        )
        assert (pushed.status, pushed.body) == (200, b"pushed")
        heard = [[client.next()["args"] for _ in range(count)] for client, count in ((a, 3), (b, 2))]
        assert heard == [[["connection"], ["user", {"x": "你好"}], ["everyone"]], [["group"], ["everyone"]]]

        push(host, {"action": "remove", "groupName": "g h", "userId": "b"}, message("nobody", groupName="g h"))
        push(
            host, {"action": "add", "groupName": "one", "connectionId": a.first["id"]}, message("one", groupName="one")
        )
        assert a.next()["args"] == ["one"]
        push(host, {"action": "add", "groupName": "two", "userId": "b"}, {"action": "removeAll", "userId": "b"})
        push(host, message("nobody", groupName="two"), message("last"))
        assert b.next()["args"] == ["last"]


def test_a_connection_that_is_gone_cannot_join_and_that_is_no_failure(host: RunningHost) -> None:
    """The extension swallows the 404."""
    assert push(host, {"action": "add", "groupName": "g", "connectionId": "gone"}).status == 200


@pytest.mark.parametrize("entry", [{"action": "add", "groupName": "g"}, {"arguments": []}, {"action": "dance"}])
def test_an_output_that_is_neither_message_nor_action_fails_the_function(
    host: RunningHost, entry: dict[str, Any]
) -> None:
    """Output bindings are part of the execution."""
    assert push(host, entry).status == 500
    assert "SignalR output: " in host.output()


def test_nothing_is_pushed_by_a_function_that_raises(host: RunningHost) -> None:
    """Outputs are carried out once the function has returned."""
    with client(host, "c") as c:
        assert host.request("POST", "/api/push-and-raise", json.dumps(message("lost")).encode()).status == 500
        push(host, message("next"))
        assert c.next()["args"] == ["next"]


@pytest.mark.parametrize("protocol", ["json", "messagepack"])
def test_a_connection_that_comes_and_goes_runs_functions(host: RunningHost, protocol: str) -> None:
    """Category `connections`, events `connected` and `disconnected`, in either protocol of the client."""
    with client(host, f"mei-{protocol}", protocol) as mei:
        assert mei.first["event"] == "connected"
        [seen] = until(lambda: host.records(function="connected", UserId=f"mei-{protocol}"))
        assert (seen["Hub"], seen["ConnectionId"]) == ("learning", mei.first["id"])
        assert seen["Query"]["hub"].lower() == "learning"
    [gone] = until(lambda: host.records(function="disconnected", UserId=f"mei-{protocol}"))
    assert gone["Error"] is None


def test_a_connected_function_that_raises_keeps_the_client_out(host: RunningHost) -> None:
    """The extension answers 403, and the service refuses the connection."""
    with client(host, "unwanted") as unwanted:
        assert unwanted.first["event"] != "connected" or unwanted.next()["event"] in ("closed", "reconnecting")


def post(host: RunningHost, **changed: str) -> Answer:
    signature = hmac.new(SIGNALR_ACCESS_KEY.encode(), b"c1", hashlib.sha256).hexdigest()
    headers = {
        "X-ASRS-Hub": "LEARNING",
        "X-ASRS-Category": "connections",
        "X-ASRS-Event": "disconnected",
        "X-ASRS-Connection-Id": "c1",
        "X-ASRS-Signature": f"sha256=00,sha256={signature}",
        "X-ASRS-User-Claims": "role: learner, name: mei, role: teacher",
        "X-ASRS-Client-Query": "?hub=learning&x=1",
        "Content-Type": "application/json",
    }
    return host.request("POST", UPSTREAM, b'{"type":7,"error":"lost"}', {**headers, **changed})


def test_events_are_accepted_from_the_service_alone(host: RunningHost) -> None:
    """`sha256=` and the HMAC of the connection id, of which one of several must fit; 401, 404."""
    assert post(host).status == 204
    assert post(host, **{"X-ASRS-Signature": "sha256=00"}).status == 401
    assert post(host, **{"X-ASRS-Signature": ""}).status == 401
    assert post(host, **{"X-ASRS-Event": "unknown"}).status == 404
    assert post(host, **{"X-ASRS-Category": "messages"}).status == 404
    [seen] = host.records(function="disconnected", ConnectionId="c1")
    assert (seen["Claims"], seen["Query"]) == ({"role": "learner", "name": "mei"}, {"hub": "learning", "x": "1"})
    assert seen["Error"] == "lost"
