"""Events of other systems: each accepted or refused by itself, stored before it is published, and once."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from shared_code.domain.clock import utc_now
from shared_code.domain.events.envelope import MAX_EVENT_BYTES
from shared_code.domain.principal import Principal
from shared_code.events.intake import Intake, Outcome
from tests.shared_code.events.backbone import Backbone, stream_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

CORRELATION = str(uuid.uuid4())
PRACTISED = "sayzhong.learning.progress-recorded.v1"
STARTED = "sayzhong.session.started.v1"


def caller(*scopes: str, roles: tuple[str, ...] = ()) -> Principal:
    return Principal("partner", "sayzhong", "p" * 26, frozenset(roles), frozenset(scopes))


SERVICE = caller(roles=("service",))


def written(subject: str, **members: Any) -> dict[str, Any]:
    item = {"hanzi": "你", "pinyin": "nǐ", "expected": 3, "heard": 2, "error": "tone"}
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": "/school/gradebook",
        "type": PRACTISED,
        "subject": subject,
        "data": {"attempt_id": "attempt-1", "items": [item]},
        **members,
    }


async def accept(
    backbone: Backbone, *events: Any, by: Principal = SERVICE, correlation_id: str = CORRELATION
) -> list[Outcome]:
    return await Intake(backbone.journal, stream_of, utc_now).accept(events, by, correlation_id)


def codes(outcomes: list[Outcome]) -> list[str | None]:
    return [outcome.failure.code if outcome.failure else None for outcome in outcomes]


async def test_an_accepted_event_is_stored_under_the_requests_correlation_id(backbone: Backbone, learner: str) -> None:
    event = written(learner)
    assert codes(await accept(backbone, event)) == [None]
    stored = await backbone.store.find(stream_of("sayzhong", learner), event["id"])
    assert stored is not None
    assert (stored.event.correlationid, stored.event.tenantid) == (CORRELATION, "sayzhong")
    assert stored.event.data == event["data"]
    assert await backbone.pending.of_stream(stored.stream) == []  # published


async def test_events_of_a_batch_succeed_and_fail_by_themselves_and_keep_their_order(
    backbone: Backbone, learner: str
) -> None:
    right = [written(learner) for _ in range(60)]  # more than one append takes
    wrong = [
        "no object",
        written(learner, type="sayzhong.unknown.v1"),
        written(learner, data={"attempt_id": "attempt-1", "items": []}),
        written(learner, tenantid="another"),
        written(learner, data={"attempt_id": "a", "items": [], "note": "x" * MAX_EVENT_BYTES}),
    ]
    outcomes = await accept(backbone, *right[:30], *wrong, *right[30:])
    assert codes(outcomes) == [None] * 30 + ["invalid", "invalid", "invalid", "invalid", "too-large"] + [None] * 30
    kept = [each.event.id async for each in backbone.store.read(stream_of("sayzhong", learner))]
    assert kept == [event["id"] for event in right]


async def test_the_same_event_again_is_accepted_and_stored_once(backbone: Backbone, learner: str) -> None:
    event = written(learner)
    assert codes(await accept(backbone, event, event)) == [None, None]
    assert codes(await accept(backbone, event)) == [None]
    assert (await backbone.store.head(stream_of("sayzhong", learner))).version == 1


async def test_another_event_under_the_same_id_is_a_conflict(backbone: Backbone, learner: str) -> None:
    event = written(learner)
    other = event | {"source": "/school/somewhere-else"}
    assert codes(await accept(backbone, event, other)) == [None, "event-id-taken"]
    assert codes(await accept(backbone, other)) == ["event-id-taken"]


async def test_what_is_sent_again_after_its_learner_was_erased_is_accepted_and_stays_erased(
    backbone: Backbone, learner: str
) -> None:
    event, stream = written(learner), stream_of("sayzhong", learner)
    await accept(backbone, event)
    await backbone.keys.erase(stream)
    assert codes(await accept(backbone, event)) == [None]
    (stored,) = [each async for each in backbone.store.read(stream)]
    assert stored.erased


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (caller("events.write"), [None, None]),
        (caller("events.write.learning.progress-recorded"), [None, "scope-missing"]),
        (caller("events.write.session.started"), ["scope-missing", None]),
        (caller("events.write.session"), ["scope-missing", "scope-missing"]),
        (caller(roles=("operator",)), ["scope-missing", "scope-missing"]),
    ],
)
async def test_a_scope_allows_its_type(
    backbone: Backbone, learner: str, by: Principal, expected: list[str | None]
) -> None:
    session = {"session_id": str(uuid.uuid4()), "mode": "practice"}
    events = [written(learner), written(learner, type=STARTED, data=session)]
    assert codes(await accept(backbone, *events, by=by)) == expected
