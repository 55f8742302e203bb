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
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgpack
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

    def call(self, method: str, target: str, *arguments: Any) -> dict[str, Any]:
        """`send` or `invoke` a hub method; how that went."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"method": method, "target": target, "args": arguments}).encode() + b"\n")
        self._process.stdin.flush()
        return self.next()


@contextmanager
def client(host: RunningHost, user: str, protocol: str = "json") -> Iterator[Client]:
    """A client that asked the app for its connection."""
    info = host.request("POST", "/api/negotiate", headers={"X-User": user}).json()
    script = PROJECT / "tests/local/signalr/js/listen.js"
    command = ["node", str(script), info["url"], info["accessToken"], protocol]
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


def test_connection_information_lets_a_client_in_under_its_user(host: RunningHost, ports: Ports) -> None:
    """`{"url", "accessToken"}`; `userId` takes `{headers.…}`; the hub's name is lower-cased."""
    with client(host, "mei") as mei:
        assert mei.first["event"] == "connected"
        [seen] = until(lambda: host.records(function="connected", UserId="mei"))
        assert (seen["Hub"], seen["ConnectionId"]) == ("learning", mei.first["id"])
        url = host.request("POST", "/api/negotiate").json()["url"]
        assert url == f"http://127.0.0.1:{ports.signalr}/client/?hub=learning"


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
def test_a_clients_call_runs_a_function_and_hears_how_it_went(host: RunningHost, protocol: str) -> None:
    """Category `messages`: the event is the client's target, `Arguments` what it sent."""
    user = f"caller-{protocol}"
    with client(host, user, protocol) as caller:
        assert caller.call("invoke", "double", 21) == {"event": "sent", "target": "double"}
        [seen] = until(lambda: host.records(function="double", UserId=user))
        assert seen["Arguments"] == [21]
        assert seen["Query"]["hub"].lower() == "learning"
        assert caller.call("invoke", "fails")["event"] == "error"
    [gone] = until(lambda: host.records(function="disconnected", UserId=user))
    assert gone["Error"] is None


def test_a_connected_function_that_raises_keeps_the_client_out(host: RunningHost) -> None:
    """The extension answers 403, and the service refuses the connection."""
    with client(host, "unwanted") as unwanted:
        assert unwanted.first["event"] != "connected" or unwanted.next()["event"] in ("closed", "reconnecting")


def post(host: RunningHost, event: str, body: bytes, content_type: str = "application/json", **changed: str) -> Answer:
    signature = hmac.new(SIGNALR_ACCESS_KEY.encode(), b"c1", hashlib.sha256).hexdigest()
    headers = {
        "X-ASRS-Hub": "LEARNING",
        "X-ASRS-Category": "messages",
        "X-ASRS-Event": event,
        "X-ASRS-Connection-Id": "c1",
        "X-ASRS-Signature": f"sha256=00,sha256={signature}",
        "X-ASRS-User-Claims": "role: learner, name: mei, role: teacher",
        "X-ASRS-Client-Query": "?hub=learning&x=1",
        "Content-Type": content_type,
    }
    return host.request("POST", UPSTREAM, body, {**headers, **changed})


def test_events_are_accepted_from_the_service_alone(host: RunningHost) -> None:
    """`sha256=` and the HMAC of the connection id, of which one of several must fit; 401, 404, 415."""
    body = b'{"type":1,"target":"double","arguments":[1]}'
    assert post(host, "DOUBLE", body).status == 204
    assert post(host, "double", body, **{"X-ASRS-Signature": "sha256=00"}).status == 401
    assert post(host, "double", body, **{"X-ASRS-Signature": ""}).status == 401
    assert post(host, "unknown", body).status == 404
    assert post(host, "double", body, "text/plain").status == 415
    [seen] = host.records(function="double", ConnectionId="c1")
    assert (seen["Claims"], seen["Query"]) == ({"role": "learner", "name": "mei"}, {"hub": "learning", "x": "1"})


def test_a_call_that_waits_for_a_result_gets_it_in_its_own_protocol(host: RunningHost) -> None:
    """github.com/dotnet/aspnetcore, HubProtocol.md: a completion with the invocation's id."""
    asked = b'{"type":1,"invocationId":"7","target":"double","arguments":["ab"]}'
    answer = post(host, "double", asked)
    assert answer.body.endswith(b"\x1e")
    assert json.loads(answer.body[:-1]) == {"type": 3, "invocationId": "7", "result": '"abab"'}

    packed = msgpack.packb([1, {}, "8", "double", ["x" * 200], []])
    binary = post(host, "double", packed, "application/x-msgpack").body
    assert msgpack.unpackb(binary[2:]) == [3, {}, "8", 3, json.dumps("x" * 400)]
    assert binary[0] & 0x7F | binary[1] << 7 == len(binary) - 2

    failed = post(host, "fails", b'{"type":1,"invocationId":"9","target":"fails","arguments":[]}')
    assert failed.status == 500
    assert "error" in json.loads(failed.body[:-1])


def test_bytes_of_a_messagepack_client_arrive_as_base64(host: RunningHost) -> None:
    """As .NET writes them into JSON."""
    body = msgpack.packb([1, {}, None, "double", [b"\x00\xff"], []])
    assert post(host, "double", body, "application/x-msgpack").status == 204
    assert host.records(function="double")[-1]["Arguments"] == ["AP8="]
