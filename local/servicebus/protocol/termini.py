"""Sources and targets of links: the addresses in them, and our end of an attach."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from local.servicebus.amqp.performatives import Attach
from local.servicebus.amqp.values import Described, Ulong

ADDRESS, FILTER = 0, 7
SESSION_FILTER = "com.microsoft:session-filter"
CBS, MANAGEMENT = "$cbs", "/$management"
MAX_MESSAGE_SIZE = 1_048_576
_SOURCE, _TARGET = (0x28, 11), (0x29, 7)


def terminus_field(terminus: Any, position: int) -> Any:
    """A field of a source or target, which clients may leave out or trim."""
    fields = terminus.value if isinstance(terminus, Described) else None
    return fields[position] if isinstance(fields, list) and position < len(fields) else None


def entity_path(address: object) -> str:
    """The path of an address, `sb://host/path` or the path alone, in lower case; empty for none."""
    if not isinstance(address, str):
        return ""
    return unquote(urlsplit(address).path if "://" in address else address).strip("/").lower()


def attach_reply(frame: Attach, session_id: str | None = None, properties: Any = None) -> Attach:
    """Our end of a link: what the client wrote, filled in where SDKs insist on a value, and the session granted."""
    source, target = _filled(frame.source, *_SOURCE), _filled(frame.target, *_TARGET)
    if session_id is not None:
        source.value[FILTER] = {SESSION_FILTER: session_id}
    return Attach(
        name=frame.name,
        handle=frame.handle,
        role=not frame.role,
        snd_settle_mode=2 if frame.snd_settle_mode is None else frame.snd_settle_mode,
        rcv_settle_mode=frame.rcv_settle_mode or 0,
        source=source,
        target=target,
        initial_delivery_count=0 if frame.role else None,
        max_message_size=MAX_MESSAGE_SIZE,
        properties=properties,
    )


def _filled(terminus: Any, descriptor: int, count: int) -> Described:
    fields = [terminus_field(terminus, position) for position in range(count)]
    return Described(Ulong(descriptor), fields)
