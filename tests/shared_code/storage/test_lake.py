from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from local.paths import PROJECT
from shared_code.storage.account import StorageAccount
from shared_code.storage.blobs import Blobs
from shared_code.storage.lake import Lake
from shared_code.storage.last_flush import _flush
from shared_code.storage.layout import LAKE_FILES
from tests.ports import free_ports
from tests.proxy import answer_losing

FILE = "event_bus/event_processing_logs"


def at(hour: int) -> Callable[[], datetime]:
    return lambda: datetime(2026, 3, 1, hour, 59, 59, tzinfo=UTC)


async def lines_of(blobs: Blobs, writer: str, container: str = "integration") -> list[dict[str, object]]:
    found = []
    async for name in blobs.names(container):
        if writer in name:
            blob = await blobs.get(container, name)
            assert blob is not None
            assert blob.data.endswith(b"\n")
            found += [json.loads(line) for line in blob.data.splitlines()]
    return found


async def test_records_land_in_the_hour_s_own_file(blobs: Blobs, unique: str) -> None:
    lake = Lake(blobs, writer=unique, clock=at(7))
    lake.write("integration", FILE, {"n": 1, "text": "你好"})
    lake.write("realtime", "interaction_logs/feedback_delivery_logs", {"n": 2})
    await lake.close()

    name = f"{FILE}/2026/03/01/07/{unique}.jsonl"
    blob = await blobs.get("integration", name)
    assert blob is not None
    assert blob.data.decode() == '{"time":"2026-03-01T07:59:59.000Z","n":1,"text":"你好"}\n'
    assert [line["n"] for line in await lines_of(blobs, unique, "realtime")] == [2]


async def test_lines_are_written_in_the_background_without_being_asked(blobs: Blobs, unique: str) -> None:
    lake = Lake(blobs, writer=unique, interval=0.05)
    lake.write("integration", FILE, {"n": 1})
    async with asyncio.timeout(20):
        while lake.waiting:
            await asyncio.sleep(0.02)
    lake.write("integration", FILE, {"n": 2})
    async with asyncio.timeout(20):
        while lake.waiting:
            await asyncio.sleep(0.02)
    await lake.close()
    assert [line["n"] for line in await lines_of(blobs, unique)] == [1, 2]


