"""Webhooks: what other systems want to be told, and what became of it."""

from __future__ import annotations

import base64
from typing import Annotated, Literal

import azure.functions as func
from msgspec import Meta, Struct

from functions.http.serving import serve
from shared_code.bootstrap import app
from shared_code.domain.errors import BadRequest, FieldError, Forbidden, Invalid, NotFound
from shared_code.domain.events.catalogue import READ_ANY, find
from shared_code.domain.principal import Principal
from shared_code.gateway.body import decode_json
from shared_code.gateway.http import Request, Response
from shared_code.gateway.query import decode_query
from shared_code.gateway.routes import webhooks as routes
from shared_code.services.webhooks.log import Delivery
from shared_code.services.webhooks.subscriptions import Subscription, Wish

LONGEST_ID = 400  # characters of a delivery's id as it goes into a URL

bp = func.Blueprint()


class NewWebhook(Struct, frozen=True):
    """A webhook and its secret, which is not shown again: whoever has it can tell our deliveries from others'."""

    webhook: Subscription
    secret: str


class WebhookList(Struct, frozen=True):
    """The tenant's webhooks."""

    webhooks: tuple[Subscription, ...]


class Secret(Struct, frozen=True):
    """The new secret. For 24 hours the one before signs too."""

    secret: str


class DeliveryQuery(Struct, frozen=True, kw_only=True):
    """Which deliveries."""

    state: Annotated[
        Literal["", "pending", "delivered", "failed", "dropped"], Meta(description="Only those in this state.")
    ] = ""
    after: Annotated[str, Meta(max_length=LONGEST_ID, description="The `next` of the page before.")] = ""
    limit: Annotated[int, Meta(ge=1, le=500, description="The most deliveries of a page.")] = 100


class DeliveryPage(Struct, frozen=True):
    """Deliveries in the order of the events' times. `next` is the `after` of the next page, null on the last one."""

    deliveries: tuple[Delivery, ...]
    next: str | None


@bp.route(route=routes.LIST_WEBHOOKS.path, methods=[routes.LIST_WEBHOOKS.method])
async def http_list_webhooks(req: func.HttpRequest) -> func.HttpResponse:
    """Look at the webhooks of the caller's tenant."""

    async def endpoint(request: Request) -> Response:
        return Response(200, WebhookList(tuple(await app().webhooks.subscriptions.of_tenant(request.caller.tenant))))

    return await serve(req, routes.LIST_WEBHOOKS, endpoint)


@bp.route(route=routes.CREATE_WEBHOOK.path, methods=[routes.CREATE_WEBHOOK.method])
async def http_create_webhook(req: func.HttpRequest) -> func.HttpResponse:
    """Have events delivered to a URL."""

    async def endpoint(request: Request) -> Response:
        wish = _wish(request)
        webhook, secret = await app().webhooks.subscriptions.create(request.caller.tenant, wish)
        location = {"Location": f"/api/v1/webhooks/{webhook.id}", "Cache-Control": "no-store"}
        return Response(201, NewWebhook(webhook, secret), headers=location)

    return await serve(req, routes.CREATE_WEBHOOK, endpoint)


@bp.route(route=routes.GET_WEBHOOK.path, methods=[routes.GET_WEBHOOK.method])
async def http_get_webhook(req: func.HttpRequest) -> func.HttpResponse:
    """Look at one webhook."""

    async def endpoint(request: Request) -> Response:
        return Response(
            200, await app().webhooks.subscriptions.get(request.caller.tenant, request.identifier("webhook_id"))
        )

    return await serve(req, routes.GET_WEBHOOK, endpoint)


@bp.route(route=routes.PUT_WEBHOOK.path, methods=[routes.PUT_WEBHOOK.method])
async def http_put_webhook(req: func.HttpRequest) -> func.HttpResponse:
    """Change a webhook: where to, which events, whether at all."""

    async def endpoint(request: Request) -> Response:
        webhook_id = request.identifier("webhook_id")
        return Response(
            200, await app().webhooks.subscriptions.change(request.caller.tenant, webhook_id, _wish(request))
        )

    return await serve(req, routes.PUT_WEBHOOK, endpoint)


