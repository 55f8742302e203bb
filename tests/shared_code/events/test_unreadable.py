"""A parked event that cannot be read any more is a dead letter without a word of it; others have their turn."""

from __future__ import annotations

import json
import uuid
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from shared_code.domain.errors import Conflict, Invalid, Unavailable
from shared_code.domain.principal import Principal
from shared_code.events.archive import PAYLOADS
from shared_code.events.letter import Letter, Selection
from shared_code.events.message import IncomingMessage
from shared_code.storage.rows import Row
from tests.shared_code.events.backbone import Backbone, practised, stream_of
from tests.shared_code.events.receiving import receive_dead_letters
from tests.shared_code.events.test_parking import Handler, consume, impatient, line_of

pytestmark = pytest.mark.asyncio(loop_scope="session")
OPERATOR = Principal(id="op", tenant="sayzhong", pseudonym="operators-pseudonym", roles=frozenset({"operator"}))
REMARK = "what a learner said"


async def parked(backbone: Backbone, learner: str, *, length: int = 1) -> list[str]:
    """Two events of a learner, the first one failing, the other one behind it; their ids."""
    first = practised(learner, "a-1")
    events = [replace(first, data={**first.data, "remark": REMARK * length}), practised(learner, "a-2")]
    await backbone.journal.record(stream_of("sayzhong", learner), events)
    failing = Handler({first.id: (Unavailable("down"), 99)})
    for each in events:
        message = IncomingMessage(body=each.encode(), message_id=each.id, session_id=learner)
        await consume(backbone, message, failing)
    return [each.id for each in events]


async def change_row(backbone: Backbone, stream: str, **values: Any) -> Row:
    """Change the row of a stream's first event by hand; how it was."""
    table = backbone.tables.table("events")
    row = await table.get(stream, "e0000000001")
    assert row is not None
    await table.put(Row(stream, row.key, {**row.values, **values}))
    return row


async def letter_of(backbone: Backbone, event_id: str) -> Letter:
    found = [each async for each in backbone.letters.summaries("sayzhong", Selection()) if each.event_id == event_id]
    assert len(found) == 1
    return await backbone.letters.open("sayzhong", found[0].id)


async def test_an_event_whose_row_was_changed_is_a_dead_letter_and_nothing_behind_it_stalls(
    backbone: Backbone, servicebus: str, learner: str, stream: str
) -> None:
    ids = await parked(backbone, learner)
    await change_row(backbone, stream, sealed=b"not sealed")
    handler = Handler()
    await impatient(backbone).work(line_of(learner), handler)

    assert handler.handled == ids[1:]
    assert await backbone.parking.head(line_of(learner)) is None
    letter = await letter_of(backbone, ids[0])
    assert (letter.summary.reason, letter.summary.learner) == ("rejected", stream)
    assert letter.summary.type == "sayzhong.learning.progress-recorded.v1"
    assert (letter.body, letter.erased) == (b"", False)
    assert letter.description == "The event cannot be read any more: seal-broken"
    (message,) = await receive_dead_letters(servicebus, stream, count=1)
    assert (message.message_id, message.body) == (f"{ids[0]}:progress", b"")
    assert message.properties["DeadLetterReason"] == "rejected"
    said = repr(msgspec.to_builtins(letter)) + repr(message)
    assert learner not in said
    assert REMARK not in said


@pytest.mark.parametrize("values", [{"body": b"nothing"}, {"body": "text"}])
async def test_an_event_of_which_nothing_can_be_read_is_its_tenants_dead_letter(
    backbone: Backbone, learner: str, stream: str, values: dict[str, Any]
) -> None:
    ids = await parked(backbone, learner)
    before = await change_row(backbone, stream, **values)
    handler = Handler()
    await impatient(backbone).work(line_of(learner), handler)
    assert handler.handled == ids[1:]
    letter = await letter_of(backbone, ids[0])
    assert (letter.summary.type, letter.summary.learner, letter.body) == ("", stream, b"")
    await backbone.tables.table("events").put(before)  # it would fail in every round of the archive


async def test_an_event_whose_row_is_gone_is_a_dead_letter(backbone: Backbone, learner: str, stream: str) -> None:
    ids = await parked(backbone, learner)
    await backbone.tables.table("events").delete(stream, "e0000000001")
    handler = Handler()
    await impatient(backbone).work(line_of(learner), handler)
    assert handler.handled == ids[1:]
    assert (await letter_of(backbone, ids[0])).description.endswith("events-missing")


async def test_an_event_whose_payload_is_lost_is_tried_again_before_it_is_a_dead_letter(
    backbone: Backbone, learner: str, stream: str
) -> None:
    ids = await parked(backbone, learner, length=4000)
    await backbone.blobs.delete(PAYLOADS, f"{stream}/{ids[0]}")
    handler = Handler()
    await impatient(backbone).work(line_of(learner), handler)
    assert handler.handled == ids[1:]
    letter = await letter_of(backbone, ids[0])
    assert (letter.summary.reason, letter.summary.delivery_count, letter.body) == ("rejected", 4, b"")


async def test_what_another_system_sent_is_in_its_dead_letter(backbone: Backbone, learner: str, stream: str) -> None:
    event = {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": "/partner/app",
        "type": "sayzhong.learning.progress-recorded.v1",
        "subject": learner,
        "data": {"attempt_id": "a-1", "items": [{"hanzi": "你", "pinyin": "ni3", "expected": 3}]},
    }
    body = json.dumps(event).encode()
    await consume(backbone, IncomingMessage(body=body), Handler({str(event["id"]): (Unavailable("down"), 99)}))
    await change_row(backbone, stream, sealed=b"not sealed")
    await impatient(backbone).work(line_of(learner), Handler())
    letter = await letter_of(backbone, str(event["id"]))
    assert (letter.body, letter.summary.learner, letter.session_id) == (body, stream, learner)


async def test_a_parked_body_that_was_changed_gives_way_to_what_the_store_has(
    backbone: Backbone, learner: str, stream: str
) -> None:
    ids = await parked(backbone, learner)
    table = backbone.tables.table("parked")
    (row,) = [each async for each in table.rows(line_of(learner).key, start="m", end="m0000000002")]
    await table.put(Row(row.partition, row.key, {**row.values, "body": b"not sealed"}))
    handler = Handler()
    await impatient(backbone).work(line_of(learner), handler)
    assert handler.handled == ids


async def test_an_unreadable_letter_is_neither_redriven_nor_edited_but_can_be_discarded(
    backbone: Backbone, servicebus: str, learner: str, stream: str
) -> None:
    ids = await parked(backbone, learner)
    await change_row(backbone, stream, sealed=b"not sealed")
    await impatient(backbone).work(line_of(learner), Handler())
    letter = await letter_of(backbone, ids[0])
    outcome = await backbone.redrive.redrive("sayzhong", [letter], by="op")
    ((refused, fault),) = outcome.refused
    assert isinstance(fault, Invalid)
    assert (refused, fault.code, outcome.accepted) == (letter, "letter-empty", [])
    with pytest.raises(Conflict):
        await backbone.mending.mend(letter, msgspec.to_builtins(practised(learner)), OPERATOR)

    assert await letter_of(backbone, ids[0]) == letter
    await backbone.redrive.discard("sayzhong", letter, by="op", why="of-no-use")
    assert await receive_dead_letters(servicebus, stream, count=1, wait=1) == []
    assert [each async for each in backbone.letters.summaries("sayzhong", Selection()) if each.learner == stream] == []
