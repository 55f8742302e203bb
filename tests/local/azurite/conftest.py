"""A running Azurite and the real SDKs' clients to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient

from tests.local.azurite.emulator import Emulator


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Azurite on a folder that was empty before this module; a start takes seconds, so its tests share it."""
    emulator = Emulator(tmp_path_factory.mktemp("storage") / "azurite")
    emulator.start()
    yield emulator
    emulator.kill()


@pytest.fixture(scope="module")
def tables(emulator: Emulator) -> Iterator[TableServiceClient]:
    """Table storage; the client reconnects by itself after a restart."""
    with TableServiceClient.from_connection_string(emulator.connection) as client:
        yield client


@pytest.fixture(scope="module")
def blobs(emulator: Emulator) -> Iterator[BlobServiceClient]:
    """Blob storage."""
    with BlobServiceClient.from_connection_string(emulator.connection) as client:
        yield client