@bp.route(route=routes.DELETE_WEBHOOK.path, methods=[routes.DELETE_WEBHOOK.method])
async def http_delete_webhook(req: func.HttpRequest) -> func.HttpResponse:
    """End a webhook; what is still to be delivered to it is dropped, and its log goes with it."""

    async def endpoint(request: Request) -> Response:
        webhook_id = request.identifier("webhook_id")
        await app().webhooks.subscriptions.delete(request.caller.tenant, webhook_id)
        await app().webhooks.deliveries.forget(webhook_id)
        return Response(204)

    return await serve(req, routes.DELETE_WEBHOOK, endpoint)


@bp.route(route=routes.RENEW_WEBHOOK_SECRET.path, methods=[routes.RENEW_WEBHOOK_SECRET.method])
async def http_renew_webhook_secret(req: func.HttpRequest) -> func.HttpResponse:
    """Get another secret."""

    async def endpoint(request: Request) -> Response:
        secret = await app().webhooks.subscriptions.renew_secret(
            request.caller.tenant, request.identifier("webhook_id")
        )
        return Response(200, Secret(secret), headers={"Cache-Control": "no-store"})

    return await serve(req, routes.RENEW_WEBHOOK_SECRET, endpoint)


@bp.route(route=routes.LIST_DELIVERIES.path, methods=[routes.LIST_DELIVERIES.method])
async def http_list_deliveries(req: func.HttpRequest) -> func.HttpResponse:
    """Look at what became of a webhook's deliveries."""

    async def endpoint(request: Request) -> Response:
        query = decode_query(request, DeliveryQuery)
        webhook = await app().webhooks.subscriptions.get(request.caller.tenant, request.identifier("webhook_id"))
        after = _inner(query.after, "after-invalid") if query.after else ""
        found = await app().webhooks.deliveries.page(webhook.id, after=after, limit=query.limit + 1, state=query.state)
        page = tuple(map(_outer, found[: query.limit]))
        return Response(200, DeliveryPage(page, page[-1].id if len(found) > query.limit else None))

    return await serve(req, routes.LIST_DELIVERIES, endpoint)


@bp.route(route=routes.REPEAT_DELIVERY.path, methods=[routes.REPEAT_DELIVERY.method])
async def http_repeat_delivery(req: func.HttpRequest) -> func.HttpResponse:
    """Deliver an event once more, after its subscriber has mended what was wrong."""

    async def endpoint(request: Request) -> Response:
        try:
            delivery_id = _inner(request.params["delivery_id"], "")
        except BadRequest:
            raise NotFound("There is no such delivery.") from None
        await app().webhooks.postman.again(request.caller.tenant, request.identifier("webhook_id"), delivery_id)
        return Response(202)

    return await serve(req, routes.REPEAT_DELIVERY, endpoint)


def _wish(request: Request) -> Wish:
    """The body, if its URL may be called and the caller may know of its event types."""
    wish = decode_json(request, Wish)
    app().webhooks.destinations.check(wish.url)
    for place, name in enumerate(wish.types):
        kind = find(name)
        if kind is None:
            raise Invalid("The body does not fit.", errors=[FieldError(f"/types/{place}", "There is no such type.")])
        if not _may_read(request.caller, kind.read_scope):
            raise Forbidden(f"Your token does not carry {kind.read_scope}.", code="scope-missing")
    return wish


def _may_read(caller: Principal, scope: str) -> bool:
    return caller.has_role("service", "operator") or not caller.scopes.isdisjoint((READ_ANY, scope))


def _outer(delivery: Delivery) -> Delivery:
    """With an id that goes into a URL."""
    fields = {name: getattr(delivery, name) for name in delivery.__struct_fields__}
    return Delivery(**fields | {"id": base64.urlsafe_b64encode(delivery.id.encode()).decode().rstrip("=")})


def _inner(delivery_id: str, code: str) -> str:
    try:
        if len(delivery_id) > LONGEST_ID:
            raise ValueError
        return base64.urlsafe_b64decode(delivery_id + "=" * (-len(delivery_id) % 4)).decode()
    except ValueError:  # no ASCII, no Base64, or no UTF-8 inside
        raise BadRequest("This is not a delivery's id.", code=code) from None
