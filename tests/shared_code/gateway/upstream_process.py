"""An instance of a service as a process of its own, to be killed: `python -m …upstream_process PORT`.

`POST /control` sets what it does: `{"status": 500, "delay": 0.5}`. `GET /seen` says how often it was asked.
A request with the header `x-fail` is answered 500, whatever is set.
"""

from __future__ import annotations

import asyncio
import sys

from aiohttp import web


class Instance:
    """What it does and what it has seen."""

    def __init__(self) -> None:
        self.status = 200
        self.delay = 0.0
        self.seen = 0

    async def answer(self, request: web.Request) -> web.Response:
        self.seen += 1
        await asyncio.sleep(self.delay)
        return web.json_response({"served_by": "upstream"}, status=500 if "x-fail" in request.headers else self.status)

    async def control(self, request: web.Request) -> web.Response:
        told = await request.json()
        self.status, self.delay = told.get("status", self.status), told.get("delay", self.delay)
        return web.Response()

    async def look(self, _: web.Request) -> web.Response:
        return web.json_response(self.seen)

    async def well(self, _: web.Request) -> web.Response:
        return web.Response()


def main() -> None:
    instance, app = Instance(), web.Application()
    app.router.add_post("/control", instance.control)
    app.router.add_get("/seen", instance.look)
    app.router.add_get("/base/health", instance.well)
    app.router.add_route("*", "/base/{tail:.*}", instance.answer)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)


if __name__ == "__main__":
    main()
