"""Where webhooks may go: to public addresses over https, and to hosts that the configuration names."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from yarl import URL

from shared_code.domain.errors import FieldError, Invalid

# What Azure's platform answers machines with, on an address that counts as public
# (learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16).
PLATFORM = "168.63.129.16"
_NAME = re.compile(r"(?=.{1,253}$)([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?", re.ASCII)
# Names do not end in a number (url.spec.whatwg.org, "ends in a number"). C libraries read 2130706433 and 127.1 as
# addresses, and a client may take them for such too and ask no resolver.
_NUMBER = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)\.?", re.ASCII)


class Destinations:
    """`hosts` may be called although they are not public, over plain http too: for development, a private network."""

    def __init__(self, hosts: Sequence[str]) -> None:
        self._hosts = frozenset(hosts)

    def check(self, url: str) -> None:
        """Raise Invalid for a URL to which nothing is delivered."""
        try:
            parsed = URL(url)
            host = parsed.raw_host or ""
        except ValueError:
            raise _refused("is no URL") from None
        if parsed.user or parsed.password or parsed.fragment:
            raise _refused("may have no credentials and no fragment")
        if parsed.scheme != "https" and not (parsed.scheme == "http" and host in self._hosts):
            raise _refused("must be https")
        if host in self._hosts:
            return
        address = _address(host)
        if address is None and (not _NAME.fullmatch(host) or _NUMBER.fullmatch(host)):
            raise _refused("has no name and no address for a host")
        if _is_local(host) if address is None else _is_private(address):
            raise _refused("has an address that is not public")

    def forbidden(self, host: str, address: str) -> bool:
        """Whether nothing may be sent to an address that a host's name resolved to."""
        resolved = _address(address)
        return host not in self._hosts and (resolved is None or _is_private(resolved))


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _address(host: str) -> _Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_local(name: str) -> bool:
    return f".{name}".removesuffix(".").endswith(".localhost")


def _is_private(address: _Address) -> bool:
    """Whether it is not reached from the whole internet. Reserved are also IPv6 addresses that carry an IPv4 one."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    plain = mapped or address
    return not plain.is_global or plain.is_multicast or plain.is_reserved or str(plain) == PLATFORM


def _refused(what: str) -> Invalid:
    return Invalid("The webhook's URL does not fit.", errors=[FieldError("/url", f"The URL {what}.")])
