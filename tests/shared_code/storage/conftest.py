"""Storage clients on the session's Azurite, and names that no other test uses."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest

from shared_code.storage.account import StorageAccount
from shared_code.storage.blobs import Blobs
from shared_code.storage.tables import Tables


@pytest.fixture
def account(azurite: str) -> StorageAccount:
    return StorageAccount(connection_string=azurite)


@pytest.fixture
async def tables(account: StorageAccount) -> AsyncIterator[Tables]:
    clients = Tables(account)
    yield clients
    await clients.close()


@pytest.fixture
async def blobs(account: StorageAccount) -> AsyncIterator[Blobs]:
    clients = Blobs(account)
    yield clients
    await clients.close()


@pytest.fixture
def unique() -> str:
    """Letters and digits: fits table names, container names and keys."""
    return "t" + uuid.uuid4().hex[:20]
