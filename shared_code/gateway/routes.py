"""The one table of routes: everything that HTTP reaches, who may call it, and what it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared_code.gateway.access import (
    AUTHENTICATED,
    LEARNER,
    OPERATOR,
    PARTICIPANT,
    PLATFORM,
    PUBLIC,
    READ_EVENTS,
    SERVICE,
    WEBHOOKS,
    Access,
)

KIB = 1024
JSON_ONLY = ("application/json",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One line of the table. `path` is below `/api`, in the template syntax of Azure Functions.

    `consumes` are the content types that a body may have, none where no body is taken; `max_body` is in bytes;
    `deadline` in seconds. `limits` is the class of rate limits: reads, writes, speech or ai; empty means by method.
    """

    name: str
    method: str
    path: str
    access: Access
    summary: str
    consumes: Sequence[str] = ()
    max_body: int = 64 * KIB
    deadline: float = 10.0
    limits: str = ""

    @property
    def limit_class(self) -> str:
        """The class of rate limits that this counts against."""
        return self.limits or ("reads" if self.method == "GET" else "writes")

    @property
    def template(self) -> str:
        """Method and path, for logs and metrics: says nothing about anybody."""
        return f"{self.method} /api/{self.path}"


LIVE = Route(name="live", method="GET", path="health/live", access=PUBLIC, summary="Whether the app runs")
READY = Route(
    name="ready", method="GET", path="health/ready", access=PUBLIC, summary="Whether what the app needs answers"
)
OPENAPI = Route(name="openapi", method="GET", path="openapi.json", access=PUBLIC, summary="This API in OpenAPI 3.1")
ASYNCAPI = Route(
    name="asyncapi", method="GET", path="asyncapi.json", access=PUBLIC, summary="The events, in AsyncAPI 3.0"
)
DOCS = Route(name="docs", method="GET", path="docs", access=PUBLIC, summary="This API for people to read")

