"""Tables of one storage account: a thin layer over azure-data-tables, with our rows and our errors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import batched
from typing import TYPE_CHECKING, Any

from shared_code.domain.clock import rfc3339
from shared_code.domain.errors import Conflict, NotFound
from shared_code.resilience.single_flight import SingleFlight
from shared_code.storage.account import CLIENT_OPTIONS, StorageAccount
from shared_code.storage.failures import storage_failures
from shared_code.storage.identity import identity
from shared_code.storage.keys import escape_key
from shared_code.storage.rows import Change, Row, to_entity, to_row

if TYPE_CHECKING:
    from azure.data.tables.aio import TableClient

_OPERATIONS = {"insert": "create", "put": "upsert", "replace": "update", "delete": "delete"}
_PAGE = 1000  # the most that storage gives in one answer
MOST_AT_ONCE = 100  # changes of one transaction


class Tables:
    """The account's tables. One a process and event loop; nothing is opened before the first use."""

    def __init__(self, account: StorageAccount) -> None:
        self._account = account
        self._transport: Any = None
        self._credential: Any = None
        self._tables: dict[str, Table] = {}

    def table(self, name: str) -> Table:
        """The table of this name, 3-63 letters and digits. It is made when the first row is written."""
        if name not in self._tables:
            self._tables[name] = Table(name, self._client)
        return self._tables[name]

    async def close(self) -> None:
        """Close the connections."""
        if self._transport is not None:
            await self._transport.close()
        if self._credential is not None:
            await self._credential.close()
        self._transport = self._credential = None
        self._tables.clear()

    def _client(self, name: str) -> TableClient:
        """The SDK's client of one table; all share one transport and so its connections."""
        from azure.core.pipeline.transport import AioHttpTransport

        from shared_code.storage.transactions import QuickTableClient

        if self._transport is None:
            self._transport = AioHttpTransport(**CLIENT_OPTIONS)
        options = CLIENT_OPTIONS | {"transport": self._transport}
        if self._account.connection_string:
            return QuickTableClient.from_connection_string(self._account.connection_string, name, **options)
        if self._credential is None:
            self._credential = identity(self._account.client_id)
        return QuickTableClient(self._account.table_endpoint, name, credential=self._credential, **options)


