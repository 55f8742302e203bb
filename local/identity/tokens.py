"""Access tokens for development, with or without a running provider, and the key that signs them."""

import os
import re
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

from local.paths import state_dir
from local.ports import HOST, Ports

AUDIENCE = "api://sayzhong"
TENANT = "sayzhong"
LIFETIME = 3600  # seconds
ROLES = ("learner", "teacher", "operator", "service", "platform")
NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}")


def issuer() -> str:
    """This provider's name, which is its address."""
    return f"http://{HOST}:{Ports.from_environment().identity}"


def signing_key() -> RSAPrivateKey:
    """The provider's key: made by whoever asks first, kept in the state folder. Who deletes its file gets another."""
    file = state_dir() / "identity.pem"
    if not file.exists():
        made = generate_private_key(public_exponent=65537, key_size=2048)
        unfinished = Path(f"{file}.{os.getpid()}")
        unfinished.touch(0o600)
        unfinished.write_bytes(made.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()))
        with suppress(FileExistsError):
            os.link(unfinished, file)  # whole or not at all, and never over that of a faster process
        unfinished.unlink()
    # Validation takes a third of a second and guards against foreign keys; this one is our own.
    key = form.load_pem_private_key(file.read_bytes(), None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(key, RSAPrivateKey)
    return key


def published(key: RSAPrivateKey) -> dict[str, Any]:
    """Its public half as RFC 7517 writes it. The id is part of the modulus: no other key has the same."""
    jwk = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {"kid": jwk["n"][:16], "kty": "RSA", "use": "sig", "alg": "RS256", "n": jwk["n"], "e": jwk["e"]}


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
    since = min(now, now + expires)
    claims: dict[str, Any] = {"iss": issuer(), "aud": AUDIENCE, "sub": name, "tid": tenant, "roles": list(roles)}
    claims |= {"iat": since, "nbf": since, "exp": now + expires, "jti": str(uuid.uuid4())}
    if scope:
        claims["scp"] = scope
    key = signing_key()
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": published(key)["kid"]})
