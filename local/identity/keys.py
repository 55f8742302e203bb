"""The provider's signing keys, made at first start and kept in the state folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from local.paths import state_dir

KEPT = 2  # keys published: the one that signs, and the one before it


class SigningKey:
    """One RSA key; its id is the start of its public key's SHA-256."""

    def __init__(self, private: RSAPrivateKey) -> None:
        self.private = private
        public = private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        digest = hashes.Hash(hashes.SHA256())
        digest.update(public)
        self.key_id = digest.finalize().hex()[:16]

    def public_jwk(self) -> dict[str, Any]:
        """The public key as RFC 7517 writes it."""
        jwk = jwt.algorithms.RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {"kty": jwk["kty"], "n": jwk["n"], "e": jwk["e"], "use": "sig", "alg": "RS256", "kid": self.key_id}


def signing_keys() -> list[SigningKey]:
    """The keys, the one that signs first; the first one is made where there is none."""
    files = sorted(_folder().glob("*.pem"), reverse=True)
    if not files:
        return [rotate()]
    return [_read(file) for file in files[:KEPT]]


def rotate() -> SigningKey:
    """Make a new key that signs from now on; the one before it stays published."""
    files = sorted(_folder().glob("*.pem"))
    number = int(files[-1].stem) + 1 if files else 1
    private = generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    unfinished = _folder() / f"{os.getpid()}.tmp"
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(pem)
    target = _folder() / f"{number:06}.pem"
    try:
        os.link(unfinished, target)  # fails where another process was faster: then its key is the one
    except FileExistsError:
        return _read(target)
    finally:
        unfinished.unlink()
    return SigningKey(private)


def _folder() -> Path:
    folder = state_dir() / "identity"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _read(file: Path) -> SigningKey:
    private = serialization.load_pem_private_key(file.read_bytes(), password=None)
    assert isinstance(private, RSAPrivateKey)
    return SigningKey(private)