class Table:
    """One table. All methods raise Unavailable when storage cannot answer."""

    def __init__(self, name: str, connect: Callable[[str], TableClient]) -> None:
        self.name = name
        self._connect = connect
        self._opened: TableClient | None = None
        self._maker = SingleFlight(self._make)

    async def get(self, partition: str, key: str) -> Row | None:
        """The row, or None."""
        try:
            with storage_failures(self.name):
                entity = await self._client.get_entity(escape_key(partition), escape_key(key))
        except NotFound:
            return None
        return to_row(entity)

    async def insert(self, row: Row) -> str:
        """Write a new row and give its etag; Conflict where there is one already."""
        return await self._write(lambda: self._client.create_entity(to_entity(row)))

    async def put(self, row: Row) -> str:
        """Write a row over whatever is there and give its etag."""
        from azure.data.tables import UpdateMode

        return await self._write(lambda: self._client.upsert_entity(to_entity(row), mode=UpdateMode.REPLACE))

    async def replace(self, row: Row) -> str:
        """Write over the row that was read with this etag, and give the new etag.

        Conflict where it has changed since, NotFound where it is gone.
        """
        from azure.core import MatchConditions
        from azure.data.tables import UpdateMode

        with storage_failures(self.name):
            written = await self._client.update_entity(
                to_entity(row),
                mode=UpdateMode.REPLACE,
                etag=row.etag,
                match_condition=MatchConditions.IfNotModified,
            )
        return str(written["etag"])

    async def delete(self, partition: str, key: str, *, etag: str = "") -> None:
        """Delete the row if it is there; with an etag, Conflict where it has changed since."""
        from azure.core import MatchConditions

        condition: dict[str, Any] = {"etag": etag, "match_condition": MatchConditions.IfNotModified} if etag else {}
        with suppress(NotFound), storage_failures(self.name):
            await self._client.delete_entity(escape_key(partition), escape_key(key), **condition)

    async def purge(self, before: datetime) -> int:
        """Delete the rows that were last written before this moment; how many. One that changes meanwhile stays.

        Storage looks at every row: for a timer.
        """
        written = f"Timestamp lt datetime'{rfc3339(before)}'"
        found = self._client.query_entities(written, select=["PartitionKey", "RowKey"], results_per_page=_PAGE)
        purged = 0
        batch: list[Row] = []
        with suppress(NotFound), storage_failures(self.name):
            async for entity in found:
                row = to_row(entity)
                if batch and (len(batch) == MOST_AT_ONCE or row.partition != batch[0].partition):
                    purged += await self._delete_batch(batch)
                    batch = []
                batch.append(row)
        return purged + await self._delete_batch(batch)

    async def delete_all(self, rows: Sequence[Row]) -> int:
        """Delete rows of one partition, a hundred at once; how many. One with an etag stays where it has changed since.

        Not all or none: a crash leaves some of them, the last ones first.
        """
        return sum([await self._delete_batch(some) for some in batched(rows, MOST_AT_ONCE, strict=False)])

    async def _delete_batch(self, rows: Sequence[Row]) -> int:
        """Delete up to a hundred rows of one partition together, or one by one where one is gone or has changed."""
        if not rows:
            return 0
        try:
            await self.transact([Change("delete", row) for row in rows])
        except (NotFound, Conflict):
            deleted = 0
            for row in rows:
                with suppress(Conflict):
                    await self.delete(row.partition, row.key, etag=row.etag)
                    deleted += 1
            return deleted
        return len(rows)

    async def transact(self, changes: Sequence[Change]) -> list[str]:
        """Make up to 100 changes in one partition, all or none, and give the etags of the rows ("" for deleted ones).

        Conflict where an insert finds its row there, or a replace finds another etag; NotFound where a row to be
        replaced is gone.
        """
        operations = [self._operation(change) for change in changes]
        written = await self._creating(lambda: self._client.submit_transaction(operations))
        return [str(each.get("etag", "")) for each in written]

    async def rows(
        self,
        partition: str | None = None,
        *,
        start: str = "",
        end: str = "",
        limit: int | None = None,
        select: Sequence[str] = (),
        beyond: str = "",
    ) -> AsyncIterator[Row]:
        """Rows in the order of their keys: of one partition or all, from key `start` up to but without `end`.

        `beyond` leaves out partitions up to and with that one.
        """
        terms = []
        if beyond:
            terms.append(f"PartitionKey gt '{_literal(beyond)}'")
        if partition is not None:
            terms.append(f"PartitionKey eq '{_literal(partition)}'")
        if start:
            terms.append(f"RowKey ge '{_literal(start)}'")
        if end:
            terms.append(f"RowKey lt '{_literal(end)}'")
        found = self._client.query_entities(
            " and ".join(terms),
            select=["PartitionKey", "RowKey", *select] if select else None,
            results_per_page=min(limit or _PAGE, _PAGE),
        )
        given = 0
        with suppress(NotFound), storage_failures(self.name):  # no table, no rows
            async for entity in found:
                yield to_row(entity)
                given += 1
                if given == limit:
                    return

    @property
    def _client(self) -> TableClient:
        if self._opened is None:
            self._opened = self._connect(self.name)
        return self._opened

    def _operation(self, change: Change) -> tuple[str, dict[str, Any], dict[str, Any]]:
        from azure.core import MatchConditions

        options: dict[str, Any] = {}
        if change.row.etag:
            options = {"etag": change.row.etag, "match_condition": MatchConditions.IfNotModified}
        if change.kind in ("put", "replace"):
            options["mode"] = "replace"
        return _OPERATIONS[change.kind], to_entity(change.row), options

    async def _write(self, call: Callable[[], Awaitable[Any]]) -> str:
        return str((await self._creating(call))["etag"])

    async def _creating(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """Write; where the table is missing, make it and write again. So a table that is there costs no question."""
        try:
            with storage_failures(self.name):
                return await call()
        except NotFound as missing:
            code = getattr(missing.__cause__, "error_code", None)
            if code not in (None, "TableNotFound"):
                raise
        await self._maker.run()
        with storage_failures(self.name):
            return await call()

    async def _make(self) -> None:
        with suppress(Conflict), storage_failures(self.name):
            await self._client.create_table()


def _literal(key: str) -> str:
    """A key inside an OData string literal."""
    return escape_key(key).replace("'", "''")
