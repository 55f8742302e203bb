"""Blobs of one storage account: a thin layer over azure-storage-blob, with our errors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared_code.domain.errors import Conflict, NotFound
from shared_code.resilience.retry import retry
from shared_code.resilience.single_flight import SingleFlight
from shared_code.storage.account import CLIENT_OPTIONS, StorageAccount
from shared_code.storage.failures import storage_failures
from shared_code.storage.identity import identity

if TYPE_CHECKING:
    from azure.storage.blob.aio import BlobServiceClient

JSON_LINES = "application/jsonl"
PIECE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob's bytes, and the etag that `put` takes to write over just these."""

    data: bytes
    etag: str


class Blobs:
    """The account's blobs. One a process and event loop; containers are made when first written to.

    All methods raise Unavailable when storage cannot answer.
    """

    def __init__(self, account: StorageAccount) -> None:
        self.account = account
        self._opened: BlobServiceClient | None = None
        self._credential: Any = None
        self._makers: dict[str, SingleFlight] = {}

    async def get(self, container: str, name: str) -> Blob | None:
        """The blob, or None."""

        async def download() -> Blob:
            with storage_failures(container):
                stream = await self._service.get_blob_client(container, name).download_blob()
                return Blob(await stream.readall(), stream.properties.etag)

        try:
            return await retry(download, attempts=3, first=0.1, longest=1)
        except NotFound:
            return None

    async def put(
        self,
        container: str,
        name: str,
        data: bytes,
        *,
        etag: str = "",
        new: bool = False,
        content_type: str = "application/json",
    ) -> str:
        """Write a block blob and give its etag.

        With `etag`, Conflict where the blob has changed since; with `new`, Conflict where there is one. After
        Unavailable a conditional write may have happened: read before trying again.
        """
        from azure.core import MatchConditions
        from azure.storage.blob import ContentSettings

        options: dict[str, Any] = {"overwrite": not new}
        if etag:
            options |= {"etag": etag, "match_condition": MatchConditions.IfNotModified}

        async def upload() -> str:
            client = self._service.get_blob_client(container, name)
            settings = ContentSettings(content_type=content_type)
            return str((await client.upload_blob(data, content_settings=settings, **options))["etag"])

        attempts = 1 if new or etag else 3
        return await retry(lambda: self._creating(container, upload), attempts=attempts, first=0.1, longest=1)

    async def delete(self, container: str, name: str) -> None:
        """Delete the blob if it is there."""
        with suppress(NotFound), storage_failures(container):
            await self._service.get_blob_client(container, name).delete_blob()

    async def names(self, container: str, prefix: str = "", *, start: str = "") -> AsyncIterator[str]:
        """Names of blobs in alphabetical order, from `start` on."""
        options: dict[str, Any] = {"start_from": start} if start else {}
        found = self._service.get_container_client(container).list_blob_names(name_starts_with=prefix, **options)
        with suppress(NotFound), storage_failures(container):
            async for name in found:
                yield name

    async def pieces(self, container: str, name: str, *, start: int = 0) -> AsyncIterator[bytes]:
        """What the blob has now, from byte `start` on, at most a megabyte at once; nothing where there is none."""
        try:
            size = await self._size(container, name)
        except NotFound:
            return
        for offset in range(start, size, PIECE_BYTES):

            async def download(offset: int = offset) -> bytes:
                with storage_failures(container):
                    client = self._service.get_blob_client(container, name)
                    return await (await client.download_blob(offset, min(PIECE_BYTES, size - offset))).readall()

            yield await retry(download, attempts=3, first=0.1, longest=1)

    async def purge(self, container: str, before: datetime) -> int:
        """Delete the blobs that were last written before this moment; how many. Lists them all: for a timer."""
        purged = 0
        with suppress(NotFound), storage_failures(container):
            async for blob in self._service.get_container_client(container).list_blobs():
                if blob.last_modified < before:
                    await self.delete(container, blob.name)
                    purged += 1
        return purged

    async def append(self, container: str, name: str, block: bytes, *, at: int) -> None:
        """Append a block (up to 4 MiB, written whole or not at all) to an append blob whose size is `at`.

        At 0 the blob is made. For one writer a blob: to repeat an append whose outcome is not known is safe, since the
        position tells whether it happened. Conflict where the size is another.
        """

        async def write() -> None:
            from azure.core import MatchConditions
            from azure.core.exceptions import ResourceExistsError
            from azure.storage.blob import ContentSettings

            client = self._service.get_blob_client(container, name)
            if at == 0:
                with suppress(ResourceExistsError):
                    await client.create_append_blob(
                        content_settings=ContentSettings(content_type=JSON_LINES),
                        match_condition=MatchConditions.IfMissing,
                    )
            await client.append_block(block, appendpos_condition=at)

        try:
            await self._creating(container, write)
        except Conflict:
            if await self._size(container, name) != at + len(block):
                raise

    async def close(self) -> None:
        """Close the connections."""
        if self._opened is not None:
            await self._opened.close()
        if self._credential is not None:
            await self._credential.close()
        self._opened = self._credential = None

    @property
    def _service(self) -> BlobServiceClient:
        from azure.storage.blob.aio import BlobServiceClient

        if self._opened is None:
            options = CLIENT_OPTIONS | {"retry_total": 0}  # its own retries wait 15 s and more
            if self.account.connection_string:
                self._opened = BlobServiceClient.from_connection_string(self.account.connection_string, **options)
            else:
                self._credential = identity(self.account.client_id)
                self._opened = BlobServiceClient(self.account.blob_endpoint, credential=self._credential, **options)
        return self._opened

    async def _size(self, container: str, name: str) -> int:
        with storage_failures(container):
            return int((await self._service.get_blob_client(container, name).get_blob_properties()).size)

    async def _creating[T](self, container: str, call: Callable[[], Awaitable[T]]) -> T:
        """Write; where the container is missing, make it and write again."""
        try:
            with storage_failures(container):
                return await call()
        except NotFound:
            await self._maker(container).run()
        with storage_failures(container):
            return await call()

    def _maker(self, container: str) -> SingleFlight:
        async def make() -> None:
            with suppress(Conflict), storage_failures(container):
                await self._service.create_container(container)

        return self._makers.setdefault(container, SingleFlight(make))
