"""Services elsewhere: what they are sent, what of their answers goes on, and what happens when they fail."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import pytest

from shared_code.domain.errors import Invalid
from shared_code.gateway.forwarding.forwarder import MAX_ANSWER, CallFailed, Forwarder
from shared_code.gateway.forwarding.target import below, check_base, is_forbidden
from shared_code.gateway.gateway import Gateway
from shared_code.gateway.http import Request, Response
from shared_code.gateway.identity import context
from shared_code.gateway.inprocess import InProcessService, ServiceRoute
from shared_code.gateway.registry.instance import IN_PROCESS, Instance, Service
from shared_code.gateway.registry.registry import Registry
from shared_code.gateway.routes.services import SERVICES
from shared_code.resilience.breaker.policy import BreakerPolicy
from shared_code.storage.shared_state import TableState
from tests.ports import free_ports
from tests.shared_code.gateway.conftest import SECRET, MakeGateway
from tests.shared_code.gateway.openid import OpenIdProvider
from tests.shared_code.gateway.records import Records
from tests.shared_code.gateway.requests import body_of, request
from tests.shared_code.gateway.upstream import Upstream

BY_METHOD = {route.method: route for route in SERVICES}

Start = Callable[..., Awaitable[Upstream]]
Register = Callable[..., Awaitable[None]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts instances of a service."""
    started: list[Upstream] = []

    async def begin(name: str = "one", **behaviour: Any) -> Upstream:
        upstream = Upstream(name, **behaviour)
        await upstream.start()
        started.append(upstream)
        return upstream

    yield begin
    for upstream in started:
        await upstream.stop()


@pytest.fixture
def register(state: TableState) -> Register:
    registry = Registry(state, [])

    async def add(*upstreams: Upstream, **changes: Any) -> None:
        for upstream in upstreams:
            instance = Instance(service="content", id=upstream.name, url=upstream.url)
            await registry.register(msgspec.structs.replace(instance, **changes))

    return add


def ask_for(path: str, token: str, method: str = "GET", **changes: Any) -> Request:
    return request(BY_METHOD[method], token, params={"service": "content", "path": path}, **changes)


async def ask(gateway: Gateway, token: str, path: str = "items", method: str = "GET", **changes: Any) -> Response:
    return await gateway.handle(ask_for(path, token, method, **changes), gateway.to_service)


async def refresh(gateway: Gateway) -> None:
    """Have the gateway read the registry now, rather than within its second."""
    await gateway.admin.list_services(ask_for("", ""))


async def test_an_answer_comes_back_as_the_service_gave_it(
    gateway: Gateway, provider: OpenIdProvider, start: Start, register: Register
) -> None:
    service = await start(status=201, headers={"ETag": '"7"', "Server": "secret/1.0", "Set-Cookie": "a=b"})
    await register(service)
    response = await ask(
        gateway, provider.token(), "items/你 好/a%2Fb", "POST", body=b"{}", query={"q": "学 习&x"},
        headers={"content-type": "application/json"},
    )  # fmt: skip
    assert (response.status, body_of(response), response.headers["etag"]) == (201, {"served_by": "one"}, '"7"')
    assert not {"server", "set-cookie"} & {name.lower() for name in response.headers}
    (seen,) = service.seen
    assert (seen.method, seen.body) == ("POST", b"{}")
    assert seen.target == "/base/items/%E4%BD%A0%20%E5%A5%BD/a%252Fb?q=%E5%AD%A6+%E4%B9%A0%26x"


async def test_g10_what_a_client_says_of_itself_is_not_passed_on(
    gateway: Gateway, provider: OpenIdProvider, start: Start, register: Register
) -> None:
    service = await start()
    await register(service)
    forged = {
        "x-user-id": "other", "x-context": "e30=", "x-context-signature": "v1=00", "x-forwarded-for": "6.6.6.6",
        "forwarded": "for=6.6.6.6", "cookie": "a=b", "x-ms-client-principal": "x", "connection": "x-secret, close",
        "x-secret": "hop", "te": "trailers", "accept-language": "zh", "x-timeout-ms": "4000",
    }  # fmt: skip
    sent = ask_for("items", provider.token(), headers=forged, client_address="2001:db8::7")
    await gateway.handle(sent, gateway.to_service)
    headers = service.seen[0].headers
    assert headers["accept-language"] == "zh"
    assert headers["x-correlation-id"] == sent.correlation_id
    assert headers["traceparent"] == sent.traceparent
    assert headers["forwarded"].startswith('for="[2001:db8::7]"')
    assert 0 < int(headers["x-timeout-ms"]) <= 4000
    assert not {"authorization", "cookie", "x-user-id", "x-ms-client-principal", "x-secret", "te"} & set(headers)
    facts = context.verify([SECRET], headers, method="GET", path=sent.path, now=time.time())
    assert (facts["id"], facts["tenant"], facts["roles"]) == ("mei", "school-1", ["learner"])