async def test_two_hundred_writers_at_once_write_two_hundred_whole_lines(blobs: Blobs, unique: str) -> None:
    """L1: no line is lost or torn, whether tasks, threads or processes write."""
    lakes = [Lake(blobs, writer=f"{unique}-{number}", interval=0.05) for number in range(4)]

    async def write(number: int) -> None:
        await asyncio.sleep(0)
        lakes[number % 4].write("integration", FILE, {"n": number, "filling": "长" * 300})

    await asyncio.gather(*(write(number) for number in range(100)))
    threads = [
        threading.Thread(target=lakes[0].write, args=("integration", FILE, {"n": number})) for number in range(100, 200)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    await asyncio.gather(*(lake.close() for lake in lakes))

    assert sorted(int(str(line["n"])) for line in await lines_of(blobs, unique)) == list(range(200))


async def test_a_full_blob_is_followed_by_the_next_one(blobs: Blobs, unique: str) -> None:
    lake = Lake(blobs, writer=unique, clock=at(8), blocks_a_blob=2)
    for number in range(5):
        lake.write("integration", FILE, {"n": number})
        await lake.flush()
    await lake.close()
    names = [name async for name in blobs.names("integration", f"{FILE}/2026/03/01/08/") if unique in name]
    assert names == [f"{FILE}/2026/03/01/08/{unique}{suffix}.jsonl" for suffix in ("-1", "-2", "")]
    assert sorted(int(str(line["n"])) for line in await lines_of(blobs, unique)) == [0, 1, 2, 3, 4]


async def test_more_than_a_block_is_written_in_several(blobs: Blobs, unique: str) -> None:
    lake = Lake(blobs, writer=unique)
    for number in range(30):
        lake.write("integration", FILE, {"n": number, "filling": "x" * 100_000})
    await lake.close()
    assert [line["n"] for line in await lines_of(blobs, unique)] == list(range(30))


async def test_storage_that_is_down_costs_the_caller_nothing_and_the_lines_follow(
    account: StorageAccount, unique: str
) -> None:
    """G9: a failing log never fails what it logs."""
    blobs = Blobs(
        StorageAccount(
            connection_string="DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=AAAA;"
            f"BlobEndpoint=http://127.0.0.1:{free_ports(1)[0]}/devstoreaccount1;"
        )
    )
    lake = Lake(blobs, writer=unique)
    lake.write("integration", FILE, {"n": 1})
    await lake.flush()
    await lake.flush()
    assert lake.failures == 2
    assert lake.waiting == 1

    await blobs.close()
    blobs.account = account  # storage is back
    await lake.close()
    assert [line["n"] for line in await lines_of(blobs, unique)] == [1]
    await blobs.close()


async def test_a_blob_that_somebody_else_wrote_to_is_left_alone(blobs: Blobs, unique: str) -> None:
    lake = Lake(blobs, writer=unique, clock=at(9))
    await blobs.append("integration", f"{FILE}/2026/03/01/09/{unique}.jsonl", b'{"n":0}\n', at=0)
    lake.write("integration", FILE, {"n": 1})
    await lake.close()
    assert lake.failures == 1
    assert sorted(int(str(line["n"])) for line in await lines_of(blobs, unique)) == [0, 1]


async def test_what_json_does_not_know_is_written_as_text(blobs: Blobs, unique: str) -> None:
    lake = Lake(blobs, writer=unique)
    lake.write("integration", FILE, {"error": ValueError("no")})
    await lake.close()
    assert [line["error"] for line in await lines_of(blobs, unique)] == ["no"]


async def test_a_file_that_the_lake_does_not_have_is_refused(blobs: Blobs) -> None:
    with pytest.raises(ValueError, match="no file"):
        Lake(blobs).write("integration", "event_bus/else", {})


def test_container_names_are_ones_that_storage_takes() -> None:
    """L2: no underscore in a container's name."""
    assert all(name.isalpha() and name.islower() for name in LAKE_FILES)


PROGRAM = """
import asyncio, os, signal, sys
from shared_code.storage.account import StorageAccount
from shared_code.storage.blobs import Blobs
from shared_code.storage.lake import Lake
from shared_code.storage.last_flush import flush_lake_at_exit

connection, writer, ending = sys.argv[1:]
account = StorageAccount(connection_string=connection)

async def main():
    blobs = Blobs(account)
    lake = Lake(blobs, writer=writer, interval=60)
    flush_lake_at_exit(lake, account)
    lake.write("integration", "event_bus/event_processing_logs", {"n": 1})
    await lake.flush()
    lake.write("integration", "event_bus/event_processing_logs", {"n": 2})
    await blobs.close()
    if ending == "signal":
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.parametrize(("ending", "code"), [("exit", 0), ("signal", -signal.SIGTERM)])
async def test_the_last_lines_are_written_when_the_process_ends(
    azurite: str, blobs: Blobs, unique: str, ending: str, code: int
) -> None:
    process = subprocess.run(
        [sys.executable, "-c", PROGRAM, azurite, unique, ending],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert process.returncode == code, process.stderr
    assert [line["n"] for line in await lines_of(blobs, unique)] == [1, 2]


async def test_an_append_whose_answer_was_lost_is_written_once(azurite: str, blobs: Blobs, unique: str) -> None:
    async with answer_losing(azurite, "BlobEndpoint") as (connection, proxy):
        away = Blobs(StorageAccount(connection_string=connection))
        lake = Lake(away, writer=unique)
        lake.write("integration", FILE, {"n": 1})
        await lake.flush()
        lake.write("integration", FILE, {"n": 2})
        proxy.lose_answers(2)  # aiohttp asks again by itself when an open connection is cut
        await lake.flush()
        assert lake.failures == 1
        assert [line["n"] for line in await lines_of(blobs, unique)] == [1, 2]

        await lake.close()
        await away.close()
    assert [line["n"] for line in await lines_of(blobs, unique)] == [1, 2]


async def test_an_append_under_way_and_the_last_flush_write_the_line_once(
    azurite: str, account: StorageAccount, blobs: Blobs, unique: str
) -> None:
    async with answer_losing(azurite, "BlobEndpoint") as (connection, proxy):
        away = Blobs(StorageAccount(connection_string=connection))
        lake = Lake(away, writer=unique)
        lake.write("integration", FILE, {"n": 1})
        proxy.lose_answers(1)
        await lake.flush()
        lake.write("integration", FILE, {"n": 2})
        await asyncio.to_thread(_flush, lake, account)
        await away.close()
    assert lake.waiting == 0
    assert [line["n"] for line in await lines_of(blobs, unique)] == [1, 2]
