"""Dead letters, one by one, and redriven in groups."""

from __future__ import annotations

from shared_code.gateway.access import OPERATOR
from shared_code.gateway.routes.route import JSON_ONLY, KIB, Route

LIST_DEAD_LETTERS = Route(
    name="list_dead_letters",
    method="GET",
    path="v1/ops/dead-letters",
    access=OPERATOR,
    summary="Find dead letters, and count them by what they died of",
)
GET_DEAD_LETTER = Route(
    name="get_dead_letter",
    method="GET",
    path="v1/ops/dead-letters/{letter_id}",
    access=OPERATOR,
    summary="Look at a dead letter",
)
EDIT_DEAD_LETTER = Route(
    name="edit_dead_letter",
    method="PUT",
    path="v1/ops/dead-letters/{letter_id}/body",
    access=OPERATOR,
    summary="Mend a dead letter",
    consumes=JSON_ONLY,
    max_body=2 * KIB * KIB,
)
REDRIVE_DEAD_LETTER = Route(
    name="redrive_dead_letter",
    method="POST",
    path="v1/ops/dead-letters/{letter_id}/redrives",
    access=OPERATOR,
    summary="Send a dead letter to its subscription again",
    consumes=JSON_ONLY,
    deadline=30.0,  # the queue's session is opened, read and closed
)
DISCARD_DEAD_LETTER = Route(
    name="discard_dead_letter",
    method="POST",
    path="v1/ops/dead-letters/{letter_id}/discards",
    access=OPERATOR,
    summary="Give a dead letter up",
    consumes=JSON_ONLY,
    deadline=30.0,
)
START_REDRIVE = Route(
    name="start_redrive",
    method="POST",
    path="v1/ops/redrives",
    access=OPERATOR,
    summary="Redrive a group of dead letters, or all",
    consumes=JSON_ONLY,
)
LIST_REDRIVES = Route(
    name="list_redrives", method="GET", path="v1/ops/redrives", access=OPERATOR, summary="Find redrives"
)
GET_REDRIVE = Route(
    name="get_redrive",
    method="GET",
    path="v1/ops/redrives/{job_id}",
    access=OPERATOR,
    summary="Look at how far a redrive is",
)
ACT_ON_REDRIVE = Route(
    name="act_on_redrive",
    method="POST",
    path="v1/ops/redrives/{job_id}/actions",
    access=OPERATOR,
    summary="Pause, resume or cancel a redrive",
    consumes=JSON_ONLY,
)

ROUTES: tuple[Route, ...] = (
    LIST_DEAD_LETTERS,
    GET_DEAD_LETTER,
    EDIT_DEAD_LETTER,
    REDRIVE_DEAD_LETTER,
    DISCARD_DEAD_LETTER,
    START_REDRIVE,
    LIST_REDRIVES,
    GET_REDRIVE,
    ACT_ON_REDRIVE,
)
