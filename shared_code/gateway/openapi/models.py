"""Schemas of the document in a few words of HTML, each model a table of its members."""

from __future__ import annotations

import json
from html import escape
from typing import Any


def model(name: str, schema: dict[str, Any]) -> str:
    """A model with its members."""
    required = schema.get("required", ())
    members = "".join(
        f"<tr><td><code>{escape(member)}</code></td><td>{kind(of)}</td>"
        f"<td>{_need(of, required=member in required)}</td><td>{escape(of.get('description', ''))}</td></tr>"
        for member, of in schema.get("properties", {}).items()
    )
    content = f"<table>{members}</table>" if members else f"<p>{kind(schema)}</p>"
    return (
        f'<article id="model-{escape(name)}"><p><b>{escape(name)}</b></p>'
        f"<p>{escape(schema.get('description', ''))}</p>{content}</article>"
    )


def kind(schema: Any) -> str:
    """What a value is, as HTML: a link to a model, the values that there are, or the type."""
    match schema:
        case {"$ref": str(reference)}:
            name = escape(reference.rpartition("/")[2])
            return f'<a href="#model-{name}">{name}</a>'
        case {"anyOf": list(choices)} | {"oneOf": list(choices)}:
            return " or ".join(dict.fromkeys(map(kind, choices)))
        case {"enum": list(values)}:
            return " or ".join(f"<code>{escape(json.dumps(value, ensure_ascii=False))}</code>" for value in values)
        case {"const": value}:
            return f"<code>{escape(json.dumps(value, ensure_ascii=False))}</code>"
        case {"type": "array", "items": dict(items)}:
            return f"list of {kind(items)}"
        case {"type": "object", "additionalProperties": dict(values)} if "properties" not in schema:
            return f"object of {kind(values)}"
        case {"type": str(name)}:
            return escape(f"{name} ({schema['format']})" if "format" in schema else name)
        case {"type": list(names)}:
            return escape(" or ".join(names))
        case _:
            return "anything"


def _need(schema: dict[str, Any], *, required: bool) -> str:
    if required:
        return "required"
    return f"default {escape(json.dumps(schema['default'], ensure_ascii=False))}" if "default" in schema else ""
