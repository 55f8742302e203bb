"""Where a request may be sent: only below the URL of a registered instance, and only to hosts that are allowed."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence

from yarl import URL

from shared_code.domain.errors import FieldError, Invalid, NotFound

LOOPBACK = ("localhost", "127.0.0.1", "::1")
UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]")
MAX_PATH = 2048  # characters


def check_base(url: str, allowed_hosts: Sequence[str]) -> None:
    """Raise Invalid for a URL under which no service may be registered.

    It must be https (http on this machine only), without credentials, query or fragment, and its host must be one of
    `allowed_hosts`, where `.example.net` stands for every host below it.
    """
    try:
        parsed = URL(url)
        host = parsed.host or ""
    except ValueError:
        raise _refused("is no URL") from None
    if parsed.user or parsed.password or parsed.query_string or parsed.fragment:
        raise _refused("may have no credentials, query or fragment")
    if parsed.scheme != "https" and not (parsed.scheme == "http" and host in LOOPBACK):
        raise _refused("must be https (http only on this machine)")
    if not any(host == allowed or (allowed[:1] == "." and host.endswith(allowed)) for allowed in allowed_hosts):
        raise _refused("has a host that the setting SERVICE_HOSTS does not allow")
    if is_forbidden(host, allowed_hosts):
        raise _refused("has an address that nothing may be sent to")


def check_path(path: str) -> None:
    """Raise NotFound for a path that would leave the service, or that no service has."""
    if len(path) > MAX_PATH or UNSAFE.search(path) or any(segment in (".", "..") for segment in path.split("/")):
        raise NotFound("There is no such thing.")


def below(base: str, path: str, query: Mapping[str, str] | None = None) -> URL:
    """The URL of a path below an instance's; path and query as they are meant, not as they are encoded."""
    target = URL(base.rstrip("/") + "/")
    for segment in path.split("/"):
        target = target / segment if segment else target
    return target.with_query(query) if query else target


def is_forbidden(address: str, allowed_hosts: Sequence[str]) -> bool:
    """Whether an address is one that no service has: link-local (cloud metadata), multicast, unspecified, loopback.

    Loopback is allowed where a loopback host is. A name, not being an address, is judged once it is resolved.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if parsed.version == 6 and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    if parsed.is_loopback:
        return not any(host in LOOPBACK for host in allowed_hosts)
    return parsed.is_link_local or parsed.is_multicast or parsed.is_unspecified or parsed.is_reserved


def _refused(what: str) -> Invalid:
    return Invalid("The instance's URL does not fit.", errors=[FieldError("/url", f"The URL {what}.")])
