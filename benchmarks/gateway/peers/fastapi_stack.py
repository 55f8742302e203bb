"""The same plain route as one would build it on FastAPI: token, rate limit, correlation id, access log, forwarding.

Runs in an environment of its own, with `uvicorn fastapi_stack:app`. `/auth` answers nginx's `auth_request`.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import jwt
from fastapi import FastAPI, Request, Response
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
LIMIT = RateLimitItemPerMinute(100_000_000)
keys = jwt.PyJWKClient(os.environ["ISSUER"] + "/jwks")
log = Path(os.environ["ACCESS_LOG"]).open("a", buffering=1 << 16)  # noqa: SIM115
http: dict[str, httpx.AsyncClient] = {}


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with httpx.AsyncClient(base_url=os.environ["UPSTREAM"]) as client:
        http["upstream"] = client
        yield


app = FastAPI(lifespan=_lifespan)


def _claims(request: Request) -> dict[str, Any] | None:
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    try:
        key = keys.get_signing_key_from_jwt(token).key
        claims: dict[str, Any] = jwt.decode(
            token, key, algorithms=["RS256"], audience="api://sayzhong", issuer=os.environ["ISSUER"]
        )
    except jwt.PyJWTError:
        return None
    return claims


@app.middleware("http")
async def logged(request: Request, call_next: Any) -> Response:
    """Correlation id and access log."""
    started, correlation_id = time.perf_counter(), request.headers.get("x-correlation-id") or str(uuid.uuid4())
    response: Response = await call_next(request)
    response.headers["x-correlation-id"] = correlation_id
    milliseconds = (time.perf_counter() - started) * 1000
    record = {"path": request.url.path, "status": response.status_code, "ms": milliseconds, "id": correlation_id}
    log.write(json.dumps(record) + "\n")
    return response


@app.middleware("http")
async def authenticated(request: Request, call_next: Any) -> Response:
    """Token, role and rate limit."""
    claims = _claims(request)
    if claims is None:
        return Response(status_code=401)
    if "learner" not in claims.get("roles", ()):
        return Response(status_code=403)
    if not await limiter.hit(LIMIT, claims["sub"]):
        return Response(status_code=429)
    response: Response = await call_next(request)
    return response


@app.get("/auth")
async def auth() -> Response:
    """Whoever came so far is let in."""
    return Response(status_code=204)


@app.get("/api/v1/remote/{path:path}")
async def remote(path: str) -> Response:
    """Forward to the upstream."""
    answer = await http["upstream"].get(f"/bench/{path}")
    return Response(answer.content, answer.status_code, media_type=answer.headers["content-type"])
