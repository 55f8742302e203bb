"""Bearer tokens: RFC 9068 in spirit, and what Entra ID, Entra External ID and other OpenID providers issue."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

import jwt

from shared_code.domain.errors import Unauthenticated
from shared_code.domain.principal import Principal
from shared_code.domain.pseudonyms import pseudonym

ALGORITHMS = ("RS256", "ES256")
MAX_LENGTH = 8192  # characters; Entra keeps a token with its group overage well below
LONGEST_PERSON, LONGEST_TENANT = 128, 64  # characters that events have room for
REMEMBERED, REMEMBERED_FOR = 10_000, 60.0  # tokens, seconds
GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Keys(Protocol):
    """One issuer's public keys."""

    async def find(self, key_id: str) -> jwt.PyJWK | None:
        """The key of this id, or None. Raises Unavailable when it cannot be told."""
        ...


class TokenVerifier:
    """Verifies tokens of the configured issuers and says who holds them.

    `audience` are the names that we accept as ours, `tenants` an allow-list (empty: any), `platform_tenants` those that
    run the platform, `skew` the seconds by which clocks may differ, `pseudonym_key` makes the principal's pseudonym.
    `reserved` are issuers with a tenant of their own: it is always allowed, and nobody else's. A token that held is
    remembered for a minute.
    """

    def __init__(
        self,
        issuers: Mapping[str, Keys],
        *,
        audience: Sequence[str],
        tenants: frozenset[str],
        pseudonym_key: bytes,
        skew: float,
        platform_tenants: frozenset[str] = frozenset(),
        reserved: Mapping[str, str] | None = None,
    ) -> None:
        self._issuers = dict(issuers)
        self._audience = list(audience)
        self._tenants = tenants
        self._pseudonym_key = pseudonym_key
        self._skew = skew
        self._platform_tenants = platform_tenants
        self._reserved = dict(reserved or {})
        self._held: dict[bytes, tuple[float, Principal]] = {}  # by digest: until when, on the system's clock

    def holds(self, token: str) -> Principal | None:
        """The holder of a token that held within the last minute; None says nothing about it."""
        found = self._held.get(_digest(token))
        return found[1] if found is not None and time.time() < found[0] else None

    async def verify(self, token: str) -> Principal:
        """Return the holder. Raises Unauthenticated for a token that does not hold, whatever is wrong with it."""
        if len(token) > MAX_LENGTH:
            raise _refused()
        if (holder := self.holds(token)) is not None:
            return holder
        try:
            parsed = jwt.decode_complete(token, options={"verify_signature": False})
            claims = await self._verified(token, parsed["header"], parsed["payload"])
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("The token has expired.", code="token-expired") from None
        except jwt.PyJWTError:
            raise _refused() from None
        principal = self._principal(claims)
        self._remember(token, principal, float(claims["exp"]))
        return principal

    def _remember(self, token: str, principal: Principal, expires: float) -> None:
        if len(self._held) >= REMEMBERED:
            self._held.clear()  # costs each holder one verification; keeping an order would cost all of them more
        self._held[_digest(token)] = (min(time.time() + REMEMBERED_FOR, expires), principal)

    async def _verified(self, token: str, header: dict[str, Any], claimed: dict[str, Any]) -> dict[str, Any]:
        """The claims, once signature, issuer, audience and times hold."""
        issuer, key_id = claimed.get("iss"), header.get("kid")
        keys = self._issuers.get(issuer) if isinstance(issuer, str) else None
        if keys is None or not isinstance(key_id, str) or header.get("alg") not in ALGORITHMS:
            raise _refused()
        key = await keys.find(key_id)
        if key is None:
            raise _refused()
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            audience=self._audience,
            issuer=issuer,
            leeway=self._skew,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )
        return claims

    def _principal(self, claims: dict[str, Any]) -> Principal:
        issuer = str(claims["iss"])
        tenant = claims.get("tid") or urlsplit(issuer).netloc
        person = claims.get("oid") or claims["sub"]
        if not isinstance(tenant, str) or not isinstance(person, str):
            raise _refused()
        if not 0 < len(person) <= LONGEST_PERSON or len(tenant) > LONGEST_TENANT:
            raise _refused()
        reserved = self._reserved.get(issuer)
        if reserved is None and (tenant in self._reserved.values() or (self._tenants and tenant not in self._tenants)):
            raise _refused()
        if reserved is not None and tenant != reserved:
            raise _refused()
        named = GUID.search(issuer)
        if named and named[0].lower() != tenant.lower():
            raise _refused()  # an issuer that names its tenant speaks for that one alone
        roles, scopes = _words(claims.get("roles")), _words(claims.get("scp") or claims.get("scope"))
        # Entra lists what an application may do among the roles of its own token, which has no scopes. A name with a
        # dot is such a permission (events.write), one without is what somebody is (learner).
        permissions = {word for word in roles if "." in word}
        return Principal(
            id=person,
            tenant=tenant,
            pseudonym=pseudonym(self._pseudonym_key, tenant, person),
            roles=roles - permissions,
            scopes=scopes | permissions,
            runs_platform=tenant in self._platform_tenants,
        )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _words(claim: object) -> frozenset[str]:
    """Roles come as a list, scopes as words in a text (RFC 8693, section 4.2), and some providers do it otherwise."""
    words = claim.split() if isinstance(claim, str) else claim if isinstance(claim, list) else []
    return frozenset(word for word in words if isinstance(word, str))


def _refused() -> Unauthenticated:
    return Unauthenticated("The token is not valid here.", code="token-invalid")
