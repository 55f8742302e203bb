"""Which role opens which route, from the table itself."""

from __future__ import annotations

import pytest

from shared_code.domain.principal import Principal
from shared_code.gateway.access import AUTHENTICATED, OPERATOR, PUBLIC, SERVICE
from shared_code.gateway.gateway import Gateway
from shared_code.gateway.routes import ROUTES, Route
from tests.shared_code.gateway.openid import OpenIdProvider
from tests.shared_code.gateway.requests import body_of, request, who

ROLES = ("learner", "teacher", "operator", "service", "stranger")


@pytest.mark.parametrize("route", [r for r in ROUTES if not r.access.public], ids=lambda route: route.template)
async def test_only_the_roles_in_the_table_open_a_route(
    route: Route, gateway: Gateway, provider: OpenIdProvider
) -> None:
    for role in ROLES:
        response = await gateway.handle(request(route, provider.token(roles=[role])), who)
        expected = 200 if not route.access.roles or role in route.access.roles else 403
        assert response.status == expected, role
        if expected == 403:
            assert body_of(response)["code"] == "forbidden"


def test_operators_alone_see_operations() -> None:
    for route in ROUTES:
        assert (route.access == OPERATOR) == route.path.startswith("v1/ops/"), route.name


def caller(roles: set[str], scopes: set[str]) -> Principal:
    return Principal("id", "tenant", "pseudonym", frozenset(roles), frozenset(scopes))


@pytest.mark.parametrize(
    ("roles", "scopes", "permitted"),
    [
        ({"service"}, set(), True),
        (set(), {"events.write"}, True),  # a partner's client-credentials token
        ({"learner"}, {"events.write"}, False),  # a person whose app holds the scope is still that person
        (set(), {"content.read"}, False),
        (set(), set(), False),
    ],
)
def test_scopes_let_in_those_who_have_no_role(roles: set[str], scopes: set[str], permitted: bool) -> None:
    assert SERVICE.permits(caller(roles, scopes)) is permitted


def test_where_nothing_is_asked_everybody_is_let_in() -> None:
    assert AUTHENTICATED.permits(caller(set(), set()))
    assert PUBLIC.permits(caller(set(), set()))
