"""A view that is computed from streams, one document a learner, and can be computed again."""

from __future__ import annotations

from typing import Any, Protocol

from shared_code.events.stored import StoredEvent
from shared_code.storage.documents import Documents


class Projection(Protocol):
    """One kind of view. Its documents have a `position`: up to which version of their stream they have been folded."""

    @property
    def name(self) -> str:
        """What operators call it."""
        ...

    @property
    def live(self) -> Documents[Any]:
        """The documents that everybody reads."""
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
