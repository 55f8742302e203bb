from __future__ import annotations

import re
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest
from azure.data.tables.aio import TableClient

from shared_code.storage.account import CLIENT_OPTIONS
from shared_code.storage.rows import Change, Row, to_entity
from shared_code.storage.tables import Tables
from shared_code.storage.transactions import QuickTableClient, _encode

VALUES: dict[str, Any] = {"text": "nǐ hǎo 你好 'quoted' <&> \r\n\r\n--batch", "raw": bytes(range(256)), "large": 2**40}


def operations(etag: str) -> list[Any]:
    """One of each kind."""
    from azure.core import MatchConditions

    replaced = {"mode": "replace", "etag": etag, "match_condition": MatchConditions.IfNotModified}
    return [
        ("update", to_entity(Row("it's é", "head", VALUES)), replaced),
        ("create", to_entity(Row("it's é", "new", VALUES))),
        ("upsert", to_entity(Row("it's é", "either", VALUES)), {"mode": "replace"}),
        ("delete", to_entity(Row("it's é", "old"))),
    ]


async def outcome(client: TableClient, etag: str) -> tuple[Any, ...]:
    """Status and error code of a transaction that fails, or how many parts one that succeeds answers with."""
    try:
        return "done", len(await client.submit_transaction(operations(etag)))
    except HttpResponseError as error:
        return "failed", error.status_code, getattr(error, "error_code", None)


@pytest.mark.parametrize("case", ["no table", "nothing there", "stale etag", "row is there", "fine"])
async def test_a_quick_transaction_ends_as_the_sdk_s_own(azurite: str, unique: str, case: str) -> None:
    found = {}
    for kind in (TableClient, QuickTableClient):
        name = f"{unique}{kind.__name__[0]}"
        async with kind.from_connection_string(azurite, name, **CLIENT_OPTIONS) as client:
            etag = "W/\"datetime'2026-01-01T00%3A00%3A00.0000000Z'\""
            if case != "no table":
                await client.create_table()
            if case in ("stale etag", "row is there", "fine"):
                head = await client.create_entity(to_entity(Row("it's é", "head")))
                await client.create_entity(to_entity(Row("it's é", "old")))
                etag = etag if case == "stale etag" else str(head["etag"])
            if case == "row is there":
                await client.create_entity(to_entity(Row("it's é", "new")))
            ended = await outcome(client, etag)
            rows = {}
            if case != "no table":
                rows = {entity["RowKey"]: dict(entity) async for entity in client.list_entities()}
            found[kind] = (ended, rows)
    assert found[TableClient] == found[QuickTableClient]
    assert (found[QuickTableClient][0][0] == "done") == (case == "fine")


def test_the_wire_format_is_the_sdk_s_own_but_for_not_sending_rows_back() -> None:
    def requests() -> tuple[HttpRequest, ...]:
        post = HttpRequest("POST", "http://h/a/t", headers={"Accept": "application/json"}, json={"x": "你"})
        delete = HttpRequest("DELETE", "http://h/a/t(PartitionKey='a',RowKey='b')", headers={"If-Match": "*"})
        return post, delete

    changes = HttpRequest("POST", "")
    changes.set_multipart_mixed(*requests(), boundary="changeset_x")
    theirs = HttpRequest("POST", "http://h/a/$batch")
    theirs.set_multipart_mixed(changes, boundary="batch_x")
    theirs.prepare_multipart_body()
    _, ours = _encode(requests())

    unnamed = re.compile(rb"(batch|changeset)_[\w-]+")
    expected = unnamed.sub(rb"\1_x", theirs.content).replace(b"\r\n\r\n\r\n--changeset", b"\r\n\r\n--changeset")
    assert unnamed.sub(rb"\1_x", ours).replace(b"Prefer: return-no-content\r\n", b"").split() == expected.split()


async def test_a_hundred_changes_are_one_transaction(tables: Tables, unique: str) -> None:
    table = tables.table(unique)
    etags = await table.transact([Change("insert", Row("p", f"{number:03}")) for number in range(100)])
    rows = [row async for row in table.rows("p")]
    assert [row.etag for row in rows] == etags
