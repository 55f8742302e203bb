"""The app's settings: typed, checked at start, every fault named at once. Read by `bootstrap` only."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from shared_code.environment import LOOPBACK, Environment
from shared_code.gateway.config import GatewayConfig
from shared_code.gateway.edge_mode import EDGE_MODES, EdgeMode
from shared_code.gateway.limiting.policies import Policy, with_changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How to reach one Azure service: a connection string (local stack), or its address and our managed identity."""

    string: str = field(default="", repr=False)
    address: str = ""
    client_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageConnection:
    """How to reach the storage account: a connection string, or the addresses of its services and our identity."""

    string: str = field(default="", repr=False)
    blob: str = ""
    table: str = ""
    client_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """The Azure Speech resource. Without a key our managed identity is used."""

    endpoint: str
    region: str
    key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Redis:
    """Where Redis is; an empty URL where there is none. Without a password in it our managed identity signs in."""

    url: str = field(default="", repr=False)
    client_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnerKeyProtection:
    """What wraps the learners' data keys: a key in Azure Key Vault, by its URL, or a file on a developer's machine."""

    vault_key: str = ""
    client_id: str = ""
    file: Path = Path(".local/learner-keys.key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that differs between one place where the app runs and another.

    `trusted_proxies` is how many proxies in front of the app append to X-Forwarded-For: 0 locally, 1 in Azure
    Functions, 2 behind API Management. `webhook_hosts` are hosts that webhooks may name though they are not public.
    `jobs_kept` is for how long redrives and replays are listed after their end.
    """

    storage: StorageConnection
    service_bus: Connection
    signalr: Connection
    gateway: GatewayConfig
    pseudonym_key: bytes = field(repr=False)
    learner_keys: LearnerKeyProtection
    trusted_proxies: int
    webhook_hosts: tuple[str, ...]
    jobs_kept: timedelta
    redis: Redis
    speech: Speech | None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the settings. Raises SettingsError with every fault."""
        env = Environment(os.environ if environ is None else environ)
        pseudonym_key = env.key("PSEUDONYM_KEY", at_least=32)
        settings = cls(
            storage=_storage(env),
            service_bus=_connection(env, "ServiceBusConnection", "fullyQualifiedNamespace"),
            signalr=_connection(env, "AzureSignalRConnectionString", "serviceUri"),
            gateway=_gateway(env, pseudonym_key),
            pseudonym_key=pseudonym_key,
            learner_keys=_learner_keys(env),
            trusted_proxies=int(env.number("TRUSTED_PROXIES", 0, least=0, most=5)),
            webhook_hosts=tuple(env.words("WEBHOOK_HOSTS")),
            jobs_kept=timedelta(days=env.number("JOBS_KEPT_DAYS", 90, least=1, most=3650)),
            redis=Redis(url=_redis_url(env), client_id=env.text("REDIS_CLIENT_ID")),
            speech=_speech(env),
        )
        env.raise_faults()
        return settings


def _storage(env: Environment) -> StorageConnection:
    name = "AzureWebJobsStorage"
    if string := env.text(name):
        return StorageConnection(string=string)
    return StorageConnection(
        blob=env.url(f"{name}__blobServiceUri", required=True, instead=name),
        table=env.url(f"{name}__tableServiceUri", required=True, instead=name),
        client_id=env.text(f"{name}__clientId"),
    )


def _connection(env: Environment, name: str, address: str) -> Connection:
    if string := env.text(name):
        return Connection(string=string)
    return Connection(
        address=env.text(f"{name}__{address}", required=True, instead=name), client_id=env.text(f"{name}__clientId")
    )


def _gateway(env: Environment, secret: bytes) -> GatewayConfig:
    issuers = env.words("IDENTITY_ISSUERS", required=True)
    for issuer in issuers:
        env.check_url("IDENTITY_ISSUERS", issuer)
    hosts = env.words("SERVICE_HOSTS")
    return GatewayConfig(
        issuers=issuers,
        audience=env.words("IDENTITY_AUDIENCE", required=True),
        tenants=frozenset(env.words("IDENTITY_TENANTS")),
        platform_tenants=frozenset(env.words("PLATFORM_TENANTS")),
        clock_skew=env.number("IDENTITY_CLOCK_SKEW_SECONDS", 30, least=0, most=300),
        secret=secret,
        rate_limits=_rate_limits(env),
        guest_key=env.key("GUEST_SIGNING_KEY", at_least=64, required=False),
        edge_mode=_edge_mode(env),
        edge_principals=frozenset(env.words("EDGE_PRINCIPALS")),
        edge_keys=_edge_keys(env),
        cors_origins=env.words("CORS_ORIGINS"),
        service_hosts=hosts,
        service_key=env.key("SERVICE_CONTEXT_KEY", at_least=32, required=bool(hosts)),
    )


def _edge_mode(env: Environment) -> EdgeMode:
    given = env.text("EDGE_MODE") or "off"
    for mode in EDGE_MODES:
        if given == mode:
            if mode != "off" and not env.words("EDGE_PRINCIPALS"):
                env.fault("EDGE_PRINCIPALS", "must name API Management's identity where EDGE_MODE is on")
            return mode
    env.fault("EDGE_MODE", f"must be one of {', '.join(EDGE_MODES)}")
    return "off"


def _edge_keys(env: Environment) -> tuple[bytes, ...]:
    """Two, while one takes the other's place."""
    names = ("EDGE_CONTEXT_KEY", "EDGE_CONTEXT_KEY_NEXT")
    return tuple(key for name in names if (key := env.key(name, at_least=32, required=False)))


def _rate_limits(env: Environment) -> Mapping[str, Policy]:
    try:
        return with_changes(env.words("RATE_LIMITS"))
    except ValueError as error:
        env.fault("RATE_LIMITS", f"does not fit: {error}")
        return {}


def _redis_url(env: Environment) -> str:
    url = env.text("REDIS_URL")
    parts = urlsplit(url)
    if url and parts.scheme != "rediss" and not (parts.scheme == "redis" and parts.hostname in LOOPBACK):
        env.fault("REDIS_URL", "must be a rediss:// URL (redis:// only on this machine)")
    return url


def _learner_keys(env: Environment) -> LearnerKeyProtection:
    """A file only where storage is local too: on an instance in Azure it would be gone with the instance."""
    vault_key, file = env.url("LEARNER_KEYS_VAULT_KEY"), env.text("LEARNER_KEYS_FILE")
    if vault_key:
        return LearnerKeyProtection(vault_key=vault_key, client_id=env.text("AzureWebJobsStorage__clientId"))
    if not env.text("AzureWebJobsStorage"):
        env.fault("LEARNER_KEYS_VAULT_KEY", "must be the URL of a key in Key Vault")
    return LearnerKeyProtection(file=Path(file)) if file else LearnerKeyProtection()


def _speech(env: Environment) -> Speech | None:
    endpoint, region, key = (
        env.url("AZURE_SPEECH_ENDPOINT"),
        env.text("AZURE_SPEECH_REGION"),
        env.text("AZURE_SPEECH_KEY"),
    )
    if not endpoint and not region:
        if key:
            env.fault("AZURE_SPEECH_KEY", "is set, but neither AZURE_SPEECH_ENDPOINT nor AZURE_SPEECH_REGION is")
        return None
    return Speech(endpoint=endpoint, region=region, key=key)
