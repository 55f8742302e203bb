"""Which role opens which route, from the table itself."""

from __future__ import annotations

import pytest

from shared_code.domain.principal import Principal
from shared_code.gateway.access import AUTHENTICATED, OPERATOR, PLATFORM, PUBLIC, SERVICE
from shared_code.gateway.gateway import Gateway
from shared_code.gateway.routes import ROUTES
from shared_code.gateway.routes.route import Route
from tests.shared_code.gateway.openid import OpenIdProvider
from tests.shared_code.gateway.requests import body_of, request, who

ROLES = ("learner", "teacher", "operator", "service", "platform", "stranger")
PROTECTED = pytest.mark.parametrize(
    "route", [route for route in ROUTES if not route.access.public], ids=lambda route: route.template
)


@PROTECTED
async def test_only_the_roles_in_the_table_open_a_route(
    route: Route, gateway: Gateway, provider: OpenIdProvider
) -> None:
    """In the tenant that runs the platform and in another one, which may not change what all tenants share."""
    for role in ROLES:
        for tenant in ("school-1", "school-2"):
            response = await gateway.handle(request(route, provider.token(roles=[role], tid=tenant)), who)
            opened = not route.access.roles or role in route.access.roles
            expected = 200 if opened and (tenant == "school-1" or not route.access.platform) else 403
            assert response.status == expected, (role, tenant)
            if expected == 403:
                assert body_of(response)["code"] == "forbidden"


@PROTECTED
async def test_only_the_scopes_in_the_table_open_a_route_to_partners(
    route: Route, gateway: Gateway, provider: OpenIdProvider
) -> None:
    """Partners come with a client-credentials token: scopes, and no role."""
    asked = route.access.scopes
    everything = {scope for each in ROUTES for scope in each.access.scopes}
    for scopes, opened in (
        (asked, bool(asked)),
        (everything - asked, False),
        ({"content.read"}, False),
        (set(), False),
    ):
        token = provider.token(roles=None, scp=" ".join(sorted(scopes)), sub="partner-app")
        response = await gateway.handle(request(route, token), who)
        anybody = not (route.access.roles or asked)
        assert response.status == (200 if opened or anybody else 403), scopes


def test_operators_alone_see_operations() -> None:
    for route in ROUTES:
        assert (route.access in (OPERATOR, PLATFORM)) == route.path.startswith("v1/ops/"), route.name


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


def test_only_who_looks_after_all_tenants_sees_another_ones() -> None:
    """The role alone is not enough: in a tenant of its own anybody can give themselves any role."""
    for roles, runs, sees in (
        ({"operator", "platform"}, True, True),
        ({"operator"}, True, False),
        ({"operator", "platform"}, False, False),
    ):
        operator = Principal("id", "school-1", "pseudonym", frozenset(roles), runs_platform=runs)
        assert operator.sees("school-1")
        assert operator.sees("school-2") is sees
        assert operator.sees("") is sees


def test_where_nothing_is_asked_everybody_is_let_in() -> None:
    assert AUTHENTICATED.permits(caller(set(), set()))
    assert PUBLIC.permits(caller(set(), set()))
