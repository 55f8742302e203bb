"""From the host's HTTP types to the gateway's, and back."""

from __future__ import annotations

from urllib.parse import urlsplit

import azure.functions as func
import msgspec

from shared_code.bootstrap import app
from shared_code.domain.clock import utc_now
from shared_code.gateway.http import Endpoint, Request, Response
from shared_code.gateway.routes.route import Route


async def serve(
    req: func.HttpRequest, route: Route, endpoint: Endpoint, push: func.Out[str] | None = None
) -> func.HttpResponse:
    """Take a request through the gateway to its endpoint. `push` is the function's `signalR` output binding, if any."""
    running = app()
    request = received(req, route, running.settings.trusted_proxies)
    return answered(await running.gateway.handle(request, endpoint), push)


def received(req: func.HttpRequest, route: Route, trusted_proxies: int) -> Request:
    """The host's request as ours."""
    headers = {name.lower(): value for name, value in req.headers.items()}
    return Request(
        route=route,
        method=req.method,
        path=urlsplit(req.url).path,
        received_at=utc_now(),
        params=dict(req.route_params),
        query=dict(req.params),
        headers=headers,
        body=req.get_body(),
        client_address=client_address(headers.get("x-forwarded-for", ""), trusted_proxies),
    )


def client_address(forwarded_for: str, trusted_proxies: int) -> str:
    """The address that the outermost of our own proxies saw; empty where none tells.

    Each proxy appends whom it saw, so what stands left of our own proxies' entries is the caller's invention.
    """
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    if not trusted_proxies or len(hops) < trusted_proxies:
        return ""
    hop = hops[-trusted_proxies]
    if hop.startswith("["):  # [2001:db8::1]:50123
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop  # Azure's front end appends the port


def answered(response: Response, push: func.Out[str] | None) -> func.HttpResponse:
    """Our response as the host's; its pushes go to the output binding."""
    if push is not None and response.pushes:
        push.set(msgspec.json.encode([message.message() for message in response.pushes]).decode())
    return func.HttpResponse(
        response.payload(), status_code=response.status, headers=response.headers, mimetype=response.content_type
    )
