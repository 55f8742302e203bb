"""A Speech service at the wire. It sends what the service documents for zh-CN and invents nothing beyond it.

It proves the adapter against the real SDK; it cannot prove what Azure sends.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

from aiohttp import WSMsgType, web

Words = list[tuple[str, float, str]]  # word, accuracy, error type


def answer(words: Words) -> dict[str, Any]:
    """A `speech.phrase` for these words, half a second each."""
    return {
        "Id": uuid.uuid4().hex,
        "RecognitionStatus": "Success",
        "DisplayText": "".join(word for word, _, _ in words),
        "Offset": 1_000_000,
        "Duration": 5_000_000 * len(words),
        "NBest": [
            {
                "Confidence": 0.9,
                "Lexical": " ".join(word for word, _, _ in words),
                "ITN": "",
                "MaskedITN": "",
                "Display": "".join(word for word, _, _ in words),
                "PronunciationAssessment": {
                    "AccuracyScore": 88.0,
                    "FluencyScore": 91.0,
                    "CompletenessScore": 100.0,
                    "PronScore": 90.0,
                },
                "Words": [
                    {
                        "Word": word,
                        "Offset": 1_000_000 + 5_000_000 * place,
                        "Duration": 5_000_000,
                        "PronunciationAssessment": {"AccuracyScore": accuracy, "ErrorType": error},
                    }
                    for place, (word, accuracy, error) in enumerate(words)
                ],
            }
        ],
    }


class SpeechPeer:
    """Modes: "answer", "silent" (accepts and says nothing), "no-match", "close" (1011 mid-turn), or a status code."""

    def __init__(self) -> None:
        self.mode: str | int = "answer"
        self.phrase: dict[str, Any] = {}
        self.connections = 0
        self.contexts: list[dict[str, Any]] = []
        self.audio_bytes = 0
        self.port = 0
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen on a free loopback port."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening."""
        assert self._runner is not None
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.connections += 1
        if isinstance(self.mode, int):
            return web.Response(status=self.mode)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                headers, _, body = message.data.partition("\r\n\r\n")
                if "Path:speech.context" in headers.replace(": ", ":"):
                    self.contexts.append(json.loads(body))
            elif message.type == WSMsgType.BINARY:
                await self._audio(socket, message.data)
        return socket

    async def _audio(self, socket: web.WebSocketResponse, frame: bytes) -> None:
        length = int.from_bytes(frame[:2])
        headers, payload = frame[2 : 2 + length].decode(), frame[2 + length :]
        self.audio_bytes += len(payload)
        if payload:
            return
        request_id = next(
            line.split(":", 1)[1].strip() for line in headers.split("\r\n") if line.lower().startswith("x-requestid")
        )
        if self.mode == "close":
            await socket.close(code=1011)
        elif self.mode == "silent":
            await asyncio.sleep(0)
        else:
            await self._turn(socket, request_id)

    async def _turn(self, socket: web.WebSocketResponse, request_id: str) -> None:
        phrase = self.phrase if self.mode == "answer" else {"RecognitionStatus": "NoMatch", "Offset": 0, "Duration": 0}
        for path, body in (
            ("turn.start", {"context": {"serviceTag": uuid.uuid4().hex}}),
            ("speech.startDetected", {"Offset": 1_000_000}),
            ("speech.endDetected", {"Offset": 2_000_000}),
            ("speech.phrase", phrase),
            ("turn.end", {}),
        ):
            await socket.send_str(
                f"X-RequestId:{request_id}\r\nContent-Type:application/json; charset=utf-8\r\nPath:{path}\r\n\r\n"
                + json.dumps(body)
            )
