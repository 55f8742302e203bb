"""The description of the events, as the standard's own parser reads it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from shared_code.domain.events.catalogue import CATALOGUE
from shared_code.events.asyncapi import asyncapi
from shared_code.events.message import LARGE, body_of
from tests.shared_code.events.backbone import practised

SCRIPT = Path(__file__).with_name("validate_asyncapi.cjs")
ERROR, WARNING = 0, 1


def parsed(document: dict[str, Any]) -> dict[str, Any]:
    ran = subprocess.run(
        ["node", SCRIPT], input=msgspec.json.encode(document), capture_output=True, check=True, timeout=90
    )
    answer: dict[str, Any] = json.loads(ran.stdout)
    return answer


def test_the_parser_finds_every_event_and_no_fault() -> None:
    answer = parsed(asyncapi())
    assert [each for each in answer["found"] if each["severity"] in (ERROR, WARNING)] == []
    assert set(answer["messages"]) == {kind.name for kind in CATALOGUE}


def test_the_parser_would_find_a_fault() -> None:
    spoilt = asyncapi() | {"channels": {"a": {"address": 1}}}
    assert [each for each in parsed(spoilt)["found"] if each["severity"] == ERROR]


@pytest.mark.parametrize("filling", [0, LARGE])
def test_what_is_published_is_as_described(filling: int) -> None:
    """A large event too, whose message refers to its data."""
    event = practised("mei")
    event = msgspec.structs.replace(event, data={**event.data, "filling": "x" * filling})
    document = asyncapi()
    payload = document["components"]["messages"][event.type]["payload"] | {"components": document["components"]}
    body = json.loads(body_of(event))
    jsonschema.validate(body, payload)
    assert ("dataref" in body) == ("data" not in body) == (filling == LARGE)