async def test_g3_an_outage_is_a_503_and_an_unknown_service_a_404(
    gateway: Gateway, provider: OpenIdProvider, start: Start, register: Register
) -> None:
    assert (await ask(gateway, provider.token())).status == 404
    await register(await start(), healthy=False)
    await refresh(gateway)
    response = await ask(gateway, provider.token())
    assert (response.status, body_of(response)["code"]) == (503, "service-unavailable")
    assert response.headers["Retry-After"]


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [
        ({"status": 500}, 502),
        ({"status": 503, "headers": {"Retry-After": "1"}}, 502),
        ({"status": 302, "headers": {"Location": "http://169.254.169.254/"}}, 502),
        ({"body": b"x" * (MAX_ANSWER + 1)}, 502),
        ({"status": 404}, 404),
        ({"status": 422}, 422),
    ],
)
async def test_what_a_service_answers_and_what_the_client_gets(
    gateway: Gateway, provider: OpenIdProvider, start: Start, register: Register, behaviour: Any, status: int
) -> None:
    marker = {"body": b"marker-of-the-service"} if "body" not in behaviour else {}
    service = await start(**behaviour, **marker)
    await register(service)
    response = await ask(gateway, provider.token(), method="POST")
    assert response.status == status
    assert (b"marker" in response.payload()) == (status < 500)
    assert len(service.seen) == 1


PATIENT = BreakerPolicy(least_calls=10_000, in_a_row=10_000)


async def test_g7_only_what_may_be_repeated_is_tried_again_and_once(
    make_gateway: MakeGateway, provider: OpenIdProvider, start: Start, register: Register
) -> None:
    gateway = make_gateway(breaker_policy=PATIENT)
    service = await start(status=503)
    await register(service)
    calls = {}
    for method, headers in (("GET", {}), ("PUT", {}), ("POST", {}), ("POST", {"idempotency-key": "k"})):
        service.seen.clear()
        await ask(gateway, provider.token(), method=method, headers=dict(headers))
        calls[method, *headers] = len(service.seen)
    assert calls == {("GET",): 2, ("PUT",): 2, ("POST",): 1, ("POST", "idempotency-key"): 2}


@pytest.mark.parametrize(("seconds", "calls"), [("1", 2), ("30", 1)])
async def test_an_instance_that_asks_for_time_is_given_it_or_the_caller_is_told(
    make_gateway: MakeGateway, provider: OpenIdProvider, start: Start, register: Register, seconds: str, calls: int
) -> None:
    gateway = make_gateway(breaker_policy=PATIENT)
    service = await start(status=503, headers={"Retry-After": seconds})
    await register(service)
    began = time.monotonic()
    response = await ask(gateway, provider.token())
    assert (response.status, response.headers["Retry-After"], len(service.seen)) == (502, seconds, calls)
    assert calls == 1 or time.monotonic() - began >= int(seconds)


async def test_where_one_instance_asks_for_time_another_answers_at_once(
    make_gateway: MakeGateway, provider: OpenIdProvider, start: Start, register: Register
) -> None:
    gateway = make_gateway(breaker_policy=PATIENT)
    await register(await start("resting", status=503, headers={"Retry-After": "600"}), await start("good"))
    assert {(await ask(gateway, provider.token())).status for _ in range(8)} == {200}


async def test_no_caller_has_longer_than_the_service(
    gateway: Gateway, provider: OpenIdProvider, start: Start, register: Register
) -> None:
    service = await start()
    await register(service)
    await ask(gateway, provider.token(), headers={"x-timeout-ms": "999999"})
    assert 0 < int(service.seen[0].headers["x-timeout-ms"]) <= 10_000


