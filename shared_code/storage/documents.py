"""Typed JSON documents, one blob each, changed under their ETags."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
from msgspec import Struct

from shared_code.domain.errors import Conflict, Unavailable
from shared_code.storage.blobs import Blobs

RACES = 20  # lost races before we say that a document is too busy


class Documents[D: Struct]:
    """All documents of one kind: `{kind}/{key}.json` in one container. A document that is missing is a new one."""

    def __init__(self, blobs: Blobs, container: str, kind: str, model: type[D]) -> None:
        self._blobs = blobs
        self._container = container
        self._kind = kind
        self._model = model

    async def load(self, key: str) -> D:
        """The document, or a new one where there is none."""
        return (await self._load(key))[0]

    async def change(self, key: str, change: Callable[[D], Awaitable[D]]) -> D:
        """Apply a change and keep the outcome; where somebody else was faster, apply it to what they wrote.

        A change that gives what was there writes nothing. Unavailable after twenty lost races.
        """
        for _ in range(RACES):
            document, before, etag = await self._load(key)
            document = await change(document)
            after = msgspec.json.encode(document)
            if after == before:
                return document
            try:
                await self._blobs.put(self._container, self._name(key), after, etag=etag, new=not etag)
            except Conflict:
                continue
            return document
        raise Unavailable("Too many changes at once; try again.", code="document-busy", retry_after=1)

    async def put(self, key: str, document: D) -> None:
        """Keep a document over whatever is there."""
        await self._blobs.put(self._container, self._name(key), msgspec.json.encode(document))

    async def _load(self, key: str) -> tuple[D, bytes, str]:
        blob = await self._blobs.get(self._container, self._name(key))
        if blob is None:
            return self._model(), b"", ""
        return msgspec.json.decode(blob.data, type=self._model), blob.data, blob.etag

    def _name(self, key: str) -> str:
        return f"{self._kind}/{key}.json"
