"""Webhooks go to public addresses, and to hosts that the configuration names."""

from __future__ import annotations

import pytest

from shared_code.domain.errors import Invalid
from shared_code.services.webhooks.address import Destinations


@pytest.mark.parametrize("url", ["https://hooks.school.example/a?b=c", "https://8.8.8.8:8443/", "https://[2600::1]/x"])
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
    destinations = Destinations(("127.0.0.1",))
    assert destinations.forbidden("10.0.0.7")
    assert not destinations.forbidden("8.8.8.8")
    assert not destinations.forbidden("127.0.0.1")
