"""The registry of services, and the services themselves: whatever is registered under a name."""

from __future__ import annotations

from shared_code.gateway.access import AUTHENTICATED, OPERATOR, PLATFORM
from shared_code.gateway.routes.route import JSON_ONLY, KIB, Route

LIST_SERVICES = Route(
    name="list_services",
    method="GET",
    path="v1/ops/services",
    access=OPERATOR,
    summary="Look at all services and their instances",
)
PUT_SERVICE = Route(
    name="put_service",
    method="PUT",
    path="v1/ops/services/{service}",
    access=PLATFORM,
    summary="Say who may call a service and how its callers are split by version",
    consumes=JSON_ONLY,
)
PUT_INSTANCE = Route(
    name="put_instance",
    method="PUT",
    path="v1/ops/services/{service}/instances/{id}",
    access=PLATFORM,
    summary="Register an instance, or change, weigh or drain it",
    consumes=JSON_ONLY,
)
DELETE_INSTANCE = Route(
    name="delete_instance",
    method="DELETE",
    path="v1/ops/services/{service}/instances/{id}",
    access=PLATFORM,
    summary="Forget an instance",
)

SERVICES_PATH = "v1/{service}/{*path}"
SERVICES = tuple(
    Route(
        name=f"service_{method.lower()}",
        method=method,
        path=SERVICES_PATH,
        access=AUTHENTICATED,
        summary="Whatever service is registered under this name",
        consumes=("application/json", "audio/wav", "application/octet-stream"),
        max_body=6 * KIB * KIB,
        deadline=30.0,  # the most that any service has
    )
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
)

ROUTES: tuple[Route, ...] = (
    LIST_SERVICES,
    PUT_SERVICE,
    PUT_INSTANCE,
    DELETE_INSTANCE,
    *SERVICES,
)
