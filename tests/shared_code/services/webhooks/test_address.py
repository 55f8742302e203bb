"""Webhooks go to public addresses, and to hosts that the configuration names."""

from __future__ import annotations

import pytest

from shared_code.domain.errors import Invalid
from shared_code.services.webhooks.address import Destinations


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.school.example/a?b=c",
        "https://学校.example/",
        "https://1.hooks2.example./",
        "https://8.8.8.8:8443/",
        "https://[2600::1]/x",
    ],
)
def test_public_addresses_over_https_are_taken(url: str) -> None:
    Destinations(()).check(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.school.example/",
        "ftp://hooks.school.example/",
        "https://",
        "/relative",
        "https://user:secret@hooks.school.example/",
        "https://hooks.school.example/#part",
        "https://localhost/",
        "https://a.localhost/",
        "https://127.0.0.1/",
        "https://10.0.0.7/",
        "https://172.16.0.1/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https://[::1]/",
        "https://[fd00::1]/",
        "https://[fe80::1]/",
        "https://[::ffff:10.0.0.7]/",
        "http://[bad",
        # What the C library takes for 127.0.0.1, 169.254.169.254 or 0.0.0.0, and Python for no address:
        "https://2130706433/",
        "https://2852039166/latest/meta-data",
        "https://127.1/",
        "https://127.0.0.1./",
        "https://0177.0.0.1/",
        "https://0x7f.1/",
        "https://0x7f000001/",
        "https://0/",
        "https://１２７.１/",
        # IPv4 inside IPv6, which a gateway on the way may translate:
        "https://[::127.0.0.1]/",
        "https://[::ffff:0:127.0.0.1]/",
        "https://[64:ff9b::169.254.169.254]/",
        "https://[2002:7f00:1::]/",
        "https://168.63.129.16/",  # Azure's own
        "https://localhost./",
        # What is no name, and fails in the resolver with something else than an answer:
        "https://a..school.example/",
        f"https://{'a' * 64}.school.example/",
        "https://a b.school.example/",
    ],
)
def test_everything_else_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        Destinations(()).check(url)


def test_a_named_host_may_be_private_and_plain() -> None:
    destinations = Destinations(("127.0.0.1", "hooks.internal"))
    destinations.check("http://127.0.0.1:9000/")
    destinations.check("http://hooks.internal/")
    with pytest.raises(Invalid):
        destinations.check("http://127.0.0.2:9000/")


def test_what_a_name_resolves_to_is_judged_too() -> None:
    destinations = Destinations(("hooks.internal",))
    assert destinations.forbidden("hooks.school.example", "10.0.0.7")
    assert destinations.forbidden("hooks.school.example", "fe80::1%eth0")
    assert not destinations.forbidden("hooks.school.example", "8.8.8.8")
    assert not destinations.forbidden("hooks.internal", "10.0.0.7")  # a named host is where it is
