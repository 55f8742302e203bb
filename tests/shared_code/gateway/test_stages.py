"""What each stage promises."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import uuid
from dataclasses import replace

import pytest

from shared_code.domain.errors import Conflict, FieldError, Invalid, MethodNotAllowed, RateLimited
from shared_code.gateway.gateway import Gateway
from shared_code.gateway.http import Request, Response
from shared_code.gateway.routes.about import LIVE
from shared_code.gateway.routes.sessions import START_SESSION, SUBMIT_ATTEMPT
from tests.shared_code.gateway.openid import OpenIdProvider
from tests.shared_code.gateway.records import Records
from tests.shared_code.gateway.requests import body_of, request, who

GIVEN = "0b8f6f0e-4d0f-4a7e-9f57-7a3d6d6f6a11"


async def test_a_failure_is_a_problem_document(gateway: Gateway) -> None:
    async def fails(_: Request) -> Response:
        raise Invalid("The body does not fit.", errors=[FieldError("/mode", "This member is missing.")])

    response = await gateway.handle(request(LIVE, headers={"x-correlation-id": GIVEN}), fails)
    assert (response.status, response.content_type) == (422, "application/problem+json")
    assert body_of(response) == {
        "type": "https://sayzhong.example/problems/invalid",
        "title": "Unprocessable Content",
        "status": 422,
        "detail": "The body does not fit.",
        "instance": "/api/health/live",
        "code": "invalid",
        "correlation_id": GIVEN,
        "errors": [{"pointer": "/mode", "detail": "This member is missing."}],
    }
    assert response.headers["X-Correlation-Id"] == GIVEN


async def test_a_conflict_says_where_things_stand(gateway: Gateway) -> None:
    async def fails(_: Request) -> Response:
        raise Conflict("Somebody else was faster.", extra={"current_version": 7})

    assert body_of(await gateway.handle(request(LIVE), fails))["current_version"] == 7


async def test_when_to_come_back_is_a_whole_number_of_seconds(gateway: Gateway) -> None:
    async def fails(_: Request) -> Response:
        raise RateLimited("Too many requests.", retry_after=1.2)

    assert (await gateway.handle(request(LIVE), fails)).headers["Retry-After"] == "2"


async def test_a_refused_method_names_the_allowed_ones(gateway: Gateway) -> None:
    async def fails(_: Request) -> Response:
        raise MethodNotAllowed("This takes GET, PUT.", extra={"allow": ["GET", "PUT"]})

    response = await gateway.handle(request(LIVE), fails)
    assert (response.status, response.headers["Allow"]) == (405, "GET, PUT")


async def test_g8_a_drivers_text_never_leaves(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    async def fails(_: Request) -> Response:
        raise RuntimeError("marker-of-the-driver at 10.0.0.7")

    with caplog.at_level(logging.ERROR):
        response = await gateway.handle(request(LIVE), fails)
    assert (response.status, body_of(response)["code"]) == (500, "internal")
    assert b"marker" not in response.payload()
    assert "gateway.unexpected" in caplog.text


async def test_an_answer_that_cannot_be_encoded_is_a_500(gateway: Gateway) -> None:
    async def answers(_: Request) -> Response:
        return Response(200, object())

    assert (await gateway.handle(request(LIVE), answers)).status == 500


async def test_a_correlation_id_is_taken_or_minted_and_always_answered(gateway: Gateway) -> None:
    given = await gateway.handle(request(LIVE, headers={"x-correlation-id": GIVEN.upper()}), who)
    assert given.headers["X-Correlation-Id"] == body_of(given)["correlation_id"] == GIVEN
    for wrong in ({}, {"x-correlation-id": "'; drop table --"}):
        minted = await gateway.handle(request(LIVE, headers=wrong), who)
        assert uuid.UUID(minted.headers["X-Correlation-Id"]).version == 7


@pytest.mark.parametrize(
    ("given", "continued"),
    [
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", True),
        ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-holds", True),
        ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", False),
        ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", False),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", False),
        ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", False),
        ("", False),
    ],
)
async def test_a_trace_is_continued(gateway: Gateway, given: str, continued: bool) -> None:
    seen = request(LIVE, headers={"traceparent": given})
    await gateway.handle(seen, who)
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", seen.traceparent)
    assert (seen.traceparent[3:35] == given[3:35]) is continued
    assert seen.traceparent[36:52] != given[36:52]


async def test_a_request_is_recorded_without_saying_who_or_what(
    gateway: Gateway, provider: OpenIdProvider, records: Records
) -> None:
    sent = request(SUBMIT_ATTEMPT, provider.token(), query={"text": "你好"}, body=b"RIFF mei@school.example")
    sent.headers["content-type"] = "audio/wav"
    sent.client_address = "203.0.113.9"
    await gateway.handle(sent, who)
    (access,) = records.of("integration/api_gateway/request_logs")
    (timing,) = records.of("monitoring/api_performance/request_response_times")
    assert access["route"] == timing["route"] == "POST /api/v1/sessions/{session_id}/attempts"
    assert (access["status"], access["code"], access["request_bytes"]) == (200, "ok", len(sent.body))
    assert access["correlation_id"] == sent.correlation_id
    assert access["ms"] == timing["ms"] >= 0
    written = json.dumps(records.written, ensure_ascii=False)
    for secret in ("mei", "你好", "RIFF", "203.0.113.9", "eyJ"):
        assert secret not in written


async def test_failures_and_cancellations_are_recorded_too(gateway: Gateway, records: Records) -> None:
    async def conflict(_: Request) -> Response:
        raise Conflict("Somebody else was faster.")

    async def bug(_: Request) -> Response:
        raise RuntimeError

    async def hang(_: Request) -> Response:
        await asyncio.sleep(60)
        return Response(204)

    await gateway.handle(request(LIVE), conflict)
    await gateway.handle(request(LIVE), bug)
    hanging = asyncio.create_task(gateway.handle(request(LIVE), hang))
    await asyncio.sleep(0)
    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)
    outcomes = [(r["status"], r["code"]) for r in records.of("integration/api_gateway/request_logs")]
    assert outcomes == [(409, "conflict"), (500, "internal"), (499, "cancelled")]


async def test_g7_a_slow_endpoint_is_answered_at_the_deadline(gateway: Gateway) -> None:
    async def slow(_: Request) -> Response:
        await asyncio.sleep(60)
        return Response(204)

    response = await gateway.handle(request(replace(LIVE, deadline=0.05)), slow)
    assert (response.status, body_of(response)["code"]) == (504, "deadline-exceeded")


async def test_somebody_elses_time_out_is_not_our_deadline(gateway: Gateway) -> None:
    async def fails(_: Request) -> Response:
        raise TimeoutError

    assert (await gateway.handle(request(LIVE), fails)).status == 500


async def test_a_body_that_is_too_large_or_of_another_type_is_refused(
    gateway: Gateway, provider: OpenIdProvider
) -> None:
    token = provider.token()
    large = request(START_SESSION, token, body=b" " * (START_SESSION.max_body + 1))
    large.headers["content-type"] = "application/json"
    assert (await gateway.handle(large, who)).status == 413
    for content_type in ("", "text/plain", "application/json2"):
        other = request(START_SESSION, token, body=b"{}", headers={"content-type": content_type})
        assert (await gateway.handle(other, who)).status == 415
    fits = request(START_SESSION, token, body=b"{}", headers={"content-type": "Application/JSON; charset=utf-8"})
    assert (await gateway.handle(fits, who)).status == 200


async def test_without_a_token_nothing_else_is_told(gateway: Gateway) -> None:
    """Not even that the body would have been refused."""
    large = request(START_SESSION, body=b"x" * (START_SESSION.max_body + 1))
    assert (await gateway.handle(large, who)).status == 401
