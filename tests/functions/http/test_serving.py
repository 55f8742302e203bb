"""How the host's requests become ours, and our answers the host's."""

from __future__ import annotations

import json
from typing import Any

import azure.functions as func
import pytest

from functions.http.serving import answered, client_address, received
from shared_code.gateway.http import Response
from shared_code.gateway.routes.sessions import GET_SESSION


class Binding:
    """What the worker gives a function for an output binding."""

    def __init__(self) -> None:
        self.value: str | None = None

    def set(self, value: str) -> None:
        self.value = value


class Shout:
    def message(self) -> dict[str, Any]:
        return {"target": "presence", "arguments": [{"data": "你好"}], "userId": "p"}


def test_a_request_is_taken_over_whole() -> None:
    req = func.HttpRequest(
        "get",
        "http://127.0.0.1:7071/api/v1/sessions/S%201?text=%E4%BD%A0",
        headers={"X-Correlation-Id": "c", "X-Forwarded-For": "203.0.113.9:50123"},
        params={"text": "你"},
        route_params={"session_id": "S 1"},
        body=b"\x00\xff",
    )
    request = received(req, GET_SESSION, 1)
    assert (request.method, request.path) == ("GET", "/api/v1/sessions/S%201")
    assert (request.params, dict(request.query)) == ({"session_id": "S 1"}, {"text": "你"})
    assert request.headers["x-correlation-id"] == "c"
    assert request.body == b"\x00\xff"
    assert request.client_address == "203.0.113.9"
    assert request.received_at.tzinfo is not None


@pytest.mark.parametrize(
    ("forwarded_for", "proxies", "expected"),
    [
        ("", 0, ""),
        ("203.0.113.9", 0, ""),
        ("203.0.113.9:50123", 1, "203.0.113.9"),
        ("6.6.6.6, 203.0.113.9:50123", 1, "203.0.113.9"),
        ("6.6.6.6, 203.0.113.9, 10.0.0.4:443", 2, "203.0.113.9"),
        ("203.0.113.9", 2, ""),
        ("[2001:db8::1]:50123", 1, "2001:db8::1"),
        ("2001:db8::1", 1, "2001:db8::1"),
    ],
)
def test_only_our_own_proxies_say_who_calls(forwarded_for: str, proxies: int, expected: str) -> None:
    assert client_address(forwarded_for, proxies) == expected


def test_an_answer_keeps_status_headers_type_and_hanzi() -> None:
    answer = answered(Response(201, {"text": "你好"}, {"Location": "/x"}), None)
    assert (answer.status_code, answer.mimetype, answer.headers["Location"]) == (201, "application/json", "/x")
    assert answer.get_body() == '{"text":"你好"}'.encode()


def test_pushes_go_to_the_output_binding() -> None:
    binding = Binding()
    answered(Response(204, pushes=[Shout()]), binding)
    assert json.loads(binding.value or "") == [Shout().message()]


def test_without_pushes_nothing_is_bound() -> None:
    binding = Binding()
    answered(Response(204), binding)
    assert binding.value is None
