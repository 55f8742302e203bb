"""The index of the dead letters: what is in the queue, where it can be counted, searched and edited.

Service Bus lets nobody browse a queue with sessions as a whole, and complete a message only by receiving all those
before it in its session. So a letter is written down here before it is sent to the queue. Table `deadletters`, a
partition a tenant: a row a letter, by its UUIDv7; a row `i{digest}` for its message id, so that one that is sent twice
is written once; a row `u{letter}|{time}` an edit, written together with it. What is inside is sealed under the key of
whoever it is about, in the row or, if it is large, in a blob.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from itertools import batched

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from shared_code.domain.clock import Clock, parse_rfc3339, rfc3339
from shared_code.domain.errors import Conflict, NotFound
from shared_code.domain.identifiers import uuid7
from shared_code.domain.principal import Principal
from shared_code.events.delivery import Delivery
from shared_code.events.letter import Group, Letter, Selection, Summary
from shared_code.storage.blobs import Blobs
from shared_code.storage.rows import Change, Row, Value
from shared_code.storage.sealing.learner_keys import LearnerKeys
from shared_code.storage.tables import Tables

FIRST_ROW, LAST_ROW = "0", "g"  # letters' ids are hexadecimal; other rows' keys begin with a later letter
COLUMN = 60_000  # bytes; table storage takes 64 KiB in a property
CONTAINER = "deadletters"
AT_ONCE = 50  # letters of one transaction: two rows each
MOST_COUNTED = 20_000  # letters: some seconds of reading
_OPEN = [
    "learner", "message_id", "event_id", "type", "reason", "topic", "subscriber", "delivery_count", "failed_at",
    "correlation_id", "redriven", "replay", "quiet", "edited", "size",
]  # fmt: skip


class Edit(Struct, frozen=True, kw_only=True):
    """Who changed a letter's body, when, and the SHA-256 digests of the body before and after."""

    at: str
    by: str
    before: str
    after: str


class _Inside(Struct):
    session_id: str
    description: str
    content_type: str
    body: bytes


