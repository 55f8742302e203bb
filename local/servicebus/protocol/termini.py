"""Sources and targets of links: the addresses in them, and our end of an attach."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from local.servicebus.amqp.frames import Frame
from local.servicebus.amqp.values import Described, Ulong

ADDRESS, FILTER = 0, 7
SESSION_FILTER = "com.microsoft:session-filter"
CBS, MANAGEMENT = "$cbs", "/$management"
MAX_MESSAGE_SIZE = 1_048_576


def described_field(value: Any, position: int) -> Any:
    """A field of a described list, such as a source or an outcome, which clients may leave out or trim."""
    fields = value.value if isinstance(value, Described) else None
    return fields[position] if isinstance(fields, list) and position < len(fields) else None


def entity_path(address: object) -> str:
    """The path of an address, `sb://host/path` or the path alone, in lower case; empty for none."""
    if not isinstance(address, str):
        return ""
    return unquote(urlsplit(address).path if "://" in address else address).strip("/").lower()


def attach_reply(frame: Frame, session_id: str | None = None, properties: dict[Any, Any] | None = None) -> Frame:
    """Our end of a link: what the client wrote, filled in where SDKs insist on a value, and the session granted."""
    source = [described_field(frame.source, position) for position in range(11)]
    target = [described_field(frame.target, position) for position in range(7)]
    if session_id is not None:
        source[FILTER] = {**source[FILTER], SESSION_FILTER: session_id}
    return Frame(
        "attach",
        name=frame.name,
        handle=frame.handle,
        role=not frame.role,
        snd_settle_mode=2 if frame.snd_settle_mode is None else frame.snd_settle_mode,
        rcv_settle_mode=frame.rcv_settle_mode or 0,
        source=Described(Ulong(0x28), source),
        target=Described(Ulong(0x29), target),
        initial_delivery_count=0 if frame.role else None,
        max_message_size=MAX_MESSAGE_SIZE,
        properties=properties,
    )
