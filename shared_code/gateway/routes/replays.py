"""Projections built anew, subscribers fed again."""

from __future__ import annotations

from shared_code.gateway.access import OPERATOR
from shared_code.gateway.routes.route import JSON_ONLY, Route

START_REPLAY = Route(
    name="start_replay",
    method="POST",
    path="v1/ops/replays",
    access=OPERATOR,
    summary="Rebuild a projection, or feed one subscriber",
    consumes=JSON_ONLY,
)
LIST_REPLAYS = Route(name="list_replays", method="GET", path="v1/ops/replays", access=OPERATOR, summary="Find replays")
GET_REPLAY = Route(
    name="get_replay", method="GET", path="v1/ops/replays/{job_id}", access=OPERATOR, summary="See how far a replay is"
)
ACT_ON_REPLAY = Route(
    name="act_on_replay",
    method="POST",
    path="v1/ops/replays/{job_id}/actions",
    access=OPERATOR,
    summary="Pause, resume or cancel a replay, or swap in what it rebuilt",
    consumes=JSON_ONLY,
)
COMPARE_REPLAY = Route(
    name="compare_replay",
    method="GET",
    path="v1/ops/replays/{job_id}/differences",
    access=OPERATOR,
    summary="Compare a rebuilt projection with the live one",
)

ROUTES: tuple[Route, ...] = (
    START_REPLAY,
    LIST_REPLAYS,
    GET_REPLAY,
    ACT_ON_REPLAY,
    COMPARE_REPLAY,
)