CREATE_GUEST = Route(
    name="create_guest",
    method="POST",
    path="v1/guests",
    access=PUBLIC,
    summary="Become a guest learner",
    consumes=JSON_ONLY,
)
LINK_GUEST = Route(
    name="link_guest",
    method="POST",
    path="v1/guests/link",
    access=LEARNER,
    summary="Turn a guest into the learner of the caller's account",
    consumes=JSON_ONLY,
)

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
ACCEPT_EVENTS = Route(
    name="accept_events",
    method="POST",
    path="v1/events",
    access=SERVICE,
    summary="Accept events of another system",
    consumes=("application/cloudevents+json", "application/cloudevents-batch+json", "application/json"),
    max_body=2 * KIB * KIB,
    deadline=30.0,
)
FIND_EVENTS = Route(
    name="find_events", method="GET", path="v1/ops/events", access=OPERATOR, summary="Find stored events"
)
READ_EVENT = Route(
    name="read_event",
    method="GET",
    path="v1/events/{event_id}",
    access=READ_EVENTS,
    summary="Fetch an event that a message refers to",
)
GET_CONSENTS = Route(
    name="get_consents",
    method="GET",
    path="v1/learners/me/consents",
    access=LEARNER,
    summary="Look at what one has consented to",
)
CHANGE_CONSENTS = Route(
    name="change_consents",
    method="PUT",
    path="v1/learners/me/consents",
    access=LEARNER,
    summary="Grant and withdraw consents",
    consumes=JSON_ONLY,
)
ERASE_ME = Route(
    name="erase_me",
    method="DELETE",
    path="v1/learners/me/data",
    access=LEARNER,
    summary="Have everything erased that is known of oneself",
)
GET_MY_ERASURE = Route(
    name="get_my_erasure",
    method="GET",
    path="v1/learners/me/erasure",
    access=LEARNER,
    summary="Look at how one's own erasure stands",
)
ERASE_LEARNER = Route(
    name="erase_learner",
    method="DELETE",
    path="v1/ops/learners/{learner_id}/data",
    access=OPERATOR,
    summary="Erase a learner",
)
GET_ERASURE = Route(
    name="get_erasure",
    method="GET",
    path="v1/ops/learners/{learner_id}/erasure",
    access=OPERATOR,
    summary="Look at how a learner's erasure stands",
)
LIST_ACTIONS = Route(
    name="list_actions", method="GET", path="v1/ops/actions", access=OPERATOR, summary="Look at what operators did"
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
GET_SAGA = Route(
    name="get_saga", method="GET", path="v1/ops/sagas/{saga_id}", access=OPERATOR, summary="Look at a saga"
)

LIST_WEBHOOKS = Route(
    name="list_webhooks", method="GET", path="v1/webhooks", access=WEBHOOKS, summary="Look at your webhooks"
)
CREATE_WEBHOOK = Route(
    name="create_webhook",
    method="POST",
    path="v1/webhooks",
    access=WEBHOOKS,
    summary="Have events delivered to a URL",
    consumes=JSON_ONLY,
)
GET_WEBHOOK = Route(
    name="get_webhook", method="GET", path="v1/webhooks/{webhook_id}", access=WEBHOOKS, summary="Look at a webhook"
)
PUT_WEBHOOK = Route(
    name="put_webhook",
    method="PUT",
    path="v1/webhooks/{webhook_id}",
    access=WEBHOOKS,
    summary="Change a webhook",
    consumes=JSON_ONLY,
)
DELETE_WEBHOOK = Route(
    name="delete_webhook", method="DELETE", path="v1/webhooks/{webhook_id}", access=WEBHOOKS, summary="End a webhook"
)
RENEW_WEBHOOK_SECRET = Route(
    name="renew_webhook_secret",
    method="POST",
    path="v1/webhooks/{webhook_id}/secret",
    access=WEBHOOKS,
    summary="Get another secret for a webhook",
    consumes=JSON_ONLY,
)
LIST_DELIVERIES = Route(
    name="list_deliveries",
    method="GET",
    path="v1/webhooks/{webhook_id}/deliveries",
    access=WEBHOOKS,
    summary="Look at what became of a webhook's deliveries",
)
REPEAT_DELIVERY = Route(
    name="repeat_delivery",
    method="POST",
    path="v1/webhooks/{webhook_id}/deliveries/{delivery_id}/attempts",
    access=WEBHOOKS,
    summary="Deliver an event once more",
    consumes=JSON_ONLY,
)

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

UNKNOWN_PATH = "{*path}"
UNKNOWN = tuple(
    Route(
        name=f"unknown_{method.lower()}",
        method=method,
        path=UNKNOWN_PATH,
        access=PUBLIC,
        summary="What no other route takes",
    )
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
)

ROUTES: tuple[Route, ...] = (
    LIVE,
    READY,
    OPENAPI,
    ASYNCAPI,
    DOCS,
    CREATE_GUEST,
    LINK_GUEST,
    START_SESSION,
    GET_SESSION,
    END_SESSION,
    SUBMIT_ATTEMPT,
    READ_MESSAGES,
    READ_OWN_MESSAGES,
    NEGOTIATE,
    ACCEPT_EVENTS,
    FIND_EVENTS,
    READ_EVENT,
    GET_CONSENTS,
    CHANGE_CONSENTS,
    ERASE_ME,
    GET_MY_ERASURE,
    ERASE_LEARNER,
    GET_ERASURE,
    LIST_ACTIONS,
    GET_SAGA,
    LIST_SAGAS,
    DECIDE_SAGA,
    LIST_WEBHOOKS,
    CREATE_WEBHOOK,
    GET_WEBHOOK,
    PUT_WEBHOOK,
    DELETE_WEBHOOK,
    RENEW_WEBHOOK_SECRET,
    LIST_DELIVERIES,
    REPEAT_DELIVERY,
    LIST_DEAD_LETTERS,
    GET_DEAD_LETTER,
    EDIT_DEAD_LETTER,
    REDRIVE_DEAD_LETTER,
    DISCARD_DEAD_LETTER,
    START_REDRIVE,
    LIST_REDRIVES,
    GET_REDRIVE,
    ACT_ON_REDRIVE,
    START_REPLAY,
    LIST_REPLAYS,
    GET_REPLAY,
    ACT_ON_REPLAY,
    COMPARE_REPLAY,
    LIST_SERVICES,
    PUT_SERVICE,
    PUT_INSTANCE,
    DELETE_INSTANCE,
    *SERVICES,
    *UNKNOWN,
)
