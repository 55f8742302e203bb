"""Reading an event that may come from anybody: envelope and data checked, every fault named by its JSON Pointer."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from shared_code.domain.clock import rfc3339
from shared_code.domain.errors import FieldError, Invalid, TooLarge
from shared_code.domain.events.catalogue import EventType, find
from shared_code.domain.events.envelope import MAX_EVENT_BYTES, CloudEvent
from shared_code.domain.events.fields import Identifier, Moment
from shared_code.domain.events.versions import VERSIONS
from shared_code.domain.json_text import NoJson, read_json

DEFAULT_TENANT = "sayzhong"

_ATTRIBUTE_NAME = re.compile(r"[a-z0-9]+")
_VERSION = re.compile(r"(.+)\.v[0-9]+")
_Text = Annotated[str, Meta(min_length=1, max_length=256)]
_Person = Annotated[str, Meta(min_length=1, max_length=128)]  # 128 characters: the limit of a Service Bus session id


class DecodedEvent(Struct, frozen=True, kw_only=True):
    """An event whose envelope and data fit: `data` is an instance of the newest version's model of its type.

    `data` is None for an event that names its data by reference.
    """

    event: CloudEvent
    type: EventType
    data: Any


class WrittenEvent(Struct, frozen=True, kw_only=True):
    """An event as another system may write it: what follows from the rest may be left out."""

    specversion: Literal["1.0"]
    id: Identifier
    source: _Text
    type: _Text
    subject: _Person
    data: dict[str, Any]
    time: Moment | None = None
    datacontenttype: str = "application/json"
    dataschema: str = ""
    correlationid: uuid.UUID | None = None
    causationid: str = ""
    tenantid: Annotated[str, Meta(min_length=1, max_length=64)] = DEFAULT_TENANT
    dataref: Annotated[str, Meta(max_length=2048)] = ""


def _fault(error: msgspec.ValidationError, root: str) -> FieldError:
    """Turn "Expected `int` - at `$.items[0].expected`" into a pointer and a sentence."""
    detail, _, path = str(error).partition(" - at `")
    steps = re.findall(r"\.([^.\[\]`]+)|\[([^\]]*)\]", path.rstrip("`"))
    pointer = root + "".join(f"/{name or index or '*'}" for name, index in steps)
    detail = re.sub(r" matching regex .*", " written as the schema's pattern says", detail, flags=re.DOTALL)
    return FieldError(pointer, detail.replace("`", "'"))


def _invalid(fault: FieldError) -> Invalid:
    return Invalid(f"{fault.pointer or '/'}: {fault.detail}", errors=[fault])


def _known_type(name: str) -> EventType:
    kind = find(name)
    if kind is not None:
        return kind
    version = _VERSION.fullmatch(name)
    if version is not None and find(f"{version[1]}.v1") is not None:
        raise _invalid(FieldError("/type", f"'{name}' is a version that is not known here"))
    raise _invalid(FieldError("/type", f"'{name}' is not an event type of the catalogue"))


def _correlation(received: WrittenEvent) -> str:
    """The correlation id; without one, the event starts its own: the same each time it is read."""
    if received.correlationid is not None:
        return str(received.correlationid)
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{received.source}#{received.id}"))


def decode(body: bytes, *, received_at: datetime, by_reference: bool = False) -> DecodedEvent:
    """Read one event in the CloudEvents JSON format, as `fit` says.

    With `by_reference` an event may have `dataref` in place of `data`: its data is not looked at here.
    Raises Invalid with the pointer and what is wrong there, TooLarge above MAX_EVENT_BYTES.
    """
    if len(body) > MAX_EVENT_BYTES:
        raise TooLarge(f"an event of {len(body)} bytes; at most {MAX_EVENT_BYTES} are taken")
    try:
        members = read_json(body)
    except NoJson as error:
        raise _invalid(FieldError("", str(error))) from error
    if not isinstance(members, dict):
        raise _invalid(FieldError("", "not a JSON object"))
    if by_reference and members.get("dataref") and "data" not in members:
        return _fit({**members, "data": {}}, received_at, data_follows=True)
    return fit(members, received_at=received_at)


def fit(members: Mapping[str, Any], *, received_at: datetime) -> DecodedEvent:
    """Check the members of one event.

    Required are `specversion`, `id`, `source`, `type`, `subject` and `data`. Left out, `time` is `received_at`,
    `tenantid` "sayzhong", and `correlationid` derived from source and id. Unknown members are let through, as additive
    changes need. Raises Invalid with the pointer and what is wrong there.
    """
    return _fit(members, received_at, data_follows=False)


def _fit(members: Mapping[str, Any], received_at: datetime, *, data_follows: bool) -> DecodedEvent:
    for name in members:
        if not _ATTRIBUTE_NAME.fullmatch(name) and name != "data_base64":
            raise _invalid(FieldError(f"/{name}", "attribute names are lower-case letters and digits"))
    try:
        received = msgspec.convert(members, WrittenEvent)
    except msgspec.ValidationError as error:
        raise _invalid(_fault(error, "")) from error
    media = received.datacontenttype.partition(";")[0].strip().lower()
    if media != "application/json" and not media.endswith("+json"):
        raise _invalid(FieldError("/datacontenttype", "data is JSON here"))
    kind = _known_type(received.type)
    data = None if data_follows else _data(kind, received.data)
    try:
        time = rfc3339(received.time or received_at)
    except OverflowError as error:
        raise _invalid(FieldError("/time", "before the first or after the last year there is, in UTC")) from error
    event = CloudEvent(
        specversion="1.0",
        id=received.id,
        source=received.source,
        type=received.type,
        subject=received.subject,
        time=time,
        datacontenttype=received.datacontenttype,
        dataschema=received.dataschema,
        correlationid=_correlation(received),
        causationid=received.causationid,
        tenantid=received.tenantid,
        dataref=received.dataref if data_follows else "",
        data=received.data,
    )
    return DecodedEvent(event=event, type=kind, data=data)


def _data(kind: EventType, members: dict[str, Any]) -> Struct:
    try:
        return VERSIONS.current(kind, msgspec.convert(members, kind.data))
    except msgspec.ValidationError as error:
        raise _invalid(_fault(error, "/data")) from error
