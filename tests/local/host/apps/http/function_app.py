"""HTTP functions that show what reached them."""

from __future__ import annotations

import asyncio
import json

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


def _shown(name: str, req: func.HttpRequest) -> func.HttpResponse:
    body = req.get_body()
    shown = {
        "function": name,
        "method": req.method,
        "url": req.url,
        "route": dict(req.route_params),
        "query": dict(req.params),
        "headers": dict(req.headers),
        "body": body.hex(),
    }
    return func.HttpResponse(json.dumps(shown), mimetype="application/json")


@app.route(route="v1/items/special")
def a_literal(req: func.HttpRequest) -> func.HttpResponse:
    return _shown("literal", req)


@app.route(route="v1/items/{id:int}", methods=["GET", "PUT"])
def b_constrained(req: func.HttpRequest) -> func.HttpResponse:
    return _shown("constrained", req)


@app.route(route="v1/items/{id}", methods=["GET"])
async def c_parameter(req: func.HttpRequest) -> func.HttpResponse:
    return _shown("parameter", req)


@app.route(route="v1/{service}/{*path}")
async def d_catch_all(req: func.HttpRequest) -> func.HttpResponse:
    return _shown("catch-all", req)


@app.route()
async def unrouted(req: func.HttpRequest) -> func.HttpResponse:
    return _shown("unrouted", req)


@app.route(route="optional/{year:length(4)}/{month?}")
async def optional(req: func.HttpRequest) -> func.HttpResponse:
    return _shown("optional", req)


@app.route(route="posted", methods=["POST"])
async def posted(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(req.get_body(), status_code=201, mimetype="application/octet-stream")


@app.route(route="text")
async def text(req: func.HttpRequest) -> str:
    return "你好"


@app.route(route="empty")
async def empty(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(status_code=204)


@app.route(route="cookies")
async def cookies(req: func.HttpRequest) -> func.HttpResponse:
    response = func.HttpResponse("ok")
    response.headers.add("Set-Cookie", "one=1; Path=/a; HttpOnly; Secure; SameSite=Lax; Max-Age=60")
    response.headers.add("Set-Cookie", "two=2; Expires=Wed, 21 Oct 2037 07:28:00 GMT")
    response.headers.add("X-Own", "yes")
    return response


@app.route(route="raises")
async def raises(req: func.HttpRequest) -> func.HttpResponse:
    raise ValueError("no\nluck")


@app.route(route="slow")
async def slow(req: func.HttpRequest) -> func.HttpResponse:
    await asyncio.sleep(float(req.params.get("seconds", "5")))
    print("slow one ended", flush=True)
    return func.HttpResponse("late")


@app.route(route="closed", auth_level=func.AuthLevel.FUNCTION)
async def closed(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("open")


@app.route(route="sealed", auth_level=func.AuthLevel.ADMIN)
async def sealed(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("open")


@app.route(route="context")
async def context_shown(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return func.HttpResponse(context.trace_context.trace_parent)
