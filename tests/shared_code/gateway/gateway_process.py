"""A gateway as a process of its own, one of several: `python -m …gateway_process PORT`."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from aiohttp import web

from shared_code.domain.clock import utc_now
from shared_code.domain.pseudonyms import pseudonym
from shared_code.gateway.assembly import build_gateway, identity_keys
from shared_code.gateway.config import GatewayConfig
from shared_code.gateway.gateway import Gateway
from shared_code.gateway.http import Request, Response
from shared_code.gateway.limiting.policies import with_changes
from shared_code.gateway.routes.services import SERVICES
from shared_code.gateway.routes.sessions import START_SESSION
from shared_code.services.operator_actions import OperatorActions
from shared_code.storage.account import StorageAccount
from shared_code.storage.redis_connections import RedisConnections
from shared_code.storage.redis_state import RedisState
from shared_code.storage.shared_state import TableState
from shared_code.storage.tables import Tables
from tests.shared_code.gateway.openid import AUDIENCE

GET = next(route for route in SERVICES if route.method == "GET")
SECRET = b"a secret key of thirty-two bytes"


async def _adopt(*_: object) -> None:
    """There are no guests."""


def gateway() -> Gateway:
    config = GatewayConfig(
        issuers=(os.environ["ISSUER"],),
        audience=(AUDIENCE,),
        secret=SECRET,
        service_hosts=("127.0.0.1",),
        service_key=SECRET,
        rate_limits=with_changes(os.environ["LIMITS"].split()),
    )
    tables = Tables(StorageAccount(connection_string=os.environ["STORAGE"]))
    redis = RedisConnections(os.environ["REDIS"]) if os.environ["REDIS"] else None
    return build_gateway(
        config,
        keys=identity_keys(config),
        services=(),
        state=TableState(tables.table(os.environ["TABLE"])),
        breaker_state=RedisState(redis) if redis else None,
        redis=redis,
        record=lambda *_: None,
        trail=OperatorActions(tables.table("actions"), partial(pseudonym, SECRET), utc_now),
        clock=utc_now,
        adopt=_adopt,
    )


async def _app() -> web.Application:
    running, app = gateway(), web.Application()

    async def serve(request: web.Request) -> web.Response:
        sent = Request(
            route=GET,
            method="GET",
            path=request.path,
            received_at=utc_now(),
            params={"service": request.match_info["service"], "path": request.match_info["path"]},
            headers={name.lower(): value for name, value in request.headers.items()},
        )
        answer = await running.handle(sent, running.to_service)
        return web.Response(status=answer.status, body=answer.payload())

    async def effect(request: web.Request) -> web.Response:
        """Something that can be counted: a line in a file, before the answer, which may take its time."""

        async def endpoint(sent: Request) -> Response:
            with Path(os.environ["EFFECTS"]).open("a") as effects:
                effects.write("once\n")
            await asyncio.sleep(float(sent.headers.get("x-work", "0")))
            return Response(201, {"by": os.getpid()})

        sent = Request(
            route=replace(START_SESSION, deadline=float(request.headers.get("x-deadline", "10"))),
            method="POST",
            path=request.path,
            received_at=utc_now(),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read(),
        )
        answer = await running.handle(sent, endpoint)
        return web.Response(status=answer.status, body=answer.payload(), headers=answer.headers)

    async def closing(_: web.Application) -> AsyncIterator[None]:
        yield
        await running.close()

    app.router.add_get("/api/v1/{service}/{path:.*}", serve)
    app.router.add_post("/api/v1/sessions", effect)
    app.cleanup_ctx.append(closing)
    return app


if __name__ == "__main__":
    web.run_app(_app(), host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
