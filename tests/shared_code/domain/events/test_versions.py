"""A second version beside a first: what was written as the first is read as the second."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from msgspec import Struct

from shared_code.domain.events.catalogue import CATALOGUE, EventType
from shared_code.domain.events.envelope import CloudEvent
from shared_code.domain.events.schemas import schema_of
from shared_code.domain.events.versions import VERSIONS, Versions

SCHEMAS = Path(__file__).parent / "published" / "schemas"


class RestedV1(Struct, frozen=True, kw_only=True):
    minutes: int


class RestedV2(Struct, frozen=True, kw_only=True):
    seconds: int
    place: str | None


class RestedV3(Struct, frozen=True, kw_only=True):
    seconds: int
    places: tuple[str, ...]


def second(rested: RestedV1) -> RestedV2:
    return RestedV2(seconds=rested.minutes * 60, place=None)


def third(rested: RestedV2) -> RestedV3:
    return RestedV3(seconds=rested.seconds, places=(rested.place,) if rested.place else ())


V1 = EventType("sayzhong.learner.rested.v1", "interaction", "interaction", RestedV1, upcast=second)
V2 = EventType("sayzhong.learner.rested.v2", "interaction", "interaction", RestedV2, upcast=third)
V3 = EventType("sayzhong.learner.rested.v3", "interaction", "interaction", RestedV3)


def event(kind: EventType, data: Struct) -> CloudEvent:
    return CloudEvent(
        id="1", source="/s", type=kind.name, subject="mei", time="2026-01-01T00:00:00Z", correlationid="c",
        tenantid="t", data=msgspec.to_builtins(data),
    )  # fmt: skip


def test_each_version_is_read_as_the_newest() -> None:
    versions = Versions([V1, V2, V3])
    assert versions.read(event(V1, RestedV1(minutes=2))) == RestedV3(seconds=120, places=())
    assert versions.read(event(V2, RestedV2(seconds=9, place="park"))) == RestedV3(seconds=9, places=("park",))
    newest = RestedV3(seconds=1, places=("a", "b"))
    assert versions.read(event(V3, newest)) == newest
    assert {versions.newest(kind) for kind in (V1, V2, V3)} == {V3}
    assert all(versions.carries(event(kind, RestedV1(minutes=1)), RestedV3) for kind in (V1, V2, V3))
    assert not versions.carries(event(V1, RestedV1(minutes=1)), RestedV1)


@pytest.mark.parametrize(
    ("types", "fault"), [([V1], "upcast"), ([V1, V3], "upcast"), ([V3], "no version before"), ([V2, V3], "no version")]
)
def test_a_catalogue_with_a_gap_is_not_loaded(types: list[EventType], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        Versions(types)


def test_a_type_that_is_not_known_is_no_model_s() -> None:
    assert not VERSIONS.carries(event(V1, RestedV1(minutes=1)), RestedV3)


def test_a_published_schema_is_never_changed() -> None:
    """What was published under a version stays as it was: a change is a new version, with an upcast from this one.

    For a new type or version write its file: msgspec.json.format(msgspec.json.encode(schema_of(kind))).
    """
    published = {path.stem: json.loads(path.read_text()) for path in SCHEMAS.glob("*.json")}
    assert set(published) == {kind.name for kind in CATALOGUE}
    for kind in CATALOGUE:
        assert json.loads(json.dumps(schema_of(kind))) == published[kind.name], kind.name
