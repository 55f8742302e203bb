"""Who is asking."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller: a learner, teacher, operator or service of one tenant.

    `id` is the token's `oid` where it has one, else its `sub`. `pseudonym` is what may be written to logs, the lake
    and SignalR: 26 characters of [a-z2-7], the same for the same tenant and id.
    """

    id: str
    tenant: str
    pseudonym: str
    roles: frozenset[str] = field(default_factory=frozenset)
    scopes: frozenset[str] = field(default_factory=frozenset)

    def has_role(self, *roles: str) -> bool:
        """Whether the caller has one of these roles."""
        return not self.roles.isdisjoint(roles)
