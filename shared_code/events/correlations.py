"""What one request, or one event of another system, led to: table `correlations`, a partition a correlation id.

It is written before events are appended: it may name what never happened, and readers leave that out, but it never
misses what did.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Sequence

from shared_code.domain.events.envelope import CloudEvent
from shared_code.storage.rows import Row
from shared_code.storage.tables import Tables

_SEPARATOR = "\n"  # of event ids in one column: no id holds a line feed


class Correlations:
    """The index. All methods raise Unavailable when storage cannot answer."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.table("correlations")

    async def note(self, stream: str, events: Sequence[CloudEvent]) -> None:
        """Let `places` find these events of one append; one row for those that share a correlation id."""
        ids: defaultdict[str, list[str]] = defaultdict(list)
        for event in events:
            ids[event.correlationid].append(event.id)
        await asyncio.gather(*(self._table.put(_row(each, stream, found)) for each, found in ids.items()))

    async def places(self, correlation_id: str, *, limit: int) -> list[tuple[str, str]]:
        """Stream and id of each event, those of up to `limit` appends, an append that was repeated once."""
        found: dict[tuple[str, str], None] = {}  # an ordered set
        async for row in self._table.rows(correlation_id, limit=limit):
            for event_id in str(row.values["events"]).split(_SEPARATOR):
                found[str(row.values["stream"]), event_id] = None
        return list(found)


def _row(correlation_id: str, stream: str, event_ids: Sequence[str]) -> Row:
    """The same events have the same row, others never write over it."""
    joined = _SEPARATOR.join(event_ids)
    digest = hashlib.sha256(joined.encode()).hexdigest()[:16]
    return Row(correlation_id, f"{event_ids[0]}|{digest}", {"stream": stream, "events": joined})
