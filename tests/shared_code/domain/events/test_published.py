"""Events as they were once published are read for ever (E5)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from shared_code.domain.events.catalogue import CATALOGUE, EventType
from shared_code.domain.events.decoding import decode
from shared_code.domain.events.schemas import schema_of

FILES = sorted(Path(__file__).parent.glob("published/*.json"))
SPOILT: tuple[Any, ...] = (None, True, -1, 0.5, "", "x y", "ok", [], {}, [{}], 10**6)
NOW = datetime(2026, 11, 25, tzinfo=UTC)


def published(kind: EventType) -> dict[str, Any]:
    path = Path(__file__).parent / "published" / f"{kind.name}.json"
    members: dict[str, Any] = json.loads(path.read_text())
    return members


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_published_event_is_read_whole(path: Path) -> None:
    members = json.loads(path.read_text())
    decoded = decode(path.read_bytes(), received_at=NOW)
    assert json.loads(decoded.event.encode()) == members
    assert decoded.type.name == members["type"]
    written = json.loads(msgspec.json.encode(decoded.data))
    assert {name: written[name] for name in members["data"]} == json.loads(
        msgspec.json.encode(msgspec.convert(members["data"], decoded.type.data))
    )


@pytest.mark.parametrize("kind", CATALOGUE, ids=lambda kind: kind.name)
def test_every_type_has_an_event_on_file_that_shows_every_member(kind: EventType) -> None:
    assert set(published(kind)["data"]) == {field.name for field in msgspec.structs.fields(kind.data)}


@pytest.mark.parametrize("kind", CATALOGUE, ids=lambda kind: kind.name)
def test_schema_and_model_take_the_same_events(kind: EventType) -> None:
    """Every member left out or spoilt: what the schema refuses the model refuses, and the other way round."""
    schema = schema_of(kind)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    whole = published(kind)["data"]
    variants: list[dict[str, Any]] = [whole, whole | {"added_later": {"by": "others"}}]
    for name in whole:
        variants.append({other: value for other, value in whole.items() if other != name})
        variants += [whole | {name: spoilt} for spoilt in SPOILT]
    for data in variants:
        try:
            msgspec.convert(data, kind.data)
            taken = True
        except msgspec.ValidationError:
            taken = False
        assert validator.is_valid(data) == taken, data
