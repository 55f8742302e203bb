"""The provider's signing keys, made at first start and kept in the state folder.

Three are published: the one that signs, the one that will sign next, so that everybody knows it before it is used,
and the one that signed before, whose tokens still hold.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from local.paths import state_dir


class SigningKey:
    """One RSA key; its id is the start of its public key's SHA-256."""

    def __init__(self, private: RSAPrivateKey) -> None:
        self.private = private
        public = private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.key_id = hashlib.sha256(public).hexdigest()[:16]

    def public_jwk(self) -> dict[str, Any]:
        """The public key as RFC 7517 writes it."""
        jwk = jwt.algorithms.RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {"kty": jwk["kty"], "n": jwk["n"], "e": jwk["e"], "use": "sig", "alg": "RS256", "kid": self.key_id}


def signing_key() -> SigningKey:
    """The key that signs now."""
    return _read(_files()[-2])


def published_keys() -> list[SigningKey]:
    """Every key that tokens may be signed with: next, now and before."""
    return [_read(file) for file in _files()[:-4:-1]]


def rotate() -> SigningKey:
    """Let the next key sign from now on, and make another one next. The key that signs now."""
    _make(int(_files()[-1].stem) + 1)
    return signing_key()


def _files() -> list[Path]:
    """The keys' files, oldest first; two are made where there are none."""
    folder = state_dir() / "identity"
    folder.mkdir(mode=0o700, exist_ok=True)
    while len(files := sorted(folder.glob("*.pem"))) < 2:
        _make(len(files) + 1)
    return files


def _make(number: int) -> None:
    """Make a key of this number, where no other process was faster."""
    pem = generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    folder = state_dir() / "identity"
    unfinished = folder / f"{os.getpid()}.tmp"
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(pem)
    try:
        os.link(unfinished, folder / f"{number:06}.pem")  # whole or not at all, and never over another one
    except FileExistsError:
        return
    finally:
        unfinished.unlink()


def _read(file: Path) -> SigningKey:
    # Validation takes a third of a second and guards against foreign keys; this one is our own.
    private = serialization.load_pem_private_key(file.read_bytes(), None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(private, RSAPrivateKey)
    return SigningKey(private)
