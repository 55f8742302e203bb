from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_code.domain.clock import utc_now
from shared_code.domain.errors import Conflict, NotFound, Unavailable
from shared_code.storage.account import StorageAccount
from shared_code.storage.keys import escape_key, unescape_key
from shared_code.storage.rows import Change, Row, Value
from shared_code.storage.tables import Table, Tables
from tests.ports import free_ports


@pytest.fixture
def table(tables: Tables, unique: str) -> Table:
    return tables.table(unique)


async def test_a_table_is_made_when_first_written_however_many_come_at_once(tables: Tables, unique: str) -> None:
    table = tables.table(unique)
    assert await table.get("p", "k") is None
    assert [row async for row in table.rows("p")] == []
    await table.delete("p", "k")

    await asyncio.gather(*(table.insert(Row("p", str(number), {"n": number})) for number in range(8)))

    assert [row.values["n"] async for row in table.rows("p")] == list(range(8))


async def test_a_transaction_makes_its_table(table: Table) -> None:
    await table.transact([Change("insert", Row("p", "a")), Change("insert", Row("p", "b"))])
    assert [row.key async for row in table.rows("p")] == ["a", "b"]


async def test_values_come_back_as_they_went(table: Table) -> None:
    values: dict[str, Value] = {
        "text": "nǐ hǎo 你好",
        "small": -7,
        "large": 2**40,
        "real": 1.5,
        "yes": True,
        "raw": b"\x00\xff",
    }
    etag = await table.put(Row("p", "k", values))

    row = await table.get("p", "k")
    assert row is not None
    assert row.values == values
    assert row.etag == etag
    assert [found.values async for found in table.rows("p")] == [values]


@pytest.mark.parametrize("key", ["a/b", "a\\b#c?d", "50%", "it's", "~2f", "tab\tnl\n", "", "你好", "x y", "é" * 100])
async def test_any_text_can_be_a_key(table: Table, key: str) -> None:
    await table.put(Row(key, key, {"v": 1}))
    row = await table.get(key, key)
    assert row is not None
    assert (row.partition, row.key) == (key, key)
    assert [found.key async for found in table.rows(key)] == [key]
    await table.transact([Change("put", Row(key, key, {"v": 2}))])
    await table.delete(key, key)
    assert await table.get(key, key) is None


@given(st.text())
def test_escaped_keys_are_read_back_and_hold_nothing_that_is_refused(text: str) -> None:
    key = escape_key(text)
    assert unescape_key(key) == text
    assert not set(key) & set("/\\#?%")


async def test_insert_refuses_what_is_there(table: Table) -> None:
    await table.insert(Row("p", "k"))
    with pytest.raises(Conflict):
        await table.insert(Row("p", "k"))


async def test_replace_takes_only_the_row_that_was_read(table: Table) -> None:
    first = await table.insert(Row("p", "k", {"n": 1}))
    second = await table.replace(Row("p", "k", {"n": 2}, first))
    with pytest.raises(Conflict):
        await table.replace(Row("p", "k", {"n": 3}, first))
    with pytest.raises(Conflict):
        await table.delete("p", "k", etag=first)
    await table.delete("p", "k", etag=second)
    with pytest.raises(NotFound):
        await table.replace(Row("p", "k", {"n": 4}, second))


async def test_a_transaction_is_all_or_nothing(table: Table) -> None:
    etag = await table.insert(Row("p", "head", {"n": 1}))
    await table.put(Row("p", "head", {"n": 2}))
    with pytest.raises(Conflict):
        await table.transact([Change("insert", Row("p", "new")), Change("replace", Row("p", "head", {"n": 3}, etag))])
    with pytest.raises(Conflict):
        await table.transact([Change("insert", Row("p", "new")), Change("insert", Row("p", "head"))])
    with pytest.raises(NotFound):
        await table.transact([Change("insert", Row("p", "new")), Change("replace", Row("p", "none", {}, etag))])
    assert await table.get("p", "new") is None


async def test_a_transaction_puts_replaces_and_deletes(table: Table) -> None:
    etag = await table.insert(Row("p", "a", {"n": 1}))
    await table.insert(Row("p", "b"))
    await table.transact(
        [
            Change("replace", Row("p", "a", {"n": 2}, etag)),
            Change("delete", Row("p", "b")),
            Change("put", Row("p", "c", {"text": "你好 'quoted' <&>", "raw": bytes(range(256))})),
        ]
    )
    rows = {row.key: row.values async for row in table.rows("p")}
    assert rows == {"a": {"n": 2}, "c": {"text": "你好 'quoted' <&>", "raw": bytes(range(256))}}


async def test_ranges_and_limits(table: Table) -> None:
    await table.transact([Change("insert", Row("p", f"e{number:02}", {"n": number, "m": 0})) for number in range(20)])
    await table.insert(Row("q", "e00"))
    assert [row.key async for row in table.rows("p", start="e05", end="e08")] == ["e05", "e06", "e07"]
    assert [row.key async for row in table.rows("p", start="e05", limit=2)] == ["e05", "e06"]
    assert [row.values async for row in table.rows("p", limit=1, select=["n"])] == [{"n": 0}]
    assert len([row async for row in table.rows()]) == 21


async def test_of_many_who_insert_one_wins(table: Table) -> None:
    outcomes = await asyncio.gather(
        *(table.insert(Row("p", "k", {"n": number})) for number in range(10)), return_exceptions=True
    )
    assert sum(isinstance(outcome, str) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 9


async def test_storage_that_is_down_is_unavailable(azurite: str) -> None:
    port = free_ports(1)[0]
    down = Tables(
        StorageAccount(
            connection_string="DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=AAAA;"
            f"TableEndpoint=http://127.0.0.1:{port}/devstoreaccount1;"
        )
    )
    for call in (
        down.table("abc").get("p", "k"),
        down.table("abc").insert(Row("p", "k")),
        down.table("abc").transact([Change("insert", Row("p", "k"))]),
    ):
        with pytest.raises(Unavailable):
            await call
    await down.close()


async def test_a_wrong_key_is_unavailable_and_says_no_vendor_text(azurite: str) -> None:
    parts = dict(part.split("=", 1) for part in azurite.strip(";").split(";"))
    parts["AccountKey"] = "bm90LXRoZS1rZXk="
    tables = Tables(StorageAccount(connection_string=";".join(f"{name}={value}" for name, value in parts.items())))
    with pytest.raises(Unavailable) as failure:
        await tables.table("abc").get("p", "k")
    assert "Authorization" not in str(failure.value)
    await tables.close()


async def test_what_is_old_goes_a_hundred_at_once_and_what_has_changed_meanwhile_stays(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    for start in (0, 100, 200):
        await table.transact([Change("insert", Row("p", f"{start + n:03}")) for n in range(100 if start < 200 else 50)])
    await table.insert(Row("q", "k"))
    sizes, transact = [], table.transact

    async def counted(changes: Sequence[Change]) -> list[str]:
        sizes.append(len(changes))
        if len(sizes) == 2:
            await table.put(Row("p", "150", {"n": 1}))
        return await transact(changes)

    monkeypatch.setattr(table, "transact", counted)
    assert await table.purge(utc_now() + timedelta(minutes=5)) == 250
    assert sizes == [100, 100, 50, 1]
    assert [row.key async for row in table.rows()] == ["150"]
