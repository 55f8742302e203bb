"""Kills at random moments while many clients write: what was acknowledged is compared with what is found."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable

from azure.core.exceptions import AzureError
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient

from tests.local.azurite.emulator import Emulator

KILLS = int(os.environ.get("AZURITE_KILLS", "3"))
BATCH = 20  # rows of one entity-group transaction


class Writers:
    """Threads that each repeat one kind of write; `acknowledged[kind]` are the numbers whose write was answered.

    A write that fails is not repeated: whether it happened is unknown, as it is for any client of a dead server.
    """

    def __init__(self, emulator: Emulator) -> None:
        connection = emulator.connection
        self.table = TableServiceClient.from_connection_string(connection).create_table("load")
        self.hot = TableServiceClient.from_connection_string(connection, retry_total=0).get_table_client("load")
        container = BlobServiceClient.from_connection_string(connection).create_container("load")
        container.get_blob_client("log").create_append_blob()
        self.container = container
        self.hot_container = BlobServiceClient.from_connection_string(connection, retry_total=0).get_container_client(
            "load"
        )
        self.acknowledged: dict[str, list[int]] = {}
        self.attempted: dict[str, int] = {}
        self._stop = threading.Event()
        kinds: list[Callable[[int], object]] = [self.insert, self.transact, self.count, self.delete]
        kinds += [self.append, self.put, self.overwrite]
        self._threads = [threading.Thread(target=self._repeat, args=[kind]) for kind in kinds]

    def insert(self, n: int) -> None:
        self.hot.create_entity({"PartitionKey": "insert", "RowKey": str(n), "n": n})

    def transact(self, n: int) -> None:
        self.hot.submit_transaction(
            [("create", {"PartitionKey": "batch", "RowKey": f"{n}-{row}", "n": n}) for row in range(BATCH)]
        )

    def count(self, n: int) -> None:
        self.hot.upsert_entity({"PartitionKey": "count", "RowKey": "row", "n": n})

    def delete(self, n: int) -> None:
        self.hot.create_entity({"PartitionKey": "delete", "RowKey": str(n)})
        self.hot.delete_entity("delete", str(n))

    def append(self, n: int) -> None:
        self.hot_container.get_blob_client("log").append_block(f"{n}\n".encode())

    def put(self, n: int) -> None:
        self.hot_container.upload_blob(f"put-{n}", str(n).encode() * 100)

    def overwrite(self, n: int) -> None:
        self.hot_container.upload_blob("overwritten", str(n).encode(), overwrite=True)

    def _repeat(self, write: Callable[[int], object]) -> None:
        acknowledged = self.acknowledged.setdefault(write.__name__, [])
        n = 0
        while not self._stop.is_set():
            n += 1
            self.attempted[write.__name__] = n
            try:
                write(n)
                acknowledged.append(n)
            except AzureError:
                time.sleep(0.05)

    def __enter__(self) -> Writers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def total(self) -> int:
        return sum(map(len, self.acknowledged.values()))


def test_nothing_acknowledged_is_lost_and_no_batch_is_half_there(emulator: Emulator) -> None:
    """Kills at random moments under load (`AZURITE_KILLS` of them), then everything is compared."""
    moments = random.Random(7)
    with Writers(emulator) as writers:
        for _ in range(KILLS):
            before = writers.total()
            time.sleep(moments.uniform(0.1, 1.2))
            while writers.total() < before + 50:
                time.sleep(0.01)
            emulator.kill_and_restart()
    acknowledged, attempted = writers.acknowledged, writers.attempted
    print({kind: len(numbers) for kind, numbers in acknowledged.items()}, "acknowledged over", KILLS, "kills")
    assert all(acknowledged.values())

    rows: dict[str, list[int]] = {"insert": [], "batch": [], "count": []}
    deleted = set()
    for row in writers.table.list_entities():
        if row["PartitionKey"] == "delete":
            deleted.add(int(row["RowKey"]))
        else:
            rows[row["PartitionKey"]].append(row["n"])
    assert set(acknowledged["insert"]) <= set(rows["insert"])
    assert set(acknowledged["transact"]) <= set(rows["batch"])
    assert {n: rows["batch"].count(n) for n in rows["batch"]} == dict.fromkeys(rows["batch"], BATCH)
    assert deleted.isdisjoint(acknowledged["delete"])
    assert rows["count"][0] in range(acknowledged["count"][-1], attempted["count"] + 1)

    lines = [int(line) for line in writers.container.download_blob("log").readall().split()]
    assert lines == sorted(set(lines))
    assert set(acknowledged["append"]) <= set(lines)
    puts = {}
    for name in writers.container.list_blob_names(name_starts_with="put-"):
        puts[int(name.removeprefix("put-"))] = writers.container.download_blob(name).readall()
    assert set(acknowledged["put"]) <= set(puts)
    assert all(content == str(n).encode() * 100 for n, content in puts.items())
    assert int(writers.container.download_blob("overwritten").readall()) in range(
        acknowledged["overwrite"][-1], attempted["overwrite"] + 1
    )
