"""The key-encryption key of a developer's machine: a file that only its owner may read."""

from __future__ import annotations

import asyncio
import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from shared_code.domain.errors import Unavailable
from shared_code.storage.sealing.wrapping import WrappedKey

KEY_BYTES = 32
NAME = "file"


class FileWrapper:
    """AES-256 key wrap (RFC 3394) under a key in a file, which is made when it is first needed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._secret: bytes | None = None

    async def wrap(self, secret: bytes) -> WrappedKey:
        """Wrap a data key."""
        return WrappedKey(wrapped=aes_key_wrap(await self._key(), secret), by=NAME)

    async def unwrap(self, key: WrappedKey) -> bytes:
        """The data key. Unavailable where the file is not the one that wrapped it."""
        try:
            return aes_key_unwrap(await self._key(), key.wrapped)
        except InvalidUnwrap:
            raise Unavailable("The learners' keys were wrapped by another key file.", code="key-file-changed") from None

    async def close(self) -> None:
        """Nothing is open."""

    async def _key(self) -> bytes:
        if self._secret is None:
            self._secret = await asyncio.to_thread(_made_once, self._path)
        return self._secret


def _made_once(path: Path) -> bytes:
    """The key in the file. Many processes may make it at once: the first one's stays, whole and on disk."""
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                os.write(descriptor, secrets.token_bytes(KEY_BYTES))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            try:
                os.link(draft, path)  # fails where another process was faster
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        key = path.read_bytes()
    except OSError as error:
        raise Unavailable(f"The key file cannot be used: {error.strerror}.", code="key-file-unusable") from error
    if len(key) != KEY_BYTES:
        raise Unavailable("The key file does not hold a key.", code="key-file-unusable")
    return key
