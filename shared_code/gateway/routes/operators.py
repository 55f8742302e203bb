"""What operators did, and the sagas that wait for them."""

from __future__ import annotations

from shared_code.gateway.access import OPERATOR
from shared_code.gateway.routes.route import JSON_ONLY, Route

LIST_ACTIONS = Route(
    name="list_actions", method="GET", path="v1/ops/actions", access=OPERATOR, summary="Look at what operators did"
)
GET_SAGA = Route(
    name="get_saga", method="GET", path="v1/ops/sagas/{saga_id}", access=OPERATOR, summary="Look at a saga"
)
LIST_SAGAS = Route(
    name="list_sagas", method="GET", path="v1/ops/sagas", access=OPERATOR, summary="Find sagas that have not ended"
)
DECIDE_SAGA = Route(
    name="decide_saga",
    method="POST",
    path="v1/ops/sagas/{saga_id}/decisions",
    access=OPERATOR,
    summary="Say how a parked saga goes on",
    consumes=JSON_ONLY,
)

ROUTES: tuple[Route, ...] = (
    LIST_ACTIONS,
    GET_SAGA,
    LIST_SAGAS,
    DECIDE_SAGA,
)
