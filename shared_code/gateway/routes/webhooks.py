"""Events delivered to other systems."""

from __future__ import annotations

from shared_code.gateway.access import WEBHOOKS
from shared_code.gateway.routes.route import JSON_ONLY, Route

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

ROUTES: tuple[Route, ...] = (
    LIST_WEBHOOKS,
    CREATE_WEBHOOK,
    GET_WEBHOOK,
    PUT_WEBHOOK,
    DELETE_WEBHOOK,
    RENEW_WEBHOOK_SECRET,
    LIST_DELIVERIES,
    REPEAT_DELIVERY,
)