async def test_more_than_a_service_takes_does_not_reach_it(
    gateway: Gateway, provider: OpenIdProvider, start: Start, register: Register
) -> None:
    service = await start()
    await register(service)
    too_much = b"0" * (BY_METHOD["POST"].max_body + 1)
    headers = {"content-type": "application/octet-stream"}
    answer = await ask(gateway, provider.token(), method="POST", body=too_much, headers=headers)
    assert (answer.status, service.seen) == (413, [])


async def test_a_name_that_turns_to_a_forbidden_address_is_not_connected_to(
    start: Start, provider: OpenIdProvider
) -> None:
    """DNS rebinding: the name was fine when it was registered; now it is this machine's, where no service may be."""
    inside = await start()
    forwarder = Forwarder(SECRET, ("localhost.example",))
    rebound = Instance(service="content", id="one", url=f"http://localhost:{inside.port}/base")
    with pytest.raises(CallFailed) as failure:
        sent = ask_for("items", provider.token(), ends_at=time.monotonic() + 5)
        await forwarder.call(sent, rebound, "items", 5)
    assert not await forwarder.probe(rebound, 5)
    assert (failure.value.sent, inside.seen) == (False, [])
    await forwarder.close()


async def test_a_redirect_is_not_followed(
    gateway: Gateway, provider: OpenIdProvider, start: Start, register: Register
) -> None:
    inside = await start("inside")
    outside = await start("outside", status=302, headers={"Location": f"{inside.url}/secret"})
    await register(outside)
    assert (await ask(gateway, provider.token(), method="POST")).status == 502
    assert inside.seen == []


async def test_another_instance_answers_for_one_that_fails(
    gateway: Gateway, provider: OpenIdProvider, start: Start, register: Register
) -> None:
    await register(await start("failing", status=500), await start("good"))
    answers = [await ask(gateway, provider.token()) for _ in range(8)]
    assert [(each.status, body_of(each)) for each in answers] == [(200, {"served_by": "good"})] * 8


async def test_what_never_reached_an_instance_goes_to_another_whatever_it_is(
    gateway: Gateway, provider: OpenIdProvider, start: Start, register: Register
) -> None:
    (port,) = free_ports(1)
    await register(Upstream("dead", port=port), await start("good"))
    answers = [await ask(gateway, provider.token(), method="POST") for _ in range(8)]
    assert {each.status for each in answers} == {200}


async def test_g7_a_slow_service_is_answered_at_the_deadline(
    gateway: Gateway, provider: OpenIdProvider, start: Start, register: Register
) -> None:
    service = await start(delay=30)
    await register(service)
    started = time.monotonic()
    response = await ask(gateway, provider.token(), method="POST", headers={"x-timeout-ms": "300"})
    assert response.status == 504
    assert time.monotonic() - started < 5
    assert len(service.seen) == 1


async def test_g5_failures_open_the_instances_breaker_and_refusals_do_not(
    gateway: Gateway, provider: OpenIdProvider, start: Start, register: Register, records: Records
) -> None:
    service = await start(status=422)
    await register(service)
    for _ in range(30):
        assert (await ask(gateway, provider.token())).status == 422
    service.status = 500
    statuses = [(await ask(gateway, provider.token(), method="POST")).status for _ in range(60)]
    assert statuses[-1] == 503
    assert statuses.count(502) < 60
    (opened,) = records.of("monitoring/api_performance/circuit_breaker_logs")
    assert (opened["breaker"], opened["from"], opened["to"]) == ("content|one", "closed", "open")


async def test_retries_end_when_the_budget_is_spent(
    make_gateway: MakeGateway, provider: OpenIdProvider, start: Start, register: Register
) -> None:
    gateway = make_gateway(breaker_policy=PATIENT)
    service = await start(status=500)
    await register(service)
    for _ in range(100):
        await ask(gateway, provider.token())
    assert 100 + 20 <= len(service.seen) <= 100 + 20 + 100 * 0.2


async def test_only_the_roles_of_a_service_may_call_it(
    gateway: Gateway, provider: OpenIdProvider, start: Start, register: Register, state: TableState
) -> None:
    await register(await start())
    await Registry(state, []).configure(Service(name="content", roles=("teacher",)))
    assert (await ask(gateway, provider.token())).status == 403
    assert (await ask(gateway, provider.token(roles=["teacher"]))).status == 200


