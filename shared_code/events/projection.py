"""A view that is computed from streams, one document a learner, and can be computed again."""

from __future__ import annotations

from typing import Any, Protocol

from shared_code.events.event_source import EventSource
from shared_code.events.snapshots import Snapshots
from shared_code.events.stored import StoredEvent
from shared_code.storage.documents import Documents


class Projection(Protocol):
    """One kind of view.

    Its documents have a `position`: up to which version of their stream they have been folded, and a `fold`: the
    version of the fold that made them.
    """

    @property
    def name(self) -> str:
        """What operators call it."""
        ...

    @property
    def version(self) -> int:
        """The version of this fold, raised whenever the same events give another document."""
        ...

    @property
    def live(self) -> Documents[Any]:
        """The documents that everybody reads."""
        ...

    @property
    def snapshots(self) -> Snapshots | None:
        """Earlier states of its documents, where it keeps any."""
        ...

    def beside(self, rebuild: str) -> Documents[Any]:
        """Where the documents of one rebuilding are, until they are swapped in."""
        ...

    def begin(self, live: Any) -> Any:
        """A document before its first event, with whatever of the live one does not come from the stream."""
        ...

    def fold(self, document: Any, stored: StoredEvent) -> None:
        """Fold one event in, and move the document's position there."""
        ...


async def caught_up[D](
    source: EventSource, projection: Projection, stream: str, document: D, *, to: int | None = None
) -> D:
    """The document with what the stream has beyond it, up to version `to`.

    One that another version of the fold has made is not gone on with: it is computed from the stream's beginning.
    """
    known: Any = document
    if known.fold != projection.version:
        known = projection.begin(known)
    async for stored in source.read(stream, after=known.position, to=to):
        projection.fold(known, stored)
    return known  # type: ignore[no-any-return]
