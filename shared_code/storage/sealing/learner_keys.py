"""The data keys of all learners: made at first need, kept wrapped in a table, erased for good.

Table `learnerkeys`, a partition a learner (a pseudonym) with the row `key`. A key that is erased takes with it whatever
was sealed under it, in tables, blobs and every backup of them; the row `erased` stays and says when that was. A learner
who comes back later gets another key, under which nothing is sealed that is older.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared_code.domain.clock import Clock, parse_rfc3339, rfc3339
from shared_code.domain.errors import Conflict
from shared_code.resilience.recent import Recent
from shared_code.storage.rows import Row, Value
from shared_code.storage.sealing.data_key import ID_BYTES, DataKey, key_id_of
from shared_code.storage.sealing.wrapping import KeyWrapper, WrappedKey
from shared_code.storage.tables import Tables

KEY_MEMORY = 60.0  # seconds after which a process asks the table again: an erasure is complete everywhere by then
KEYS_REMEMBERED = 10_000
_ROW, _ERASED = "key", "erased"


@dataclass(slots=True)
class _Known:
    key: DataKey
    asked_at: float


class LearnerKeys:
    """Seals and opens. All methods raise Unavailable when the table or the wrapper cannot answer.

    Unwrapped keys are kept in memory; whether they are still in the table is asked again after `memory` seconds, which
    costs one read and no call to the vault.
    """

    def __init__(
        self,
        tables: Tables,
        wrapper: KeyWrapper,
        clock: Clock,
        *,
        memory: float = KEY_MEMORY,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table = tables.table("learnerkeys")
        self._wrapper = wrapper
        self._clock = clock
        self._memory = memory
        self._monotonic = monotonic
        self._known: Recent[str, _Known] = Recent(KEYS_REMEMBERED)

    async def key_of(self, learner: str) -> DataKey | None:
        """The learner's key as it is; None where there is none, or none any more."""
        known = self._known.get(learner)
        if known is not None and self._monotonic() - known.asked_at < self._memory:
            return known.key
        row = await self._table.get(learner, _ROW)
        if row is None:
            self._known.forget(learner)  # it may be made at any moment: absence is not remembered
            return None
        if known is not None and known.key.id == row.values["id"]:
            known.asked_at = self._monotonic()
            return known.key
        wrapped = WrappedKey(wrapped=bytes(row.values["wrapped"]), by=str(row.values["by"]))  # type: ignore[arg-type]
        return self._remember(learner, DataKey(str(row.values["id"]), await self._wrapper.unwrap(wrapped)))

    async def sealing_key(self, learner: str) -> DataKey:
        """The learner's key, made now where there is none."""
        while True:
            key = await self.key_of(learner)
            if key is not None:
                return key
            secret, key_id = secrets.token_bytes(32), secrets.token_hex(ID_BYTES)
            wrapped = await self._wrapper.wrap(secret)
            values: dict[str, Value] = {"id": key_id, "wrapped": wrapped.wrapped, "by": wrapped.by}
            values["made_at"] = rfc3339(self._clock())
            try:
                await self._table.insert(Row(learner, _ROW, values))
            except Conflict:
                continue  # another process was faster, or our own insert was heard twice: what is there counts
            return self._remember(learner, DataKey(key_id, secret))

    async def seal(self, learner: str, plain: bytes, place: str) -> bytes:
        """Encrypt what is a learner's, for one place."""
        return (await self.sealing_key(learner)).seal(plain, place)

    async def open(self, learner: str, sealed: bytes, place: str) -> bytes | None:
        """Decrypt; None where the key is erased. Raises SealBroken for what belongs elsewhere."""
        return opened(await self.key_of(learner), sealed, place)

    async def erase(self, learner: str) -> None:
        """Erase the key. This process has forgotten it when this returns, every other one `KEY_MEMORY` later."""
        await self._table.put(Row(learner, _ERASED, {"at": rfc3339(self._clock())}))
        await self._table.delete(learner, _ROW)
        self._known.forget(learner)

    async def erased_since(self, learner: str, moment: datetime | None) -> bool:
        """Whether the learner was erased after this moment: what is of then must not be sealed, and kept, anew."""
        row = await self._table.get(learner, _ERASED) if moment is not None else None
        return row is not None and moment is not None and moment <= parse_rfc3339(str(row.values["at"]))

    def _remember(self, learner: str, key: DataKey) -> DataKey:
        self._known.set(learner, _Known(key, self._monotonic()))
        return key


def opened(key: DataKey | None, sealed: bytes, place: str) -> bytes | None:
    """What was sealed, where this is the key that sealed it; None where that key is erased."""
    if key is None or key.id != key_id_of(sealed):
        return None
    return key.open(sealed, place)
