"""What a model leaves open is bounded in the API's description."""

from __future__ import annotations

from typing import Any

import pytest

from shared_code.gateway.openapi.closing import EXACT, LONGEST, closed


@pytest.mark.parametrize(
    ("given", "described"),
    [
        ({"type": "string"}, {"type": "string", "maxLength": LONGEST}),
        ({"type": "string", "maxLength": 7}, {"type": "string", "maxLength": 7}),
        ({"type": "string", "enum": ["a"]}, {"type": "string", "enum": ["a"]}),
        ({"type": "array"}, {"type": "array", "maxItems": LONGEST}),
        ({"type": "integer"}, {"type": "integer", "format": "int64", "minimum": -EXACT, "maximum": EXACT}),
        (
            {"type": "integer", "exclusiveMinimum": 0, "maximum": 9},
            {"type": "integer", "format": "int32", "exclusiveMinimum": 0, "maximum": 9},
        ),
        ({"enum": [1, 2]}, {"enum": [1, 2]}),
        (True, True),
    ],
)
def test_open_ends_are_closed_and_what_is_bounded_stays(given: Any, described: Any) -> None:
    assert closed(given) == described


def test_it_reaches_into_every_corner_but_not_into_values() -> None:
    text, bounded = {"type": "string"}, {"type": "string", "maxLength": LONGEST}
    schema = {
        "properties": {"type": text, "default": {"anyOf": [text, {"type": "null"}]}},
        "additionalProperties": text,
        "default": text,
    }
    assert closed(schema) == {
        "properties": {"type": bounded, "default": {"anyOf": [bounded, {"type": "null"}]}},
        "additionalProperties": bounded,
        "default": text,
    }


def test_an_end_that_only_python_knows_becomes_everybodys() -> None:
    assert closed({"type": "string", "pattern": r"^[a-z]{1,9}\Z"})["pattern"] == "^[a-z]{1,9}$"
