"""CloudEvents over HTTP: the three content modes of the HTTP protocol binding 1.0.2 (cloudevents.io)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from shared_code.domain.errors import BadRequest, TooLarge
from shared_code.domain.json_text import NoJson, read_json

STRUCTURED = "application/cloudevents+json"
BATCHED = "application/cloudevents-batch+json"
BINARY = "application/json"  # data alone; the attributes are in headers
PREFIX = "ce-"
MOST = 100  # events of one batch

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")


def read_batch(body: bytes) -> list[Any]:
    """The events of a batch, unchecked. Raises BadRequest where it is no JSON array, TooLarge above MOST events."""
    events = _json(body)
    if not isinstance(events, list):
        raise BadRequest("A batch is a JSON array of events.", code="batch-malformed")
    if len(events) > MOST:
        raise TooLarge(f"{len(events)} events in a batch; at most {MOST} are taken.", extra={"max_events": MOST})
    return events


def read_structured(body: bytes) -> Any:
    """The one event of a structured body, unchecked."""
    return _json(body)


def read_binary(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """The event whose attributes are in `ce-` headers and whose data is the body; header names are lower case.

    Raises BadRequest where there are no such headers, or one is not UTF-8 once its percent-encoding is undone.
    """
    attributes = {name[len(PREFIX) :]: _value(value) for name, value in headers.items() if name.startswith(PREFIX)}
    if not attributes:
        raise BadRequest(
            f"Data alone takes its attributes in {PREFIX} headers; a whole event is {STRUCTURED}.", code="no-attributes"
        )
    return {**attributes, "datacontenttype": headers.get("content-type", BINARY), "data": _json(body)}


def _json(body: bytes) -> Any:
    if not body.strip():
        raise BadRequest("The body is empty; it should be JSON.", code="json-malformed")
    try:
        return read_json(body)
    except NoJson as fault:
        raise BadRequest(f"The body is {fault}.", code="json-malformed") from None


def _value(header: str) -> str:
    """An attribute as section 3.1.3.2 says: quotes and escapes undone, then the percent-encoding."""
    if quoted := _QUOTED.fullmatch(header.strip()):
        header = _ESCAPED.sub(r"\1", quoted[1])
    try:
        return unquote(header, errors="strict")
    except UnicodeDecodeError:
        raise BadRequest("A header of the event is not UTF-8.", code="attribute-malformed") from None
