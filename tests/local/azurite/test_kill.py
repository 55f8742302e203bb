"""What Azurite acknowledged is there after a `kill -9` at once, and what it was told to remove is gone.

Behaviour of the operations themselves: learn.microsoft.com/rest/api/storageservices (Table service, Blob service).
"""

from __future__ import annotations

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableServiceClient, TableTransactionError, UpdateMode
from azure.storage.blob import BlobBlock, BlobServiceClient, BlobType

from tests.local.azurite.emulator import Emulator


def test_rows_survive_inserted_replaced_merged_and_deleted(emulator: Emulator, tables: TableServiceClient) -> None:
    """Insert, Replace, Merge and Delete Entity, on their own."""
    table = tables.create_table("rows")
    for name in ("inserted", "replaced", "merged", "deleted"):
        table.create_entity({"PartitionKey": "mei", "RowKey": name, "hanzi": "你", "score": 1})
    table.update_entity({"PartitionKey": "mei", "RowKey": "replaced", "score": 2}, mode=UpdateMode.REPLACE)
    table.update_entity({"PartitionKey": "mei", "RowKey": "merged", "score": 3}, mode=UpdateMode.MERGE)
    table.delete_entity("mei", "deleted")

    emulator.kill_and_restart()

    rows = {row["RowKey"]: (row.get("hanzi"), row["score"]) for row in table.list_entities()}
    assert rows == {"inserted": ("你", 1), "replaced": (None, 2), "merged": ("你", 3)}


def test_etag_of_the_last_update_is_still_the_one_that_counts(emulator: Emulator, tables: TableServiceClient) -> None:
    """Update Entity with If-Match: a stale ETag is refused (412), before and after the kill."""
    table = tables.create_table("etags")
    stale = table.create_entity({"PartitionKey": "mei", "RowKey": "r", "n": 0})["etag"]
    current = table.update_entity(
        {"PartitionKey": "mei", "RowKey": "r", "n": 1}, etag=stale, match_condition=MatchConditions.IfNotModified
    )["etag"]

    emulator.kill_and_restart()

    with pytest.raises(ResourceModifiedError):
        table.update_entity(
            {"PartitionKey": "mei", "RowKey": "r", "n": 2}, etag=stale, match_condition=MatchConditions.IfNotModified
        )
    table.update_entity(
        {"PartitionKey": "mei", "RowKey": "r", "n": 2}, etag=current, match_condition=MatchConditions.IfNotModified
    )
    assert table.get_entity("mei", "r")["n"] == 2


def test_entity_group_transaction_survives_whole(emulator: Emulator, tables: TableServiceClient) -> None:
    """Entity group transactions of up to 100 operations on one partition."""
    table = tables.create_table("whole")
    table.create_entity({"PartitionKey": "mei", "RowKey": "old", "n": 0})
    table.submit_transaction(
        [("create", {"PartitionKey": "mei", "RowKey": f"{n:03}", "n": n}) for n in range(98)]
        + [("delete", {"PartitionKey": "mei", "RowKey": "old"})]
        + [("upsert", {"PartitionKey": "mei", "RowKey": "head", "n": 98})]
    )

    emulator.kill_and_restart()

    assert sorted(row["RowKey"] for row in table.list_entities()) == [*(f"{n:03}" for n in range(98)), "head"]


def test_refused_transaction_leaves_nothing_behind(emulator: Emulator, tables: TableServiceClient) -> None:
    """Entity group transactions: one failing operation undoes them all."""
    table = tables.create_table("refused")
    table.create_entity({"PartitionKey": "mei", "RowKey": "taken", "n": 0})
    with pytest.raises(TableTransactionError):
        table.submit_transaction(
            [
                ("create", {"PartitionKey": "mei", "RowKey": "first", "n": 1}),
                ("upsert", {"PartitionKey": "mei", "RowKey": "second", "n": 1}),
                ("create", {"PartitionKey": "mei", "RowKey": "taken", "n": 1}),
            ]
        )

    emulator.kill_and_restart()

    assert [(row["RowKey"], row["n"]) for row in table.list_entities()] == [("taken", 0)]


