"""Our gateway behind a bare HTTP server: `python -m benchmarks.gateway.serve PORT`.

In the app the Functions host takes this server's place; what is compared here is the gateway. `remote` and `chat` are
registered at the upstream's URL, `bench` is code of this process.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator

from aiohttp import web

from benchmarks.gateway.assembled import assembled
from shared_code.domain.clock import utc_now
from shared_code.gateway.http import Request
from shared_code.gateway.registry.instance import Instance
from shared_code.gateway.registry.registry import Registry
from shared_code.gateway.routes.services import SERVICES

ROUTES = {route.method: route for route in SERVICES}


async def _app() -> web.Application:
    ours = assembled(os.environ["ISSUER"], os.environ["STORAGE"])
    registry, app = Registry(ours.state, []), web.Application()
    for service, path in (("remote", "/bench"), ("chat", "/v1/chat")):
        await registry.register(Instance(service=service, id="one", url=os.environ["UPSTREAM"] + path))

    async def serve(request: web.Request) -> web.Response:
        sent = Request(
            route=ROUTES[request.method],
            method=request.method,
            path=request.path,
            received_at=utc_now(),
            params={"service": request.match_info["service"], "path": request.match_info["path"]},
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read(),
        )
        answer = await ours.gateway.handle(sent, ours.gateway.to_service)
        headers = {**answer.headers, "Content-Type": answer.content_type}
        return web.Response(status=answer.status, body=answer.payload(), headers=headers)

    async def closing(_: web.Application) -> AsyncIterator[None]:
        yield
        await ours.close()

    app.router.add_route("*", "/api/v1/{service}/{path:.*}", serve)
    app.cleanup_ctx.append(closing)
    return app


if __name__ == "__main__":
    web.run_app(_app(), host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
