"""HTTP triggers, as learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger has them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from local.host.http import FUNCTION_KEY, MASTER_KEY
from local.ports import HOST
from tests.local.host.running import PATIENCE, RunningHost, running_host, until


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    limits = {"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "1000000", "LOCAL_HTTP_TIMEOUT_SECONDS": "3"}
    with running_host("http", tmp_path_factory.mktemp("host"), environment=limits) as host:
        yield host


@pytest.mark.parametrize(
    ("path", "function", "route"),
    [
        ("/api/v1/items/special", "literal", {}),
        ("/api/v1/items/7", "constrained", {"id": "7"}),
        ("/api/v1/items/seven", "parameter", {"id": "seven"}),
        ("/api/v1/items/7/parts", "catch-all", {"service": "items", "path": "7/parts"}),
        ("/api/v1/items", "catch-all", {"service": "items"}),
        ("/API/V1/Items/SPECIAL", "literal", {}),
        ("/api/unrouted", "unrouted", {}),
        ("/api/optional/1999", "optional", {"year": "1999"}),
        ("/api/optional/1999/12", "optional", {"year": "1999", "month": "12"}),
    ],
)
def test_the_most_specific_route_answers(host: RunningHost, path: str, function: str, route: dict[str, str]) -> None:
    """Literal before constrained parameter before parameter before catch-all: ASP.NET Core's route precedence
    (learn.microsoft.com/aspnet/core/fundamentals/routing#route-template-precedence-and-endpoint-selection-order).
    """
    shown = host.get(path).json()
    assert (shown["function"], shown["route"]) == (function, route)


def test_a_method_that_a_route_does_not_take_goes_to_the_next_one(host: RunningHost) -> None:
    """The method is part of the match (WebScriptHostHttpRoutesManager adds it as a route constraint)."""
    assert host.request("PUT", "/api/v1/items/7").json()["function"] == "constrained"
    assert host.request("DELETE", "/api/v1/items/7").json()["function"] == "catch-all"


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/api/posted"), ("GET", "/api/nothing"), ("GET", "/text"), ("GET", "/api/optional/3")]
)
def test_what_no_route_takes_is_a_404_without_a_body(host: RunningHost, method: str, path: str) -> None:
    """A known path with another method included (github.com/Azure/azure-functions-host/issues/10098)."""
    answer = host.request(method, path)
    assert (answer.status, answer.body) == (404, b"")


def test_the_hosts_own_endpoints_refuse_other_methods_with_405(host: RunningHost) -> None:
    """They are ASP.NET controllers, not function routes. Running a function by hand is a POST of Azure's alone."""
    assert host.request("DELETE", "/admin/host/status").status == 405
    assert host.request("POST", "/admin/functions/text", b"{}").status == 405


def test_route_values_are_decoded_and_an_escaped_slash_stays_escaped(host: RunningHost) -> None:
    """As ASP.NET Core decodes request paths (PathString: all but %2F)."""
    shown = host.get("/api/v1/s/a%2Fb/%E4%BD%A0%20x").json()
    assert shown["route"]["path"] == "a%2Fb/你 x"


def test_repeated_values_are_joined_and_empty_ones_left_out(host: RunningHost) -> None:
    """As the host's gRPC conversion does for workers without UseNullableValueDictionaryForHttp."""
    shown = host.request("GET", "/api/unrouted?a=1&a=2&b=", headers={"X-One": "1", "X-Two": ""}).json()
    assert shown["query"] == {"a": "1,2"}
    assert shown["headers"]["x-one"] == "1"
    assert "x-two" not in shown["headers"]
    assert shown["url"].endswith("/api/unrouted?a=1&a=2&b=")


@pytest.mark.parametrize("body", [b"", bytes(range(256)) * 8, "你好".encode(), b'{"a": 1}'])
def test_a_body_reaches_the_function_and_the_caller_byte_for_byte(host: RunningHost, body: bytes) -> None:
    """The worker announces RawHttpBodyBytes, so no body is interpreted on the way."""
    answer = host.request("POST", "/api/posted", body)
    assert (answer.status, answer.body) == (201, body)
    assert answer.headers["Content-Type"] == "application/octet-stream"


def test_a_chunked_body_arrives_whole(host: RunningHost) -> None:
    """RFC 9112, section 7.1."""
    chunked = b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    assert host.request("POST", "/api/posted", chunked, {"Transfer-Encoding": "chunked"}).body == b"abcde"


def test_a_body_over_the_limit_is_a_413(host: RunningHost) -> None:
    """100 MB unless FUNCTIONS_REQUEST_BODY_SIZE_LIMIT says otherwise, as it does here (functions-app-settings)."""
    assert host.request("POST", "/api/posted", b"x" * 1_000_000).status == 201
    assert host.request("POST", "/api/posted", b"x" * 1_000_001).status == 413


def test_no_content_and_plain_text_are_answered_as_returned(host: RunningHost) -> None:
    """`str` is a return type that the HTTP output binding takes (azure-functions, HttpResponseConverter)."""
    assert (host.get("/api/empty").status, host.get("/api/empty").body) == (204, b"")
    assert host.get("/api/text").body.decode() == "你好"


@pytest.mark.parametrize(
    "line", ["GET /api/unrouted?text=你好 HTTP/1.1", "GET /api/你好 HTTP/1.1", "GET /api/text HTTP/9"]
)
def test_what_is_no_http_is_a_400_and_one_line_in_the_log(host: RunningHost, line: str) -> None:
    """A URL is ASCII, hanzi percent-encoded: Kestrel refuses others, by design (RFC 3986;
    github.com/dotnet/aspnetcore/issues/17402 and 31191).
    """
    before = host.output()
    with socket.create_connection((HOST, host.ports.host), timeout=PATIENCE) as connection:
        connection.sendall(f"{line}\r\nHost: localhost\r\n\r\n".encode())
        assert b" 400 " in connection.recv(65536).split(b"\r\n")[0]
    logged = until(lambda: host.output()[len(before) :])
    assert "Bad request data: " in logged
    assert "Traceback" not in logged
    assert logged.count("\n") == 1


def test_every_cookie_is_set(host: RunningHost) -> None:
    """Other repeated headers collapse; cookies travel apart (FunctionRpc.proto, RpcHttpCookie)."""
    answer = host.get("/api/cookies")
    one, two = answer.headers.get_all("Set-Cookie") or []
    assert set(one.split("; ")) == {"one=1", "Path=/a", "HttpOnly", "Secure", "SameSite=Lax", "Max-Age=60"}
    assert set(two.split("; ")) == {"two=2", "Path=/", "expires=Wed, 21 Oct 2037 07:28:00 GMT"}
    assert answer.headers["X-Own"] == "yes"


def test_a_function_that_raises_is_a_500_without_a_body_and_a_traceback_in_the_log(host: RunningHost) -> None:
    """`Result: Failure`, `Exception:` and `Stack:` as Core Tools print a worker's failure."""
    answer = host.get("/api/raises")
    assert (answer.status, answer.body) == (500, b"")
    output = host.output()
    assert "Executed 'Functions.raises' (Failed, Id=" in output
    assert "Result: Failure\nException: ValueError: no\nluck\nStack: Traceback (most recent call last):" in output


def test_each_execution_is_logged_as_core_tools_do(host: RunningHost) -> None:
    """`Executing 'Functions.x' (Reason=…, Id=…)`, `Executed 'Functions.x' (Succeeded, Id=…, Duration=…ms)`."""
    host.get("/api/text")
    executing = "Executing 'Functions.text' (Reason='This function was programmatically called via the host APIs.', Id="
    identifier = host.output().rpartition(executing)[2].partition(")")[0]
    until(lambda: f"Executed 'Functions.text' (Succeeded, Id={identifier}, Duration=" in host.output())


def test_an_answer_that_takes_too_long_is_a_502_and_the_function_runs_on(host: RunningHost) -> None:
    """230 s, the idle timeout of Azure's load balancer (functions-scale#timeout); 3 s here."""
    assert host.get("/api/slow?seconds=5").status == 502
    until(lambda: "slow one ended" in host.output())


def test_requests_run_at_the_same_time(host: RunningHost) -> None:
    """One that waits keeps no other one waiting."""
    with ThreadPoolExecutor(4) as pool:
        slow = pool.submit(host.get, "/api/slow?seconds=0.9")
        assert host.get("/api/text").status == 200
        assert not slow.done()
        assert slow.result().status == 200


def test_requests_beyond_the_limits_wait_or_are_a_429(host: RunningHost) -> None:
    """`maxConcurrentRequests` run, `maxOutstandingRequests` are taken (functions-bindings-http-webhook, host.json;
    azure-functions-host, HttpThrottleMiddleware): four and six here.
    """
    ended = host.output().count("slow one ended")
    with ThreadPoolExecutor(10) as pool:
        asked = [pool.submit(host.get, "/api/slow?seconds=2") for _ in range(10)]
        answers = sorted(each.result().status for each in asked)
    assert answers == [200] * 4 + [429] * 4 + [502] * 2  # two waited for a turn, and then too long for an answer
    assert "Http request queue limit of 6 has been exceeded." in host.output()
    until(lambda: host.output().count("slow one ended") >= ended + 6)


def test_closed_functions_want_a_key(host: RunningHost) -> None:
    """Level `function`: any function key; level `admin`: the master key (functions-bindings-http-webhook-trigger,
    authorization level), in the header or the query.
    """
    assert [host.get("/api/closed").status, host.get("/api/sealed").status] == [401, 401]
    assert host.request("GET", "/api/closed", headers={"x-functions-key": FUNCTION_KEY}).status == 200
    assert host.get(f"/api/closed?code={MASTER_KEY}").status == 200
    assert host.get(f"/api/sealed?code={FUNCTION_KEY}").status == 401
    assert host.get(f"/api/sealed?code={MASTER_KEY}").status == 200
    assert host.get("/api/closed?code=wrong").status == 401


def test_a_trace_is_continued_and_a_new_one_begun_where_there_is_none(host: RunningHost) -> None:
    """W3C Trace Context: same trace id and flags, a span id of its own."""
    given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    version, trace, span, flags = (
        host.request("GET", "/api/context", headers={"traceparent": given}).body.decode().split("-")
    )
    assert (version, trace, flags) == ("00", "4bf92f3577b34da6a3ce929d0e0e4736", "01")
    assert span != "00f067aa0ba902b7"
    assert len(host.get("/api/context").body) == 55


def test_the_host_tells_its_state_and_its_functions(host: RunningHost) -> None:
    """github.com/Azure/azure-functions-host/wiki: `/admin/host/status`, `/admin/functions`."""
    assert host.get("/admin/host/status").json()["state"] == "Running"
    listed = {function["name"]: function for function in host.get("/admin/functions").json()}
    assert listed["c_parameter"]["invoke_url_template"].endswith("/api/v1/items/{id}")
    assert host.get("/admin/functions/POSTED").json()["config"]["bindings"][0]["methods"] == ["POST"]
    assert host.get("/admin/functions/none").status == 404


def test_a_stop_answers_what_was_asked_before(host: RunningHost) -> None:
    """No new connection, but the request that runs has its answer. The last test: it ends the host."""
    with ThreadPoolExecutor(1) as pool:
        asked = host.output().count("Executing 'Functions.slow'")
        slow = pool.submit(host.get, "/api/slow?seconds=0.9")
        until(lambda: host.output().count("Executing 'Functions.slow'") > asked)
        assert host.stop() == 0
        assert slow.result().body == b"late"
