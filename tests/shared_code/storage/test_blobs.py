from __future__ import annotations

import asyncio

import pytest

from shared_code.domain.errors import Conflict, Unavailable
from shared_code.storage.account import StorageAccount
from shared_code.storage.blobs import PIECE_BYTES, Blobs
from tests.ports import free_ports


async def test_a_container_is_made_when_first_written_however_many_come_at_once(blobs: Blobs, unique: str) -> None:
    assert await blobs.get(unique, "a") is None
    assert [name async for name in blobs.names(unique)] == []
    await blobs.delete(unique, "a")

    await asyncio.gather(*(blobs.put(unique, f"b/{number}", b"x") for number in range(5)))

    assert [name async for name in blobs.names(unique, "b/")] == [f"b/{number}" for number in range(5)]


async def test_a_blob_comes_back_as_it_went(blobs: Blobs, unique: str) -> None:
    etag = await blobs.put(unique, "文件/nǐ.json", b"\x00\xff" * 1000)
    blob = await blobs.get(unique, "文件/nǐ.json")
    assert blob is not None
    assert (blob.data, blob.etag) == (b"\x00\xff" * 1000, etag)
    await blobs.delete(unique, "文件/nǐ.json")
    assert await blobs.get(unique, "文件/nǐ.json") is None


async def test_put_with_an_etag_writes_over_just_that_version(blobs: Blobs, unique: str) -> None:
    first = await blobs.put(unique, "a", b"1", new=True)
    with pytest.raises(Conflict):
        await blobs.put(unique, "a", b"2", new=True)
    second = await blobs.put(unique, "a", b"2", etag=first)
    with pytest.raises(Conflict):
        await blobs.put(unique, "a", b"3", etag=first)
    blob = await blobs.get(unique, "a")
    assert blob is not None
    assert (blob.data, blob.etag) == (b"2", second)


async def test_of_many_with_one_etag_one_wins(blobs: Blobs, unique: str) -> None:
    etag = await blobs.put(unique, "a", b"0")
    outcomes = await asyncio.gather(
        *(blobs.put(unique, "a", str(number).encode(), etag=etag) for number in range(8)), return_exceptions=True
    )
    assert sum(isinstance(outcome, str) for outcome in outcomes) == 1


async def test_an_append_that_is_repeated_happens_once(blobs: Blobs, unique: str) -> None:
    await blobs.append(unique, "log.jsonl", b"one\n", at=0)
    await blobs.append(unique, "log.jsonl", b"one\n", at=0)
    await blobs.append(unique, "log.jsonl", b"two\n", at=4)
    await blobs.append(unique, "log.jsonl", b"two\n", at=4)
    with pytest.raises(Conflict):
        await blobs.append(unique, "log.jsonl", b"three\n", at=4)
    blob = await blobs.get(unique, "log.jsonl")
    assert blob is not None
    assert blob.data == b"one\ntwo\n"


async def test_storage_that_is_down_is_unavailable() -> None:
    down = Blobs(
        StorageAccount(
            connection_string="DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=AAAA;"
            f"BlobEndpoint=http://127.0.0.1:{free_ports(1)[0]}/devstoreaccount1;"
        )
    )
    for call in (down.get("abc", "a"), down.put("abc", "a", b""), down.append("abc", "a", b"x", at=0)):
        with pytest.raises(Unavailable):
            await call
    await down.close()


async def test_a_large_blob_comes_in_pieces_from_any_byte_on(blobs: Blobs, unique: str) -> None:
    data = bytes(range(256)) * 10_000
    for at in range(0, len(data), 640_000):
        await blobs.append(unique, "large", data[at : at + 640_000], at=at)
    assert [len(piece) async for piece in blobs.pieces(unique, "large")] == [PIECE_BYTES, PIECE_BYTES, 462_848]
    assert b"".join([piece async for piece in blobs.pieces(unique, "large")]) == data
    assert b"".join([piece async for piece in blobs.pieces(unique, "large", start=2_000_001)]) == data[2_000_001:]
    assert [piece async for piece in blobs.pieces(unique, "large", start=len(data))] == []
    assert [piece async for piece in blobs.pieces(unique, "missing")] == []


async def test_names_are_listed_from_one_of_them_on(blobs: Blobs, unique: str) -> None:
    for name in ("a/1", "a/2", "b/1", "b/2"):
        await blobs.put(unique, name, b"")
    assert [name async for name in blobs.names(unique, start="a/2")] == ["a/2", "b/1", "b/2"]
    assert [name async for name in blobs.names(unique, "b/", start="b/10")] == ["b/2"]
