"""The endpoints of guests: come in without an account, and later turn into the learner of one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from shared_code.domain.clock import Clock, rfc3339
from shared_code.domain.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, Unauthenticated
from shared_code.domain.identifiers import uuid7
from shared_code.domain.principal import Principal
from shared_code.gateway.body import decode_json
from shared_code.gateway.http import Request, Response
from shared_code.gateway.identity.guests import LIFETIME, TENANT, GuestTokens
from shared_code.gateway.identity.tokens import TokenVerifier
from shared_code.gateway.limiting.limiter import RateLimiter
from shared_code.gateway.limiting.policies import GUEST_DEVICE, GUESTS
from shared_code.gateway.stages.limit import Refusals, network
from shared_code.resilience.shared_state import SharedState

LINKS = "guest-links"

Adopt = Callable[[Principal, Principal, str], Awaitable[None]]
"""Gives an account what its guest has achieved: guest, account, correlation id. May be called again for the same."""


class NewGuest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device's own name for itself, kept between its visits: it limits how many guests one device makes."""

    device_id: Annotated[str, Meta(min_length=8, max_length=128, pattern=r"^[\x21-\x7e]+$")] | None = None


class Guest(Struct, frozen=True, kw_only=True):
    """A guest and its token; `expires_in` in seconds."""

    learner_id: str
    token: str
    expires_in: int


class LinkGuest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The guest's token, which proves that the guest agrees."""

    token: Annotated[str, Meta(min_length=1, max_length=8192)]


class Linked(Struct, frozen=True, kw_only=True):
    """The guest that is now the caller's account."""

    guest_id: str
    learner_id: str
    linked_at: str


class Guests:
    """Makes guests and links them. Without a signing key there are none: NotFound."""

    def __init__(
        self,
        issuer: GuestTokens | None,
        tokens: TokenVerifier,
        limiter: RateLimiter,
        refusals: Refusals,
        state: SharedState,
        adopt: Adopt,
        clock: Clock,
    ) -> None:
        self._issuer = issuer
        self._tokens = tokens
        self._limiter = limiter
        self._refusals = refusals
        self._state = state
        self._adopt = adopt
        self._clock = clock

    async def create(self, request: Request) -> Response:
        """Make a guest, within what an address and a device may make."""
        if self._issuer is None:
            raise NotFound("There are no guests here.")
        body = decode_json(request, NewGuest) if request.body.strip() else NewGuest()
        counts = [(policy, network(request.client_address)) for policy in GUESTS]
        if body.device_id is not None:
            counts.append((GUEST_DEVICE, body.device_id))
        refused = await self._limiter.exceeded(*counts)
        if refused is not None:
            raise self._refusals.refuse(request, refused)
        guest_id = f"guest-{uuid7(request.received_at)}"
        guest = Guest(
            learner_id=guest_id, token=self._issuer.issue(guest_id), expires_in=int(LIFETIME / timedelta(seconds=1))
        )
        return Response(201, guest)

    async def link(self, request: Request) -> Response:
        """Give the caller's account what a guest has achieved. A guest belongs to one account, for good."""
        account = request.caller
        if account.tenant == TENANT:
            raise Forbidden("A guest cannot take over another one; sign in first.")
        guest = await self._guest(decode_json(request, LinkGuest).token)
        now = rfc3339(self._clock())
        linked = Linked(guest_id=guest.id, learner_id=account.id, linked_at=now)
        owner = {"account": account.pseudonym, "linked_at": now}
        try:
            await self._state.create(LINKS, guest.pseudonym, msgspec.json.encode(owner))
        except Conflict:
            there = await self._state.get(LINKS, guest.pseudonym)
            owner = msgspec.json.decode(there.value, type=dict[str, str]) if there else {}
            if owner.get("account") != account.pseudonym:
                raise Conflict("This guest belongs to another account.", code="guest-linked") from None
            linked = msgspec.structs.replace(linked, linked_at=owner["linked_at"])
        await self._adopt(guest, account, request.correlation_id)
        return Response(200, linked)

    async def linked_to(self, account: str) -> list[str]:
        """The guests who became this account; all by their pseudonyms. Reads all links: not for every day."""
        owned = []
        async for stored in self._state.all(LINKS):
            if msgspec.json.decode(stored.value, type=dict[str, str]).get("account") == account:
                owned.append(stored.key)
        return owned

    async def _guest(self, token: str) -> Principal:
        try:
            guest = await self._tokens.verify(token)
        except Unauthenticated:
            raise _not_a_guest() from None
        if guest.tenant != TENANT:
            raise _not_a_guest()
        return guest


def _not_a_guest() -> Invalid:
    return Invalid("The body does not fit.", errors=[FieldError("/token", "This is no guest's token.")])
