from __future__ import annotations

import re
from datetime import UTC, datetime

import msgspec
import pytest

from shared_code.domain.events.catalogue import CATALOGUE, TOPICS, EventType, event_of, find
from shared_code.domain.events.interaction import SessionStarted
from shared_code.domain.events.learning import PractisedItem, ProgressRecorded

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize("kind", CATALOGUE, ids=lambda kind: kind.name)
def test_a_type_is_named_for_its_version_and_found_by_its_name(kind: EventType) -> None:
    assert re.fullmatch(r"sayzhong\.[a-z]+\.[a-z-]+\.v[1-9]", kind.name)
    assert find(kind.name) is kind


def test_no_two_types_share_a_name_or_a_model() -> None:
    assert len({kind.name for kind in CATALOGUE}) == len(CATALOGUE) == len({kind.data for kind in CATALOGUE})


def test_topics_are_the_contract_s() -> None:
    assert set(TOPICS) == {
        "learning-progress",
        "content",
        "assessment",
        "experiment",
        "interaction",
        "effectiveness",
        "planning",
        "notification",
    }


def test_an_event_is_made_from_its_data_alone() -> None:
    data = SessionStarted(session_id="s-1", mode="practice")
    event = event_of(data, subject="mei", tenant="t", correlation_id="c", now=NOW, causation_id="before")
    assert (event.type, event.source) == ("sayzhong.session.started.v1", "/sayzhong/interaction")
    assert (event.subject, event.tenantid, event.correlationid, event.causationid) == ("mei", "t", "c", "before")
    assert event.time == "2026-11-25T12:00:00.000Z"
    assert event.id[14] == "7"
    assert msgspec.convert(event.data, SessionStarted) == data


def test_an_event_of_ours_that_breaks_its_schema_is_never_made() -> None:
    item = PractisedItem(hanzi="你", pinyin="nǐ", expected=6)
    with pytest.raises(ValueError, match="expected"):
        event_of(
            ProgressRecorded(attempt_id="a", items=(item,)), subject="mei", tenant="t", correlation_id="c", now=NOW
        )
