"""Who may use a route."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared_code.domain.errors import Forbidden
from shared_code.domain.events.catalogue import CATALOGUE, READ_ANY, WRITE_ANY
from shared_code.domain.principal import Principal


@dataclass(frozen=True, slots=True)
class Access:
    """Any of the roles lets a caller in, and so does any of the scopes where the token carries no role at all.

    The latter is how partner systems come: a client-credentials token with scopes. Without roles and scopes every
    authenticated caller is let in. `public` asks for no token. `platform` lets in only tenants that run the platform:
    for what concerns all tenants at once.
    """

    roles: frozenset[str] = field(default_factory=frozenset)
    scopes: frozenset[str] = field(default_factory=frozenset)
    public: bool = False
    platform: bool = False

    def permits(self, caller: Principal) -> bool:
        """Whether this caller is let in."""
        if self.public or not (self.roles or self.scopes):
            return True
        if self.platform and not caller.runs_platform:
            return False
        if caller.roles:
            return not self.roles.isdisjoint(caller.roles)
        return not self.scopes.isdisjoint(caller.scopes)

    def require(self, caller: Principal) -> None:
        """Raise Forbidden, which says whom it is for, unless this caller is let in."""
        if not self.permits(caller):
            raise Forbidden(f"Your role does not allow this. {self.said()}")

    def said(self) -> str:
        """Who is let in, in a sentence."""
        if self.public:
            return "Open to all."
        if not self.roles and not self.scopes:
            return "For everyone with a token."
        roles = " or ".join(sorted(self.roles))
        tenants = " in a tenant that runs the platform" if self.platform else ""
        scopes = ""
        if self.scopes:
            below = " or one below it" if len(self.scopes) > 1 else ""
            scopes = f"; for a system without a role: the scope {min(self.scopes, key=len)}{below}"
        return f"For the role {roles}{tenants}{scopes}."


PUBLIC = Access(public=True)
AUTHENTICATED = Access()
LEARNER = Access(roles=frozenset({"learner"}))
PARTICIPANT = Access(roles=frozenset({"learner", "teacher"}))
OPERATOR = Access(roles=frozenset({"operator"}))
PLATFORM = Access(roles=frozenset({"operator"}), platform=True)
READ_EVENTS = Access(
    roles=frozenset({"service"}), scopes=frozenset({READ_ANY, *(kind.read_scope for kind in CATALOGUE)})
)
SERVICE = Access(roles=frozenset({"service"}), scopes=frozenset({WRITE_ANY, *(kind.write_scope for kind in CATALOGUE)}))
WEBHOOKS = Access(roles=frozenset({"service", "operator"}), scopes=frozenset({"webhooks.manage"}))
