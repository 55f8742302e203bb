"""Typed JSON documents about learners, one blob each, sealed, changed under their ETags."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
from msgspec import Struct

from shared_code.domain.errors import Conflict, Unavailable
from shared_code.storage.blobs import Blobs
from shared_code.storage.sealing.learner_keys import LearnerKeys

SEALED = "application/octet-stream"
RACES = 20  # lost races before we say that a document is too busy


class Documents[D: Struct]:
    """All documents of one kind, one a learner: `{kind}/{learner}.json` in one container, under the learner's key.

    A document that is missing, or whose key is erased, is a new one.
    """

    def __init__(self, blobs: Blobs, keys: LearnerKeys, container: str, kind: str, model: type[D]) -> None:
        self._blobs = blobs
        self._keys = keys
        self._container = container
        self._kind = kind
        self._model = model

    async def load(self, learner: str) -> D:
        """The document, or a new one where there is none."""
        return (await self._load(learner))[0]

    async def change(self, learner: str, change: Callable[[D], Awaitable[D]]) -> D:
        """Apply a change and keep the outcome; where somebody else was faster, apply it to what they wrote.

        A change that gives what was there writes nothing. Unavailable after twenty lost races.
        """
        for _ in range(RACES):
            document, before, etag = await self._load(learner)
            document = await change(document)
            after = msgspec.json.encode(document)
            if after == before:
                return document
            try:
                await self._write(learner, after, etag=etag, new=not etag)
            except Conflict:
                continue
            return document
        raise Unavailable("Too many changes at once; try again.", code="document-busy", retry_after=1)

    async def put(self, learner: str, document: D) -> None:
        """Keep a document over whatever is there."""
        await self._write(learner, msgspec.json.encode(document))

    async def learners(self, *, after: str = "") -> AsyncIterator[str]:
        """Whose documents there are, in order, after this one."""
        async for name in self._blobs.names(self._container, f"{self._kind}/"):
            learner = name.removeprefix(f"{self._kind}/").removesuffix(".json")
            if learner > after:
                yield learner

    def beside(self, kind: str) -> Documents[D]:
        """Documents like these, of another kind in the same container."""
        return Documents(self._blobs, self._keys, self._container, kind, self._model)

    async def delete(self, learner: str) -> None:
        """Delete the document if it is there."""
        await self._blobs.delete(self._container, self._name(learner))

    async def _load(self, learner: str) -> tuple[D, bytes, str]:
        name = self._name(learner)
        blob = await self._blobs.get(self._container, name)
        if blob is None:
            return self._model(), b"", ""
        plain = await self._keys.open(learner, blob.data, self._place(name))
        if plain is None:
            return self._model(), b"", blob.etag
        return msgspec.json.decode(plain, type=self._model), plain, blob.etag

    async def _write(self, learner: str, plain: bytes, *, etag: str = "", new: bool = False) -> None:
        name = self._name(learner)
        sealed = await self._keys.seal(learner, plain, self._place(name))
        await self._blobs.put(self._container, name, sealed, etag=etag, new=new, content_type=SEALED)

    def _place(self, name: str) -> str:
        return f"{self._container}/{name}"

    def _name(self, learner: str) -> str:
        return f"{self._kind}/{learner}.json"
