"""Who is asking."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller: a learner, teacher, operator or service of one tenant.

    `id` is the token's `oid` where it has one, else its `sub`. `pseudonym` is what may be written to logs, the lake
    and SignalR: 26 characters of [a-z2-7], the same for the same tenant and id. `runs_platform` says that the tenant is
    one that runs the platform for all the others.
    """

    id: str
    tenant: str
    pseudonym: str
    roles: frozenset[str] = field(default_factory=frozenset)
    scopes: frozenset[str] = field(default_factory=frozenset)
    runs_platform: bool = False

    def has_role(self, *roles: str) -> bool:
        """Whether the caller has one of these roles."""
        return not self.roles.isdisjoint(roles)

    def sees(self, tenant: str) -> bool:
        """Whether the caller may know of what a tenant has: their own, or every one for those who look after all.

        The role `platform` alone is not enough: in a tenant of its own anybody can give themselves any role.
        """
        return tenant == self.tenant or (self.runs_platform and self.has_role("platform"))
