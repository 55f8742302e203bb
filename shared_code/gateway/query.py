"""The query's parameters: read strictly, like a body."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from shared_code.domain.errors import BadRequest
from shared_code.gateway.http import Request
from shared_code.gateway.openapi.operation import Query

LITERAL = re.compile(r"true|false|-?(0|[1-9]\d{0,15})(\.\d{1,15})?", re.ASCII)


def decode_query[T: Struct](request: Request, model: type[T]) -> T:
    """Read the query as this model, whose members all have defaults. Raises BadRequest, which names what is wrong."""
    return msgspec.convert(_typed(request.query, model), type=model)


def _typed(query: Mapping[str, str], model: type[Struct]) -> dict[str, Any]:
    """A query's values. A lax reader would do it too, but takes `null` for nothing and 7 for a time."""
    kinds = {field.encode_name: field.type for field in msgspec.structs.fields(model)}
    values: dict[str, Any] = {}
    for name, text in query.items():
        if name not in kinds:
            raise BadRequest(
                f"There is no parameter '{name}' here; there are {', '.join(kinds)}.", code="query-invalid"
            )
        try:
            values[name] = _read(text, kinds[name])
        except msgspec.ValidationError as error:
            raise BadRequest(f"'{name}' does not fit: {error}.", code="query-invalid") from None
    return values


def _read(text: str, kind: Any) -> Any:
    """A text as its kind: a number or a truth value only where the kind takes no text."""
    try:
        return msgspec.convert(text, type=kind)
    except msgspec.ValidationError:
        if not LITERAL.fullmatch(text):
            raise
        return msgspec.convert(msgspec.json.decode(text), type=kind)


def described(model: type[Struct]) -> list[Query]:
    """The parameters for the API's description; what their annotations say is their description."""
    return [
        Query(field.encode_name, field.type, str(_said(field.type)), required=field.required)
        for field in msgspec.structs.fields(model)
    ]


def _said(annotation: object) -> str:
    for meta in getattr(annotation, "__metadata__", ()):
        if isinstance(meta, msgspec.Meta) and meta.description:
            return meta.description
    return ""