def test_tables_survive_created_deleted_and_created_again(emulator: Emulator, tables: TableServiceClient) -> None:
    """Create Table and Delete Table."""
    tables.create_table("kept")
    tables.create_table("dropped").create_entity({"PartitionKey": "p", "RowKey": "r"})
    tables.delete_table("dropped")
    tables.create_table("renewed").create_entity({"PartitionKey": "p", "RowKey": "before"})
    tables.delete_table("renewed")
    tables.create_table("renewed").create_entity({"PartitionKey": "p", "RowKey": "after"})

    emulator.kill_and_restart()

    names = {table.name for table in tables.list_tables()}
    assert {"kept", "renewed"} <= names
    assert "dropped" not in names
    assert [row["RowKey"] for row in tables.get_table_client("renewed").list_entities()] == ["after"]
    with pytest.raises(ResourceExistsError):
        tables.create_table("kept")


def test_blobs_survive_with_content_properties_and_conditions(emulator: Emulator, blobs: BlobServiceClient) -> None:
    """Put Blob, Put Block List, Set Blob Metadata, Delete Blob, Lease Blob."""
    container = blobs.create_container("lake")
    container.upload_blob("put", "你好".encode(), metadata={"kind": "greeting"})
    blocks = container.get_blob_client("blocks")
    blocks.stage_block("MQ==", b"one ")
    blocks.stage_block("Mg==", b"two")
    blocks.commit_block_list([BlobBlock("MQ=="), BlobBlock("Mg==")])
    container.upload_blob("overwritten", b"first")
    container.upload_blob("overwritten", b"second", overwrite=True)
    container.upload_blob("deleted", b"gone")
    container.delete_blob("deleted")
    container.upload_blob("leased", b"mine")
    lease = container.get_blob_client("leased").acquire_lease()
    container.get_blob_client("staged").stage_block("MQ==", b"not yet committed")

    emulator.kill_and_restart()

    assert container.download_blob("put").readall().decode() == "你好"
    assert container.get_blob_client("put").get_blob_properties().metadata == {"kind": "greeting"}
    assert container.download_blob("blocks").readall() == b"one two"
    assert container.download_blob("overwritten").readall() == b"second"
    with pytest.raises(ResourceNotFoundError):
        container.download_blob("deleted")
    with pytest.raises(ResourceExistsError):
        container.upload_blob("put", b"again")
    with pytest.raises(ResourceExistsError):  # 409 LeaseAlreadyPresent
        container.get_blob_client("leased").acquire_lease()
    lease.release()
    staged = container.get_blob_client("staged")
    staged.commit_block_list([BlobBlock("MQ==")])
    assert staged.download_blob().readall() == b"not yet committed"


def test_append_blob_goes_on_where_it_was(emulator: Emulator, blobs: BlobServiceClient) -> None:
    """Append Block with the append position condition: over two kills no line is lost, none torn, none twice."""
    log = blobs.create_container("logs").get_blob_client("log.jsonl")
    log.create_append_blob()
    written = 0
    for part in range(2):
        for line in range(10):
            text = f"line {part}-{line}\n".encode()
            log.append_block(text, appendpos_condition=written)
            written += len(text)
        emulator.kill_and_restart()

    properties = log.get_blob_properties()
    assert (properties.blob_type, properties.size) == (BlobType.APPENDBLOB, written)
    assert log.download_blob().readall().decode().split() == [
        word for part in range(2) for line in range(10) for word in ("line", f"{part}-{line}")
    ]


def test_journals_end_with_a_completed_save(emulator: Emulator, tables: TableServiceClient) -> None:
    """A start saves the replayed database and removes its journals; a clean stop leaves none and exits with 0."""
    table = tables.create_table("saved")
    table.create_entity({"PartitionKey": "p", "RowKey": "killed"})
    assert emulator.journals()
    emulator.kill_and_restart()
    assert not emulator.journals()

    table.create_entity({"PartitionKey": "p", "RowKey": "stopped"})
    assert emulator.stop() == 0
    assert not emulator.journals()
    emulator.start()
    assert sorted(row["RowKey"] for row in table.list_entities()) == ["killed", "stopped"]


def test_torn_last_line_is_as_if_it_had_never_been(emulator: Emulator, tables: TableServiceClient) -> None:
    """A kill in the middle of a journal's write: nobody was told of that change, and the rest is intact."""
    table = tables.create_table("torn")
    table.create_entity({"PartitionKey": "p", "RowKey": "acknowledged"})
    emulator.kill()
    journal = next(path for path in emulator.journals() if "table" in path.name)
    with journal.open("ab") as file:
        file.write(b'[["document","devstoreaccount1$torn",2,{"PartitionKey":"p","RowKe')

    emulator.start()
    table.create_entity({"PartitionKey": "p", "RowKey": "afterwards"})
    emulator.kill_and_restart()

    assert sorted(row["RowKey"] for row in table.list_entities()) == ["acknowledged", "afterwards"]
