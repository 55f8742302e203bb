"""Azure tries HTTP routes in the order of the functions' names (github.com/Azure/azure-functions-host/issues/9876)."""

from __future__ import annotations

import json

from functions import BLUEPRINTS


def http_routes() -> dict[str, str]:
    """Route by function name."""
    found: dict[str, str] = {}
    for blueprint in BLUEPRINTS:
        for builder in blueprint._function_builders:
            bindings = [json.loads(binding) for binding in builder._function.get_raw_bindings()]
            found |= {builder._function.get_function_name(): each["route"] for each in bindings if "route" in each}
    return found


def test_no_catch_all_comes_before_the_routes_that_it_would_take() -> None:
    routes = http_routes()
    catch_alls = sorted(name for name, route in routes.items() if "{*" in route)
    assert catch_alls == ["http_to_service", "http_unknown"]
    assert max(routes.keys() - catch_alls) < catch_alls[0]
