"""Reading the data lake as an analyst would: JSON lines in the local storage account."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from azure.storage.blob.aio import BlobServiceClient

from local.connections import connection_settings
from local.ports import Ports


async def find(
    ports: Ports, container: str, name: str, correlation_id: str, seconds: float = 10
) -> list[dict[str, Any]]:
    """The records of one correlation id in `{area}/{name}`; waits that long for the first to be written."""
    async with asyncio.timeout(seconds):
        while True:
            records = await read(ports, container, name)
            if found := [record for record in records if record.get("correlation_id") == correlation_id]:
                return found
            await asyncio.sleep(0.2)


async def read(ports: Ports, container: str, name: str) -> list[dict[str, Any]]:
    """All records in `{area}/{name}`."""
    connection = connection_settings(ports)["AzureWebJobsStorage"]
    found: list[dict[str, Any]] = []
    async with BlobServiceClient.from_connection_string(connection) as service:
        lake = service.get_container_client(container)
        async for blob in lake.list_blobs(name_starts_with=f"{name}/"):
            content = await (await lake.download_blob(blob.name)).readall()
            found += [json.loads(line) for line in content.splitlines()]
    return found
