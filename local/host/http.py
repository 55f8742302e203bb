"""HTTP triggers, and the host's own endpoints beside them, on one listener.

learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import MultiMapping

from local.host.indexing import Function
from local.host.invocation import BY_HAND, Invoker
from local.host.keys import FunctionKeys
from local.host.protos import Message, RpcHttp, TypedData
from local.host.routing import Routes
from local.host.worker import InvocationFailed
from local.ports import HOST

log = logging.getLogger("host")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Endpoint = tuple[str, str, Handler]  # method, path, and what answers
BODY_LIMIT = 104_857_600  # bytes; FUNCTIONS_REQUEST_BODY_SIZE_LIMIT in the real host's settings too
ANSWER_LIMIT = 230.0  # seconds, the idle timeout of Azure's load balancer; the function itself runs on
LONGEST_LINE = 1 << 20  # bytes of a request line or of a header; long ones are the app's to refuse, with a problem
FRAMING = ("content-length", "transfer-encoding")  # the server's own business
SAME_SITE = {1: "Lax", 2: "Strict", 3: "None"}


class HttpTriggers:
    """Answers requests with functions."""

    def __init__(self, invoker: Invoker, routes: Routes, keys: FunctionKeys, options: Mapping[str, Any]) -> None:
        """`options` is host.json's `extensions.http`; -1 and nothing are no limit, as in every plan but Consumption."""
        self._invoker = invoker
        self._routes = routes
        self._keys = keys
        self._limit = float(os.environ.get("LOCAL_HTTP_TIMEOUT_SECONDS", ANSWER_LIMIT))
        self._most = options.get("maxOutstandingRequests", -1)
        concurrent = options.get("maxConcurrentRequests", -1)
        self._turn: AbstractAsyncContextManager[Any] = (
            asyncio.Semaphore(concurrent) if concurrent > 0 else nullcontext()
        )
        self._running: set[asyncio.Task[TypedData | None]] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Find the function, check its key, run it."""
        found = self._routes.find(request.method, request.rel_url.raw_path)
        if found is None:
            return web.Response(status=404)
        function, values = found
        given = request.headers.get("x-functions-key") or request.query.get("code") or ""
        if not self._keys.admit(function.trigger.get("authLevel", "FUNCTION"), given):
            return web.Response(status=401)
        if 0 <= self._most <= len(self._running):
            log.warning("Http request queue limit of %d has been exceeded.", self._most)
            return web.Response(status=429)
        body = await request.read()
        http = RpcHttp(
            method=request.method,
            url=str(request.url),
            headers={name.lower(): value for name, value in _joined(request.headers).items()},
            query=_joined(request.query),
            params=values,
            body=TypedData(bytes=body) if body else TypedData(),
        )
        run = asyncio.create_task(self._run(function, request, http))
        self._running.add(run)
        run.add_done_callback(self._running.discard)
        done, _ = await asyncio.wait({run}, timeout=self._limit)
        if not done:
            log.warning("'Functions.%s' did not answer within %.0f s", function.name, self._limit)
            return web.Response(status=502)
        try:
            return answer(run.result())
        except InvocationFailed:
            return web.Response(status=500)

    async def _run(self, function: Function, request: web.Request, http: Message) -> TypedData | None:
        trace = request.headers.get("traceparent", ""), request.headers.get("tracestate", "")
        async with self._turn:
            return await self._invoker.run(function, TypedData(http=http), reason=BY_HAND, trace=trace)

    async def drain(self) -> None:
        """Wait for the functions that still run."""
        if self._running:
            await asyncio.wait(self._running)


def _joined(values: MultiMapping[str]) -> dict[str, str]:
    """Repeated values as one, empty ones left out."""
    return {name: value for name in values if (value := ",".join(values.getall(name)))}


def answer(returned: TypedData | None) -> web.Response:
    """What an HTTP function returned, as a response; a bare text is one too."""
    if returned is None:
        return web.Response(status=204)
    http = returned.http
    if http is None:
        return web.Response(text=returned.string or returned.json or "")
    headers = {name: value for name, value in http.headers.items() if name.lower() not in FRAMING}
    response = web.Response(status=int(http.status_code), headers=headers, body=http.body.bytes or b"")
    for cookie in http.cookies or ():  # RpcHttpCookie
        given = {name: wrapped.value for name, wrapped in vars(cookie).items() if isinstance(wrapped, Message)}
        expires = given.get("expires")
        response.set_cookie(
            cookie.name,
            cookie.value,
            path=given.get("path") or "/",
            domain=given.get("domain") or None,
            max_age=int(given["max_age"]) if "max_age" in given else None,
            expires=format_datetime(datetime.fromtimestamp(expires.seconds, UTC), usegmt=True) if expires else None,
            secure=given.get("secure", False),
            httponly=given.get("http_only", False),
            samesite=SAME_SITE.get(cookie.same_site),
        )
    return response


def application(functions: Handler, own: Iterable[Endpoint]) -> web.Application:
    """The host's own endpoints, and functions everywhere else."""
    app = web.Application(client_max_size=int(os.environ.get("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT", BODY_LIMIT)))
    own = list(own)
    for method, path, handler in own:
        app.router.add_route(method, path, handler)
    for path in {path for method, path, _ in own if method != "*"}:
        app.router.add_route("*", path, _method_not_allowed)
    app.router.add_route("*", r"/{path:[\s\S]*}", functions)  # a path may hold line breaks, which `.` does not take
    return app


async def _method_not_allowed(_request: web.Request) -> web.StreamResponse:
    return web.Response(status=405)


async def listen(app: web.Application, port: int, *, shared: bool) -> web.AppRunner:
    """Listen on loopback; several workers may share a port. Raises OSError."""
    logging.getLogger("aiohttp.server").addFilter(_in_one_line)
    longest: dict[str, Any] = {"max_line_size": LONGEST_LINE, "max_field_size": LONGEST_LINE}
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=5, auto_decompress=False, **longest)
    await runner.setup()
    await web.TCPSite(runner, HOST, port, reuse_port=shared or None).start()
    return runner


def _in_one_line(record: logging.LogRecord) -> bool:
    """Log a request that is no HTTP, and is answered 400, without a traceback.

    Characters beyond ASCII in a URL are such a request, for Kestrel too (github.com/dotnet/aspnetcore/issues/17402).
    """
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError):
        record.msg, record.args = "Bad request data: %s", (" ".join(error.message.split()),)
        record.exc_info = None
    return True
