"""Data keys wrapped by Key Vault, with Microsoft's client against a peer that speaks the vault's REST API over TLS."""

from __future__ import annotations

import base64
import datetime
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from azure.core.credentials import AccessToken
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from shared_code.domain.errors import Unavailable
from shared_code.storage.sealing.vault_wrapper import VaultWrapper
from shared_code.storage.sealing.wrapping import WrappedKey
from tests.ports import free_ports

OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


def base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


class Vault:
    """A vault with one key of several versions (learn.microsoft.com/rest/api/keyvault/keys)."""

    def __init__(self, folder: Path) -> None:
        [self.port] = free_ports(1)
        self.url = f"https://localhost:{self.port}/keys/learners"
        self.certificate = folder / "certificate.pem"
        self.key = folder / "key.pem"
        self.versions: dict[str, rsa.RSAPrivateKey] = {}
        self.refuses = 0
        self._certify()
        self.rotate()

    def rotate(self) -> None:
        self.versions[f"v{len(self.versions) + 1}"] = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/keys/learners/{version:.*}", self._get)
        app.router.add_post("/keys/learners/{version}/unwrapkey", self._unwrap)
        return app

    def tls(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context

    async def _get(self, request: web.Request) -> web.Response:
        if refused := self._refused(request):
            return refused
        version = request.match_info["version"] or list(self.versions)[-1]
        numbers = self.versions[version].public_key().public_numbers()
        key = {
            "kid": f"{self.url}/{version}",
            "kty": "RSA",
            "key_ops": ["wrapKey", "unwrapKey"],
            "n": base64url(numbers.n.to_bytes(256)),
            "e": base64url(numbers.e.to_bytes(3)),
        }
        return web.json_response({"key": key, "attributes": {"enabled": True}})

    async def _unwrap(self, request: web.Request) -> web.Response:
        if refused := self._refused(request):
            return refused
        body: dict[str, str] = await request.json()
        assert body["alg"] == "RSA-OAEP-256"
        version = request.match_info["version"]
        sealed = base64.urlsafe_b64decode(body["value"] + "==")
        plain = self.versions[version].decrypt(sealed, OAEP)
        return web.json_response({"kid": f"{self.url}/{version}", "value": base64url(plain)})

    def _refused(self, request: web.Request) -> web.Response | None:
        if self.refuses:
            return web.json_response({"error": {"code": "Forbidden", "message": "no"}}, status=self.refuses)
        if request.headers.get("Authorization") == "Bearer of-the-app":
            return None
        challenge = 'Bearer authorization="https://login.microsoftonline.com/t", resource="https://vault.azure.net"'
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})

    def _certify(self) -> None:
        secret = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(secret.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(secret, hashes.SHA256())
        )
        self.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        self.key.write_bytes(
            secret.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )


class Identity:
    """The app's managed identity, as far as a client asks for its token."""

    async def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        return AccessToken("of-the-app", 4102444800)

    async def close(self) -> None:
        pass


@pytest.fixture
async def vault(tmp_path: Path) -> AsyncIterator[Vault]:
    vault = Vault(tmp_path)
    runner = web.AppRunner(vault.application())
    await runner.setup()
    await web.TCPSite(runner, "localhost", vault.port, ssl_context=vault.tls()).start()
    yield vault
    await runner.cleanup()


@pytest.fixture
async def wrapper(vault: Vault) -> AsyncIterator[VaultWrapper]:
    wrapper = VaultWrapper(
        vault.url,
        credential=Identity,
        connection_verify=str(vault.certificate),
        verify_challenge_resource=False,
        retry_total=0,
    )
    yield wrapper
    await wrapper.close()


async def test_a_data_key_comes_back_from_the_version_that_wrapped_it(vault: Vault, wrapper: VaultWrapper) -> None:
    wrapped = await wrapper.wrap(b"k" * 32)
    assert b"k" * 32 not in wrapped.wrapped
    assert wrapped.by == f"{vault.url}/v1"
    vault.rotate()
    assert await wrapper.unwrap(wrapped) == b"k" * 32


async def test_a_vault_that_refuses_or_is_away_is_unavailable(vault: Vault, wrapper: VaultWrapper) -> None:
    vault.refuses = 403
    with pytest.raises(Unavailable):
        await wrapper.wrap(b"k" * 32)
    with pytest.raises(Unavailable):
        await wrapper.unwrap(WrappedKey(wrapped=b"w" * 256, by=f"{vault.url}/v1"))