class Letters:
    """All methods raise Unavailable when storage cannot answer."""

    def __init__(self, tables: Tables, blobs: Blobs, keys: LearnerKeys, clock: Clock) -> None:
        self._table = tables.table("deadletters")
        self._blobs = blobs
        self._keys = keys
        self._clock = clock

    async def add(self, letter: Letter) -> None:
        """Write a letter down; one of the same message id is there already then, and stays."""
        row = await self._row(letter)
        try:
            await self._table.transact([Change("insert", _index(letter.summary)), Change("insert", row)])
        except Conflict:
            await self._drop_blob(row)

    async def by_message(self, tenant: str, topic: str, message_id: str) -> Letter | None:
        """The letter that lies in the queue under this id, if it is written down."""
        index = await self._table.get(tenant, _index_key(topic, message_id))
        row = await self._table.get(tenant, str(index.values["letter"])) if index is not None else None
        return await self._letter(row) if row is not None else None

    async def known(self, letter: Summary) -> bool:
        """Whether a letter is written down under its message id."""
        return await self._table.get(letter.tenant, _index(letter).key) is not None

    async def rename(self, letter: Letter, message_id: str) -> Letter:
        """The letter under another message id. Conflict or NotFound where somebody else is at it at this moment."""
        before = letter.summary
        renamed = replace(letter, summary=replace(before, message_id=message_id))
        row = await self._table.get(before.tenant, before.id)
        if row is None:
            raise NotFound("There is no such dead letter.")
        values = {**row.values, "message_id": message_id}
        await self._table.transact(
            [
                Change("replace", Row(before.tenant, before.id, values, row.etag)),
                Change("delete", _index(before)),
                Change("insert", _index(renamed.summary)),
            ]
        )
        return renamed

    async def summaries(
        self, tenant: str, selection: Selection, *, after: str = "", limit: int | None = None
    ) -> AsyncIterator[Summary]:
        """Letters of a tenant in the order in which they died, after the one of this id."""
        given = 0
        start = after + "!" if after else FIRST_ROW
        async for row in self._table.rows(tenant, start=start, end=LAST_ROW, select=_OPEN):
            summary = _summary(row)
            if summary in selection:
                yield summary
                given += 1
                if given == limit:
                    return

    async def groups(self, tenant: str, selection: Selection) -> tuple[list[Group], bool]:
        """How many there are of each reason, type and subscriber, the largest group first, and whether that is all.

        Of a tenant with more than MOST_COUNTED letters the oldest are counted.
        """
        groups: dict[tuple[str, ...], Group] = {}
        counted = 0
        async for each in self.summaries(tenant, selection, limit=MOST_COUNTED + 1):
            counted += 1
            if counted > MOST_COUNTED:
                break
            place = (each.reason, each.type, each.topic, each.subscriber)
            groups[place] = groups[place].with_one_more(each) if place in groups else Group.of(each)
        return sorted(groups.values(), key=lambda group: -group.count), counted <= MOST_COUNTED

    async def open(self, tenant: str, letter_id: str) -> Letter:
        """One letter. Raises NotFound."""
        row = await self._table.get(tenant, letter_id)
        if row is None:
            raise NotFound("There is no such dead letter.")
        return await self._letter(row)

    async def opened(self, tenant: str, selection: Selection, *, after: str = "") -> AsyncIterator[Letter]:
        """The same letters as `summaries` gives, opened."""
        start = after + "!" if after else FIRST_ROW
        async for row in self._table.rows(tenant, start=start, end=LAST_ROW):
            if _summary(row) in selection:
                yield await self._letter(row)

    async def edit(
        self, tenant: str, letter_id: str, body: bytes, by: Principal, *, seen: str = "", learner: str = ""
    ) -> Edit:
        """Change a letter's body, and whom it is about if that is somebody else, with the record of who did it.

        Conflict where somebody else changed it meanwhile, or the digest that was `seen` is not its own any more.
        """
        row = await self._table.get(tenant, letter_id)
        if row is None:
            raise NotFound("There is no such dead letter.")
        before = await self._letter(row)
        if before.erased:
            raise NotFound("There is no such dead letter.")
        if seen and seen != before.digest:
            raise Conflict("The letter is not as you saw it.", extra={"current_digest": before.digest})
        summary = before.summary
        changed_summary = replace(
            summary, learner=learner or summary.learner, edited=summary.edited + 1, size=len(body)
        )
        after = replace(before, body=body, summary=changed_summary)
        edit = Edit(at=rfc3339(self._clock()), by=by.pseudonym, before=before.digest, after=after.digest)
        record: dict[str, Value] = msgspec.to_builtins(edit)
        changed = await self._row(after)
        try:
            await self._table.transact(
                [
                    Change("replace", Row(tenant, letter_id, changed.values, row.etag)),
                    Change("insert", Row(tenant, f"u{letter_id}|{uuid7(self._clock())}", record)),
                ]
            )
        except (Conflict, NotFound):
            await self._drop_blob(changed)
            raise
        await self._drop_blob(row)
        return edit

    async def edits(self, tenant: str, letter_id: str) -> list[Edit]:
        """The edits of a letter, the first one first; they stay when the letter goes."""
        rows = self._table.rows(tenant, start=f"u{letter_id}|", end=f"u{letter_id}}}")
        return [msgspec.convert(dict(row.values), Edit) async for row in rows]

    async def remove(self, tenant: str, letters: Sequence[Summary]) -> None:
        """Strike letters off."""
        for some in batched(letters, AT_ONCE, strict=False):
            indexes = [
                _index(each) for each in some
            ]  # first: one that stayed alone would keep its letter from the list
            await self._table.delete_all([*indexes, *(Row(tenant, each.id) for each in some)])
        for each in letters:
            if each.size > COLUMN // 2:
                async for name in self._blobs.names(CONTAINER, f"{each.id}/"):
                    await self._blobs.delete(CONTAINER, name)

    async def forget(self, tenant: str, learner: str) -> None:
        """Strike off a learner's letters; what was inside is gone with the learner's key."""
        mine = [each async for each in self.summaries(tenant, Selection()) if each.learner == learner]
        await self.remove(tenant, mine)

    async def _row(self, letter: Letter) -> Row:
        summary = letter.summary
        inside = _Inside(
            session_id=letter.session_id,
            description=letter.description,
            content_type=letter.content_type,
            body=letter.body,
        )
        place = _place(summary.id)
        sealed = await self._keys.seal(summary.learner, msgspec.msgpack.encode(inside), place)
        values: dict[str, Value] = {
            name: value for name, value in msgspec.to_builtins(summary).items() if name not in ("id", "tenant")
        }
        values |= {"replay": letter.delivery.replay, "quiet": letter.delivery.quiet}
        if len(sealed) > COLUMN:
            # A name of its own: the blob that the row names stays as it is until another row is written.
            values["blob"] = f"{summary.id}/{uuid7(self._clock())}"
            await self._blobs.put(CONTAINER, str(values["blob"]), sealed, content_type="application/octet-stream")
        else:
            values["sealed"] = sealed
        return Row(summary.tenant, summary.id, values)

    async def _drop_blob(self, row: Row) -> None:
        """Delete the blob of a row that is not, or no longer, the letter's."""
        if "blob" in row.values:
            await self._blobs.delete(CONTAINER, str(row.values["blob"]))

    async def _letter(self, row: Row) -> Letter:
        summary = _summary(row)
        place = _place(row.key)
        sealed = row.values.get("sealed")
        if sealed is None:
            blob = await self._blobs.get(CONTAINER, str(row.values["blob"]))
            if blob is None:
                now = await self._table.get(row.partition, row.key)
                if now is not None and now.values.get("blob") != row.values["blob"]:
                    return await self._letter(now)  # an edit has come between the two looks
            sealed = blob.data if blob is not None else None
        plain = await self._keys.open(summary.learner, sealed, place) if isinstance(sealed, bytes) else None
        if plain is None:
            return Letter(summary=summary, erased=True)
        inside = msgspec.msgpack.decode(plain, type=_Inside)
        return Letter(
            summary=summary,
            session_id=inside.session_id,
            description=inside.description,
            content_type=inside.content_type,
            body=inside.body,
            delivery=Delivery(summary.redriven, str(row.values["replay"]), bool(row.values["quiet"])),
        )


def _place(letter_id: str) -> str:
    return f"{CONTAINER}/{letter_id}"


def _index(summary: Summary) -> Row:
    return Row(summary.tenant, _index_key(summary.topic, summary.message_id), {"letter": summary.id})


def _index_key(topic: str, message_id: str) -> str:
    return f"i{hashlib.sha256(f'{topic}\0{message_id}'.encode()).hexdigest()[:32]}"


def _summary(row: Row) -> Summary:
    values = {**row.values, "id": row.key, "tenant": row.partition, "failed_at": parse_rfc3339(_text(row, "failed_at"))}
    return msgspec.convert(values, Summary)


def _text(row: Row, name: str) -> str:
    return str(row.values[name])
