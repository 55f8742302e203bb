"""One line of the lake's archive: a row of the event store (archive.py), as JSON."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from shared_code.events.archive import bytes_of
from shared_code.storage.rows import Row, Value
from shared_code.storage.sealing.data_key import SealBroken


class Line(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event. `body` is a CloudEvent, without what is personal; `sealed` is base64 (RFC 4648) of the whole of it."""

    stream: str
    version: int
    recorded_at: str
    body: msgspec.Raw
    sealed: bytes | None = None
    blob: str | None = None
    key: str | None = None

    @property
    def event_id(self) -> str:
        """The event's id. Raises SealBroken for what was never archived."""
        try:
            return _ids.decode(self.body).id
        except msgspec.MsgspecError:
            raise SealBroken("no event in a line of the archive: somebody changed it") from None

    @property
    def month(self) -> str:
        """Which month's file it belongs to: by when the event was recorded, which within a stream never falls."""
        return self.recorded_at[:7]


class _Identified(Struct):
    id: str


_lines = msgspec.json.Decoder(Line)
_ids = msgspec.json.Decoder(_Identified)


def line_of(row: Row) -> Line:
    """The line of a row of the store. Raises SealBroken where somebody has changed it into none."""
    values = row.values
    return Line(
        stream=row.partition,
        version=int(row.key[1:]),
        recorded_at=str(values["recorded_at"]),
        body=msgspec.Raw(bytes_of(row, "body")),
        sealed=bytes_of(row, "sealed") if "sealed" in values else None,
        blob=str(values["blob"]) if "blob" in values else None,
        key=str(values["key"]) if "key" in values else None,
    )


def row_of(line: Line) -> Row:
    """The row of the store that a line was."""
    values: dict[str, Value] = {"recorded_at": line.recorded_at, "body": bytes(line.body)}
    if line.sealed is not None:
        values["sealed"] = line.sealed
    if line.blob is not None:
        values["blob"] = line.blob
    if line.key is not None:
        values["key"] = line.key
    return Row(line.stream, f"e{line.version:010}", values)


def encode(lines: Iterable[Line]) -> bytes:
    """Lines as they are written."""
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


def decode(line: bytes) -> Line:
    """A line that was read. Raises SealBroken for what was never archived."""
    try:
        return _lines.decode(line)
    except msgspec.MsgspecError:
        raise SealBroken("no line of the archive: somebody changed it") from None
