"""Schemas closed at their open ends: what a model leaves unbounded is bounded by what can get in or out at all.

A JSON body has 64 KiB at most and a text in storage as many bytes, so no text and no list is longer than that; integers
are those that every JSON reader keeps exact (RFC 7493, section 2.2).
"""

from __future__ import annotations

from typing import Any

LONGEST = 65_536  # characters of a text, members of a list
EXACT = 2**53 - 1
INT32 = 2**31 - 1
ONE, SOME, NAMED = (
    ("items", "additionalProperties", "propertyNames"),
    ("anyOf", "allOf", "oneOf", "prefixItems"),
    ("properties", "patternProperties"),
)


def closed(schema: Any, longest: int = LONGEST) -> Any:
    """The schema, with bounds for texts, lists and integers that have none, and patterns that ECMAScript reads."""
    if not isinstance(schema, dict):  # true and false are schemas too
        return schema
    made = {**schema, **_bounds(schema, longest)}
    if isinstance(pattern := schema.get("pattern"), str):
        made["pattern"] = pattern.replace(r"\Z", "$")  # where ours is Python's alone
    for key in ONE:
        if key in made:
            made[key] = closed(made[key], longest)
    for key in SOME:
        if key in made:
            made[key] = [closed(each, longest) for each in made[key]]
    for key in NAMED:
        if key in made:
            made[key] = {name: closed(each, longest) for name, each in made[key].items()}
    return made


def _bounds(schema: dict[str, Any], longest: int) -> dict[str, Any]:
    fixed = "enum" in schema or "const" in schema
    match schema.get("type"):
        case "string" if not fixed:
            return {"maxLength": schema.get("maxLength", longest)}
        case "array":
            return {"maxItems": schema.get("maxItems", longest)}
        case "integer" if not fixed:
            return _of_integer(schema)
    return {}


def _of_integer(schema: dict[str, Any]) -> dict[str, Any]:
    least = schema.get("minimum", schema.get("exclusiveMinimum", -EXACT))
    most = schema.get("maximum", schema.get("exclusiveMaximum", EXACT))
    bounds: dict[str, Any] = {"format": "int32" if least >= -INT32 and most <= INT32 else "int64"}
    if "exclusiveMinimum" not in schema:
        bounds["minimum"] = least
    if "exclusiveMaximum" not in schema:
        bounds["maximum"] = most
    return bounds
