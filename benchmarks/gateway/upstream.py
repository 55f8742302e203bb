"""What all gateways stand before: a small JSON document, and a chat model that answers at once.

`python -m benchmarks.gateway.upstream PORT`.
"""

from __future__ import annotations

import json
import sys

from aiohttp import web

from benchmarks.gateway.assembled import ANSWER

COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1764000000,
    "model": "bench",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "你好！" * 20}, "finish_reason": "stop"},
    ],
    "usage": {"prompt_tokens": 12, "completion_tokens": 60, "total_tokens": 72},
}
JSON = "application/json"


def main() -> None:
    """Serve until ended."""
    document, completion = json.dumps(ANSWER), json.dumps(COMPLETION)

    async def plain(_: web.Request) -> web.Response:
        return web.Response(text=document, content_type=JSON)

    async def chat(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(text=completion, content_type=JSON)

    app = web.Application()
    app.router.add_get("/bench/me", plain)
    app.router.add_post("/v1/chat/completions", chat)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)


if __name__ == "__main__":
    main()
