"""What is left of an event once its learner is erased."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from shared_code.domain.events.catalogue import find
from shared_code.domain.events.envelope import CloudEvent
from shared_code.domain.events.personal import is_personal, without_personal

FILES = sorted(Path(__file__).parent.glob("published/*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_fits_its_schema_and_says_nothing_about_anybody(path: Path) -> None:
    event = msgspec.json.decode(path.read_bytes(), type=CloudEvent)
    added = msgspec.structs.replace(event, data={**event.data, "remark": "Mei says 早上好"})
    left = without_personal(added)
    kind = find(event.type)
    assert kind is not None
    msgspec.convert(left.data, kind.data)
    assert (left.id, left.type, left.correlationid) == (event.id, event.type, event.correlationid)
    written = left.encode().decode()
    assert event.subject not in written
    assert "remark" not in written
    assert [each for each in written if "㐀" <= each <= "鿿"] == []


def test_words_are_replaced_and_figures_stay() -> None:
    path = Path(__file__).parent / "published" / "sayzhong.learning.progress-recorded.v1.json"
    event = msgspec.json.decode(path.read_bytes(), type=CloudEvent)
    (before, *_), (after, *_) = event.data["items"], without_personal(event).data["items"]
    assert (after["hanzi"], after["pinyin"]) == ("〇", "erased")
    assert {**after, "hanzi": before["hanzi"], "pinyin": before["pinyin"]} == before


def test_an_event_of_a_type_that_is_not_known_here_keeps_its_envelope_alone() -> None:
    event = CloudEvent(
        id="1", source="/mei", type="other", subject="mei", time="2026-01-01T00:00:00Z", correlationid="c",
        tenantid="t", data={"remark": "早"},
    )  # fmt: skip
    assert is_personal(event)
    assert "mei" not in json.dumps(msgspec.to_builtins(without_personal(event)))
    assert without_personal(event).data == {}
