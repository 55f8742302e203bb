"""How an answer says where its caller stands: draft-ietf-httpapi-ratelimit-headers-10."""

from __future__ import annotations

from shared_code.domain.errors import RateLimited
from shared_code.gateway.limiting.limiter import Standing


def fields(standing: Standing) -> dict[str, str]:
    """The fields `RateLimit-Policy` and `RateLimit`."""
    policy = standing.policy
    return {
        "RateLimit-Policy": f'"{policy.name}";q={policy.amount};w={policy.seconds}',
        "RateLimit": f'"{policy.name}";r={standing.remaining};t={standing.reset}',
    }


class TooMany(RateLimited):
    """A policy does not allow this request."""

    def __init__(self, standing: Standing) -> None:
        policy = standing.policy
        super().__init__(f"More than {policy.amount} requests in {policy.seconds} s.", retry_after=standing.reset)
        self.headers = fields(standing)
