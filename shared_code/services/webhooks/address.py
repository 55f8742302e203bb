"""Where webhooks may go: to public addresses over https, and to hosts that the configuration names."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from yarl import URL

from shared_code.domain.errors import FieldError, Invalid


class Destinations:
    """`hosts` may be called although they are not public, over plain http too: for development, a private network."""

    def __init__(self, hosts: Sequence[str]) -> None:
        self._hosts = frozenset(hosts)

    def check(self, url: str) -> None:
        """Raise Invalid for a URL to which nothing is delivered."""
        try:
            parsed = URL(url)
            host = parsed.host or ""
        except ValueError:
            raise _refused("is no URL") from None
        if parsed.user or parsed.password or parsed.fragment:
            raise _refused("may have no credentials and no fragment")
        if parsed.scheme != "https" and not (parsed.scheme == "http" and host in self._hosts):
            raise _refused("must be https")
        if not host or (host not in self._hosts and _is_private(host)):
            raise _refused("has an address that is not public")

    def forbidden(self, address: str) -> bool:
        """Whether nothing may be sent to an address that a name resolved to."""
        return _is_private(address) and address not in self._hosts


def _is_private(host: str) -> bool:
    """Whether it is an address that is not reached from the whole internet. Names are judged once they are resolved."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return not (mapped or address).is_global or address.is_multicast


def _refused(what: str) -> Invalid:
    return Invalid("The webhook's URL does not fit.", errors=[FieldError("/url", f"The URL {what}.")])
