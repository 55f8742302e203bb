"""Access tokens for development, with or without a running provider."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Sequence

import jwt

from local.identity.keys import signing_key
from local.ports import HOST, Ports

AUDIENCE = "api://sayzhong"
TENANT = "sayzhong"
LIFETIME = 3600  # seconds
ROLES = ("learner", "teacher", "operator", "service", "platform")
NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}")


def issuer() -> str:
    """This provider's name, which is its address."""
    return f"http://{HOST}:{Ports.from_environment().identity}"


def issue(
    name: str, roles: Sequence[str] = ("learner",), tenant: str = TENANT, expires: int = LIFETIME, scope: str = ""
) -> str:
    """Sign a token that expires in so many seconds; a negative number makes one that has expired.

    Needs no running provider, only its state folder. Raises ValueError for a name, tenant or role that does not fit.
    """
    for what, value in (("name", name), ("tenant", tenant)):
        if not NAME.fullmatch(value):
            raise ValueError(f"a {what} is 1-64 letters, digits and . _ @ -")
    for role in roles:
        if role not in ROLES:
            raise ValueError(f"'{role}' is no role; there are {', '.join(ROLES)}")
    now = int(time.time())
    claims: dict[str, object] = {
        "iss": issuer(),
        "aud": AUDIENCE,
        "sub": name,
        "tid": tenant,
        "roles": list(roles),
        "iat": min(now, now + expires),
        "nbf": min(now, now + expires),
        "exp": now + expires,
        "jti": str(uuid.uuid4()),
    }
    if scope:
        claims["scp"] = scope
    key = signing_key()
    return jwt.encode(claims, key.private, algorithm="RS256", headers={"kid": key.key_id})