async def test_a_service_of_this_process_can_be_moved_out_by_registering_a_url(
    make_gateway: MakeGateway, provider: OpenIdProvider, start: Start, register: Register, state: TableState
) -> None:
    async def here(_: Request) -> Response:
        return Response(200, {"served_by": "here"})

    gateway = make_gateway(services=[InProcessService("content", [ServiceRoute("GET", "items", here)])])
    assert body_of(await ask(gateway, provider.token())) == {"served_by": "here"}
    await register(await start("there"))
    registry = Registry(state, ["content"])
    await registry.register(Instance(service="content", id=IN_PROCESS, weight=0))
    await refresh(gateway)
    answers = [body_of(await ask(gateway, provider.token())) for _ in range(5)]
    assert answers == [{"served_by": "there"}] * 5
    # its table of routes still holds
    assert (await ask(gateway, provider.token(), "unknown")).status == 404
    assert (await ask(gateway, provider.token(roles=["teacher"]))).status == 403


@pytest.mark.parametrize("path", ["../admin", "a/../../b", "a/./b", "a\\b", "a\nb", "x" * 3000])
async def test_a_path_cannot_leave_the_service(
    gateway: Gateway, provider: OpenIdProvider, start: Start, register: Register, path: str
) -> None:
    service = await start()
    await register(service)
    assert (await ask(gateway, provider.token(), path)).status == 404
    assert not service.seen


HOSTS = ("content.example.net", ".internal.example", "127.0.0.1")


@pytest.mark.parametrize(
    "url",
    [
        "http://content.example.net", "ftp://content.example.net", "https://user:pw@content.example.net",
        "https://content.example.net/?a=b", "https://content.example.net/#x", "https://evil.example",
        "https://evilinternal.example", "https://169.254.169.254/", "https://[::ffff:169.254.169.254]/",
        "https://0.0.0.0/", "//content.example.net", "content.example.net", "https://", "", "http://[::1",
    ],
)  # fmt: skip
def test_only_allowed_hosts_can_be_registered(url: str) -> None:
    with pytest.raises(Invalid):
        check_base(url, HOSTS)


def test_allowed_hosts_can_be_registered() -> None:
    for url in ("https://content.example.net/v2", "https://a.b.internal.example", "http://127.0.0.1:8000"):
        check_base(url, HOSTS)


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1", "0.0.0.0", "224.0.0.1", "::ffff:169.254.169.254"])
def test_no_name_may_resolve_to_where_no_service_is(address: str) -> None:
    assert is_forbidden(address, HOSTS)
    assert is_forbidden("127.0.0.1", ("content.example.net",))
    assert not is_forbidden("127.0.0.1", HOSTS)
    assert not is_forbidden("10.0.0.4", HOSTS)


def test_a_path_is_encoded_below_the_base() -> None:
    assert str(below("https://h/v2/", "/a b/c")) == "https://h/v2/a%20b/c"
    assert str(below("https://h", "")) == "https://h/"


async def test_probes_take_a_sick_instance_out_and_bring_it_back(
    gateway: Gateway, provider: OpenIdProvider, start: Start, register: Register, records: Records
) -> None:
    sick, well = await start("sick"), await start("well")
    await register(sick, well)
    sick.healthy = False
    for _ in range(2):
        await gateway.prober.round()
    await refresh(gateway)
    assert {body_of(await ask(gateway, provider.token()))["served_by"] for _ in range(10)} == {"well"}
    sick.healthy = True
    await gateway.prober.round()
    await refresh(gateway)
    answers = await asyncio.gather(*(ask(gateway, provider.token()) for _ in range(20)))
    assert {body_of(each)["served_by"] for each in answers} == {"sick", "well"}
    health = records.of("monitoring/api_performance/service_health_data")
    assert [(each["instance"], each["healthy"]) for each in health if each["instance"] == "sick"] == [
        ("sick", True),
        ("sick", False),
        ("sick", True),
    ]


async def test_every_call_leaves_a_routing_record(
    gateway: Gateway, provider: OpenIdProvider, start: Start, register: Register, records: Records
) -> None:
    await register(await start("failing", status=500))
    await ask(gateway, provider.token())
    routed = records.of("integration/api_gateway/service_routing_data")
    assert [(each["instance"], each["attempt"], each["outcome"]) for each in routed] == [
        ("failing", 1, "status-500"),
        ("failing", 2, "status-500"),
    ]
    assert len(records.of("monitoring/api_performance/load_balancing_metrics")) == 2
