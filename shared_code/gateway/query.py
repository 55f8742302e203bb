"""The query's parameters: read strictly, like a body."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from shared_code.domain.errors import BadRequest
from shared_code.gateway.http import Request
from shared_code.gateway.openapi.operation import Query


def decode_query[T: Struct](request: Request, model: type[T]) -> T:
    """Read the query as this model, whose members all have defaults. Raises BadRequest, which names what is wrong."""
    try:
        return msgspec.convert(dict(request.query), type=model, strict=False)  # text to numbers, as URLs have them
    except msgspec.ValidationError as error:
        raise BadRequest(f"The query does not fit: {error}.", code="query-invalid") from None


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
