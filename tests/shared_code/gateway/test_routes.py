"""The table of routes holds together."""

from __future__ import annotations

import re

from shared_code.gateway.routes import ROUTES
from shared_code.gateway.routes.services import SERVICES
from shared_code.gateway.routes.unknown import UNKNOWN


def test_every_route_has_its_own_name_and_its_own_place() -> None:
    assert len({route.name for route in ROUTES}) == len(ROUTES)
    assert len({route.template for route in ROUTES}) == len(ROUTES)


def test_only_what_the_contract_lists_is_public() -> None:
    public = {route.path for route in ROUTES if route.access.public}
    assert public <= {
        "health/live", "health/ready", "openapi.json", "asyncapi.json", "docs", "v1/guests", "{*path}",
    }  # fmt: skip


def test_paths_are_templates_of_azure_functions() -> None:
    for route in ROUTES:
        assert re.fullmatch(r"(?:[a-z0-9.-]+|\{\*?[a-z_]+\})(?:/(?:[a-z0-9.-]+|\{\*?[a-z_]+\}))*", route.path), (
            route.path
        )


def test_what_takes_a_body_says_of_which_type() -> None:
    for route in ROUTES:
        if route not in UNKNOWN:
            assert bool(route.consumes) or route.method in ("GET", "DELETE"), route.name
        assert route in SERVICES or not (route.consumes and route.method in ("GET", "DELETE")), route.name
