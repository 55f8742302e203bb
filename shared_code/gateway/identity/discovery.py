"""Where an OpenID provider's keys are: OpenID Connect Discovery 1.0, section 4, and RFC 7517 (JWK sets)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import jwt
import msgspec

from shared_code.domain.errors import Unavailable

if TYPE_CHECKING:
    import aiohttp

TIMEOUT = 3.0  # seconds for both documents together
MAX_DOCUMENT = 512 * 1024  # bytes
ALGORITHMS = {"RSA": "RS256", "EC": "ES256"}


class KeySet(msgspec.Struct):
    """The members of a JWK set that we read."""

    keys: list[dict[str, Any]]


class Discovery(msgspec.Struct):
    """The members of a provider's metadata that we read."""

    issuer: str
    jwks_uri: str


class DiscoveredKeys:
    """Fetches the keys of one issuer from wherever its metadata says. `close` it when the process ends."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._http: aiohttp.ClientSession | None = None

    async def __call__(self) -> dict[str, jwt.PyJWK]:
        """Ask the provider. Raises Unavailable when it does not answer in time or with something else."""
        import aiohttp  # at first use: a fifth of the time that the app takes to start

        try:
            async with asyncio.timeout(TIMEOUT):
                metadata = await self._get(self._issuer.rstrip("/") + "/.well-known/openid-configuration", Discovery)
                if metadata.issuer != self._issuer:
                    raise Unavailable("The provider's metadata is another issuer's.")
                if urlsplit(metadata.jwks_uri).scheme != urlsplit(self._issuer).scheme:
                    raise Unavailable("The provider's keys are not behind the issuer's scheme.")
                return usable((await self._get(metadata.jwks_uri, KeySet)).keys)
        except (aiohttp.ClientError, TimeoutError, msgspec.MsgspecError) as error:
            raise Unavailable(f"The provider's keys cannot be read: {type(error).__name__}.") from error

    async def _get[T](self, url: str, document: type[T]) -> T:
        if self._http is None:
            import aiohttp

            self._http = aiohttp.ClientSession()
        async with self._http.get(url, allow_redirects=False) as response:
            if response.status != 200:
                raise Unavailable(f"The provider answered {response.status}.")
            return msgspec.json.decode(await response.content.read(MAX_DOCUMENT), type=document)

    async def close(self) -> None:
        """Close the pooled connections."""
        if self._http is not None:
            await self._http.close()


def usable(keys: list[dict[str, Any]]) -> dict[str, jwt.PyJWK]:
    """The signature keys that we accept, by key id: RSA for RS256 and P-256 for ES256; others are passed over."""
    found: dict[str, jwt.PyJWK] = {}
    for key in keys:
        algorithm = ALGORITHMS.get(str(key.get("kty")))
        named = key.get("alg", algorithm) == algorithm and key.get("use", "sig") == "sig"
        if algorithm and named and isinstance(key.get("kid"), str) and key.get("crv", "P-256") == "P-256":
            try:
                found[key["kid"]] = jwt.PyJWK(key, algorithm)
            except jwt.PyJWTError:
                continue  # a broken key among good ones must not lock everybody out
    return found
