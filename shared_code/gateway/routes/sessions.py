"""Sessions, spoken attempts, and the messages on the screen."""

from __future__ import annotations

from shared_code.gateway.access import LEARNER, PARTICIPANT
from shared_code.gateway.routes.route import JSON_ONLY, KIB, Route

START_SESSION = Route(
    name="start_session",
    method="POST",
    path="v1/sessions",
    access=LEARNER,
    summary="Start a session",
    consumes=JSON_ONLY,
)
GET_SESSION = Route(
    name="get_session", method="GET", path="v1/sessions/{session_id}", access=PARTICIPANT, summary="Look at a session"
)
END_SESSION = Route(
    name="end_session", method="DELETE", path="v1/sessions/{session_id}", access=PARTICIPANT, summary="End a session"
)
SUBMIT_ATTEMPT = Route(
    name="submit_attempt",
    method="POST",
    path="v1/sessions/{session_id}/attempts",
    access=PARTICIPANT,
    summary="Assess one spoken attempt",
    consumes=("audio/wav", "audio/wave", "audio/x-wav", "audio/vnd.wave"),
    max_body=6 * KIB * KIB,  # 60 s of 48 kHz, 16 bit mono are 5.5 MiB
    deadline=15.0,
    limits="speech",
)
READ_MESSAGES = Route(
    name="read_messages",
    method="GET",
    path="v1/sessions/{session_id}/messages",
    access=PARTICIPANT,
    summary="Catch up on a session's messages",
)
READ_OWN_MESSAGES = Route(
    name="read_own_messages",
    method="GET",
    path="v1/realtime/messages",
    access=LEARNER,
    summary="Catch up on the messages to the caller that belong to no session",
)
NEGOTIATE = Route(
    name="negotiate",
    method="POST",
    path="v1/realtime/negotiate",
    access=LEARNER,
    summary="Get what a SignalR client needs to connect",
    consumes=("application/json", "text/plain"),  # the SignalR client posts an empty text
)

ROUTES: tuple[Route, ...] = (
    START_SESSION,
    GET_SESSION,
    END_SESSION,
    SUBMIT_ATTEMPT,
    READ_MESSAGES,
    READ_OWN_MESSAGES,
    NEGOTIATE,
)
