"""How much is allowed. Every number here can be changed by the setting `RATE_LIMITS`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

ADDRESS = "address"
ADDRESS_FAILURES = "address-failures"
TENANT = "tenant"
GUESTS = ("guests-burst", "guests")
GUEST_DEVICE = "guests-device"
PARTNER = ("partner-burst", "partner")


@dataclass(frozen=True, slots=True)
class Policy:
    """At most `amount` requests in any `seconds`."""

    name: str
    amount: int
    seconds: int


# A school's learners share an address, so addresses are limited generously, and their failed authentications apart:
# a flood of bad tokens ends there before it costs a verification each. People speak an attempt in a few seconds.
DEFAULTS: Mapping[str, Policy] = {
    policy.name: policy
    for policy in (
        Policy(ADDRESS, 6000, 60),
        Policy(ADDRESS_FAILURES, 600, 60),
        Policy(TENANT, 60_000, 60),
        Policy("partner-burst", 300, 10),
        Policy("partner", 1200, 60),
        Policy("reads-burst", 150, 10),
        Policy("reads", 600, 60),
        Policy("writes-burst", 60, 10),
        Policy("writes", 240, 60),
        Policy("speech-burst", 40, 10),
        Policy("speech", 120, 60),
        Policy("ai-burst", 15, 10),
        Policy("ai", 60, 60),
        Policy("guests-burst", 60, 60),  # new guests by address: a class room starts at once
        Policy("guests", 600, 3600),
        Policy("guests-device", 10, 3600),
    )
}


def of_class(limit_class: str) -> tuple[str, str]:
    """The burst and the sustained policy of a class of routes."""
    return f"{limit_class}-burst", limit_class


def with_changes(changes: Iterable[str]) -> dict[str, Policy]:
    """The policies with changes like `writes=100/60` (amount, seconds). Raises ValueError naming what is wrong."""
    policies = dict(DEFAULTS)
    for change in changes:
        name, _, numbers = change.partition("=")
        amount, _, seconds = numbers.partition("/")
        if name not in policies or not (amount.isdecimal() and seconds.isdecimal() and int(amount) and int(seconds)):
            raise ValueError(f"'{change}' is not like 'writes=100/60', with a name of {', '.join(policies)}")
        policies[name] = replace(policies[name], amount=int(amount), seconds=int(seconds))
    return policies
