"""How an event lies in storage: open what is nobody's, sealed what is a learner's, in a blob what is large.

A row has the event without what is personal (`body`), and the whole event sealed under the learner's key (`sealed`),
bound to its stream and id. An event of more than 48 KB is in the container `payloads`, by the name `blob` of its row.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from shared_code.domain.errors import TooLarge, Unavailable
from shared_code.domain.events.envelope import MAX_EVENT_BYTES, CloudEvent
from shared_code.domain.events.personal import is_personal, without_personal
from shared_code.events.stored import StoredEvent
from shared_code.storage.blobs import Blobs
from shared_code.storage.rows import Row, Value
from shared_code.storage.sealing.data_key import DataKey, SealBroken
from shared_code.storage.sealing.learner_keys import LearnerKeys, opened

LARGE = 48_000  # bytes; table storage takes 64 KiB in a property
TRANSACTION = 3_000_000  # bytes of events in one append; table storage takes 4 MiB
COLUMN = 60_000
PAYLOADS = "payloads"
COLUMNS = ("recorded_at", "body", "sealed", "blob", "key")  # what an event is read from
SEALED = "application/octet-stream"


class _Named(msgspec.Struct):
    """An event of which only the id is read: the rest of the open part is not looked at where the whole can be read."""

    id: str


_decoder = msgspec.json.Decoder(CloudEvent)
_named = msgspec.json.Decoder(_Named)


class PayloadMissing(Unavailable):
    """An event's large payload is not where it belongs: while its learner is being erased, or it is lost."""

    code = "payload-missing"


class Archive:
    """From events to the values of their rows, and back."""

    def __init__(self, keys: LearnerKeys, blobs: Blobs) -> None:
        self._keys = keys
        self._blobs = blobs

    async def key_of(self, stream: str) -> DataKey | None:
        """The key that opens a stream's events; None where there is none, or none any more."""
        return await self._keys.key_of(stream)

    async def values(self, stored: Sequence[StoredEvent]) -> list[dict[str, Value]]:
        """The values of these events' rows. Payloads of large ones are written. Raises TooLarge above the limit."""
        large = min(LARGE, TRANSACTION // (2 * max(len(stored), 1)))
        return [await self._values(each, large) for each in stored]

    async def event_of(self, row: Row, key: DataKey | None) -> StoredEvent:
        """The event of a row; `erased`, without what was personal, where this is no longer the key that sealed it.

        Raises SealBroken for what is none, PayloadMissing.
        """
        whole = await self._whole(row, _read(_named, bytes_of(row, "body")).id, key)
        event = self.open_part(row) if whole is None else _read(_decoder, whole)
        return StoredEvent(
            stream=row.partition,
            version=int(row.key[1:]),
            event=event,
            recorded_at=str(row.values["recorded_at"]),
            erased=whole is None,
        )

    def open_part(self, row: Row) -> CloudEvent:
        """A row's event without what is personal, which is not sealed. Raises SealBroken for what is none."""
        return _read(_decoder, bytes_of(row, "body"))

    async def forget_payloads(self, stream: str) -> None:
        """Delete the large payloads of a stream."""
        async for name in self._blobs.names(PAYLOADS, f"{stream}/"):
            await self._blobs.delete(PAYLOADS, name)

    async def _values(self, stored: StoredEvent, large: int) -> dict[str, Value]:
        event = stored.event
        whole = event.encode()
        if len(whole) > MAX_EVENT_BYTES:
            raise TooLarge(f"an event of {len(whole)} bytes; at most {MAX_EVENT_BYTES} are taken")
        values: dict[str, Value] = {"type": event.type, "recorded_at": stored.recorded_at}
        place, in_blob = f"{stored.stream}/{event.id}", len(whole) > large
        if is_personal(event):
            key = await self._keys.sealing_key(stored.stream)
            sealed = key.seal(whole, place)
            values |= {"key": key.id} if in_blob else {"sealed": sealed}
        else:
            sealed = whole
        values["body"] = without_personal(event).encode() if in_blob or is_personal(event) else whole
        if in_blob:
            values["blob"] = place
            await self._blobs.put(PAYLOADS, place, sealed, content_type=SEALED)
        if len(bytes(values["body"])) > COLUMN:  # type: ignore[arg-type]
            raise TooLarge("an event with more in the members of its schema than a row takes")
        return values

    async def _whole(self, row: Row, event_id: str, key: DataKey | None) -> bytes | None:
        """The event's bytes; None where they are erased."""
        if "sealed" in row.values:
            return opened(key, bytes_of(row, "sealed"), f"{row.partition}/{event_id}")
        if "blob" not in row.values:
            return bytes_of(row, "body")
        if "key" in row.values and (key is None or key.id != row.values["key"]):
            return None  # the payload went with the key
        blob = await self._blobs.get(PAYLOADS, str(row.values["blob"]))
        if blob is None:
            raise PayloadMissing("The payload of an event is not where it belongs.")
        return opened(key, blob.data, str(row.values["blob"])) if "key" in row.values else blob.data


def _read[T](decoder: msgspec.json.Decoder[T], encoded: bytes) -> T:
    try:
        return decoder.decode(encoded)
    except msgspec.MsgspecError:
        raise SealBroken("no event: somebody changed it") from None


def bytes_of(row: Row, name: str) -> bytes:
    """What is in a column of a row of events. Raises SealBroken where that is no bytes."""
    value = row.values.get(name)
    if not isinstance(value, bytes):
        raise SealBroken("no event: somebody changed its row")
    return value
