"""Who may carry out a request that bears an idempotency key: the first to claim it; everybody else gets its answer."""

from __future__ import annotations

import asyncio
import math
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from shared_code.domain.clock import Clock
from shared_code.domain.errors import Conflict, Invalid
from shared_code.gateway.idempotency.sealing import Seal
from shared_code.resilience.shared_state import SharedState, Stored

PARTITION = "claim:"
KEPT = timedelta(hours=24)
PATIENCE = 5.0  # seconds that a second copy waits for the first one's answer
FIRST_LOOK, LAST_LOOK = 0.02, 0.5  # seconds between looks: doubled from the first to the last


class Answer(Struct, frozen=True, kw_only=True):
    """An answer as it is kept."""

    status: int
    headers: dict[str, str]
    content_type: str
    body: bytes


class Claim(Struct, frozen=True, kw_only=True):
    """One use of a key. Its holder may be at work until `lease_ends`; `answer` is sealed, None until it is there."""

    fingerprint: bytes
    claimed_at: datetime
    lease_ends: datetime
    answer: bytes | None = None


class Held:
    """A claim that we hold: finish it with the answer, or give it up so that the next copy may try."""

    def __init__(self, state: SharedState, partition: str, stored: Stored, claim: Claim, seal: Seal) -> None:
        self._state = state
        self._partition = partition
        self._stored = stored
        self._claim = claim
        self._seal = seal

    async def finish(self, answer: Answer) -> None:
        """Keep the answer. Raises Conflict when the lease ran out and somebody else took over."""
        sealed = self._seal.close(msgspec.msgpack.encode(answer))
        finished = msgspec.structs.replace(self._claim, answer=sealed)
        self._stored = await self._state.replace(self._partition, self._stored, msgspec.msgpack.encode(finished))

    async def give_up(self) -> None:
        """Let the next copy carry the request out. Raises Conflict when somebody else took over after the lease."""
        await self._state.delete(self._partition, self._stored.key, version=self._stored.version)


class Claims:
    """All claims, in shared state: a partition a caller, the key a hash of the client's key and the app's secret."""

    def __init__(self, state: SharedState, secret: bytes, clock: Clock) -> None:
        self._state = state
        self._secret = secret
        self._clock = clock

    async def claim(
        self, caller: str, key: str, fingerprint: bytes, lease: timedelta, *, seconds: float = math.inf
    ) -> Held | Answer:
        """Claim a key for as long as `lease`, or return the answer that it already led to.

        While another copy is at work this waits up to `PATIENCE` seconds, `seconds` at most. Raises Conflict when that
        was not enough, Invalid when the key was used for another request.
        """
        seal = Seal(self._secret, key)
        caller = PARTITION + caller
        waited, pause = 0.0, FIRST_LOOK
        while True:
            outcome = await self._try(caller, seal, fingerprint, lease)
            if outcome is not None:
                return outcome
            if waited >= min(PATIENCE, seconds):
                raise Conflict(
                    "The first request with this Idempotency-Key is still at work.",
                    code="idempotency-in-progress",
                    retry_after=1,
                )
            await asyncio.sleep(pause)
            waited, pause = waited + pause, min(pause * 2, LAST_LOOK)

    async def forget(self, caller: str) -> None:
        """Delete a caller's claims and answers: nobody could open them without the keys, but nobody need try."""
        async for stored in self._state.all(PARTITION + caller):
            await self._state.delete(PARTITION + caller, stored.key)

    def expired(self, partition: str, value: bytes) -> bool:
        """Whether this is a claim that is kept no longer."""
        if not partition.startswith(PARTITION):
            return False
        return self._clock() - msgspec.msgpack.decode(value, type=Claim).claimed_at >= KEPT

    async def _try(self, caller: str, seal: Seal, fingerprint: bytes, lease: timedelta) -> Held | Answer | None:
        """Claim, or find the answer; None while another copy is at work or was faster just now."""
        now = self._clock()
        ours = Claim(fingerprint=fingerprint, claimed_at=now, lease_ends=now + lease)
        stored = await self._state.get(caller, seal.name)
        try:
            if stored is None:
                taken = await self._state.create(caller, seal.name, msgspec.msgpack.encode(ours))
                return Held(self._state, caller, taken, ours, seal)
            there = msgspec.msgpack.decode(stored.value, type=Claim)
            if now - there.claimed_at < KEPT:
                if there.fingerprint != fingerprint:
                    raise Invalid("This Idempotency-Key was used for another request.", code="idempotency-key-reused")
                if there.answer is not None:
                    return msgspec.msgpack.decode(seal.open(there.answer), type=Answer)
                if now < there.lease_ends:
                    return None
            taken = await self._state.replace(caller, stored, msgspec.msgpack.encode(ours))
            return Held(self._state, caller, taken, ours, seal)
        except Conflict:
            return None
