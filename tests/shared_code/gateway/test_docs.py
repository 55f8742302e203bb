"""The page about the gateway says what the code does."""

from __future__ import annotations

import re

from local.paths import PROJECT
from shared_code.gateway.gateway import Gateway
from shared_code.gateway.idempotency.claims import KEPT, PATIENCE
from shared_code.gateway.identity.keys import HARD_LIMIT
from shared_code.gateway.limiting.policies import ADDRESS, ADDRESS_FAILURES, DEFAULTS
from shared_code.gateway.stages.bounds import MAX_HEADERS, MAX_URL
from shared_code.gateway.stages.idempotency import LEASE_MARGIN

PAGE = (PROJECT / "docs/gateway.md").read_text()
ROWS = {
    name: (promise, outage)
    for name, promise, outage in re.findall(r"^\| ([a-z ]+) \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)
    if name != "stage"
}


def test_the_stages_are_those_of_the_code_in_their_order(gateway: Gateway) -> None:
    names = [getattr(stage, "__name__", "") or type(stage).__name__ for stage in gateway.stages]
    assert list(ROWS) == [re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower() for name in names]


def test_its_numbers_are_those_of_the_code() -> None:
    for stage, number in (
        ("bounds", f"{MAX_URL:,}"),
        ("bounds", f"{MAX_HEADERS:,}"),
        ("limit address", f"{DEFAULTS[ADDRESS].amount:,}"),
        ("limit address", f"{DEFAULTS[ADDRESS_FAILURES].amount:,}"),
        ("authenticate", f"{HARD_LIMIT / 3600:.0f} h"),
        ("idempotency", f"{KEPT.total_seconds() / 3600:.0f} hours"),
        ("idempotency", f"{PATIENCE:.0f} s"),
        ("idempotency", f"{LEASE_MARGIN:.0f} s more"),
    ):
        assert number in " ".join(ROWS[stage]), (stage, number)
