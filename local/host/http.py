"""HTTP triggers, and the host's own endpoints beside them, on one listener.

learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger
"""

import asyncio
import hmac
import logging
import os
import sys
from collections.abc import Iterable, Mapping
from email.utils import formatdate
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import MultiMapping

from local.host.indexing import Function, Http
from local.host.protos import Message, RpcHttp, TypedData
from local.host.routing import Routes
from local.host.worker import InvocationFailed, Worker
from local.ports import HOST

log = logging.getLogger("host")
REASON = "This function was programmatically called via the host APIs."
BODY_LIMIT = 104_857_600  # bytes; FUNCTIONS_REQUEST_BODY_SIZE_LIMIT in the real host's settings too
ANSWER_LIMIT = 230.0  # seconds, the idle timeout of Azure's load balancer; the function itself runs on
LONGEST_LINE = 1 << 20  # bytes of a request line or of a header; long ones are the app's to refuse, with a problem
FRAMING = ("content-length", "transfer-encoding")  # the server's own business
FUNCTION_KEY, MASTER_KEY = "local-function-key", "local-master-key"  # public, as emulators' keys are
STATUS = {"id": "local", "state": "Running", "version": "4.0.0", "versionDetails": "local", "errors": []}
SAME_SITE = {1: "Lax", 2: "Strict", 3: "None"}


class HttpTriggers:
    """Answers requests with functions."""

    def __init__(self, functions: Iterable[Function], worker: Worker, options: Http) -> None:
        """Raises Refused for a route that cannot be read."""
        self._worker = worker
        self._routes = Routes(functions, options.route_prefix)
        self._limit = float(os.environ.get("LOCAL_HTTP_TIMEOUT_SECONDS", ANSWER_LIMIT))
        self._most = options.max_outstanding_requests
        concurrent = options.max_concurrent_requests
        self._turn = asyncio.Semaphore(concurrent if concurrent > 0 else sys.maxsize)
        self._running: set[asyncio.Task[TypedData | None]] = set()

    async def listen(self, port: int, own: Mapping[str, web.Application], *, shared: bool) -> web.AppRunner:
        """Listen on loopback; several workers may share a port. `own` applications have their folders for themselves,
        functions have everything else. Raises OSError.
        """
        app = web.Application(client_max_size=int(os.environ.get("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT", BODY_LIMIT)))
        for folder, inner in own.items():
            app.add_subapp(folder, inner)
        app.router.add_route("*", r"/{path:[\s\S]*}", self._handle)  # a path may hold line breaks
        logging.getLogger("aiohttp.server").addFilter(_without_traceback)
        longest: dict[str, Any] = {"max_line_size": LONGEST_LINE, "max_field_size": LONGEST_LINE}
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=5, auto_decompress=False, **longest)
        await runner.setup()
        await web.TCPSite(runner, HOST, port, reuse_port=shared or None).start()
        return runner

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        found = self._routes.find(request.method, request.rel_url.raw_path)
        if found is None:
            return web.Response(status=404)
        function, values = found
        if not _opens(request, function.trigger.get("authLevel", "FUNCTION")):
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
        run = asyncio.create_task(self._run(function, TypedData(http=http), request.headers))
        self._running.add(run)
        run.add_done_callback(self._running.discard)
        try:
            return answer(await asyncio.wait_for(asyncio.shield(run), self._limit))
        except InvocationFailed:
            return web.Response(status=500)
        except TimeoutError:
            log.warning("'Functions.%s' did not answer within %.0f s", function.name, self._limit)
            return web.Response(status=502)

    async def _run(self, function: Function, data: TypedData, headers: Mapping[str, str]) -> TypedData | None:
        trace = headers.get("traceparent", ""), headers.get("tracestate", "")
        async with self._turn:
            return await self._worker.run(function, data, reason=REASON, trace=trace)

    async def drain(self) -> None:
        """Wait for the functions that still run."""
        if self._running:
            await asyncio.wait(self._running)


def _opens(request: web.Request, level: str) -> bool:
    """Whether the request's key opens a function of this `authLevel`: in Azure it must, Core Tools do not ask."""
    given = request.headers.get("x-functions-key") or request.query.get("code") or ""
    keys = {"ANONYMOUS": [given], "ADMIN": [MASTER_KEY]}.get(level.upper(), [FUNCTION_KEY, MASTER_KEY])
    return any(hmac.compare_digest(given.encode(), key.encode()) for key in keys)


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
    for cookie in http.cookies or ():
        wrapped = {name: field.value for name, field in vars(cookie).items() if isinstance(field, Message)}
        given = {name.replace("_only", "only"): value for name, value in wrapped.items() if value not in (None, "")}
        if expires := given.get("expires"):
            given["expires"] = formatdate(expires.seconds, usegmt=True)
        if "max_age" in given:
            given["max_age"] = int(given["max_age"])
        response.set_cookie(cookie.name, cookie.value, samesite=SAME_SITE.get(cookie.same_site), **given)
    return response


def admin(functions: Iterable[Function], base: str) -> web.Application:
    """What the host tells of itself, without a key as in Core Tools: that it is up, and the app's functions as it found
    them. `base` is the address before every route.
    """
    shown = {
        f"functions/{each.name.lower()}": {
            "name": each.name,
            "language": "python",
            "href": f"/admin/functions/{each.name}",
            "invoke_url_template": f"{base}/{each.route}" if each.kind == "httpTrigger" else None,
            "config": {"bindings": each.bindings},
            "isDisabled": False,
        }
        for each in functions
    }
    known: dict[str, Any] = {"host/status": STATUS, "functions": list(shown.values()), **shown}

    async def told(request: web.Request) -> web.Response:
        found = known.get(request.match_info["what"].lower())
        return web.Response(status=404) if found is None else web.json_response(found)

    app = web.Application()
    app.router.add_get("/{what:.*}", told)
    return app


def _without_traceback(record: logging.LogRecord) -> bool:
    """Tell in one line of what is no HTTP and is answered 400: a URL beyond ASCII, for one."""
    if record.exc_info and isinstance(record.exc_info[1], HttpProcessingError):
        message = " ".join(record.exc_info[1].message.split())
        record.msg, record.args, record.exc_info = "Bad request data: %s", (message,), None
    return True
