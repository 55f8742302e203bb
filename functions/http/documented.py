"""The models of every route, for the API's description."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from functions.http.actions import ActionQuery
from functions.http.consents import ChangeConsents
from functions.http.erasures import ErasureQuery
from functions.http.event import EventPlace
from functions.http.events import EventQuery, FoundEvents
from functions.http.intake import Taken
from functions.http.ops_dead_letters import Discard, LetterPage, LetterQuery, LetterView, Mend, TenantQuery
from functions.http.ops_jobs import JobAction, JobPage, JobQuery, JobView
from functions.http.ops_replays import DifferenceQuery, NewReplay, ReplayAction
from functions.http.sagas import Decision, SagaList, SagaView
from functions.http.sessions import StartSession
from functions.http.webhooks import DeliveryPage, DeliveryQuery, NewWebhook, Secret, WebhookList
from shared_code.domain.events.decoding import WrittenEvent
from shared_code.domain.events.envelope import CloudEvent
from shared_code.domain.pronunciation import PronunciationResult
from shared_code.events.consents import Consents
from shared_code.events.http_binding import BATCHED, BINARY, MOST, STRUCTURED
from shared_code.events.letter import Selection, Summary
from shared_code.events.rebuild import Comparison
from shared_code.gateway.guests import Guest, Linked, LinkGuest, NewGuest
from shared_code.gateway.openapi.operation import Operation, Query
from shared_code.gateway.query import described
from shared_code.gateway.registry.admin import Configuration, InstanceView, Registration, ServiceList, ServiceView
from shared_code.gateway.routes import (
    about,
    dead_letters,
    events,
    learners,
    operators,
    replays,
    services,
    sessions,
    webhooks,
)
from shared_code.realtime.channel import CatchUp
from shared_code.realtime.signalr import ClientAccess
from shared_code.services.erasure import Erasure
from shared_code.services.operator_actions import ActionPage
from shared_code.services.sessions import SessionView, StartedSession
from shared_code.services.webhooks.subscriptions import Subscription, Wish


class Live(Struct, frozen=True):
    """The app runs."""

    status: Literal["live"]


class Ready(Struct, frozen=True):
    """What the app needs answers."""

    status: Literal["ready"]
    checks: dict[str, Literal["up"]]


Text = Annotated[str, Meta(min_length=1, max_length=200)]
After = Annotated[int, Meta(ge=0, le=999_999_999)]

OPERATIONS: dict[str, Operation] = {
    about.LIVE.name: Operation(answers={200: Live}),
    about.READY.name: Operation(answers={200: Ready}, failures=(503,)),
    about.OPENAPI.name: Operation(answers={200: dict[str, Any]}),
    about.ASYNCAPI.name: Operation(answers={200: dict[str, Any]}),
    about.DOCS.name: Operation(answers={200: str}, content_type="text/html"),
    learners.CREATE_GUEST.name: Operation(answers={201: Guest}, body=NewGuest, body_required=False, failures=(404,)),
    learners.LINK_GUEST.name: Operation(answers={200: Linked}, body=LinkGuest),
    sessions.START_SESSION.name: Operation(
        answers={201: StartedSession}, body=StartSession, headers=("Location",), failures=(503,)
    ),
    sessions.GET_SESSION.name: Operation(answers={200: SessionView}, failures=(503,)),
    sessions.END_SESSION.name: Operation(answers={204: None}, failures=(503,)),
    sessions.SUBMIT_ATTEMPT.name: Operation(
        answers={200: PronunciationResult},
        query=(Query("text", Text, "What was to be spoken, in hanzi.", required=True),),
    ),
    sessions.READ_MESSAGES.name: Operation(
        answers={200: CatchUp},
        query=(Query("after", After, "The number of the last message seen."),),
        failures=(400, 503),
    ),
    sessions.READ_OWN_MESSAGES.name: Operation(
        answers={200: CatchUp},
        query=(Query("after", After, "The number of the last message seen."),),
        failures=(400, 503),
    ),
    sessions.NEGOTIATE.name: Operation(
        answers={200: ClientAccess},
        bodies={"application/json": Any, "text/plain": str},  # whatever a client sends, it is not read
        body_required=False,
    ),
    events.READ_EVENT.name: Operation(answers={200: CloudEvent}, query=described(EventPlace), failures=(400, 503)),
    learners.GET_CONSENTS.name: Operation(answers={200: Consents}, headers=("ETag",), failures=(503,)),
    learners.CHANGE_CONSENTS.name: Operation(
        answers={200: Consents}, body=ChangeConsents, headers=("ETag",), failures=(409, 503)
    ),
    learners.ERASE_ME.name: Operation(answers={202: Erasure}, headers=("Location",), failures=(503,)),
    learners.GET_MY_ERASURE.name: Operation(answers={200: Erasure}, failures=(404, 503)),
    learners.ERASE_LEARNER.name: Operation(
        answers={202: Erasure}, query=described(ErasureQuery), headers=("Location",), failures=(400, 404, 503)
    ),
    learners.GET_ERASURE.name: Operation(
        answers={200: Erasure}, query=described(ErasureQuery), failures=(400, 404, 503)
    ),
    events.ACCEPT_EVENTS.name: Operation(
        answers={202: Taken, 207: Taken},
        bodies={
            BINARY: dict[str, Any],
            STRUCTURED: WrittenEvent,
            BATCHED: Annotated[tuple[WrittenEvent, ...], Meta(max_length=MOST)],
        },
    ),
    events.FIND_EVENTS.name: Operation(
        answers={200: FoundEvents},
        query=described(EventQuery),
        failures=(400, 503),
    ),
    operators.LIST_ACTIONS.name: Operation(
        answers={200: ActionPage}, query=described(ActionQuery), failures=(400, 503)
    ),
    operators.GET_SAGA.name: Operation(answers={200: SagaView}, failures=(503,)),
    operators.LIST_SAGAS.name: Operation(answers={200: SagaList}, failures=(503,)),
    operators.DECIDE_SAGA.name: Operation(answers={202: SagaView}, body=Decision, failures=(409, 503)),
    webhooks.LIST_WEBHOOKS.name: Operation(answers={200: WebhookList}, failures=(503,)),
    webhooks.CREATE_WEBHOOK.name: Operation(answers={201: NewWebhook}, body=Wish, headers=("Location",)),
    webhooks.GET_WEBHOOK.name: Operation(answers={200: Subscription}, failures=(503,)),
    webhooks.PUT_WEBHOOK.name: Operation(answers={200: Subscription}, body=Wish),
    webhooks.DELETE_WEBHOOK.name: Operation(answers={204: None}, failures=(503,)),
    webhooks.RENEW_WEBHOOK_SECRET.name: Operation(answers={200: Secret}),
    webhooks.LIST_DELIVERIES.name: Operation(
        answers={200: DeliveryPage}, query=described(DeliveryQuery), failures=(400, 503)
    ),
    webhooks.REPEAT_DELIVERY.name: Operation(answers={202: None}),
    dead_letters.LIST_DEAD_LETTERS.name: Operation(
        answers={200: LetterPage}, query=described(LetterQuery), failures=(400, 404, 503)
    ),
    dead_letters.GET_DEAD_LETTER.name: Operation(
        answers={200: LetterView}, query=described(TenantQuery), failures=(400, 503)
    ),
    dead_letters.EDIT_DEAD_LETTER.name: Operation(
        answers={200: LetterView}, body=Mend, query=described(TenantQuery), failures=(400, 409, 503)
    ),
    dead_letters.REDRIVE_DEAD_LETTER.name: Operation(
        answers={200: Summary}, query=described(TenantQuery), failures=(400, 422, 503)
    ),
    dead_letters.DISCARD_DEAD_LETTER.name: Operation(
        answers={204: None}, body=Discard, query=described(TenantQuery), failures=(400, 503)
    ),
    dead_letters.START_REDRIVE.name: Operation(
        answers={202: JobView},
        body=Selection,
        query=described(TenantQuery),
        headers=("Location",),
        failures=(400, 404, 503),
    ),
    dead_letters.LIST_REDRIVES.name: Operation(
        answers={200: JobPage}, query=described(JobQuery), failures=(400, 404, 503)
    ),
    dead_letters.GET_REDRIVE.name: Operation(answers={200: JobView}, failures=(503,)),
    dead_letters.ACT_ON_REDRIVE.name: Operation(answers={200: JobView}, body=JobAction, failures=(409, 503)),
    replays.START_REPLAY.name: Operation(
        answers={202: JobView},
        body=NewReplay,
        query=described(TenantQuery),
        headers=("Location",),
        failures=(400, 404, 503),
    ),
    replays.LIST_REPLAYS.name: Operation(answers={200: JobPage}, query=described(JobQuery), failures=(400, 404, 503)),
    replays.GET_REPLAY.name: Operation(answers={200: JobView}, failures=(503,)),
    replays.ACT_ON_REPLAY.name: Operation(answers={200: JobView}, body=ReplayAction, failures=(409, 503)),
    replays.COMPARE_REPLAY.name: Operation(
        answers={200: Comparison}, query=described(DifferenceQuery), failures=(400, 409, 503)
    ),
    services.LIST_SERVICES.name: Operation(answers={200: ServiceList}, failures=(503,)),
    services.PUT_SERVICE.name: Operation(answers={200: ServiceView}, body=Configuration),
    services.PUT_INSTANCE.name: Operation(answers={200: InstanceView, 201: InstanceView}, body=Registration),
    services.DELETE_INSTANCE.name: Operation(answers={204: None}, failures=(503,)),
    **{
        route.name: Operation(answers={200: Any}, body=Any if route.consumes else None, failures=(405, 502, 503))
        for route in services.SERVICES
    },
}
