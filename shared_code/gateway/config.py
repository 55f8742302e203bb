"""What the gateway is told by the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared_code.gateway.edge_mode import EdgeMode
from shared_code.gateway.limiting.policies import DEFAULTS, Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayConfig:
    """Everything that differs between one place where the gateway runs and another.

    `issuers` are OpenID providers, `audience` the names that tokens may have for us, an empty `tenants` allows any,
    `platform_tenants` are those whose operators look after what all tenants share, `clock_skew` is in seconds.
    `rate_limits` are the policies by name. `secret` makes pseudonyms and seals kept answers. `service_hosts` are the
    hosts at which services may be registered (`.example.net` stands for all below it), and `service_key` signs what
    they are told of the caller.
    `cors_origins` are the origins whose pages may call us. `guest_key` signs guests' tokens (P-256, PKCS #8 in DER);
    without it there are no guests. `edge_mode` says how API Management proves itself, `edge_principals` who it is, and
    `edge_keys` sign its context headers.
    """

    issuers: tuple[str, ...]
    audience: tuple[str, ...]
    tenants: frozenset[str] = frozenset()
    platform_tenants: frozenset[str] = frozenset()
    clock_skew: float = 30.0
    secret: bytes = field(repr=False)
    rate_limits: Mapping[str, Policy] = field(default_factory=lambda: dict(DEFAULTS))
    service_hosts: tuple[str, ...] = ()
    service_key: bytes = field(default=b"", repr=False)
    cors_origins: tuple[str, ...] = ()
    guest_key: bytes = field(default=b"", repr=False)
    edge_mode: EdgeMode = "off"
    edge_principals: frozenset[str] = frozenset()
    edge_keys: tuple[bytes, ...] = field(default=(), repr=False)
