"""The key-encryption key in Azure Key Vault: it never leaves the vault (azure-keyvault-keys, wrapKey and unwrapKey)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from shared_code.domain.errors import Unavailable
from shared_code.storage.identity import identity
from shared_code.storage.sealing.wrapping import WrappedKey

if TYPE_CHECKING:
    from azure.keyvault.keys.crypto.aio import CryptographyClient

# The role "Key Vault Crypto Service Encryption User" suffices: get, wrapKey, unwrapKey.
_OPTIONS: dict[str, Any] = {"retry_total": 3, "retry_backoff_factor": 0.2, "connection_timeout": 3, "read_timeout": 10}


class VaultWrapper:
    """RSA-OAEP-256 with the key `https://{vault}.vault.azure.net/keys/{name}`; without a version, its newest one.

    A key's newest version wraps; what older ones wrapped is unwrapped by them, so the key may be rotated at any time.
    `options` go to the SDK's client.
    """

    def __init__(
        self, key_url: str, client_id: str = "", *, credential: Callable[[], Any] | None = None, **options: Any
    ) -> None:
        self._key_url = key_url
        self._make_credential = credential or (lambda: identity(client_id))
        self._options = _OPTIONS | options
        self._credential: Any = None
        self._clients: dict[str, CryptographyClient] = {}

    async def wrap(self, secret: bytes) -> WrappedKey:
        """Wrap a data key. Raises Unavailable."""
        from azure.keyvault.keys.crypto import KeyWrapAlgorithm

        with _failures():
            wrapped = await self._on(
                self._key_url, lambda client: client.wrap_key(KeyWrapAlgorithm.rsa_oaep_256, secret)
            )
        return WrappedKey(wrapped=wrapped.encrypted_key, by=str(wrapped.key_id))

    async def unwrap(self, key: WrappedKey) -> bytes:
        """The data key. Raises Unavailable."""
        from azure.keyvault.keys.crypto import KeyWrapAlgorithm

        with _failures():
            unwrapped = await self._on(
                key.by, lambda client: client.unwrap_key(KeyWrapAlgorithm.rsa_oaep_256, key.wrapped)
            )
        return bytes(unwrapped.key)

    async def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            await client.close()
        if self._credential is not None:
            await self._credential.close()
        self._clients.clear()
        self._credential = None

    async def _on(self, key_url: str, call: Callable[[CryptographyClient], Awaitable[Any]]) -> Any:
        from azure.keyvault.keys.crypto.aio import CryptographyClient

        if key_url not in self._clients:
            if self._credential is None:
                self._credential = self._make_credential()
            self._clients[key_url] = CryptographyClient(key_url, self._credential, **self._options)
        return await call(self._clients[key_url])


@contextmanager
def _failures() -> Iterator[None]:
    from azure.core.exceptions import AzureError

    try:
        yield
    except AzureError as error:
        raise Unavailable("Key Vault does not wrap or unwrap keys now.", code="key-vault-unavailable") from error
