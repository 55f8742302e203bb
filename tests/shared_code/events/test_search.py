"""Stored events are found by learner, by correlation id and by type and time, a page at a time."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared_code.domain.clock import utc_now
from shared_code.domain.errors import BadRequest
from shared_code.domain.events.catalogue import event_of
from shared_code.domain.events.content import ContentUpdated
from shared_code.domain.events.decoding import decode
from shared_code.domain.events.envelope import CloudEvent
from shared_code.events.search import EventSearch, Page, Wanted
from tests.shared_code.events.backbone import Backbone, practised, stream_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

PRACTISED = "sayzhong.learning.progress-recorded.v1"
OURS = Wanted(sees="sayzhong".__eq__)


def search(backbone: Backbone) -> EventSearch:
    return EventSearch(backbone.store, backbone.timeline)


def changed(event: CloudEvent, **members: Any) -> CloudEvent:
    return CloudEvent(**{name: getattr(event, name) for name in event.__struct_fields__} | members)


async def keep(backbone: Backbone, *events: CloudEvent) -> None:
    for event in events:
        await backbone.journal.record(stream_of(event.tenantid, event.subject), [event])


def ids(page: Page) -> list[str]:
    return [stored.event.id for stored in page.events]


async def pages(find: Any, limit: int) -> list[list[str]]:
    """All pages of a search, by following `next`."""
    found, after = [], ""
    while True:
        page = await find(after=after, limit=limit)
        found.append(ids(page))
        if page.next is None:
            return found
        after = page.next


async def test_a_learners_events_come_in_their_order_page_by_page(backbone: Backbone, learner: str) -> None:
    events = [practised(learner) for _ in range(5)]
    await keep(backbone, *events)
    stream = stream_of("sayzhong", learner)
    wanted = [event.id for event in events]

    async def find(after: str, limit: int) -> Page:
        return await search(backbone).of_stream(stream, OURS, after=after, limit=limit)

    assert await pages(find, 2) == [wanted[:2], wanted[2:4], wanted[4:]]
    assert await pages(find, 5) == [wanted]
    other = await search(backbone).of_stream(stream, Wanted(sees="another".__eq__), after="", limit=9)
    assert (ids(other), other.next) == ([], None)


async def test_a_page_of_a_learner_is_narrowed_by_type_and_time(backbone: Backbone, learner: str) -> None:
    noon = datetime.fromisoformat("2026-03-01T12:00:00Z")
    events = [changed(practised(learner), time=f"2026-03-01T{hour}:00:00.000Z") for hour in (11, 12, 13)]
    await keep(backbone, *events)

    async def narrowed(wanted: Wanted) -> list[str]:
        return ids(await search(backbone).of_stream(stream_of("sayzhong", learner), wanted, after="", limit=9))

    hour = Wanted(sees=lambda _: True, start=noon, end=noon + timedelta(hours=1))
    assert await narrowed(hour) == [events[1].id]
    assert await narrowed(Wanted(sees=lambda _: True, type=PRACTISED, start=noon)) == [events[1].id, events[2].id]
    assert await narrowed(Wanted(sees=lambda _: True, type="sayzhong.session.started.v1")) == []


async def test_what_a_request_led_to_is_found_across_learners(backbone: Backbone, learner: str) -> None:
    cause = practised(learner)
    effects = [
        changed(practised(f"{learner}-{number}"), correlationid=cause.correlationid, causationid=cause.id)
        for number in range(3)
    ]
    await keep(backbone, cause, *effects)

    async def find(after: str, limit: int) -> Page:
        return await search(backbone).of_correlation(cause.correlationid, OURS, after=after, limit=limit)

    found = await pages(find, 3)
    assert [len(page) for page in found] == [3, 1]
    assert {event_id for page in found for event_id in page} == {cause.id, *(effect.id for effect in effects)}


async def test_a_types_events_are_found_by_time_across_days(backbone: Backbone) -> None:
    item, base = f"item-{uuid.uuid4().hex[:8]}", datetime.fromisoformat("2026-02-27T23:30:00Z")
    events = []
    for number in range(6):  # 23:30, 00:00, 00:30 …
        moment = base + timedelta(minutes=30 * number)
        event = event_of(
            ContentUpdated(content_id=item, version=number + 1, change="revised"),
            subject=item, tenant="sayzhong", correlation_id=str(uuid.uuid4()), now=moment,
        )  # fmt: skip
        events.append(event)
    await keep(backbone, *reversed(events))
    span = Wanted(sees="sayzhong".__eq__, start=base, end=base + timedelta(minutes=150))

    async def find(after: str, limit: int) -> Page:
        return await search(backbone).of_type("sayzhong.content.updated.v1", span, after=after, limit=limit)

    assert await pages(find, 2) == [[e.id for e in events[:2]], [e.id for e in events[2:4]], [events[4].id]]
    other = Wanted(sees="another".__eq__, start=base, end=utc_now())
    assert ids(await search(backbone).of_type("sayzhong.content.updated.v1", other, after="", limit=9)) == []


async def test_what_another_system_published_is_found_by_type(backbone: Backbone, learner: str) -> None:
    event = changed(practised(learner), time="2026-01-05T08:00:00.000Z")
    await backbone.handling.kept(decode(event.encode(), received_at=utc_now()), stream_of("sayzhong", learner))
    day = Wanted(
        sees="sayzhong".__eq__,
        start=datetime.fromisoformat("2026-01-05T00:00:00Z"),
        end=datetime.fromisoformat("2026-01-06T00:00:00Z"),
    )
    assert event.id in ids(await search(backbone).of_type(PRACTISED, day, after="", limit=500))


async def test_an_after_that_no_page_said_is_refused(backbone: Backbone, learner: str) -> None:
    day = Wanted(sees=lambda _: True, start=utc_now() - timedelta(days=1), end=utc_now())
    for after in ("zzz", "2026-99-01"):
        with pytest.raises(BadRequest):
            await search(backbone).of_type(PRACTISED, day, after=after, limit=9)
    for after in ("zzz", "-1", "١"):
        with pytest.raises(BadRequest):
            await search(backbone).of_stream(stream_of("sayzhong", learner), OURS, after=after, limit=9)
        with pytest.raises(BadRequest):
            await search(backbone).of_correlation(str(uuid.uuid4()), OURS, after=after, limit=9)
